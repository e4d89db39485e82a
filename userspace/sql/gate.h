/* SPDX-License-Identifier: MIT */
/* gate: between statements that name relations and definitions that change or take away relations, of all
 * sessions of one database. The engine looks a name up when a statement comes, the server when it runs it,
 * and again when it has waited for a lock: a statement that is under way while a relation in it is redefined
 * would be another than the one that was judged. So a relation has readers or one that changes it, as with
 * the server's own locks, but from before a message is sent until the server has said how it ended.
 *
 * Relations stand for themselves by their oid's hash: two that share one wait for each other without need.
 * All functions but the passes' own are for any thread and never block longer than a few stores. */
#ifndef PGVEIL_SQL_GATE_H
#define PGVEIL_SQL_GATE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/err.h"

#define GATE_STRIPES  1024
#define GATE_PASS_MAX 64 /* stripes of one session; beyond that it reads all of them */

struct gate;

/* What one session holds; all zero: nothing. Belongs to the session's thread. */
struct gate_pass {
	uint16_t reads[GATE_PASS_MAX], changes[GATE_PASS_MAX];
	unsigned nreads, nchanges;
	bool reads_all, changes_all;
	bool waits; /* to change: nobody new may read meanwhile, but those who read are not gone yet */
};

MUSTCHECK int gate_new(struct gate **out, struct err *e);
struct gate *gate_ref(struct gate *g);
void gate_unref(struct gate *g); /* NULL is fine */

/* Adds relations to what p reads. false: another session changes one of them, or waits to, and nothing was
 * added. */
MUSTCHECK bool gate_read(struct gate *g, struct gate_pass *p, const uint32_t *relations, unsigned n);
/* Adds relations (all: whatever there is) to what p changes. false: others read or change them. Where they
 * only read, p waits from then on. */
MUSTCHECK bool gate_change(
	struct gate *g, struct gate_pass *p, const uint32_t *relations, unsigned n, bool all);
void gate_end_reading(struct gate *g, struct gate_pass *p);
/* at_ms: monotonic, when it was over; 0: nothing was changed. */
void gate_end_changing(struct gate *g, struct gate_pass *p, uint64_t at_ms);
static inline bool gate_changes(const struct gate_pass *p)
{
	return p->nchanges || p->changes_all;
}
static inline bool gate_holds(const struct gate_pass *p)
{
	return p->nreads || p->reads_all || gate_changes(p);
}
/* A catalogue that was read before this does not have all changes. */
uint64_t gate_since_ms(struct gate *g);

#endif
