/* SPDX-License-Identifier: MIT */
/* kube_status: a thread that writes into each policy object's status whether it is in force on this node, or
 * why not: when that is something else than was written last, and never more often. */
#ifndef PGVEIL_CTL_KUBE_STATUS_H
#define PGVEIL_CTL_KUBE_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct kube_access;
struct kube_status;

struct kube_status_line {
	const char *name, *uid;
	int64_t generation;
	bool in_force;
	const char *message; /* why not */
};
struct kube_status_counts {
	uint64_t written, failed, pending;
	char trouble[256]; /* of the last try; "": it was written */
};

/* As http_new: while there is one thread only. Strings outlive it. */
MUSTCHECK int kube_status_open(struct kube_status **out, const struct kube_access *access, const char *node,
	uint64_t (*wall_ms)(void), struct err *e);
MUSTCHECK int kube_status_start(struct kube_status *s, struct err *e);
/* All that there is to be said, by name; the lines are copied. -ENOMEM. */
MUSTCHECK int kube_status_set(struct kube_status *s, const struct kube_status_line *v, unsigned n);
void kube_status_counts(struct kube_status *s, struct kube_status_counts *out);
void kube_status_close(struct kube_status *s); /* NULL is fine */

#endif
