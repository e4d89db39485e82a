/* SPDX-License-Identifier: MIT */
/* clerk: a thread that writes one thing after the other for another thread, which goes on meanwhile. */
#ifndef PGVEIL_CTL_CLERK_H
#define PGVEIL_CTL_CLERK_H

#include "base/err.h"
#include "session/scribe.h"

struct clerk;

struct clerk_config {
	/* What a record is written by; on the clerk's thread. */
	int (*write)(void *arg, const struct record *r, struct err *e);
	/* What was handed is over; there too, and before it can have been joined. */
	void (*over)(void *arg);
	void *arg;
};

MUSTCHECK int clerk_new(struct clerk **out, const struct clerk_config *cfg, struct err *e);
void clerk_free(struct clerk *c); /* with nothing to be joined; NULL is fine */

/* As in scribe.h. By one thread. */
void clerk_hand(struct clerk *c, struct handed *h);
MUSTCHECK int clerk_join(struct clerk *c, struct handed *h, struct err *e);
/* true: it was not begun, and will not be; it needs no joining. */
bool clerk_give_back(struct clerk *c, struct handed *h);

#endif
