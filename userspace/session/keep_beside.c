/* SPDX-License-Identifier: MIT */
/* Blocks of a long result. Packing, hashing and writing one takes a good part of what masking its rows does:
 * somebody else does it while the session masks the next, and may be some blocks behind, so that neither
 * waits for the other's turn on a processor. Until one is written its bytes are here and the client gets
 * nothing of them; whatever else is to be put on record waits for all of them, so that the order stays. */
#include "session/keep.h"

#include <stdlib.h>
#include "session/state.h"
#include "session/tally.h"

/* Bytes of one record: what was read at once, and more where masks are longer; for less than the least it is
 * not worth to wake anybody. */
#define HAND_MIN ((size_t)32 << 10)
#define HAND_MAX ((size_t)1 << 20)
#define ROOM     ((size_t)64 << 10) /* what a block grows by */

struct block {
	struct handed handed;
	struct span whole;
	uint64_t since_ns; /* when it was handed; 0: that is not measured */
	bool back;         /* it was taken back, and is to be written here */
	size_t cap;
	uint8_t p[];
};

/* What is out of blocks takes no memory of its own, so that it cannot fail. */
_Static_assert(BESIDE_BLOCKS <= OUTQ_FEW, "a span for each block");

struct outq *keep_out(struct session *s)
{
	struct beside *b = &s->keep.beside;

	if (!outq_empty(&b->out))
		return &b->out;
	return b->nhanded ? &b->nothing : &s->lane[SIDE_CLIENT].out;
}

size_t keep_ahead(const struct session *s)
{
	return s->keep.beside.out.bytes + s->keep.beside.handed;
}

bool keep_is_handed(const struct session *s)
{
	return s->keep.beside.nhanded != 0;
}

bool keep_is_full(const struct session *s)
{
	const struct beside *b = &s->keep.beside;

	return !outq_empty(&b->out) || b->nhanded == BESIDE_BLOCKS;
}

static struct block *oldest(const struct beside *b)
{
	return b->block[(b->next + BESIDE_BLOCKS - b->nhanded) % BESIDE_BLOCKS];
}

bool keep_is_recorded(const struct session *s)
{
	const struct beside *b = &s->keep.beside;

	return b->nhanded && atomic_load(&oldest(b)->handed.over);
}

void keep_drop(struct session *s)
{
	keep_join(s);
	outq_fini(&s->keep.beside.out);
}

static int write_down(struct scribe *by, struct block *k, struct err *e)
{
	int r;

	if (!k->back)
		return by->join(by, &k->handed, e);
	k->back = false;
	r = by->put(by, &k->handed.record, e);
	return r ? r : by->commit(by, e);
}

/* Until the oldest that is handed is on record: the client may have it. */
static void join_oldest(struct session *s)
{
	struct beside *b = &s->keep.beside;
	struct block *k = oldest(b);
	struct err e = {0};

	if (write_down(s->env->scribe, k, &e)) {
		b->lost = true;
		s->keep.missing++;
	}
	if (k->since_ns)
		session_took(s, STAGE_RECORD, k->since_ns, session_clock_ns(s));
	b->handed -= k->whole.n;
	b->nhanded--;
	b->nout++;
	outq_borrow(&b->out, k->whole);
}

/* What nobody has begun with is written here: it may stand behind other sessions' blocks. The newest is taken
 * back first, so that none is begun while one before it is not written. */
void keep_join(struct session *s)
{
	struct beside *b = &s->keep.beside;

	for (unsigned i = 1; i <= b->nhanded; i++) {
		struct block *k = b->block[(b->next + BESIDE_BLOCKS - i) % BESIDE_BLOCKS];

		k->back = s->env->scribe->take_back(s->env->scribe, &k->handed);
	}
	while (b->nhanded)
		join_oldest(s);
}

/* Blocks that the client has are free again. */
static void settle(struct beside *b)
{
	if (outq_empty(&b->out))
		b->nout = 0;
}

void keep_look(struct session *s)
{
	settle(&s->keep.beside);
	while (keep_is_recorded(s))
		join_oldest(s);
}

/* With room for n bytes. */
static struct block *free_block(struct beside *b, size_t n)
{
	struct block **k = &b->block[b->next];
	size_t cap = (n + ROOM - 1) / ROOM * ROOM;

	if (b->nhanded + b->nout == BESIDE_BLOCKS)
		return NULL;
	if (*k && (*k)->cap >= n)
		return *k;
	free(*k);
	*k = malloc(sizeof(**k) + cap);
	if (*k)
		(*k)->cap = cap;
	return *k;
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
	struct tally *t = s->env->tally;
	struct block *k = may_hand(s) ? free_block(b, q->bytes) : NULL;

	if (!k)
		return false;
	k->back = false;
	k->whole = span_of(k->p, q->bytes);
	outq_take(q, k->p);
	s->keep.out += k->whole.n;
	k->handed.record = (struct record){RECORD_RESULT, s->keep.of.id, keep_now(s), &k->whole, 1};
	k->since_ns = t && session_measures(s, &t->measured_record_ms) ? session_clock_ns(s) : 0;
	b->next = (b->next + 1) % BESIDE_BLOCKS;
	b->nhanded++;
	b->handed += k->whole.n;
	s->env->scribe->hand(s->env->scribe, &k->handed);
	return true;
}

/* What it will need then is not held until then. */
void keep_beside_idle(struct session *s)
{
	struct beside *b = &s->keep.beside;

	settle(b);
	if (b->nhanded + b->nout)
		return;
	for (unsigned i = 0; i < BESIDE_BLOCKS; i++) {
		free(b->block[i]);
		b->block[i] = NULL;
	}
}

void keep_beside_fini(struct session *s)
{
	keep_drop(s);
	keep_beside_idle(s);
}
