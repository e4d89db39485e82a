/* SPDX-License-Identifier: MIT */
/* estimate: whether the server may be asked how many rows a statement is about (EXPLAIN), and in what words.
 * Planning computes immutable functions, and tries stable ones out: nobody's code may be among them. */
#ifndef PGVEIL_SQL_ESTIMATE_H
#define PGVEIL_SQL_ESTIMATE_H

#include "sql/analyze.h"

/* Why planning st is not known to be harmless, or there is nothing to plan; NULL: it may be planned. Of an
 * EXECUTE this is its arguments alone. */
const char *estimate_obstacle(const struct catalog *c, const struct statement *st);

/* The EXPLAIN of the text of one statement, which the grammar has taken; in a. NULL: it is none that can be
 * explained, or no memory. */
const char *estimate_text(struct span text, struct arena *a);

/* Effects of which rows can be counted. */
#define ESTIMATE_EFFECTS (DOES_READ | DOES_WRITE | DOES_ROW_LOCK | DOES_COPY_IN | DOES_COPY_OUT)

#endif
