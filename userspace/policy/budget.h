/* SPDX-License-Identifier: MIT */
/* budget: how many constants each identity compared with each column lately. Shared by all sessions of all
 * workers, so that connecting anew buys nothing, for as long as the daemon runs. Never touches a clock: time
 * is passed in. Bounded: where there is no room for one more column or identity, it may not be asked about.
 */
#ifndef PGVEIL_POLICY_BUDGET_H
#define PGVEIL_POLICY_BUDGET_H

#include <stdint.h>
#include "base/err.h"
#include "sql/colset.h"

#define BUDGET_COLUMNS_MAX 2048 /* of one identity */
#define BUDGET_ENTRIES_MAX 65536

struct budget; /* used by all threads */

MUSTCHECK int budget_new(struct budget **out, struct err *e);
void budget_free(struct budget *b); /* NULL is fine */

struct budget_item { /* so many constants for one column */
	struct colref column;
	uint64_t count;
	unsigned constants, period_s; /* of the rule: so many in so long */
};

#define BUDGET_PAYERS_MAX 64u
struct budget_payers { /* identities, each once; they also say where columns are: oids of two databases may be
			  equal */
	const char *const *v;
	unsigned n;
};
/* All of v, by each of the payers, or nothing; items of one column add up. 0; -EDQUOT: *which would be too
 * much, and there may be room *wait_ms from now (0: never, it is more than the rule ever gives); -ENOSPC: no
 * room for one more column; -ENOMEM. */
MUSTCHECK int budget_spend(struct budget *b, struct budget_payers who, const struct budget_item *v,
	unsigned n, uint64_t now_ms, unsigned *which, uint64_t *wait_ms);
/* For the daemon that takes over: fn is called for all that counts, and from then on nothing is granted here:
 * -ESHUTDOWN. */
#define BUDGET_PIECES 33
struct budget_saved { /* borrowed, for the time of the call */
	const char *identity;
	struct colref column;
	uint64_t piece_ms, newest;     /* how long each piece is, and the number of the last one */
	uint32_t spent[BUDGET_PIECES]; /* by number % BUDGET_PIECES */
};
void budget_give(struct budget *b, void (*fn)(void *arg, const struct budget_saved *v), void *arg);
void budget_take_back(struct budget *b); /* it did not take over after all */
/* Into an empty one. -ENOSPC, -ENOMEM; -EINVAL: nobody spent like that. */
MUSTCHECK int budget_restore(struct budget *b, const struct budget_saved *v);
/* What happened already: it counts whether there was room or not. */
void budget_charge(
	struct budget *b, struct budget_payers who, const struct budget_item *v, unsigned n, uint64_t now_ms);

#endif
