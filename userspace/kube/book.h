/* SPDX-License-Identifier: MIT */
/* book: the pods of this node as the API server told of them, and what each may do. What was said of a pod
 * last is kept for as long as its cgroup may live, also where the API server is gone, and over restarts of
 * the daemon. Has a lock: the watches write to it, workers and the control thread ask. */
#ifndef PGVEIL_KUBE_BOOK_H
#define PGVEIL_KUBE_BOOK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/err.h"
#include "kube/pod.h"

#define ENROLL_LABEL "pgveil.dev/enroll" /* "true": on the pod or on its namespace */

#define GUARD_LABEL "pgveil.dev/guard" /* "true": on a namespace, where not all are guarded */

enum pod_state {
	POD_UNKNOWN = 0, /* nobody said anything of it, or not enough */
	POD_DENIED,      /* to be enrolled, and could get round it */
	POD_ENROLLED,
	POD_EXEMPT,
};
const char *pod_state_name(enum pod_state s);

struct pod_verdict {
	enum pod_state state;
	char why[300];     /* in words */
	struct pod *pod;   /* a reference (pod_verdict_fini); NULL where only its state was kept */
	uint64_t as_of_ms; /* wall clock: when the server was last known to say so; 0: never */
	bool gone;         /* the API has it no more */
};
void pod_verdict_fini(struct pod_verdict *v);

struct book_config { /* what is pointed to outlives it */
	struct pod_rules rules;
	/* Pods of other namespaces are exempt: names with commas between them, and those that have
	 * GUARD_LABEL. Neither: all are guarded. */
	const char *guard_namespaces; /* NULL: none by name */
	bool guard_labelled;
	bool release; /* a pod whose label is taken away is let go at once; else when it ends */
	uint64_t (*wall_ms)(void);
	/* The verdict of a pod (NULL: of any) may be another one. Called without the lock, by whoever writes.
	 */
	void (*changed)(void *arg, const char *cgroup_uid);
	void *arg;
};

struct book;

MUSTCHECK int book_new(struct book **out, const struct book_config *cfg, struct err *e);
void book_free(struct book *b); /* NULL is fine */

/* For the reflectors (kube/reflector.h) of pods and of namespaces; arg is the book. */
bool book_pod_put(void *arg, const json_t *object);
void book_pod_gone(void *arg, const json_t *object);
void book_pods_begin(void *arg);
void book_pods_listed(void *arg);
bool book_namespace_put(void *arg, const json_t *object);
void book_namespace_gone(void *arg, const json_t *object);
void book_namespaces_begin(void *arg);
void book_namespaces_listed(void *arg);
/* A pod that nothing enrols is left alone when its namespace was asked for, by a request of its own, after
 * the news of the pod: the watch of namespaces may be behind that of pods. The name of one that is to be
 * asked for (the one that was not for the longest time), and how much of the news the answer is about.
 * false: none. */
#define NAMESPACE_NAME_MAX 64 /* and a NUL */
bool book_doubt(struct book *b, char name[NAMESPACE_NAME_MAX], uint64_t *news);
/* The answer; NULL: there is none by that name. Whether there is nothing more to be asked of it. */
bool book_sure(struct book *b, const char *name, uint64_t news, const json_t *namespace);
/* The server was heard: what is in the book is true as of now. */
void book_heard(struct book *b);

/* cgroup_uid: as kube/pod_path.h reads it. */
void book_verdict(struct book *b, const char *cgroup_uid, struct pod_verdict *out);
/* Its cgroup was seen, or was removed. What has none, and which the API has no more, is not kept. */
void book_cgroup(struct book *b, const char *cgroup_uid, bool there);

struct book_counts {
	unsigned pods, namespaces, state[POD_EXEMPT + 1];
	uint64_t heard_ms; /* wall clock; 0: never */
	bool pods_listed, namespaces_listed;
};
void book_count(struct book *b, struct book_counts *out);

/* What it says of each pod, to be read by the next daemon. A reference; NULL: no memory. */
json_t *book_save(struct book *b);
MUSTCHECK int book_load(struct book *b, const json_t *saved, struct err *e);

#endif
