/* SPDX-License-Identifier: MIT */
/* cache: the bindings and the judged texts that the sessions of one worker share. Bounded; used by one
 * thread. */
#ifndef PGVEIL_SESSION_CACHE_H
#define PGVEIL_SESSION_CACHE_H

#include "policy/plan.h"
#include "sql/slot.h"

struct cache;
struct tally;
struct about;
struct judgement; /* a refcounted struct judged with the arena and the binding it lives on */

MUSTCHECK int cache_new(struct cache **out, struct err *e);
/* Counts into t, and how long looking a text up and judging it took, by the caller's clock. */
void cache_observe(struct cache *c, struct tally *t, uint64_t (*clock_ns)(void *arg), void *arg);
void cache_free(struct cache *c);

/* The binding of a grant over a catalogue of slot: an equal earlier one, or a new one that carries on what
 * was bound in place. Gives a reference. */
MUSTCHECK int cache_binding(struct cache *c, struct policy *p, const struct grant *g, const struct slot *slot,
	struct place *place, struct catalog *catalog, struct binding **out, struct err *e);
/* The judgement of a text under a binding and a search_path; perhaps one that was made for a text that
 * differs in constants nobody looks at (judgement_text is that one's). Gives a reference. */
MUSTCHECK int cache_judge(struct cache *c, struct binding *b, const struct name_scope *scope,
	struct span text, struct judgement **out, struct err *e);

/* Nothing will be judged under b any more, which the caller has, and the cache need not. */
void cache_forget(struct cache *c, struct binding *b);

const struct about *judgement_about(const struct judgement *j); /* session/about.h */
const struct judged *judgement_plans(const struct judgement *j);
struct binding *judgement_binding(const struct judgement *j); /* borrowed */
struct span judgement_text(const struct judgement *j);        /* borrowed */
/* What names were looked up by, without a catalogue; borrowed. */
const struct name_scope *judgement_scope(const struct judgement *j);
bool judgement_looked(const struct judgement *j, const struct name_scope *scope); /* by the same */
size_t judgement_bytes(const struct judgement *j);                                /* of memory */
struct judgement *judgement_ref(struct judgement *j);
void judgement_unref(struct judgement *j); /* NULL is fine */

#endif
