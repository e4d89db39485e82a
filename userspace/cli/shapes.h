/* SPDX-License-Identifier: MIT */
/* shapes: the shapes of recorded statements (sql/shape.h), how often each was met, and what of it was always
 * the same. As many as there is room for; what has none is said to have none. */
#ifndef PGVEIL_CLI_SHAPES_H
#define PGVEIL_CLI_SHAPES_H

#include "base/err.h"
#include "sql/shape.h"
#include "sql/stencil.h"

#define SHAPES_NONE UINT32_MAX

struct shapes;

struct shape_group {                 /* statements of one shape; what is constant in it is known at the end */
	uint64_t ran, asked, failed; /* asked: of those that ran, by an approval */
	uint64_t sessions;           /* that it ran in, … */
	uint64_t last_us;            /* … and when it did last */
	uint64_t refused;            /* by the policy that it is held against */
	char why[160];
	/* Behind shapes_finish, of those that are listed: */
	const char *text;
	struct stencil pattern;
	bool listed;
};

/* -ENOMEM. most: shapes; bytes: of all of them. */
MUSTCHECK int shapes_new(struct shapes **out, unsigned most, size_t bytes, struct err *e);
void shapes_free(struct shapes *s); /* NULL is fine */

/* The statement, by a number that tells it from those that differ in what may have to stay; SHAPES_NONE:
 * there is no room. */
uint32_t shapes_add(struct shapes *s, const struct shape *x);
/* It ran: what it differs in from those that ran before is open. */
void shapes_ran(struct shapes *s, uint32_t statement);
/* Its shape, and which of them that is. */
struct shape_group *shapes_group(struct shapes *s, uint32_t statement, unsigned *number);

/* Makes the texts of those that ran, or (failed) were tried, in the order of these. -ENOMEM. */
MUSTCHECK int shapes_finish(struct shapes *s, bool failed, struct err *e);
unsigned shapes_count(const struct shapes *s); /* that are listed */
const struct shape_group *shapes_at(const struct shapes *s, unsigned i);
/* The one that lets the statement through, by the matcher of spec.statements.only; NULL: none does. */
struct shape_group *shapes_match(struct shapes *s, const struct shape *x, struct arena *a);

#endif
