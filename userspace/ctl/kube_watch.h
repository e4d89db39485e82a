/* SPDX-License-Identifier: MIT */
/* kube_watch: a thread that keeps up with one collection of the Kubernetes API (kube/reflector.h) for as long
 * as the daemon lives. */
#ifndef PGVEIL_CTL_KUBE_WATCH_H
#define PGVEIL_CTL_KUBE_WATCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "kube/reflector.h"

struct kube_access;
struct kube_watch;

struct kube_watch_config {
	const char *name; /* in logs and reports; outlives it */
	/* Its callbacks are called on the watch's thread; the seed is made here. */
	struct reflector_config reflector;
	/* Something was heard, or is not any more: on the watch's thread. NULL: nobody asks. */
	void (*heard)(void *arg);
	void *arg;
};

/* Nothing is asked yet. As http_new: while there is one thread only. */
MUSTCHECK int kube_watch_open(struct kube_watch **out, const struct kube_access *access,
	const struct kube_watch_config *cfg, struct err *e);
MUSTCHECK int kube_watch_start(struct kube_watch *w, struct err *e);
void kube_watch_stop(
	struct kube_watch *w); /* waits for its thread; what is known of it stays; NULL is fine */
void kube_watch_free(struct kube_watch *w); /* stops it; NULL is fine */
bool kube_watch_current(struct kube_watch *w);
uint64_t kube_watch_lists(struct kube_watch *w); /* how often all was listed */
struct kube_watch_counts {
	const char *name;
	bool current;
	/* Since the server was heard while all was known; where it never was, since the watch was made. */
	uint64_t age_ms;
	struct reflector_counts of;
};
void kube_watch_count(struct kube_watch *w, struct kube_watch_counts *out);
/* {view, trouble, lists, heard_ms_ago}. A reference. */
json_t *kube_watch_report(struct kube_watch *w);

#endif
