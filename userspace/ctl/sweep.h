/* SPDX-License-Identifier: MIT */
/* sweep: takes away the records of unix dials that nobody accepted. For TCP the kernel does so when the
 * socket closes; of a unix socket it says nothing. */
#ifndef PGVEIL_CTL_SWEEP_H
#define PGVEIL_CTL_SWEEP_H

#include "base/err.h"

struct event_base;
struct kern;
struct sweep;

/* At once those of an earlier daemon, and every few seconds those that are too old to be accepted. */
MUSTCHECK int sweep_open(struct sweep **out, struct event_base *base, struct kern *k, struct err *e);
void sweep_close(struct sweep *s); /* NULL is fine */

#endif
