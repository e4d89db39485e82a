/* SPDX-License-Identifier: MIT */
/* normal: text as a detector reads it: one byte a character, with digits, letters and punctuation of any
 * script that mean an ASCII one written as that, Latin letters without their accents, %40 and &#64; as what
 * they stand for, and without what is not seen. So that a soft hyphen or a full-width digit does not hide a
 * card number. Never changes the text itself: offsets lead back. */
#ifndef PGVEIL_MASK_NORMAL_H
#define PGVEIL_MASK_NORMAL_H

#include "base/arena.h"
#include "base/buf.h"

/* What stands for a character that means nothing to a detector; it counts as a letter. */
#define NORMAL_OTHER 0x80
/* Longer text is not looked at; offsets are 32 bits. */
#define NORMAL_MAX ((size_t)8 << 20)

struct normal {
	uint8_t *b; /* ASCII and NORMAL_OTHER; the caller may overwrite what it has found */
	size_t n;
	const uint32_t *at; /* of n + 1: where each stands in the text; NULL: where it stands here */
};

/* The same for a person's pattern: what has no ASCII form is there as it was, in UTF-8. */
struct visible {
	struct span text;
	const uint32_t *
		place; /* of text.n + 1: which character of the normal form each byte is of; NULL: the same */
};

/* Of valid UTF-8. Lives in a. false: too long, or memory ran out. */
MUSTCHECK bool normal_of(struct normal *out, struct span utf8, struct arena *a);
/* What b[from..to) is in the text, with what is not seen behind each character. */
struct span normal_source(const struct normal *t, struct span utf8, size_t from, size_t to);

/* Before the caller overwrites anything. Borrows from utf8 or a. false: memory ran out. */
MUSTCHECK bool normal_visible(struct visible *out, const struct normal *t, struct span utf8, struct arena *a);
static inline size_t visible_place(const struct visible *v, size_t at)
{
	return v->place ? v->place[at] : at;
}

#endif
