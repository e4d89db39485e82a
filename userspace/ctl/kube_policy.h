/* SPDX-License-Identifier: MIT */
/* kube_policy: the policy objects of a cluster as sources of the policy: watched, kept over restarts, handed
 * out to be loaded, and what became of them written into their status. Never loads them itself. Control
 * thread only, but for its watch. */
#ifndef PGVEIL_CTL_KUBE_POLICY_H
#define PGVEIL_CTL_KUBE_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "ctl/kube_api.h"

struct event_base;
struct kube_policy;
struct kube_watch;
struct policy_object;

struct kube_policy_config { /* strings outlive it */
	struct kube_access access;
	const char *node, *state_dir;
	uint64_t nodes_ms; /* how often it is looked for nodes that are gone */
	uint64_t (*wall_ms)(void);
};

/* With what an earlier daemon kept, where there is such a file. As http_new: while there is one thread only.
 */
MUSTCHECK int kube_policy_open(struct kube_policy **out, const struct kube_policy_config *cfg, struct err *e);
/* The objects are others now, or what they need may be there now: changed is called on the loop, once for any
 * number of changes. */
MUSTCHECK int kube_policy_start(
	struct kube_policy *k, struct event_base *base, void (*changed)(void *arg), void *arg, struct err *e);
void kube_policy_stop(struct kube_policy *k); /* nothing is heard or written any more; NULL is fine */
void kube_policy_leave(
	struct kube_policy *k); /* another daemon of this node writes from now on; NULL is fine */
void kube_policy_close(struct kube_policy *k); /* NULL is fine */

/* All that there are, valid until the next call. -EAGAIN: nobody knows yet which there are, so that the files
 * alone would be half of a policy. */
MUSTCHECK int kube_policy_objects(
	struct kube_policy *k, const struct policy_object **out, unsigned *n, struct err *e);
/* What became of those that kube_policy_objects gave last: loaded, or told what is wrong (an array of texts).
 * leads: this daemon is the one that speaks for its node. */
void kube_policy_loaded(struct kube_policy *k, bool loaded, const json_t *complaints, bool leads);

/* Whether what is in force is what the server says now, as far as it was heard since the start. */
bool kube_policy_listed(struct kube_policy *k);
bool kube_policy_in_force(const struct kube_policy *k);
struct kube_watch *kube_policy_watch(const struct kube_policy *k); /* lives as long */
/* For `pgveil status`. A reference. */
json_t *kube_policy_report(struct kube_policy *k);

struct kube_policy_counts {
	unsigned objects, in_force;
	uint64_t as_of_ms; /* wall clock; 0: never */
	uint64_t status_written, status_failed, status_pending;
	bool current;
};
void kube_policy_count(struct kube_policy *k, struct kube_policy_counts *out);

#endif
