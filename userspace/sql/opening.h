/* SPDX-License-Identifier: MIT */
/* opening: the places of a statement that may have another value when a person approves of its shape: where
 * a constant or parameter is compared with a column by = or IN, or is put into one. Which of them does is
 * decided by the text alone. Everything else keeps its value: what says how much (LIMIT), what is named (a
 * cast to regclass, an argument), what is less or greater. */
#ifndef PGVEIL_SQL_OPENING_H
#define PGVEIL_SQL_OPENING_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"

#define OPENINGS_MAX 256

struct opening {
	unsigned number;  /* $number, in text */
	bool param;       /* of the message; else a constant of the statement's text, at token */
	const char *kind; /* "integer", …: any other of its kind may stand there */
	struct span token;
};

struct openings {
	const char *text; /* with $n in each place, without comments */
	struct span form; /* equal for two texts that differ in these places, blanks and comments alone */
	const struct opening *v;
	unsigned n;
};

/* Of a text that the grammar has taken; lives in a, and points into text. -EINVAL: it has no shape that
 * could be approved, *why; -ENOMEM. */
MUSTCHECK int openings_of(struct openings *out, struct span text, struct arena *a, const char **why);
/* Whether parameter number is one. */
bool openings_param(const struct openings *o, unsigned number);

#endif
