/* SPDX-License-Identifier: MIT */
/* outline: a statement's text with its plain constants marked, so that two texts that differ in nothing else
 * are known to be the same statement. Knows only the plainest of PostgreSQL's tokens and gives up at
 * anything that could read two ways; never decides whether a constant matters (analyze.h says that). */
#ifndef PGVEIL_SQL_OUTLINE_H
#define PGVEIL_SQL_OUTLINE_H

#include "base/buf.h"
#include "sql/analyze.h"

#define OUTLINE_TEXT_MAX      4096
#define OUTLINE_CONSTANTS_MAX 64

struct outline_constant {
	uint16_t at, len; /* the token, quotes included */
	bool text;        /* '…', else an integer of at most nine digits */
	bool free;        /* outline_free: it may be any other of its kind */
};

struct outline {
	uint64_t hash; /* of all but the constants */
	unsigned n;
	struct outline_constant c[OUTLINE_CONSTANTS_MAX];
};

/* false: the text has something that is not understood here, or no constant. */
bool outline_of(struct span text, struct outline *out);
/* Marks as free those that the analysis of the same text named and that both read alike; false: none. */
bool outline_free(
	struct span text, struct outline *o, const struct free_constant *constants, unsigned nconstants);
/* Whether b's text is a's but for constants that are free in a. */
bool outline_same(const struct outline *a, struct span a_text, const struct outline *b, struct span b_text);

#endif
