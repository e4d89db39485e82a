/* SPDX-License-Identifier: MIT */
#include "policy/spending.h"

#include <string.h>

uint64_t spending_piece_ms(unsigned period_s)
{
	uint64_t ms = ((uint64_t)period_s * 1000 + SPENDING_PIECES - 2) / (SPENDING_PIECES - 1);

	return ms ? ms : 1;
}

/* The clock of one thread may be a little behind another's. */
static void advance(struct spending *s, uint64_t now_ms)
{
	uint64_t now = now_ms / s->piece_ms;

	if (now <= s->newest)
		return;
	for (unsigned m = 0; m < MEASURES; m++) {
		if (now - s->newest >= SPENDING_PIECES)
			memset(s->spent[m], 0, sizeof(s->spent[m]));
		else
			for (uint64_t i = s->newest + 1; i <= now; i++)
				s->spent[m][i % SPENDING_PIECES] = 0;
	}
	s->newest = now;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
	return b < UINT64_MAX - a ? a + b : UINT64_MAX;
}

uint64_t spending_sum(const struct spending *s, enum measure m)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < SPENDING_PIECES; i++)
		sum = plus(sum, s->spent[m][i]);
	return sum;
}

static void gather(struct spending *s, uint64_t piece_ms, uint64_t now_ms)
{
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++) {
		uint64_t sum = spending_sum(s, m);

		memset(s->spent[m], 0, sizeof(s->spent[m]));
		s->spent[m][now_ms / piece_ms % SPENDING_PIECES] = sum;
	}
	s->piece_ms = piece_ms;
	s->newest = now_ms / piece_ms;
}

static bool any(const struct spending *s)
{
	return spending_sum(s, MEASURE_ROWS) || spending_sum(s, MEASURE_BYTES) ||
	       spending_sum(s, MEASURE_STATEMENTS);
}

bool spending_over(struct spending *s, uint64_t now_ms)
{
	if (s->piece_ms)
		advance(s, now_ms);
	return !any(s);
}

void spending_fit(struct spending *s, unsigned period_s, uint64_t now_ms)
{
	uint64_t piece_ms = spending_piece_ms(period_s);

	if (!s->piece_ms) {
		s->piece_ms = piece_ms;
		s->newest = now_ms / piece_ms;
	}
	advance(s, now_ms);
	if (piece_ms > s->piece_ms || (piece_ms < s->piece_ms && !any(s)))
		gather(s, piece_ms, now_ms);
}

void spending_now(struct spending *s, uint64_t now_ms)
{
	if (s->piece_ms)
		gather(s, s->piece_ms, now_ms);
}

void spending_add(struct spending *s, enum measure m, uint64_t n)
{
	uint64_t *spent = &s->spent[m][s->newest % SPENDING_PIECES];

	*spent = plus(*spent, n);
}

void spending_back(struct spending *s, enum measure m, uint64_t piece, uint64_t n)
{
	uint64_t *spent = &s->spent[m][piece % SPENDING_PIECES];

	if (piece > s->newest || s->newest - piece >= SPENDING_PIECES)
		return;
	*spent -= n < *spent ? n : *spent;
}

uint64_t spending_wait(
	const struct spending *s, enum measure m, uint64_t want, uint64_t limit, uint64_t now_ms)
{
	uint64_t left = spending_sum(s, m);

	if (want > limit)
		return 0;
	for (uint64_t i = 1; i <= SPENDING_PIECES; i++) {
		left -= s->spent[m][(s->newest + i) % SPENDING_PIECES]; /* the oldest first */
		if (plus(left, want) <= limit) {
			uint64_t at = (s->newest + i) * s->piece_ms;

			return at > now_ms ? at - now_ms : 1;
		}
	}
	return 1;
}
