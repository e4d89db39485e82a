/* SPDX-License-Identifier: MIT */
/* shape: a statement that was recorded as one that spec.statements.only may list: what stands there as a
 * constant is $1 and the like where the grammar takes these. Says nothing of whether it should be listed. */
#ifndef PGVEIL_SQL_SHAPE_H
#define PGVEIL_SQL_SHAPE_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"

#define SHAPE_TEXT_MAX ((size_t)64 << 10) /* bytes; beyond it nobody reads what is listed */

enum shape_is {
	SHAPE_FIXED = 0, /* as it stands there */
	SHAPE_OPEN,      /* a constant or parameter: any other may stand there */
	SHAPE_TIGHT,     /* likewise, but what a function is called with, a relation's name or the number of a
			  * column: open where different ones were met */
};

struct shape_part {
	struct span text; /* one token, as it is written; of a constant without its sign */
	enum shape_is is;
	bool word;   /* without quotes, and no constant: its case does not matter */
	bool hidden; /* what it was is not on record */
	bool blank;  /* something stands between it and the one before */
};

struct shape {
	const struct shape_part *v;
	unsigned n;
	struct span text; /* as the list's matcher is to see it (stencil_of) */
	struct span key;  /* equal for two that differ in nothing but blanks, case and open parts */
};

/* Of each statement of a text as the recording has it, where a value may be ‹tok:…›. -EINVAL: *why says what
 * is wrong; -ENOMEM. All of it lives in a. */
MUSTCHECK int shape_all(struct span text, struct arena *a, struct shape **out, unsigned *n, const char **why);
/* Its text, with $1, $2, … for open parts; varied: by part, which of the tight ones are open too (NULL: none;
 * those that are hidden always are). NULL: no memory. */
char *shape_text(const struct shape *s, const bool *varied, struct arena *a);

#endif
