/* SPDX-License-Identifier: MIT */
/* detect: finds e-mail addresses, card numbers … in text and replaces them; leaves the rest. A second net,
 * not a first: what it does not know it does not find. Linear in the text, whatever the text. */
#ifndef PGVEIL_MASK_DETECT_H
#define PGVEIL_MASK_DETECT_H

#include "mask/mask.h"
#include "mask/work.h"

/* What a finding is, in the text; in order, and no two touch. */
struct finding {
	size_t from, to;
	unsigned detector; /* of the one that begins first; from DETECTOR_COUNT on, of the set's own */
};
struct findings {
	const struct finding *v;
	size_t n;
};
/* number: the text is the digits of a number. Where no hint says what it is (NULL: it is of a column, where
 * there are no words), every number that could be one is. false: memory ran out, the text is too long to be
 * looked at, or a pattern took too many steps; nothing is known then. utf8 is valid. Lives in a. */
MUSTCHECK bool detect_find(struct findings *out, const struct detectors *set, struct span utf8, bool number,
	struct work *w, struct arena *a);

/* A text with m's findings replaced. Borrows from utf8 or a; .p == NULL: SQL NULL, or memory ran out. For
 * text inside of other values (JSON strings …); m is MASK_DETECT. */
struct span detect_text(const struct mask *m, struct span utf8, struct work *w, struct arena *a);
/* Whether there is anything in a cell that m's detectors find, or it cannot be told. */
bool detect_in(
	const struct mask *m, const struct value_shape *s, struct span cell, struct work *w, struct arena *a);

#endif
