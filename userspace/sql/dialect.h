/* SPDX-License-Identifier: MIT */
/* dialect: what servers of other versions read otherwise than the grammar does (sql/parse.h). Most of what a
 * newer grammar knows an older server refuses, and the reverse, which hurts nobody. Listed here is what both
 * take and understand differently: it is refused. */
#ifndef PGVEIL_SQL_DIALECT_H
#define PGVEIL_SQL_DIALECT_H

#include <stdbool.h>
#include "base/buf.h"

struct PgQuery__ScanResult;

/* Whether text may hold a token that a server of this major version (0: not known) reads differently: a look
 * at the bytes that is often wrong, to save the scanner's work. */
bool dialect_suspect(struct span text, unsigned server);
/* The first such token: what it is, for a message, and its place in bytes; NULL: none. */
const char *dialect_differs(
	const struct PgQuery__ScanResult *scan, struct span text, unsigned server, unsigned *at);
/* Whether the grammar takes name( for its own while that server calls a function of that name, which may be
 * anybody's. */
bool dialect_function(const char *name, unsigned server);

#endif
