/* SPDX-License-Identifier: MIT */
/* matches: which columns the patterns of a grant's rules bind. Every pattern is laid over the catalogue by
 * name; what the same pattern bound earlier in this place is bound again by oid; what is bound on a parent is
 * bound on its children. */
#ifndef PGVEIL_POLICY_MATCHES_H
#define PGVEIL_POLICY_MATCHES_H

#include "policy/pattern.h"
#include "policy/policy.h"
#include "policy/recall.h"
#include "sql/catalog.h"

/* One column pattern of one rule; sorted by canonical text. */
struct laid {
	struct pattern pattern;
	const struct rule *rule;
};

struct match {
	struct colref column;
	unsigned laid;
};

struct matches {
	const struct catalog *catalog;
	struct laid *laid;
	unsigned nlaid;
	struct match *v; /* sorted by column: those of one column, and the columns of one relation, stand
			    together */
	size_t n, cap;
	bool no_memory; /* while they are found */
};

/* Those of g over c; a place (NULL: none) keeps them for the next time. own: c is what one session alone
 * sees. Patterns live in mem, and m must be freed also after an error (53200, or a rule that is no pattern).
 */
MUSTCHECK int matches_find(struct matches *m, const struct grant *g, const struct catalog *c,
	struct place *place, bool own, struct arena *mem, struct err *e);
void matches_free(struct matches *m);

int colref_order(struct colref a, struct colref b); /* by relation, then by column: < 0, 0, > 0 */

#endif
