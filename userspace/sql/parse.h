/* SPDX-License-Identifier: MIT */
/* parse: the only door to libpg_query. Bounds length and nesting before the library sees the text. */
#ifndef PGVEIL_SQL_PARSE_H
#define PGVEIL_SQL_PARSE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct PgQuery__ParseResult;
struct PgQuery__ScanResult;

/* The parse tree in arena memory (nothing to free but the arena). Errors as analyze() states them, and 0A000
 * where a server of this major version (0: not known) would read a token differently (sql/dialect.h). */
MUSTCHECK int parse(struct span text, unsigned server, struct arena *a, struct PgQuery__ParseResult **out,
	int *position, struct err *e);

/* Its tokens, likewise; NULL: it cannot be split into tokens, or no memory. */
struct PgQuery__ScanResult *parse_tokens(struct span text, struct arena *a);

/* The version of PostgreSQL whose grammar it is: "17.4". */
const char *parse_grammar(void);
unsigned parse_grammar_major(void);

#endif
