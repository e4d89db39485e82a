/* SPDX-License-Identifier: MIT */
/* index: what can be searched for in a recording: who, when, with which database, which relations, columns,
 * rules and verdicts. It is made from the recording and from nothing else, of records that stand where they
 * were written; deleted, it is made anew. No text of a statement, no parameter and no value is in it. */
#ifndef PGVEIL_RECORD_INDEX_H
#define PGVEIL_RECORD_INDEX_H

#include "record/reader.h"
#include "record/runs.h"

#define INDEX_FILE "index.sqlite" /* in the directory of the recordings */

struct index;

struct index_config {
	const char *dir;
	const uint8_t *key, *signer; /* as in reader_config */
	bool anew;                   /* what is there is thrown away first */
};

/* What was found wrong while it caught up. */
struct index_trouble {
	uint32_t run;
	char text[160];
};

/* Opens it and catches up with the recording; where the directory cannot be written, in memory. -ENOKEY: what
 * is new is enciphered, and there is no key. */
MUSTCHECK int index_open(struct index **out, const struct index_config *cfg, struct err *e);
void index_close(struct index *ix); /* NULL is fine */
/* The i-th; NULL: there are no more. */
const struct index_trouble *index_trouble(const struct index *ix, size_t i);
uint64_t index_added(const struct index *ix); /* records that were new to it */

/* NULL, 0: of all. Patterns are globs; those of a statement must all hold for one and the same statement. */
struct index_filter {
	const char *identity; /* cgroup (or one below it), unit, namespace/pod, command or uid */
	const char *namespace, *pod, *service_account; /* of its pod */
	const char *database;                          /* the policy's entry or the database's name */
	const char *relation, *column, *rule, *verdict, *effect;
	uint64_t since_us, until_us; /* it was there between */
	uint32_t run;
	uint64_t session; /* of that run */
	unsigned limit;   /* the last that began */
	bool live;        /* has not ended */
};

struct indexed_session { /* texts are borrowed for the time of the call; "" where there is none */
	uint32_t run;
	uint64_t session;
	uint64_t first, last; /* records */
	uint64_t began_us, ended_us,
		seen_us; /* ended 0: it has not, as far as is known; seen: its last record */
	const char *cgroup, *unit, *comm, *address, *database, *dbname, *role, *level, *closed;
	const char *namespace, *pod, *service_account;
	uint64_t uid, tgid;
	uint64_t statements, refused, rows, bytes, masked;
};

/* Calls fn for each, the last that began first; stops where it returns something else than 0, and returns it.
 */
MUSTCHECK int index_sessions(struct index *ix, const struct index_filter *f,
	int (*fn)(void *arg, const struct indexed_session *s), void *arg, struct err *e);

#endif
