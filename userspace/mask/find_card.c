/* SPDX-License-Identifier: MIT */
/* What else a card has: the tracks of its magnetic stripe (ISO/IEC 7813) and the code on its back. */
#include "mask/check_digit.h"
#include "mask/finder.h"

#define NAME_MAX_LEN 26

static bool is_pan(const struct finder *f, const struct group *g)
{
	return g->len >= 12 && g->len <= 19 && check_luhn((const char *)f->b + g->at, g->len);
}

static size_t digits_end(const struct finder *f, size_t at)
{
	while (is_digit(char_at(f, at)))
		at++;
	return at;
}

/* ;PAN=YYMMSSS…? and %BPAN^NAME^YYMMSSS…? */
static void find_track(struct finder *f, const struct group *g)
{
	size_t from = g->at, at = g->at + g->len, end;

	if (!is_pan(f, g))
		return;
	if (char_at(f, at) == '^') {
		for (at++; char_at(f, at) >= ' ' && f->b[at] != '^' && !is_replacement(f->b[at]);)
			if (at++ - g->at - g->len > NAME_MAX_LEN)
				return;
		if (char_at(f, at) != '^')
			return;
		if ((char_before(f, from) | 0x20) == 'b')
			from -= 1 + (from > 1 && f->b[from - 2] == '%');
	} else if (char_at(f, at) == '=' || (char_at(f, at) | 0x20) == 'd') {
		from -= char_before(f, from) == ';';
	} else {
		return;
	}
	end = digits_end(f, at + 1);
	if (end - at > 7)
		finder_add(f, DETECT_CARD_TRACK, from, end + (char_at(f, end) == '?'));
}

/* Three or four digits, and nothing that makes them part of more. */
static bool is_code(const struct finder *f, const struct group *g)
{
	size_t end = g->at + g->len;

	return (g->len == 3 || g->len == 4) && !is_letter(char_before(f, g->at)) &&
	       !is_letter(char_at(f, end)) && !(char_at(f, end) == '.' && is_digit(char_at(f, end + 1)));
}

void find_card(struct finder *f)
{
	bool cvv = detectors_has(f->set, DETECT_CVV), track = detectors_has(f->set, DETECT_CARD_TRACK);

	if (f->number && (f->bare || !cvv))
		return;
	for (size_t i = 0; i < f->ngroups; i++) {
		if (track)
			find_track(f, &f->group[i]);
		if (cvv && is_code(f, &f->group[i]) && finder_word_near(f, DETECT_CVV, f->group[i].at))
			finder_add(f, DETECT_CVV, f->group[i].at, f->group[i].at + f->group[i].len);
	}
}
