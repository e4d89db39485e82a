/* SPDX-License-Identifier: MIT */
/* regex: a pattern and what is made of a text that matches it. The only door to PCRE2. Immutable once made,
 * used by all threads. */
#ifndef PGVEIL_MASK_REGEX_H
#define PGVEIL_MASK_REGEX_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Bytes of a pattern, of a template, of a result. */
#define REGEX_SOURCE_MAX 1000
#define REGEX_RESULT_MAX 16384
/* Longer texts do not match. Time grows with the square of the text at least where each match is looked for.
 */
#define REGEX_WHOLE_MAX 8192
#define REGEX_EACH_MAX  1024

enum regex_match {
	REGEX_WHOLE = 0, /* the pattern must match the whole text, of which the template alone is shown */
	REGEX_EACH,      /* every match is replaced, the rest is shown */
	REGEX_FIND,      /* only looked for; there is no template */
};
enum regex_part { REGEX_PATTERN = 0, REGEX_TEMPLATE };

struct regex;

/* The template is text with \1 to \9 for groups, \0 for the match and \\ for a backslash. -EINVAL: *part is
 * wrong, and e says how; -ENOMEM. */
MUSTCHECK int regex_new(struct regex **out, const char *pattern, const char *template, enum regex_match match,
	enum regex_part *part, struct err *e);
void regex_free(struct regex *r); /* NULL is fine */
const char *regex_pattern(const struct regex *r);
const char *regex_template(const struct regex *r);
enum regex_match regex_match(const struct regex *r);

/* What is made of valid UTF-8; lives in a. .p == NULL where nothing matches, where the result would be the
 * text, beyond any limit, and where memory ran out: then nothing of the text may be shown. Takes from *steps
 * what it may have cost. */
struct span regex_apply(const struct regex *r, struct span utf8, uint32_t *steps, struct arena *a);

/* A search of REGEX_FIND. A text of any length is looked at in pieces: a match has REGEX_FOUND_MAX bytes at
 * the most, or is found in parts. */
#define REGEX_FOUND_MAX 256
struct regex_search;
MUSTCHECK bool regex_search_start(struct regex_search **out, const struct regex *r, struct span utf8);
enum regex_found { REGEX_OVERRUN = 0, REGEX_NONE, REGEX_FOUND };
/* The next match, from where the last one ended. REGEX_OVERRUN: the pattern and the text take too long. */
enum regex_found regex_search_next(struct regex_search *s, size_t *from, size_t *to, uint32_t *steps);
void regex_search_end(struct regex_search *s); /* NULL is fine */

#endif
