/* SPDX-License-Identifier: MIT */
/* function: what pg_catalog's functions and operators may do with their arguments. A reviewed table; what is
 * not in it is opaque. */
#ifndef PGVEIL_SQL_FUNCTION_H
#define PGVEIL_SQL_FUNCTION_H

#include <stdbool.h>

/* OPAQUE is zero: a name that the table lacks is refused. */
enum function_class {
	FUNCTION_OPAQUE = 0, /* reaches data another way, changes state, or unknown */
	FUNCTION_PURE, /* depends on its arguments only (or clock, session facts); may fail on some of them */
	FUNCTION_TOTAL, /* pure, and never fails for values of text-family, number, bool and date types */
};

/* By name: the weakest class over all overloads. */
enum function_class function_class(const char *name);
/* The table has the name: pg_catalog has such a function, pure or not. */
bool function_known(const char *name);
/* Operators of pg_catalog over built-in types: comparisons and || are total, the rest may fail. */
enum function_class operator_class(const char *name);
/* Extensions whose functions and operators are known to depend on their arguments only (citext, hstore,
 * pg_trgm …). */
int function_extension_pure(const char *extension);
/* Columns that a pg_catalog function gives in FROM: 1 for a scalar; 0: not known (a star over it is refused).
 */
unsigned function_columns(const char *name, const char *const **names);

#endif
