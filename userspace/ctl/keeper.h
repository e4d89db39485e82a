/* SPDX-License-Identifier: MIT */
/* keeper: what was spent of rolling windows, in a file of the state directory: whatever a daemon leases of a
 * window is on disk before any of it goes out, so neither kill -9 nor a restart gives it twice. Two daemons
 * of one state directory share the file by a lock. A thread of its own waits for the disk. */
#ifndef PGVEIL_CTL_KEEPER_H
#define PGVEIL_CTL_KEEPER_H

#include "base/err.h"

struct keeper;
struct allowance;
struct workers;

MUSTCHECK int keeper_start(struct keeper **out, const char *state_dir, struct err *e);
struct allowance *keeper_allowance(struct keeper *k); /* borrowed */
/* Who is told when there is something new; NULL: nobody (any more). */
void keeper_set_workers(struct keeper *k, struct workers *ws);
/* When no session is left: gives back what is leased. NULL is fine. */
void keeper_stop(struct keeper *k);

#endif
