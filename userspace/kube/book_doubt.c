/* SPDX-License-Identifier: MIT */
/* Which pods wait for their namespace to be asked for. The answer changes nothing that the watch told, since
 * of the two nobody knows which is newer: it lets be what both let be. */
#include "kube/book.h"

#include <string.h>

#include "kube/book_internal.h"

/* What was enrolled is asked for only where it may be let go again; what the watch says is labelled, not. */
static bool in_doubt(struct book *b, const struct entry *e)
{
	const struct ns bare = {0}, *n = e->pod ? book_space(b, e->pod->namespace) : NULL;

	if (!e->pod || e->sure || e->gone || e->kept == POD_EXEMPT ||
		strlen(e->pod->namespace) >= NAMESPACE_NAME_MAX)
		return false;
	return (e->kept == POD_UNKNOWN || b->cfg.release) && book_spares(b, e, n ? n : &bare);
}

bool book_doubt(struct book *b, char name[NAMESPACE_NAME_MAX], uint64_t *news)
{
	struct entry *e, *found = NULL;

	pthread_mutex_lock(&b->lock);
	for (unsigned i = 0; i < BOOK_BUCKETS; i++) {
		SLIST_FOREACH(e, &b->entries[i], next)
		{
			if ((!found || e->asked < found->asked) && in_doubt(b, e))
				found = e;
		}
	}
	if (found) {
		strcpy(name, found->pod->namespace);
		*news = b->news;
		b->questions++;
	}
	for (unsigned i = 0; found && i < BOOK_BUCKETS; i++) {
		SLIST_FOREACH(e, &b->entries[i], next)
		{
			if (e->pod && strcmp(e->pod->namespace, name) == 0)
				e->asked = b->questions;
		}
	}
	pthread_mutex_unlock(&b->lock);
	return found != NULL;
}

bool book_sure(struct book *b, const char *name, uint64_t news, const json_t *namespace)
{
	const char *why, *of = NULL;
	bool sure = false, all = true;
	struct entry *e;
	struct ns n;

	if (namespace)
		of = book_read_space(namespace, &n);
	pthread_mutex_lock(&b->lock);
	for (unsigned i = 0; i < BOOK_BUCKETS; i++) {
		SLIST_FOREACH(e, &b->entries[i], next)
		{
			if (!in_doubt(b, e) || strcmp(e->pod->namespace, name) != 0)
				continue;
			if (of && strcmp(of, name) == 0 && e->heard <= news && book_spares(b, e, &n)) {
				e->sure = sure = true;
				book_settle(b, e, &why);
			} else {
				all = false;
			}
		}
	}
	pthread_mutex_unlock(&b->lock);
	if (sure)
		book_tell(b, NULL);
	return all;
}
