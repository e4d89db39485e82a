/* SPDX-License-Identifier: MIT */
/* constants: where a text has something that may be a value: its constants and comments, and where that is
 * asked for its quoted names. Never decides whether it matters. */
#ifndef PGVEIL_SQL_CONSTANTS_H
#define PGVEIL_SQL_CONSTANTS_H

#include "base/arena.h"
#include "base/buf.h"

struct constant {
	size_t at, len; /* quotes and marks included */
};

/* The first so many; the last is what is left of the text from there on, where there are more. */
#define CONSTANTS_MAX 4096

enum constants_which {
	CONSTANTS_ALL = 0, /* and quoted names */
	CONSTANTS_NOT_NAMES,
	CONSTANTS_COMMENTS, /* these alone */
};
/* Ascending, in a. A text that cannot be split, or of which nobody can tell, is one constant as a whole.
 * -ENOMEM: nothing is known. */
MUSTCHECK int constants_find(
	struct span text, enum constants_which which, struct arena *a, struct constant **out, unsigned *n);
/* What stands in it as a value: without the quotes of a plain string, and each quote in it once. In a, or in
 * token itself. */
struct span constants_value(struct span token, struct arena *a);

#endif
