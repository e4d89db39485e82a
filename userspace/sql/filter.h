/* SPDX-License-Identifier: MIT */
/* filter: a condition over the columns of one relation, as a policy's author writes it: read once, checked
 * against a relation's columns, and written so that it means the same wherever it is put. Made of comparisons
 * with constants that cannot fail and that no setting of a session has a say in; all else is refused. */
#ifndef PGVEIL_SQL_FILTER_H
#define PGVEIL_SQL_FILTER_H

#include "base/arena.h"
#include "base/attr.h"
#include "sql/catalog.h"

#define FILTER_TEXT_MAX 8192
#define FILTER_ALIAS    "pgveil_row" /* what the text of filter_sql calls the relation */

struct filter; /* immutable; lives in the arena that it was read into */

/* -EINVAL: *why says what is wrong, and *at is the byte of text where; -ENOMEM. */
MUSTCHECK int filter_parse(
	struct filter **out, const char *text, struct arena *a, const char **why, unsigned *at);
/* NULL: it fits the relation's columns and their types; else what does not (in a). */
const char *filter_misfit(
	const struct filter *f, const struct catalog *c, const struct relation *r, struct arena *a);
/* In brackets, every name and operator spelled out. */
const char *filter_sql(const struct filter *f);
unsigned filter_columns(const struct filter *f, const char *const **names);

#endif
