/* SPDX-License-Identifier: MIT */
/* detect: finds e-mail addresses, card numbers … in text and replaces them; leaves the rest. A second net,
 * not a first: what it does not know it does not find. Linear in the text, whatever the text. */
#ifndef PGVEIL_MASK_DETECT_H
#define PGVEIL_MASK_DETECT_H

#include "mask/mask.h"

const char *detector_name(unsigned detector); /* "?" beyond DETECTORS_MAX */
/* A set of one; 0: there is no detector of that name. */
unsigned detector_set(const char *name);

/* What a finding is, in the text; in order, and no two touch. */
struct finding {
	size_t from, to;
	unsigned detector; /* of the one that begins first */
};
struct findings {
	const struct finding *v;
	size_t n;
};
/* number: the text is the digits of a number, where there are no words to tell what it is; then every number
 * that could be one is. false: memory ran out or the text is too long to be looked at; nothing is known
 * then. utf8 is valid. Lives in a. */
MUSTCHECK bool detect_find(
	struct findings *out, unsigned set, struct span utf8, bool number, struct arena *a);

/* A text with m's findings replaced. Borrows from utf8 or a; .p == NULL: SQL NULL, or memory ran out. For
 * text inside of other values (JSON strings …); m is MASK_DETECT. */
struct span detect_text(const struct mask *m, struct span utf8, struct arena *a);
/* Whether there is anything of set in a cell, or it cannot be told. */
bool detect_in(unsigned set, const struct value_shape *s, struct span cell, struct arena *a);

#endif
