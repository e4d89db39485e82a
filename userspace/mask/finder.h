/* SPDX-License-Identifier: MIT */
/* finder: what the detectors share: the text in normal form, its digits in groups, and a list of what was
 * found. One function a detector; each goes once over the text. */
#ifndef PGVEIL_MASK_FINDER_H
#define PGVEIL_MASK_FINDER_H

#include "base/arena.h"
#include "mask/detect.h"

/* Digits without anything between. Groups with one to three separators between them are joined: they may be
 * parts of one number. */
struct group {
	uint32_t at, len;
	bool joined; /* to the group before */
};

struct finder {
	const uint8_t *b; /* normal form, see mask/normal.h */
	size_t n;
	bool number; /* see detect_find */
	const struct group *group;
	size_t ngroups;
	unsigned detector; /* who is looking */
	struct finding *found;
	size_t nfound, cap;
	struct arena *a;
	bool failed;
};

/* What a finding is overwritten with while more is looked for. */
#define FOUND '*'

/* Fills in group and ngroups. */
MUSTCHECK bool finder_group(struct finder *f);
void finder_add(struct finder *f, size_t from, size_t to);

/* Digits of groups i, i + 1 … as far as they are joined, added one by one. */
#define DIGITS_MAX 20
struct window {
	size_t first, last; /* groups */
	unsigned n;
	char digits[DIGITS_MAX];
};
void window_start(struct window *w, size_t group);
/* Takes one more group. false: none is joined, or there would be more than max digits. */
bool window_grow(const struct finder *f, struct window *w, unsigned max);
/* Whether it is all that is joined. */
bool window_is_whole(const struct finder *f, const struct window *w);
void window_add(struct finder *f, const struct window *w);

/* Whether one of the words stands in the 40 characters before at, and behind anything that was replaced: what
 * is found may not depend on how long that was, or a second look would find more. */
bool finder_word_before(const struct finder *f, size_t at, const char *const *words, unsigned nwords);

static inline bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}
/* How a replacement ends: ****, [email]. */
static inline bool is_replacement(uint8_t c)
{
	return c == '*' || c == ']';
}
static inline bool is_letter(uint8_t c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

void find_email(struct finder *f);
void find_pan(struct finder *f);
void find_iban(struct finder *f);
void find_us_ssn(struct finder *f);
void find_phone(struct finder *f);

#endif
