/* SPDX-License-Identifier: MIT */
/* words: which words say that what follows is a number, a name of something, or a secret of some kind. A
 * number without a check digit worth the name is only found behind one. */
#ifndef PGVEIL_MASK_WORDS_H
#define PGVEIL_MASK_WORDS_H

#include "mask/detectors.h"

/* Adds the detectors that words of b[from..to), in normal form, speak for. b[from - 1] and b[to] exist where
 * the text goes on. Words end at what is no letter, and where small letters turn into capitals. */
void words_of(struct detectors *out, const uint8_t *b, size_t from, size_t to);

#endif
