/* SPDX-License-Identifier: MIT */
/* kube_doubt: asks the API server for the namespaces that pods of a book wait for (book_doubt), in a thread
 * of its own. */
#ifndef PGVEIL_CTL_KUBE_DOUBT_H
#define PGVEIL_CTL_KUBE_DOUBT_H

#include "base/err.h"
#include "ctl/kube_api.h"

struct book;
struct kube_doubt;

/* As kube_api_open. Nothing is asked yet. */
MUSTCHECK int kube_doubt_open(
	struct kube_doubt **out, const struct kube_access *access, struct book *book, struct err *e);
MUSTCHECK int kube_doubt_start(struct kube_doubt *d, struct err *e);
void kube_doubt_news(struct kube_doubt *d);  /* the book was told something; from any thread */
void kube_doubt_close(struct kube_doubt *d); /* NULL is fine */

#endif
