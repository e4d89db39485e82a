/* SPDX-License-Identifier: MIT */
/* permit: what a mask rule lets a statement do with its columns beside showing them masked: which predicates
 * may ask about them, and which aggregates of how many values are shown as they are. All zero: nothing. */
#ifndef PGVEIL_POLICY_PERMIT_H
#define PGVEIL_POLICY_PERMIT_H

#include "sql/colset.h"

#define PERMIT_CONSTANTS     100 /* in an hour, where a rule says equality and no more */
#define PERMIT_PERIOD_S      3600
#define PERMIT_CONSTANTS_MAX 100000
#define PERMIT_PERIOD_MAX_S  (7 * 86400)
#define PERMIT_GROUP         5 /* where a rule lists more than count, and no minGroup */
#define PERMIT_GROUP_MIN     2

enum predicates { PREDICATES_DENY = 0, PREDICATES_EQUALITY, PREDICATES_ALLOW };

enum copies { COPIES_DENY = 0, COPIES_TAINT };

struct permit {
	enum predicates predicates;
	unsigned constants, period_s; /* EQUALITY: so many in so long */
	unsigned aggregates;          /* a bit for each enum via */
	unsigned min_group;           /* of values that any of them but count is over */
	enum copies copies;           /* TAINT: what is made of the column inherits the rule */
};

/* What a copy of a column lets that lets p: neither budgets nor groups hold for what may be copied anew. */
struct permit permit_copy(const struct permit *p);
/* What both let. */
struct permit permit_meet(const struct permit *a, const struct permit *b);
/* Whether a lets nothing that b does not. */
bool permit_covers(const struct permit *a, const struct permit *b);
/* Whether an aggregate of enough values: what it gives is not masked. Never true of a column's value itself.
 */
bool permit_shows(const struct permit *p, struct colref c);
/* Whether that is for want of values alone. */
bool permit_wants_group(const struct permit *p, struct colref c);

#endif
