/* SPDX-License-Identifier: MIT */
#include "policy/pool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t plus(uint64_t a, uint64_t b)
{
	return b < UINT64_MAX - a ? a + b : UINT64_MAX;
}

static uint64_t minus(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool nothing(const uint64_t n[MEASURES])
{
	return !n[MEASURE_ROWS] && !n[MEASURE_BYTES] && !n[MEASURE_STATEMENTS];
}

/* ---- what is one's own ---- */

void pool_return(struct pool_holding *h, unsigned period_s, uint64_t piece, const uint64_t n[MEASURES])
{
	for (unsigned i = 0; i < POOL_OWN; i++) {
		struct pool_own *o = &h->own[i];

		if (!o->number || o->period_s != period_s || o->piece != piece)
			continue;
		for (unsigned m = 0; m < MEASURES; m++)
			o->n[m] = minus(o->n[m], n[m]);
	}
}

static unsigned own_of(
	struct pool_holding *h, struct pool_daemon *d, unsigned period_s, uint64_t piece, uint64_t until_ms)
{
	unsigned at = 0;

	for (unsigned i = 0; i < POOL_OWN; i++) {
		struct pool_own *o = &h->own[i];

		if (o->number && o->period_s == period_s && o->piece == piece) {
			o->until_ms = o->until_ms > until_ms ? o->until_ms : until_ms;
			return i;
		}
		/* what is forgotten here counts on as it is written */
		if (o->number < h->own[at].number)
			at = i;
	}
	/* The number before anything is asked: what may have been written by it is found again. */
	h->own[at] = (struct pool_own){
		.number = ++d->serial, .piece = piece, .period_s = period_s, .until_ms = until_ms};
	return at;
}

bool pool_holding_over(const struct pool_holding *h, uint64_t now_ms)
{
	for (unsigned i = 0; i < POOL_OWN; i++) {
		const struct pool_own *o = &h->own[i];

		/* As long as others leave it alone (is_over). */
		if (o->number && o->until_ms + POOL_SKEW_MS + spending_piece_ms(o->period_s) > now_ms)
			return false;
	}
	return true;
}

void pool_leased(struct pool_holding *h, const struct pool_lease *l)
{
	for (unsigned m = 0; m < MEASURES; m++)
		h->own[l->own].n[m] = plus(h->own[l->own].n[m], plus(l->got[m], l->over[m]));
}

/* ---- what all have ---- */

static void cut(struct pool *p, unsigned i)
{
	p->v[i] = p->v[--p->n];
}

static uint64_t period_ms(const struct pool *p)
{
	return (uint64_t)p->period_s * 1000;
}

/* A longer period than before: when what is forgotten was spent nobody knows, and of the rest it counts as
 * if it were now. A shorter one takes effect when nothing counts any more. */
static void fit(struct pool *p, unsigned period_s, uint64_t now_ms)
{
	/* Whoever has a share cannot spend of it for longer than a piece from when it was written, whatever
	 * his clock says; and what it says does not count for longer. */
	uint64_t last_ms =
		now_ms + POOL_SKEW_MS + spending_piece_ms(p->period_s > period_s ? p->period_s : period_s);

	for (unsigned i = 0; i < p->n; i++) {
		struct pool_share *s = &p->v[i];

		if (s->until_ms < now_ms && period_s > p->period_s)
			s->until_ms = now_ms;
		s->until_ms = least(s->until_ms, last_ms);
	}
	if (period_s > p->period_s)
		p->period_s = period_s;
	for (unsigned i = p->n; i-- > 0;)
		if (p->v[i].until_ms + period_ms(p) + POOL_SKEW_MS <= now_ms || nothing(p->v[i].n))
			cut(p, i);
	if (!p->n)
		p->period_s = period_s;
}

static struct pool_share *share_of(struct pool *p, uint64_t holder, uint64_t number)
{
	for (unsigned i = 0; i < p->n; i++)
		if (p->v[i].holder == holder && p->v[i].number == number)
			return &p->v[i];
	return NULL;
}

/* As much as was spent of what is written, and no more than that. */
static bool settle(struct pool *p, const struct pool_holding *h, const struct pool_daemon *d, unsigned but)
{
	bool changed = false;

	for (unsigned i = 0; i < POOL_OWN; i++) {
		const struct pool_own *o = &h->own[i];
		struct pool_share *s = o->number && i != but ? share_of(p, d->id, o->number) : NULL;

		for (unsigned m = 0; s && m < MEASURES; m++) {
			changed = changed || s->n[m] > o->n[m];
			s->n[m] = least(s->n[m], o->n[m]);
		}
	}
	return changed;
}

/* Whether nobody gives anything of it back any more. Another one has a piece of time more than it could spend
 * of it in: it may not have reached the object meanwhile. */
static bool is_over(const struct pool_share *s, const struct pool_holding *h, const struct pool_daemon *d,
	unsigned now, uint64_t piece_ms, uint64_t now_ms)
{
	if (!s->holder)
		return false;
	if (s->holder != d->id)
		return s->until_ms + POOL_SKEW_MS + piece_ms <= now_ms;
	/* of one's own, those before the last */
	for (unsigned i = 0; i < POOL_OWN; i++)
		if (h->own[i].number == s->number)
			return s->number != h->own[now].number && h->own[i].piece + 1 < h->own[now].piece;
	return true;
}

/* Shares that are over are one with those of the same piece of time, so that there are never many more than
 * two for each daemon. */
static void merge(struct pool *p, const struct pool_holding *h, const struct pool_daemon *d, unsigned now,
	uint64_t now_ms)
{
	uint64_t piece_ms = spending_piece_ms(p->period_s);

	for (unsigned i = p->n; i-- > 0;) {
		struct pool_share *s = &p->v[i], *to = NULL;
		uint64_t until_ms;

		if (!is_over(s, h, d, now, piece_ms, now_ms))
			continue;
		until_ms = (s->until_ms + piece_ms - 1) / piece_ms * piece_ms;
		for (unsigned k = 0; k < p->n && !to; k++)
			to = !p->v[k].holder && p->v[k].until_ms == until_ms ? &p->v[k] : NULL;
		if (!to) {
			s->holder = s->number = 0;
			s->node = NULL;
			s->until_ms = until_ms;
			continue;
		}
		for (unsigned m = 0; m < MEASURES; m++)
			to->n[m] = plus(to->n[m], s->n[m]);
		cut(p, i);
	}
}

uint64_t pool_sum(const struct pool *p, enum measure m)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < p->n; i++)
		n = plus(n, p->v[i].n[m]);
	return n;
}

static int by_until(const void *a, const void *b)
{
	const struct pool_share *x = a, *y = b;

	return x->until_ms < y->until_ms ? -1 : x->until_ms > y->until_ms;
}

/* How long until want fits again. The shares are in their order. */
static uint64_t wait_ms(const struct pool *p, enum measure m, uint64_t want, uint64_t limit, uint64_t now_ms)
{
	uint64_t left = pool_sum(p, m);

	if (want > limit)
		return 0;
	for (unsigned i = 0; i < p->n; i++) {
		left = minus(left, p->v[i].n[m]);
		if (plus(left, want) <= limit) {
			uint64_t at = p->v[i].until_ms + period_ms(p) + POOL_SKEW_MS;

			return at > now_ms ? at - now_ms : 1;
		}
	}
	return 1;
}

/* ---- a lease ---- */

/* The share of this piece as it is to be; false: there is no room for it. */
static bool put_share(
	struct pool *p, const struct pool_own *o, const struct pool_daemon *d, const uint64_t n[MEASURES])
{
	struct pool_share *s = share_of(p, d->id, o->number);

	if (!s && nothing(n))
		return true;
	if (!s) {
		if (p->n == p->cap || p->n >= POOL_SHARES_MAX)
			return false;
		s = &p->v[p->n++];
	}
	*s = (struct pool_share){d->id, o->number, d->node, o->until_ms, {n[0], n[1], n[2]}};
	return true;
}

int pool_lease(struct pool *p, struct pool_holding *h, struct pool_daemon *d, const struct allowance_job *j,
	uint64_t piece, uint64_t ends_ms, uint64_t now_ms, struct pool_lease *out)
{
	const struct pool_share *before;
	uint64_t then[MEASURES];
	const struct pool_own *o;

	*out = (struct pool_lease){0};
	if (j->period_s < POOL_PERIOD_MIN_S)
		return -ERANGE;
	if (now_ms + POOL_SKEW_MS < p->written_ms)
		return -ETIME;
	out->own = own_of(h, d, j->period_s, piece, now_ms + ends_ms);
	o = &h->own[out->own];
	out->write = settle(p, h, d, out->own);
	fit(p, j->period_s, now_ms);
	merge(p, h, d, out->own, now_ms);
	before = share_of(p, d->id, o->number);
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++) {
		uint64_t was = before ? before->n[m] : 0;
		uint64_t others = minus(pool_sum(p, m), was);

		out->over[m] = j->over[m];
		out->got[m] = least(j->ask[m], minus(j->limit[m], plus(plus(others, o->n[m]), out->over[m])));
		then[m] = plus(o->n[m], plus(out->got[m], out->over[m]));
		/* Also where it says so already: a write that is still on its way is to find another version.
		 */
		out->write = out->write || then[m] != was || out->got[m] || out->over[m];
	}
	if (!put_share(p, o, d, then))
		return -ENOSPC;
	qsort(p->v, p->n, sizeof(*p->v), by_until);
	p->writes += out->write;
	p->written_ms = p->written_ms > now_ms ? p->written_ms : now_ms;
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++) {
		uint64_t has = plus(j->left[m], out->got[m]);

		out->spent[m] = pool_sum(p, m);
		out->lacks[m] = has < j->need[m];
		if (out->lacks[m])
			out->wait_ms[m] = wait_ms(p, m, j->need[m] - has, j->limit[m], now_ms);
	}
	return 0;
}
