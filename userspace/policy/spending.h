/* SPDX-License-Identifier: MIT */
/* spending: what was spent of one rolling window, by pieces of its period. Plain numbers: whoever keeps them
 * copies them about. Never touches a clock: time is passed in. */
#ifndef PGVEIL_POLICY_SPENDING_H
#define PGVEIL_POLICY_SPENDING_H

#include "policy/limits.h"

/* Time is cut into pieces, SPENDING_PIECES - 1 of them as long as a period. What counts is the piece under
 * way and all before it that are here: all of the last period, and at most one piece more. */
#define SPENDING_PIECES 33

struct spending {
	uint64_t piece_ms, newest;                 /* how long each is; the number of the last one */
	uint64_t spent[MEASURES][SPENDING_PIECES]; /* by number % SPENDING_PIECES */
};

uint64_t spending_piece_ms(unsigned period_s);
/* Forgets what does not count any more. A longer period than before: of what was spent only the sum is known,
 * and it counts as if it were now. A shorter one takes effect when nothing counts any more. */
void spending_fit(struct spending *s, unsigned period_s, uint64_t now_ms);
/* Of another boot: nobody knows how long ago it was, and it counts as if it were now. */
void spending_now(struct spending *s, uint64_t now_ms);
/* Whether nothing of it counts any more. */
bool spending_over(struct spending *s, uint64_t now_ms);
uint64_t spending_sum(const struct spending *s, enum measure m);
void spending_add(struct spending *s, enum measure m, uint64_t n); /* in the newest piece */
/* n of piece number piece was not spent after all; where that is forgotten already, nothing happens. */
void spending_back(struct spending *s, enum measure m, uint64_t piece, uint64_t n);
/* How long until want fits into limit again; 0: never. */
uint64_t spending_wait(
	const struct spending *s, enum measure m, uint64_t want, uint64_t limit, uint64_t now_ms);

#endif
