/* SPDX-License-Identifier: MIT */
/* stencil: a statement as its tokens, where $1 and the like stand for any constant. Two texts that differ in
 * blanks, comments and the case of words are the same; never guesses at what else might be. */
#ifndef PGVEIL_SQL_STENCIL_H
#define PGVEIL_SQL_STENCIL_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"

struct stencil_token {
	const char *text; /* words in small letters */
	bool param;       /* $n */
	bool constant, number;
	bool word; /* without quotes */
};

struct stencil {
	const struct stencil_token *v;
	unsigned n;
};

/* Of one statement as a person wrote it down. -EINVAL: *why says what is wrong; -ENOMEM. Lives in a. */
MUSTCHECK int stencil_parse(struct stencil *out, const char *text, struct arena *a, const char **why);
/* Of a statement's text that the grammar has taken. The same. */
MUSTCHECK int stencil_of(struct stencil *out, struct span text, struct arena *a);
bool stencil_fits(const struct stencil *shape, const struct stencil *statement);

#endif
