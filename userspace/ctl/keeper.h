/* SPDX-License-Identifier: MIT */
/* keeper: what was spent of rolling windows, in a file of the state directory: whatever a daemon leases of a
 * window is on disk before any of it goes out, so neither kill -9 nor a restart gives it twice. Two daemons
 * of one state directory share the file by a lock. Where nodes share windows (ctl/budget_cluster.h), what is
 * leased is leased of the cluster before. A thread of its own waits for both. */
#ifndef PGVEIL_CTL_KEEPER_H
#define PGVEIL_CTL_KEEPER_H

#include "base/err.h"

struct keeper;
struct allowance;
struct budget_cluster;
struct workers;

/* cluster: NULL: windows are this node's alone. It outlives the keeper. */
MUSTCHECK int keeper_start(
	struct keeper **out, const char *state_dir, struct budget_cluster *cluster, struct err *e);
struct allowance *keeper_allowance(struct keeper *k); /* borrowed */
/* Who is told when there is something new; NULL: nobody (any more). */
void keeper_set_workers(struct keeper *k, struct workers *ws);
/* When no session is left: gives back what is leased. NULL is fine. */
void keeper_stop(struct keeper *k);

#endif
