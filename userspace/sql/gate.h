/* SPDX-License-Identifier: MIT */
/* gate: between statements that name relations and definitions that change or take away relations, of all
 * sessions of one database. The engine looks a name up when a statement comes, the server when it runs it,
 * and again when it has waited for a lock: a statement that is under way while a relation in it is redefined
 * would be another than the one that was judged. So a relation has readers or one that changes it, as with
 * the server's own locks, but from before a message is sent until the server has said how it ended.
 *
 * A key is a relation's oid, or a name: of one that comes, or goes if it is there by now; and of one that was
 * looked for along the search_path, where another could come to stand before it. All functions but the
 * passes' own are for any thread and never block longer than a few stores. */
#ifndef PGVEIL_SQL_GATE_H
#define PGVEIL_SQL_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/err.h"

#define GATE_KEYS_MAX 1024 /* of one session, that it reads, or changes */
#define GATE_KEYS_FEW 8

struct gate;

struct gate_keys {
	uint64_t few[GATE_KEYS_FEW], *more; /* more: instead of few, where it is there */
	unsigned n, cap;
};

/* What one session holds; all zero: nothing. Belongs to the session's thread. */
struct gate_pass {
	struct gate_keys reads, changes;
	bool changes_all;
};

MUSTCHECK int gate_new(struct gate **out, struct err *e);
struct gate *gate_ref(struct gate *g);
void gate_unref(struct gate *g); /* NULL is fine */

uint64_t gate_name(const char *relname); /* its key, whatever schema it is in */
/* The key of all names that the server may choose for the sequence of a serial or identity column. Any number
 * of sessions may change it at once. */
#define GATE_SEQUENCES (1ull << 63)
bool gate_of_sequence(const char *relname);

/* Adds keys to what p reads. 0, or nothing was added: -EAGAIN (another session changes one of them), -ENOSPC
 * (too many), -ENOMEM. */
MUSTCHECK int gate_read(struct gate *g, struct gate_pass *p, const uint64_t *keys, unsigned n);
/* Adds keys (all: whatever there is) to what p changes. The same, also -EAGAIN where others read them:
 * whoever only wants to change something keeps nobody from reading it. */
MUSTCHECK int gate_change(struct gate *g, struct gate_pass *p, const uint64_t *keys, unsigned n, bool all);
void gate_end_reading(struct gate *g, struct gate_pass *p);
/* at_ms: monotonic, when it was over; 0: nothing was changed. */
void gate_end_changing(struct gate *g, struct gate_pass *p, uint64_t at_ms);
/* The same for all but the first n keys: what asked for them failed. Not where p changes all. */
void gate_shorten(struct gate *g, struct gate_pass *p, unsigned n);
static inline bool gate_changes(const struct gate_pass *p)
{
	return p->changes.n || p->changes_all;
}
static inline bool gate_holds(const struct gate_pass *p)
{
	return p->reads.n || gate_changes(p);
}
/* A catalogue that was read before this does not have all changes. */
uint64_t gate_since_ms(struct gate *g);

#endif
