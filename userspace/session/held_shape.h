/* SPDX-License-Identifier: MIT */
/* held_shape: a held statement with some of its values left open (sql/opening.h), so that a person can
 * approve of others that differ in these alone. Everything else that an approval is bound to stays as it is.
 */
#ifndef PGVEIL_SESSION_HELD_SHAPE_H
#define PGVEIL_SESSION_HELD_SHAPE_H

#include "session/bond.h"
#include "session/shown.h"

struct held_shape {
	const char *text; /* as it may be shown; NULL: it has none */
	const char *why;  /* it has none */
	const struct desk_open *opens;
	unsigned nopens;
};

/* In s->scratch; out->shape is what it is bound to. shown: of the same. -ENOMEM. */
MUSTCHECK int held_shape_of(struct session *s, const struct held *h, const struct shown *shown,
	struct held_shape *out, struct bond *bond);

#endif
