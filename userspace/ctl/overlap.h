/* SPDX-License-Identifier: MIT */
/* overlap: whether another daemon still has sessions. One that has handed over holds a lock on a file of the
 * state directory until it ends, however it does; the one in charge looks, and is the only one when it is
 * free. */
#ifndef PGVEIL_CTL_OVERLAP_H
#define PGVEIL_CTL_OVERLAP_H

#include <stdatomic.h>
#include "base/err.h"

struct overlap;
struct event_base;

/* From now on *tenure is TENURE_SHARED until nobody holds the lock, and then TENURE_SOLE. Control thread
 * only. */
MUSTCHECK int overlap_open(struct overlap **out, struct event_base *base, const char *state_dir,
	_Atomic unsigned *tenure, struct err *e);
/* Another one takes over, and this one has sessions still. */
MUSTCHECK int overlap_hold(struct overlap *o, struct err *e);
void overlap_release(struct overlap *o); /* it has not taken over */
void overlap_close(struct overlap *o);   /* NULL is fine; releases */

#endif
