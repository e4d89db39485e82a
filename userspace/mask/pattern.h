/* SPDX-License-Identifier: MIT */
/* pattern: a detector of the policy's own: a name, a regular expression, and words of which one must stand
 * before what it finds. Immutable once made. */
#ifndef PGVEIL_MASK_PATTERN_H
#define PGVEIL_MASK_PATTERN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define PATTERN_NAME_MAX  32
#define PATTERN_WORDS_MAX 16
#define PATTERN_WORD_MAX  40

struct pattern;
struct regex;

/* words may be none. -EINVAL: the regular expression is wrong, and e says how; -ENOMEM. */
MUSTCHECK int pattern_new(struct pattern **out, const char *name, const char *source,
	const char *const *words, unsigned nwords, struct err *e);
void pattern_free(struct pattern *p); /* NULL is fine */
const char *pattern_name(const struct pattern *p);
const struct regex *pattern_regex(const struct pattern *p);
/* By name, expression and words; 0: they find the same. */
int pattern_compare(const struct pattern *a, const struct pattern *b);
/* Whether one of the words is in before, which is in normal form and ends where something was found, or in
 * keys; true where there are none. */
bool pattern_has_word(const struct pattern *p, struct span before, struct span keys);

#endif
