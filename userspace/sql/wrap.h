/* SPDX-License-Identifier: MIT */
/* wrap: a statement's text in which relations that are read give only the rows that meet a condition. The
 * text is changed where their names stand, then parsed again, and only believed where the two trees differ in
 * nothing but that. Never decides what is wrapped, nor by which condition. */
#ifndef PGVEIL_SQL_WRAP_H
#define PGVEIL_SQL_WRAP_H

#include "base/arena.h"
#include "base/attr.h"
#include "base/buf.h"
#include "sql/analyze.h"

struct wrap_place { /* of a mention in the text */
	const struct mention *at;
	const struct relation *r;
	const char *condition;      /* over FILTER_ALIAS, in brackets */
	const char *const *columns; /* copied, without a list: what is copied */
	unsigned ncolumns;
};

struct wrap_edit { /* in characters: of the text, and of what stands there instead */
	unsigned at, drop, put;
};

struct wrapped {
	const char *text;
	struct wrap_edit *edits; /* by place */
	unsigned nedits;
};

/* refs: column references that lose their schema. -EINVAL: *why says what cannot be done soundly; -ENOMEM.
 * Lives in a; scratch is for what is not needed behind it. server: as in parse(). */
MUSTCHECK int wrap_text(struct wrapped *out, struct span text, const struct wrap_place *v, unsigned n,
	const struct schema_ref *refs, unsigned nrefs, unsigned server, struct arena *a,
	struct arena *scratch, const char **why);
/* The character of the client's text that position (from 1) of the wrapped one is about. */
unsigned wrap_position(const struct wrapped *w, unsigned position);

#endif
