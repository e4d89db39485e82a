/* SPDX-License-Identifier: MIT */
/* recall: which column pattern once bound which column of which database (or a relation, as column 0), so
 * that one that was renamed stays masked: for as long as the daemon runs, whatever worker, policy or cache
 * bound it. Used by all threads. */
#ifndef PGVEIL_POLICY_RECALL_H
#define PGVEIL_POLICY_RECALL_H

#include <stdint.h>
#include "base/err.h"
#include "sql/catalog.h"

struct recall;
struct place; /* one database of one server; lives as long as its recall */

MUSTCHECK int recall_new(struct recall **out, struct err *e);
void recall_free(struct recall *r); /* NULL is fine */
/* server: what tells it from others whose oids mean something else. -ENOMEM; -ENOSPC: more places than
 * anybody has. */
MUSTCHECK int recall_place(
	struct recall *r, const char *server, const char *dbname, struct place **out, struct err *e);

/* For the daemon that takes over: every place and what was bound there. */
void recall_each(struct recall *r,
	void (*fn)(void *arg, const char *server, const char *dbname, const char *pattern,
		const struct colref *column),
	void *arg);

struct bound_column {
	const char *pattern; /* canonical text (policy/pattern.h) */
	struct colref column;
};

/* What follows is for whoever holds the place: between reading what was bound and saying what is, nobody else
 * binds. */
void place_hold(struct place *p);
void place_release(struct place *p);
/* All that was ever bound here; borrowed until place_keep or place_release. */
const struct bound_column *place_bound(const struct place *p, size_t *n);
/* Adds what is bound now, under c; patterns are copied. What c, the newest catalogue seen here, does not have
 * any more is forgotten; c NULL: nothing is. -ENOMEM, and then nothing changed. */
MUSTCHECK int place_keep(
	struct place *p, const struct catalog *c, const struct bound_column *v, size_t n, struct err *e);

#endif
