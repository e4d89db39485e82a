/* SPDX-License-Identifier: MIT */
/* Which functions a call may mean: those that its name and arguments fit, as the search_path finds them.
 * Where several may be meant, the strictest of what they are holds. */
#ifndef SQL_CANDIDATE_H
#define SQL_CANDIDATE_H

#include "sql/lineage.h"

struct candidates {
	bool any;
	unsigned n;
	bool builtin; /* one of them is pg_catalog's */
	enum function_class class;
	unsigned ncols; /* in FROM; 0: not known */
	const char *const *cols;
	bool others;          /* than those that were followed: the result is made of the arguments */
	unsigned nfollowed;   /* functions in LANGUAGE sql: the result is what their bodies give */
	struct colset opaque; /* those of which nothing is known */
	struct taint followed;
	struct outputs out; /* of the one, where no others may be meant */
};

struct arguments { /* of a call; v NULL: not known */
	const struct argument *v;
	size_t n;
	bool variadic;
};

/* The candidates of schema.name(args); schema NULL: by the search_path. row: the last argument is a row, so a
 * name that is no function's may be a column's. None: the statement fails with 42883 at location. */
struct candidates candidates_of(struct lineage *l, const char *schema, const char *name,
	const struct arguments *args, bool row, int location);
/* Whether the server may give a value to a parameter (of a function or an operator) of that type. "No" is
 * said only where nothing converts the one to the other unasked. */
bool candidate_takes(const struct lineage *l, uint32_t parameter, const struct taint *value);
/* expr_call(), which says in *c what the call may mean. */
struct taint expr_call_of(
	struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f, struct candidates *c);

#endif
