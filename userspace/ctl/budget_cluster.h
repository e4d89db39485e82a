/* SPDX-License-Identifier: MIT */
/* budget_cluster: export windows as ExportBudget objects of a Kubernetes cluster, of which each node leases
 * what it lets through (policy/pool.h). One keeper (ctl/keeper.h) asks it, on one thread. The time that all
 * nodes go by is the API server's, as its answers tell it: no node's own clock counts. */
#ifndef PGVEIL_CTL_BUDGET_CLUSTER_H
#define PGVEIL_CTL_BUDGET_CLUSTER_H

#include "base/err.h"
#include "ctl/kube_api.h"
#include "policy/pool.h"

struct budget_cluster;

struct budget_cluster_config { /* strings outlive it */
	struct kube_access access;
	const char *namespace; /* where the objects are */
	const char *node;
};

/* Nothing is asked yet. As http_new: while there is one thread only. */
MUSTCHECK int budget_cluster_new(
	struct budget_cluster **out, const struct budget_cluster_config *cfg, struct err *e);
void budget_cluster_free(struct budget_cluster *c); /* NULL is fine */

/* Blocks, for some seconds where nobody answers. What the job gives back is given back, and what *out says is
 * leased, in the piece of time at now_ms of this daemon's clock, and written. Otherwise nothing is. */
MUSTCHECK int budget_cluster_lease(struct budget_cluster *c, const struct allowance_job *j, uint64_t now_ms,
	struct pool_lease *out, struct err *e);
/* Of what was leased for the job at now_ms, n was not used: it goes back with the next lease. */
void budget_cluster_return(
	struct budget_cluster *c, const struct allowance_job *j, uint64_t now_ms, const uint64_t n[MEASURES]);

struct budget_cluster_counts {
	uint64_t written, conflicts, failed;
	bool away; /* the last attempt failed */
};
void budget_cluster_counts(struct budget_cluster *c, struct budget_cluster_counts *out); /* any thread */

#endif
