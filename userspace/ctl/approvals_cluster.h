/* SPDX-License-Identifier: MIT */
/* approvals_cluster: what waits for a person on this node, as objects of a Kubernetes cluster, so that every
 * node and kubectl see the same.
 *
 *   StatementApproval: made by the daemon that holds the statement; a person writes his decision into its
 *   status. StatementGrant, by the same name: made by the first daemon that finds enough have approved; each
 *   use is taken by a write of the version that was read, before the statement goes: at most so many over all
 *   nodes.
 *
 * What is approved on one node is found by another where all that it is bound to (session/desk.h) is the same
 * there. Whatever the API server does not confirm gives nothing. */
#ifndef PGVEIL_CTL_APPROVALS_CLUSTER_H
#define PGVEIL_CTL_APPROVALS_CLUSTER_H

#include "base/err.h"
#include "ctl/kube_api.h"

struct cluster;
struct kube_watch;

struct cluster_config { /* strings outlive it */
	struct kube_access access;
	const char *namespace; /* where the objects are */
	const char *node, *key_file;
};

/* Nothing is asked yet: approvals (ctl/approvals.h) begin and end it. As http_new: while there is one thread
 * only. */
MUSTCHECK int cluster_new(struct cluster **out, const struct cluster_config *cfg, struct err *e);
void cluster_each_watch(struct cluster *c, void (*fn)(void *arg, struct kube_watch *w), void *arg);
void cluster_free(struct cluster *c); /* NULL is fine; after the approvals */

#endif
