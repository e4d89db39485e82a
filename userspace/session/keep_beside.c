/* SPDX-License-Identifier: MIT */
/* Blocks of a long result. Packing, hashing and writing one takes about as long as masking its rows does:
 * somebody else does it while the session masks the next. Until it is written the block's bytes are here and
 * the client gets nothing; whatever else is to be put on record waits for it, so that the order stays. */
#include "session/keep.h"

#include <stdlib.h>
#include "session/state.h"

/* Bytes of one record: what was read at once, and more where masks are longer; for less than the least it is
 * not worth to wake anybody. */
#define HAND_MIN ((size_t)32 << 10)
#define HAND_MAX ((size_t)1 << 20)
#define ROOM     ((size_t)64 << 10) /* what a block grows by */

struct outq *keep_out(struct session *s)
{
	struct beside *b = &s->keep.beside;

	if (!outq_empty(&b->out))
		return &b->out;
	return b->handed.n ? &b->nothing : &s->lane[SIDE_CLIENT].out;
}

size_t keep_ahead(const struct session *s)
{
	return s->keep.beside.out.bytes + s->keep.beside.handed.n;
}

bool keep_is_handed(const struct session *s)
{
	return s->keep.beside.handed.n != 0;
}

bool keep_is_full(const struct session *s)
{
	return !outq_empty(&s->keep.beside.out);
}

void keep_drop(struct session *s)
{
	keep_join(s);
	outq_fini(&s->keep.beside.out);
}

/* Blocks that the client has are free again. */
static void settle(struct beside *b)
{
	if (!outq_empty(&b->out))
		return;
	for (unsigned i = 0; i < 2; i++) {
		if (b->block[i].state == BLOCK_OUT)
			b->block[i].state = BLOCK_FREE;
	}
}

void keep_join(struct session *s)
{
	struct beside *b = &s->keep.beside;
	struct err e = {0};

	if (!b->handed.n)
		return;
	if (s->env->scribe->join(s->env->scribe, &e)) {
		b->lost = true;
		s->keep.missing++;
	}
	for (unsigned i = 0; i < 2; i++) {
		if (b->block[i].state == BLOCK_HANDED)
			b->block[i].state = BLOCK_OUT;
	}
	/* Two spans at most: that takes no memory, and does not fail. */
	outq_borrow(&b->out, b->handed);
	b->handed = (struct span){0};
}

void keep_look(struct session *s)
{
	struct beside *b = &s->keep.beside;

	settle(b);
	if (b->handed.n && s->env->scribe->hands(s->env->scribe) == HANDS_OVER)
		keep_join(s);
}

/* With room for n bytes. */
static struct block *free_block(struct beside *b, size_t n)
{
	struct block *k = &b->block[b->block[0].state != BLOCK_FREE];

	if (k->state != BLOCK_FREE)
		return NULL;
	if (k->cap < n) {
		free(k->p);
		k->cap = (n + ROOM - 1) / ROOM * ROOM;
		k->p = malloc(k->cap);
	}
	if (!k->p)
		k->cap = 0;
	return k->p ? k : NULL;
}

/* Nothing but new bytes for the client, in the middle of a result. */
static bool may_hand(const struct session *s)
{
	const struct keeping *k = &s->keep;
	const struct outq *q = &s->lane[SIDE_CLIENT].out;

	return !k->broken && s->env->scribe && s->env->scribe->hand &&
	       s->grant.record.level == RECORD_LEVEL_FULL && s->state == STATE_OPEN && !k->put && !k->done &&
	       !k->failed && !k->missing && !k->began && !k->had && q->bytes >= HAND_MIN &&
	       q->bytes <= HAND_MAX && !outq_failed(q);
}

bool keep_hand(struct session *s)
{
	struct outq *q = &s->lane[SIDE_CLIENT].out;
	struct beside *b = &s->keep.beside;
	struct record rec = {RECORD_RESULT, s->keep.of.id, 0, &b->handed, 1};
	struct scribe *by = s->env->scribe;
	struct block *k;

	if (!may_hand(s))
		return false;
	keep_join(s);
	k = b->lost || by->hands(by) != HANDS_FREE ? NULL : free_block(b, q->bytes);
	if (!k)
		return false;
	k->state = BLOCK_HANDED;
	b->handed = span_of(k->p, q->bytes);
	outq_take(q, k->p);
	s->keep.out += b->handed.n;
	rec.time_us = keep_now(s);
	by->hand(by, &rec);
	return true;
}

/* What it will need then is not held until then. */
void keep_beside_idle(struct session *s)
{
	struct beside *b = &s->keep.beside;

	settle(b);
	for (unsigned i = 0; i < 2; i++) {
		if (b->block[i].state != BLOCK_FREE)
			continue;
		free(b->block[i].p);
		b->block[i] = (struct block){0};
	}
}

void keep_beside_fini(struct session *s)
{
	keep_drop(s);
	keep_beside_idle(s);
}
