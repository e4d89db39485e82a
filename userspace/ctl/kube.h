/* SPDX-License-Identifier: MIT */
/* kube: keeps a book (kube/book.h) by what the Kubernetes API says: the pods of this node, and all
 * namespaces. A watch (ctl/kube_watch.h) for each of the two, and what asks where they may not be of one time
 * (ctl/kube_doubt.h). */
#ifndef PGVEIL_CTL_KUBE_H
#define PGVEIL_CTL_KUBE_H

#include <jansson.h>
#include <stdbool.h>
#include "base/err.h"
#include "ctl/kube_api.h"

struct book;
struct kube;
struct kube_watch;

struct kube_config { /* strings outlive it */
	struct kube_access access;
	const char *node; /* this one's name */
	struct book *book;
};

/* Nothing is asked yet. -EINVAL: what is given, or the environment, does not name a server or a node. */
MUSTCHECK int kube_open(struct kube **out, const struct kube_config *cfg, struct err *e);
MUSTCHECK int kube_start(struct kube *k, struct err *e);
void kube_close(struct kube *k); /* NULL is fine */
/* Whether both collections were listed since the start. */
bool kube_listed(struct kube *k);
/* Whether both watches go on. */
bool kube_current(struct kube *k);
void kube_each_watch(struct kube *k, void (*fn)(void *arg, struct kube_watch *w), void *arg);
/* For `pgveil status`: server, node, and of each watch since when and what is wrong. A reference. */
json_t *kube_report(struct kube *k);

#endif
