/* SPDX-License-Identifier: MIT */
/* pods: the cgroups of pods below the guarded root, and of each what the book says of its pod (kube/book.h)
 * made known to the kernel. Of a pod that nobody classified the kernel knows nothing, which it refuses.
 * Control thread only. */
#ifndef PGVEIL_CTL_PODS_H
#define PGVEIL_CTL_PODS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/metric.h"
#include "kube/book.h"

struct event_base;
struct pods;
struct roster;

struct pods_config { /* what is pointed to outlives it */
	struct book *book;
	int changed_fd; /* an eventfd: the book says something else */
	struct event_base *base;
	struct roster *roster;
	const char *state_dir;
	/* The cgroup (path below the mount) is nobody's business here: the daemon itself lives in it. */
	bool (*spared)(void *arg, const char *path);
	void (*added)(void *arg); /* an enrolment waits for its first process */
	void *arg;
};

/* With what an earlier daemon knew of them, where there is such a file. */
MUSTCHECK int pods_open(struct pods **out, const struct pods_config *cfg, struct err *e);
void pods_close(struct pods *p); /* what the kernel knows stays; NULL is fine */
/* A cgroup is there; one of no pod is nothing to it. true: it is a pod's, or in one. */
bool pods_added(struct pods *p, const char *path);
void pods_removed(struct pods *p, const char *path);
/* Says of all of them to the kernel once more what is so. */
MUSTCHECK int pods_assert(struct pods *p, struct err *e);
/* The ids of those that the kernel is to leave alone; room for what pods_exempt_count says. */
unsigned pods_exempt_count(const struct pods *p);
unsigned pods_exempt_ids(const struct pods *p, uint64_t *out);
/* Whether a cgroup is of another pod that is one of ours: of the daemon's own pod's namespace and service
 * account, as the API server says, and neither enrolled nor to be. own: the daemon's cgroup. */
bool pods_sibling(struct pods *p, const char *own, const char *path);

struct pods_view { /* borrowed, for the time of the call */
	const char *cgroup;
	const struct pod_verdict *verdict;
};
/* How long after its cgroup was seen a pod was refused, because nobody had said of it what it is: by what it
 * then was. Those of which an earlier daemon wrote it down are not in it. */
const struct metric_times *pods_waited(const struct pods *p, enum pod_state is);
void pods_each(struct pods *p, void (*fn)(void *arg, const struct pods_view *v), void *arg);

#endif
