/* SPDX-License-Identifier: MIT */
/* Places on earth: a pair of latitude and longitude with four decimals at least (some ten metres), one number
 * with three behind a word that says so, and degrees, minutes and seconds with a direction. */
#include "mask/finder.h"

#define PAIR_DECIMALS 4
#define ONE_DECIMALS  3

/* A number with a point, and what it is in whole degrees. */
struct degrees {
	size_t from, to;
	unsigned whole, decimals;
};

/* That begins with group i. */
static bool degrees_at(const struct finder *f, size_t i, struct degrees *out)
{
	const struct group *g = &f->group[i];

	if (f->ngroups - i < 2 || g[0].len > 3 || g[1].at != g[0].at + g[0].len + 1 ||
		f->b[g[1].at - 1] != '.' || g[1].len > 18 || is_alnum(char_before(f, g->at)) ||
		char_before(f, g->at) == '.')
		return false;
	*out = (struct degrees){.from = g->at, .to = g[1].at + g[1].len, .decimals = g[1].len};
	for (unsigned k = 0; k < g->len; k++)
		out->whole = out->whole * 10 + (unsigned)(f->b[g->at + k] - '0');
	if (is_one_of(char_before(f, g->at), "+-"))
		out->from--;
	return char_at(f, out->to) != '.';
}

/* 40°26'46"N; the signs may be any. */
static size_t sexagesimal_end(const struct finder *f, size_t i)
{
	const struct group *g = &f->group[i];
	size_t end, parts;

	if (g->len > 3)
		return 0;
	for (parts = 1; parts < 3 && f->ngroups - i > parts; parts++) {
		size_t gap = g[parts].at - (g[parts - 1].at + g[parts - 1].len);

		if (g[parts].len > 2 || gap < 1 || gap > 3)
			break;
		for (size_t k = 1; k <= gap; k++)
			if (!(f->b[g[parts].at - k] >= 0x80 || is_one_of(f->b[g[parts].at - k], " '\"d")))
				return 0;
	}
	if (parts < 3)
		return 0;
	end = g[2].at + g[2].len;
	if (char_at(f, end) == '.' && is_digit(char_at(f, end + 1)))
		for (end++; is_digit(char_at(f, end));)
			end++;
	for (unsigned gap = 0; gap < 4 && (char_at(f, end) >= 0x80 || is_one_of(char_at(f, end), " '\""));
		gap++)
		end++;
	return is_one_of(char_at(f, end), "NSEW") && !is_letter(char_at(f, end + 1)) ? end + 1 : 0;
}

static void find_in_number(struct finder *f)
{
	unsigned v = 0;

	if (f->bare || !f->ngroups || f->group[0].len > 3 || !finder_word(f, DETECT_COORDINATES, 0))
		return;
	for (unsigned k = 0; k < f->group[0].len; k++)
		v = v * 10 + (unsigned)(f->b[f->group[0].at + k] - '0');
	if (v <= 180)
		finder_add(f, DETECT_COORDINATES, 0, f->n);
}

void find_coordinates(struct finder *f)
{
	if (f->number) {
		find_in_number(f);
		return;
	}
	for (size_t i = 0; i < f->ngroups; i++) {
		struct degrees one, two;
		size_t end = sexagesimal_end(f, i), gap;

		if (end)
			finder_add(f, DETECT_COORDINATES, f->group[i].at, end);
		if (!degrees_at(f, i, &one) || one.whole > 180)
			continue;
		if (one.decimals >= ONE_DECIMALS && finder_word(f, DETECT_COORDINATES, one.from))
			finder_add(f, DETECT_COORDINATES, one.from, one.to);
		if (one.whole > 90 || one.decimals < PAIR_DECIMALS || f->ngroups - i < 4 ||
			!degrees_at(f, i + 2, &two) || two.whole > 180 || two.decimals < PAIR_DECIMALS)
			continue;
		gap = two.from - one.to;
		if (gap < 1 || gap > 3)
			continue;
		while (gap && is_one_of(f->b[two.from - gap], ", ;/NSEW"))
			gap--;
		if (!gap)
			finder_add(f, DETECT_COORDINATES, one.from, two.to);
	}
}
