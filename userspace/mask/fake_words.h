/* SPDX-License-Identifier: MIT */
/* fake_words: what fake names, addresses and numbers are put together from. Common words and names; their
 * order decides what a value becomes, so it must not change. */
#ifndef PGVEIL_MASK_FAKE_WORDS_H
#define PGVEIL_MASK_FAKE_WORDS_H

#include <stddef.h>

#define FAKE_WORD_MAX 16 /* bytes, with the NUL */

struct fake_words {
	const char (*word)[FAKE_WORD_MAX];
	size_t n;
};

extern const struct fake_words fake_first; /* given names */
extern const struct fake_words fake_last;  /* family names */
extern const struct fake_words fake_city;
extern const struct fake_words fake_street; /* what stands before Street, Road … */
extern const struct fake_words fake_way;    /* Street, Road … */
extern const struct fake_words fake_brand;  /* what companies begin with */
extern const struct fake_words fake_trade;  /* what they go on with */
extern const struct fake_words fake_legal;  /* and end with */
extern const struct fake_words fake_area;   /* North American area codes */

#endif
