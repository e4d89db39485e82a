/* SPDX-License-Identifier: MIT */
/* shown: a held statement as a person may see it: whole, but for constants that a mask may be about. */
#ifndef PGVEIL_SESSION_SHOWN_H
#define PGVEIL_SESSION_SHOWN_H

#include "session/bond.h"

#define SHOWN_HIDDEN "\xe2\x80\xb9value\xe2\x80\xba" /* in single guillemets */

struct shown {
	bool hidden; /* constants and parameters are not in it */
	const char *text;
	const char **values;
	unsigned nvalues;
};

/* In s->scratch. -E2BIG: more than a person is asked to read; -ENOMEM. */
MUSTCHECK int shown_of(struct session *s, const struct held *h, const struct reached *r, struct shown *out);
/* The text with every constant and comment in it replaced; in a. NULL: no memory. */
char *shown_without_constants(struct arena *a, struct span text);

#endif
