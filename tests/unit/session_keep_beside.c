/* SPDX-License-Identifier: MIT */
/* Long results, which are recorded beside the masking of what comes next: the client has nothing but what is
 * on record, in its order, whatever fails. */
#include "keep_setup.h"

struct flow { /* what was made for the client, what it has, and that it has nothing but what is on record */
	struct setup g;
	struct put made;
	size_t taken, began;
	bool over;
};

static void make_some(struct flow *w, size_t n)
{
	uint8_t *p = malloc(n ? n : 1);

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)((w->made.n + i) * 2654435761u >> 13);
	put_span(&w->made, span_of(p, n));
	queue(&w->g, p, n);
	free(p);
}

/* Of results: what is committed. */
static size_t on_record(const struct flow *w)
{
	size_t at = 0;

	for (size_t i = 0; i < w->g.scribe.ndone; i++) {
		const struct fake_record *r = &w->g.scribe.v[i];

		if (r->kind != RECORD_RESULT)
			continue;
		assert_true(at + r->n <= w->made.n);
		assert_memory_equal(r->p, w->made.p + at, r->n);
		at += r->n;
	}
	return at;
}

static void take(struct flow *w, size_t most)
{
	size_t recorded = on_record(w);

	while (most) {
		struct outq *q = session_out(w->g.s, SIDE_CLIENT);
		struct iovec iov;
		size_t n = outq_iov(q, &iov, 1) ? iov.iov_len : 0;

		if (n > most)
			n = most;
		if (!n)
			return;
		assert_true(w->taken + n <= recorded);
		assert_memory_equal(iov.iov_base, w->made.p + w->taken, n);
		outq_wrote(q, n);
		w->taken += n;
		most -= n;
	}
}

static bool end_step(struct flow *w)
{
	bool may = keep_step_ends(w->g.s);

	if (may)
		return true;
	keep_drop(w->g.s);
	outq_fini(&w->g.s->lane[SIDE_CLIENT].out);
	w->over = true;
	return false;
}

/* One step in which so much comes. */
static void step(struct flow *w, size_t n)
{
	keep_step_begins(w->g.s);
	make_some(w, n);
	assert_true(keep_step_ends(w->g.s));
}

static void open_flow(struct flow *w)
{
	*w = (struct flow){0};
	open_setup(&w->g);
	fake_has_hands(&w->g.scribe);
	assert_int_equal(keep_begin(w->g.s, NULL), 0);
}

static void close_flow(struct flow *w)
{
	w->g.scribe.fails_after = -1;
	keep_end(w->g.s);
	assert_int_equal(w->g.scribe.unjoined, 0);
	put_fini(&w->made);
	close_setup(&w->g);
}

/* The next blocks are made while those before are written; until one is, the client has nothing of it. */
static void a_block_is_written_beside_the_next(void **state)
{
	struct kept kept = {.number = 1, .began_us = 1};
	struct flow w;
	size_t n = 40000;

	(void)state;
	open_flow(&w);
	step(&w, n);
	assert_true(keep_is_handed(w.g.s) && !keep_is_full(w.g.s));
	assert_int_equal(keep_ahead(w.g.s), n);
	assert_true(outq_empty(&w.g.s->lane[SIDE_CLIENT].out));
	take(&w, SIZE_MAX);
	assert_int_equal(w.taken, 0);

	step(&w, 0); /* not over: the client gets nothing still */
	take(&w, SIZE_MAX);
	assert_int_equal(w.taken, 0);

	step(&w, n); /* nor is it waited for */
	assert_int_equal(keep_ahead(w.g.s), 2 * n);
	take(&w, SIZE_MAX);
	assert_int_equal(w.taken, 0);

	fake_finishes(&w.g.scribe);
	step(&w, 0); /* the first is over: that is all that this step is for */
	assert_true(keep_is_handed(w.g.s) && keep_is_full(w.g.s));
	take(&w, n - 1);
	assert_true(keep_is_full(w.g.s));
	take(&w, SIZE_MAX);
	assert_int_equal(w.taken, n);
	assert_true(keep_is_handed(w.g.s) && !keep_is_full(w.g.s));

	step(&w, n);
	keep_step_begins(w.g.s); /* the end of the result is put behind them */
	make_some(&w, 20);
	keep_done(w.g.s, &kept, (struct span){0});
	assert_true(keep_step_ends(w.g.s));
	assert_false(keep_is_handed(w.g.s));
	assert_int_equal(w.g.scribe.v[w.g.scribe.ndone - 1].kind, RECORD_DONE);
	assert_int_equal(number(&w.g, w.g.scribe.ndone - 1, BODY_BYTES), 3 * n + 20);
	take(&w, SIZE_MAX);
	assert_int_equal(w.taken, w.made.n);
	close_flow(&w);
}

/* As many are under way as there are blocks, whatever somebody else has handed before; more are not asked
 * for, and if they come all the same they wait. */
static void as_many_as_there_are_blocks(void **state)
{
	const size_t n = 40000;
	struct span none = {0};
	struct handed other = {.record = {RECORD_RESULT, 77, 0, &none, 1}};
	struct flow w;

	(void)state;
	for (int comes = 0; comes < 2; comes++)
		for (size_t lap = 0; lap < 7; lap++) {
			open_flow(&w);
			for (size_t i = 0; i < lap; i++) { /* where the ring begins */
				step(&w, n);
				fake_finishes(&w.g.scribe);
				step(&w, 0);
				take(&w, SIZE_MAX);
			}
			assert_int_equal(w.taken, lap * n);
			fake_hand(&w.g.scribe.scribe, &other);
			for (size_t i = 0; i < BESIDE_BLOCKS; i++) {
				assert_false(keep_is_full(w.g.s));
				step(&w, n + i);
				assert_int_equal(keep_ahead(w.g.s), (i + 1) * n + i * (i + 1) / 2);
			}
			assert_true(keep_is_full(w.g.s));
			fake_finishes(&w.g.scribe); /* the other's */
			step(&w, comes ? n : 0);
			assert_int_equal(keep_is_handed(w.g.s), !comes);
			take(&w, SIZE_MAX);
			assert_int_equal(w.taken, comes ? w.made.n : lap * n);
			while (keep_is_handed(w.g.s)) {
				fake_finishes(&w.g.scribe);
				step(&w, 0);
				take(&w, SIZE_MAX);
			}
			assert_int_equal(w.taken, w.made.n);
			assert_int_equal(fake_join(&w.g.scribe.scribe, &other, &(struct err){0}), 0);
			close_flow(&w);
		}
}

/* Less than is worth it, or more than one record, or beside something else. */
static void what_is_put_by_the_session_itself(void **state)
{
	static const size_t sizes[] = {1, 30000, (1 << 20) + 1, 40000, 40000, 40000};
	struct span none = {0};
	struct flow w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct frame f;

		open_flow(&w);
		if (i == 3) /* a statement that came with it */
			w.g.s->keep.put = true;
		if (i == 4)
			w.g.s->state = STATE_CLOSING;
		keep_step_begins(w.g.s);
		if (i == 5) {
			f = query(&w.g, "SELECT 1");
			assert_int_equal(keep_relayed(w.g.s, &f, NULL), 0);
			keep_done(w.g.s, &w.g.s->keep.relayed, none);
		}
		make_some(&w, sizes[i]);
		assert_true(keep_step_ends(w.g.s));
		assert_false(keep_is_handed(w.g.s));
		take(&w, SIZE_MAX);
		assert_int_equal(w.taken, sizes[i]);
		close_flow(&w);
	}
	/* at these levels nothing is */
	for (enum record_level level = 0; level < RECORD_LEVEL_MAX; level++) {
		if (level == RECORD_LEVEL_FULL)
			continue;
		open_flow(&w);
		w.g.s->grant.record.level = level;
		keep_step_begins(w.g.s);
		queue(&w.g, w.g.s, 40000 < sizeof(*w.g.s) ? 40000 : sizeof(*w.g.s));
		assert_true(keep_step_ends(w.g.s));
		assert_false(keep_is_handed(w.g.s));
		close_flow(&w);
	}
}

/* What was handed and could not be written is not sent, nor is what was made meanwhile; no statement goes on.
 */
static void a_block_that_cannot_be_written(void **state)
{
	struct flow w;
	struct frame f;
	struct err e;

	(void)state;
	for (int way = 0; way < 4; way++)
		for (int optional = 0; optional < 2; optional++) {
			e = (struct err){0};
			open_flow(&w);
			w.g.s->grant.record.optional = optional;
			keep_step_begins(w.g.s);
			make_some(&w, 50000);
			assert_true(keep_step_ends(w.g.s));
			w.g.scribe.fails_after = way == 3; /* the put, or the commit */
			if (way != 1)
				fake_finishes(&w.g.scribe);
			if (way == 2) /* what comes behind it could be */
				w.g.scribe.fails_after = -1;
			keep_step_begins(w.g.s);
			if (way == 2) {
				f = query(&w.g, "SELECT 1");
				(void)!keep_relayed(w.g.s, &f, &e);
			}
			if (way == 1) /* and what waits for it */
				make_some(&w, 100);
			assert_int_equal(keep_step_ends(w.g.s), optional);
			if (optional)
				assert_int_equal(session_out(w.g.s, SIDE_CLIENT)->bytes, 50000);
			w.g.scribe.fails_after = -1;
			keep_drop(w.g.s);
			close_flow(&w);
		}
}

/* One of several: those behind it are on record, and with the client is none of them. */
static void one_of_several_cannot_be_written(void **state)
{
	struct flow w;

	(void)state;
	for (unsigned which = 0; which < BESIDE_BLOCKS; which++)
		for (int late = 0; late < 2; late++)
			for (int optional = 0; optional < 2; optional++) {
				open_flow(&w);
				w.g.s->grant.record.optional = optional;
				for (unsigned i = 0; i < BESIDE_BLOCKS; i++)
					step(&w, 50000);
				for (unsigned i = 0; i <= which; i++) {
					w.g.scribe.fails_after = i == which ? 0 : -1;
					fake_finishes(&w.g.scribe);
				}
				w.g.scribe.fails_after = -1;
				for (unsigned i = which + 1; i < BESIDE_BLOCKS && late; i++)
					fake_finishes(&w.g.scribe);
				keep_step_begins(w.g.s);
				assert_int_equal(keep_step_ends(w.g.s), optional);
				assert_false(keep_is_handed(w.g.s));
				assert_int_equal(w.g.scribe.v[w.g.scribe.ndone - 1].kind, RECORD_RESULT);
				if (optional)
					assert_int_equal(session_out(w.g.s, SIDE_CLIENT)->bytes,
						BESIDE_BLOCKS * 50000);
				keep_drop(w.g.s);
				close_flow(&w);
			}
}

/* What was said under one policy is recorded as that one wants, whatever the next one says in the same step.
 */
static void a_policy_that_comes_in_between(void **state)
{
	struct flow w;

	(void)state;
	for (int fails = 0; fails < 3; fails++)
		for (int handed = 0; handed < 2; handed++) {
			open_flow(&w);
			keep_step_begins(w.g.s);
			make_some(&w, handed ? 50000 : 200);
			if (handed) {
				assert_true(keep_step_ends(w.g.s));
				keep_step_begins(w.g.s);
			}
			w.g.scribe.fails_after = fails - 1; /* none, the put, or the commit */
			keep_grant_ends(w.g.s);
			w.g.scribe.fails_after = -1;
			w.g.s->grant.record.level = RECORD_LEVEL_METADATA;
			w.g.s->grant.record.optional = true;
			assert_int_equal(end_step(&w), fails == 0);
			take(&w, SIZE_MAX);
			assert_int_equal(w.taken, fails ? 0 : w.made.n);
			close_flow(&w);
		}
	open_flow(&w); /* where it may be missing, it goes on */
	w.g.s->grant.record.optional = true;
	keep_step_begins(w.g.s);
	make_some(&w, 200);
	w.g.scribe.fails_after = 0;
	keep_grant_ends(w.g.s);
	w.g.scribe.fails_after = -1;
	w.g.s->grant.record.optional = false;
	assert_true(keep_step_ends(w.g.s));
	assert_int_equal(session_out(w.g.s, SIDE_CLIENT)->bytes, 200);
	close_flow(&w);
}

static uint32_t next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void one_thing(struct flow *w, uint32_t *seed)
{
	struct session *s = w->g.s;
	struct frame f;

	switch (next(seed) % 8) {
	case 0: fake_finishes(&w->g.scribe); break;
	case 1: take(w, next(seed) % 100000); break;
	case 2: take(w, SIZE_MAX); break;
	case 3: /* a statement: before it is sent it is on record */
		keep_step_begins(s);
		f = query(&w->g, "SELECT 1");
		(void)!keep_relayed(s, &f, &(struct err){0});
		if (end_step(w) && w->g.scribe.fails_after < 0)
			assert_int_equal(w->g.scribe.v[w->g.scribe.ndone - 1].kind, RECORD_STATEMENT);
		break;
	case 4: /* the end of one */
		keep_step_begins(s);
		make_some(w, next(seed) % 100);
		keep_done(s, &s->keep.relayed, (struct span){0});
		(void)end_step(w);
		break;
	default: /* back-pressure: none is made before the client has the last */
		keep_step_begins(s);
		if (outq_empty(&s->lane[SIDE_CLIENT].out) && !keep_is_full(s))
			make_some(w, next(seed) % (next(seed) % 4 ? 600000 : 300));
		(void)end_step(w);
		break;
	}
}

static void in_any_order(void **state)
{
	uint32_t seed = 4711;
	unsigned handed = 0, several = 0, broke = 0;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct flow w;

		open_flow(&w);
		w.g.scribe.busy = round % 2;
		if (round % 3 == 0)
			w.g.scribe.fails_after = next(&seed) % 40;
		for (int i = 0; i < 60 && !w.over; i++) {
			one_thing(&w, &seed);
			handed += keep_is_handed(w.g.s);
			assert_true(keep_ahead(w.g.s) <= (size_t)BESIDE_BLOCKS << 20);
			several += w.g.s->keep.beside.nhanded > 1;
		}
		if (!w.over) { /* all of it arrives */
			keep_join(w.g.s);
			keep_step_begins(w.g.s);
			if (end_step(&w)) {
				take(&w, SIZE_MAX);
				assert_int_equal(w.taken, w.made.n);
			}
		}
		broke += w.over;
		close_flow(&w);
	}
	assert_true(handed > 1000 && several > 300 && broke > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_block_is_written_beside_the_next),
		cmocka_unit_test(as_many_as_there_are_blocks),
		cmocka_unit_test(what_is_put_by_the_session_itself),
		cmocka_unit_test(a_block_that_cannot_be_written),
		cmocka_unit_test(one_of_several_cannot_be_written),
		cmocka_unit_test(a_policy_that_comes_in_between), cmocka_unit_test(in_any_order)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
