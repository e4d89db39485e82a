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

/* All of v or nothing; items of one column add up. identity also says where the columns are: oids of two
 * databases may be equal. 0; -EDQUOT: *which would be too much, and there may be room *wait_ms from now (0:
 * never, it is more than the rule ever gives); -ENOSPC: no room for one more column; -ENOMEM. */
MUSTCHECK int budget_spend(struct budget *b, const char *identity, const struct budget_item *v, unsigned n,
	uint64_t now_ms, unsigned *which, uint64_t *wait_ms);
/* What happened already: it counts whether there was room or not. */
void budget_charge(
	struct budget *b, const char *identity, const struct budget_item *v, unsigned n, uint64_t now_ms);

#endif
