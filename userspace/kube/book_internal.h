/* SPDX-License-Identifier: MIT */
/* book_internal: what the parts of the book share (book.c, book_doubt.c, book_kept.c). */
#ifndef PGVEIL_KUBE_BOOK_INTERNAL_H
#define PGVEIL_KUBE_BOOK_INTERNAL_H

#include <pthread.h>
#include <sys/queue.h>

#include "kube/book.h"
#include "kube/pod_path.h"

#define BOOK_BUCKETS 4096u

struct entry {
	SLIST_ENTRY(entry) next;
	char cgroup_uid[POD_UID_MAX];
	struct pod *pod;     /* NULL: as loaded, or it could not be read */
	enum pod_state kept; /* what it was so far; the strictest, unless the book releases */
	const char *fault;   /* it could not be read; else NULL */
	uint64_t as_of_ms;   /* where the API has it no more, or did not say yet; else the book's counts */
	uint64_t round;      /* of the list that had it last; 0: none yet */
	bool gone, has_cgroup;
	bool sure;      /* its namespace was asked for since it was heard of, and would let it be */
	uint64_t heard; /* number of the news that it is */
	uint64_t asked; /* number of the last question about its namespace; 0: none */
	bool disputed;  /* pods of two names say that it is theirs */
};

struct ns {
	SLIST_ENTRY(ns) next;
	uint64_t round;
	bool enroll, guard;
	char name[];
};

SLIST_HEAD(entries, entry);
SLIST_HEAD(spaces, ns);

struct book {
	struct book_config cfg;
	pthread_mutex_t lock;
	struct entries entries[BOOK_BUCKETS];
	struct spaces spaces[BOOK_BUCKETS];
	unsigned nentries, nspaces;
	uint64_t pod_round, space_round, heard_ms;
	bool pods_listed, spaces_listed;
	uint64_t news, questions; /* so many so far */
};

/* All under the lock. */
struct entry *book_entry(
	struct book *b, const char *cgroup_uid); /* made where there is none; NULL: no room */
struct ns *book_space(struct book *b, const char *name);
/* What it may, of what it is and was; *why in words. */
enum pod_state book_settle(struct book *b, struct entry *e, const char **why);
/* Whether e is left alone by what its namespace says, and would not be without. */
bool book_spares(const struct book *b, const struct entry *e, const struct ns *n);
/* Of a namespace's object; its name, borrowed. NULL: it has none. */
const char *book_read_space(const json_t *object, struct ns *out);
void book_tell(struct book *b, const char *cgroup_uid);

#endif
