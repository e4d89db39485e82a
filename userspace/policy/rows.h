/* SPDX-License-Identifier: MIT */
/* rows: which rows of which relations the caller may see (spec.rows), laid over one catalogue. A filter holds
 * for the relation that it names and for all that inherit from it. */
#ifndef PGVEIL_POLICY_ROWS_H
#define PGVEIL_POLICY_ROWS_H

#include "policy/pattern.h"
#include "policy/recall.h"
#include "sql/catalog.h"
#include "sql/filter.h"

struct grant;

struct row_rule { /* one entry of spec.rows */
	struct pattern_name relation;
	const char *key; /* how its relations are remembered (policy/recall.h) */
	const struct filter *filter;
	const char *where; /* "file:line", for explain and hints */
};

struct row_filter { /* of one relation */
	uint32_t relid;
	const char *condition; /* over FILTER_ALIAS; of several rules all */
	const char *problem;   /* not NULL: why no row of it can be shown */
	bool parent;           /* not it, but relations below it have filters: read ONLY, it has none */
	const char *where;     /* of the first rule */
};

struct row_filters { /* sorted by relid */
	struct row_filter *v;
	unsigned n;
};

/* Those of g over c. What a rule once found in this place (NULL: nothing) and still exists keeps its filter,
 * whatever it is called now. own: c is what one session alone sees. Lives in mem. */
MUSTCHECK int row_filters_find(struct row_filters *out, const struct grant *g, const struct catalog *c,
	struct place *place, bool own, struct arena *mem, struct err *e);
const struct row_filter *row_filter_of(const struct row_filters *f, uint32_t relid); /* NULL: none */

#endif
