/* SPDX-License-Identifier: MIT */
/* kube_event: Events on pods, of what the log says of their cgroups: that a pod is captured, why it is
 * denied, what was refused to it, and that a statement of its waits for a person. Of the same on the same pod
 * there is one, with a count. Kubernetes API reference, "Event v1 core". */
#ifndef PGVEIL_CTL_KUBE_EVENT_H
#define PGVEIL_CTL_KUBE_EVENT_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct book;
struct kube_access;
struct kube_event;

struct kube_event_config {                /* what is pointed to outlives it */
	const struct kube_access *access; /* for the time of the call */
	const char *node;                 /* this one's name */
	struct book *book;
	uint64_t (*wall_ms)(void);
};
struct kube_event_counts {
	uint64_t written, failed, dropped; /* requests; requests; lines for which there was no room */
	char trouble[256];                 /* of the last try; "": it was written */
};

/* As http_new: while there is one thread only. */
MUSTCHECK int kube_event_open(struct kube_event **out, const struct kube_event_config *cfg, struct err *e);
MUSTCHECK int kube_event_start(struct kube_event *k, struct err *e);
/* A line of the log (base/log.h), of any event; most are not looked at. From any thread, and never waits. */
void kube_event_add(struct kube_event *k, const char *event, const char *line, size_t len);
/* Another daemon of this node tells what happens from now on; what happened is still written. NULL is fine.
 */
void kube_event_leave(struct kube_event *k);
void kube_event_counts(struct kube_event *k, struct kube_event_counts *out);
void kube_event_close(struct kube_event *k); /* what was not written is not any more; NULL is fine */

#endif
