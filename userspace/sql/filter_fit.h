/* SPDX-License-Identifier: MIT */
/* filter_fit: whether a part of a filter fits a relation's columns: what it compares cannot fail, and means
 * the same whatever a session sets. Private to sql/. */
#ifndef PGVEIL_SQL_FILTER_FIT_H
#define PGVEIL_SQL_FILTER_FIT_H

#include "sql/catalog.h"

enum constant_kind { CONSTANT_STRING, CONSTANT_INTEGER, CONSTANT_NUMBER, CONSTANT_BOOL };
struct filter_constant {
	enum constant_kind kind;
	const char *text;
	const char *type; /* that it is cast to, a name of pg_catalog; NULL: none */
};

enum filter_check_kind {
	CHECK_ANY,      /* the column is there */
	CHECK_BOOL,     /* … and is a condition */
	CHECK_TEXT,     /* … and is of characters */
	CHECK_CONSTANT, /* … and can be compared with the constant */
	CHECK_COLUMNS,  /* … and with the other column */
};
struct filter_check {
	enum filter_check_kind kind;
	const char *column, *other;
	bool call, other_call; /* a function of text is called with it */
	struct filter_constant constant;
};

/* NULL: it holds. */
const char *filter_check_fails(
	const struct filter_check *f, const struct catalog *c, const struct relation *r, struct arena *a);

#endif
