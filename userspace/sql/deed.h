/* SPDX-License-Identifier: MIT */
/* deed: one thing that a statement may do, and to what: the grain that the guard's rules judge at. */
#ifndef PGVEIL_SQL_DEED_H
#define PGVEIL_SQL_DEED_H

#include <stdbool.h>
#include "sql/catalog.h"
#include "sql/effect.h"

/* relation, or schema and name of one that is not known (it may come by this), or of a function; a schema
 * without a name: whatever is in it; neither: nothing that has a name. */
struct deed {
	uint64_t effects;
	const struct relation *relation;
	const char *schema; /* NULL: nobody knows */
	const char *name;
	bool function; /* the name is one's */
	bool whole;    /* UPDATE, DELETE: no condition says which rows (sql/deed_where.c) */
	bool unknown;  /* to whatever there is */
	bool derived;  /* by another: of a child, of what is below a view, by a foreign key … */
	bool keyed;    /* … which says nothing of how many rows */
	/* Nothing of it happens, but behind it no rule that calls the relation by its name would find it:
	 * such rules hold now. */
	bool escapes;
	const char *setting; /* that it changes; NULL: none, or nobody knows which */
};
#define DEEDS_MAX 512 /* of one statement; what is beyond is unknown, and everything */

#endif
