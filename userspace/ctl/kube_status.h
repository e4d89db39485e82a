/* SPDX-License-Identifier: MIT */
/* kube_status: a thread that writes into each policy object's status whether it is in force on this node, or
 * why not: when that is something else than is there, and never more often. What nodes said that are no more
 * it takes away. */
#ifndef PGVEIL_CTL_KUBE_STATUS_H
#define PGVEIL_CTL_KUBE_STATUS_H

#include <jansson.h>
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

/* As http_new: while there is one thread only. Strings outlive it. nodes_ms: how often nodes are looked for.
 */
MUSTCHECK int kube_status_open(struct kube_status **out, const struct kube_access *access, const char *node,
	uint64_t nodes_ms, uint64_t (*wall_ms)(void), struct err *e);
MUSTCHECK int kube_status_start(struct kube_status *s, struct err *e);
/* All that there is to be said, by name; the lines are copied. -ENOMEM. */
MUSTCHECK int kube_status_set(struct kube_status *s, const struct kube_status_line *v, unsigned n);
/* What a watch tells of the objects: as reflector.h has it. */
void kube_status_seen(struct kube_status *s, const json_t *object);
void kube_status_gone(struct kube_status *s, const json_t *object);
void kube_status_begin(struct kube_status *s);
void kube_status_listed(struct kube_status *s);
/* Another daemon of this node writes from now on. */
void kube_status_leave(struct kube_status *s);
void kube_status_counts(struct kube_status *s, struct kube_status_counts *out);
void kube_status_close(struct kube_status *s); /* NULL is fine */

#endif
