/* SPDX-License-Identifier: MIT */
/* finder: what the detectors share: the text in normal form, its digits in groups, and a list of what was
 * found. One function a detector, or a family of them; each goes once over the text. */
#ifndef PGVEIL_MASK_FINDER_H
#define PGVEIL_MASK_FINDER_H

#include <string.h>

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
	const struct detectors *set;
	bool number, bare;       /* see detect_find; bare: without a hint */
	const struct hint *hint; /* NULL: nothing is known from outside */
	const struct group *group;
	size_t ngroups;
	bool has[128]; /* the characters that occur */
	struct {
		size_t at; /* SIZE_MAX: none yet */
		struct detectors set;
	} words; /* what finder_word was asked last */
	struct finding *found;
	size_t nfound, nhidden, cap; /* the first nhidden are overwritten */
	struct arena *a;
	bool failed;
};

/* What a finding is overwritten with while more is looked for. */
#define FOUND '*'

/* Fills in group, ngroups and has. */
MUSTCHECK bool finder_group(struct finder *f);
/* which: as in struct finding. */
void finder_add(struct finder *f, unsigned which, size_t from, size_t to);

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
void window_add(struct finder *f, enum detector which, const struct window *w);

/* Whether a word that speaks for the detector (mask/words.h) stands in the 40 characters before at and behind
 * anything that was replaced, or was given: what is found may not depend on how long a replacement was, or a
 * second look would find more. */
bool finder_word(struct finder *f, enum detector which, size_t at);
/* The same of the 16 characters before; what is given counts where there is nothing else in the text. */
bool finder_word_near(const struct finder *f, enum detector which, size_t at);

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
static inline bool is_alnum(uint8_t c)
{
	return is_digit(c) || is_letter(c);
}
static inline bool is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}
static inline bool is_hex(uint8_t c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}
static inline bool is_one_of(uint8_t c, const char *set)
{
	return c && strchr(set, c);
}
/* What comes before or behind, 0 at the ends. */
static inline uint8_t char_before(const struct finder *f, size_t at)
{
	return at ? f->b[at - 1] : 0;
}
static inline uint8_t char_at(const struct finder *f, size_t at)
{
	return at < f->n ? f->b[at] : 0;
}

void find_email(struct finder *f);
void find_pan(struct finder *f);
void find_iban(struct finder *f);
void find_us_ssn(struct finder *f);
void find_phone(struct finder *f);
void find_issued(struct finder *f); /* numbers with a check digit, imei and iccid */
/* Digits that the shortest of the set has, leading zeros left out. */
int find_issued_least(const struct detectors *set);
void find_code(struct finder *f);     /* numbers with letters, vin, passport, driver_license */
void find_url(struct finder *f);      /* url, connection_string */
void find_password(struct finder *f); /* connection_string */
void find_ip(struct finder *f);
void find_mac(struct finder *f);
void find_bic(struct finder *f);
void find_card(struct finder *f);   /* card_track, cvv */
void find_person(struct finder *f); /* birth_date, age */
void find_coordinates(struct finder *f);
void find_crypto(struct finder *f);
void find_private_key(struct finder *f);
void find_jwt(struct finder *f);
void find_auth_header(struct finder *f);
void find_token(struct finder *f);  /* access_token, cloud_key */
void find_secret(struct finder *f); /* secret, and cloud_key of AWS */

#endif
