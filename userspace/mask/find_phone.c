/* SPDX-License-Identifier: MIT */
/* Telephone numbers: E.164 (+ and 8 to 15 digits), with 00 for the +, those of North America in groups of
 * 3-3-4, national ones that begin with a single 0 and are grouped, and any of 7 to 15 digits behind a word
 * that says so. Other national forms look like any number. */
#include "mask/finder.h"

#include <string.h>

#define DIGITS_LEAST 8
#define DIGITS_MOST  15 /* E.164 */

/* As many groups as max digits allow. */
static void widest(const struct finder *f, struct window *w, size_t group, unsigned max)
{
	window_start(w, group);
	while (window_grow(f, w, max))
		continue;
}

/* "+49", "+ 49", "+(49)" */
static bool behind_plus(const struct finder *f, const struct group *g, size_t *plus)
{
	for (size_t i = g->at; i > 0 && g->at - i < 3; i--) {
		if (f->b[i - 1] == '+') {
			*plus = i - 1;
			return true;
		}
		if (f->b[i - 1] != ' ' && f->b[i - 1] != '(')
			break;
	}
	return false;
}

static bool north_american(const struct finder *f, size_t i, struct window *w)
{
	const struct group *g = &f->group[i];

	if (g[0].len != 3 || f->b[g[0].at] < '2' || f->ngroups - i < 2 || !g[1].joined)
		return false;
	window_start(w, i);
	if (!window_grow(f, w, 10) || !window_grow(f, w, 10))
		return false;
	if (g[1].len == 7) /* (555) 1234567 */
		return g[0].at && f->b[g[0].at - 1] == '(';
	return g[1].len == 3 && f->ngroups - i > 2 && g[2].joined && g[2].len == 4 && window_grow(f, w, 10);
}

/* What stands between a group and the one before it, where that is one character. */
static uint8_t between(const struct finder *f, const struct group *g)
{
	return g[0].at == g[-1].at + g[-1].len + 1 ? f->b[g[0].at - 1] : 0;
}

/* 01.02.2024, 01-02-24 10.30: the sign between day, month and year does not go on behind them. */
static bool is_date(const struct finder *f, const struct group *g, size_t n)
{
	uint8_t sign = n >= 3 ? between(f, g + 1) : 0;

	return sign && strchr("./-", sign) && between(f, g + 2) == sign && g[0].len == 2 && g[1].len == 2 &&
	       (g[2].len == 4 || (g[2].len == 2 && (n == 3 || between(f, g + 3) != sign)));
}

/* 020 7946 0958, 06 12 34 56 78; and 0044 20 7946 0958. The whole of what is joined. */
static bool national(const struct finder *f, size_t i, struct window *w)
{
	const struct group *g = &f->group[i];
	unsigned zeros = 0;

	if (f->b[g->at] != '0' || g->joined || g->len < 2)
		return false;
	widest(f, w, i, 2 + DIGITS_MOST);
	while (zeros < w->n && w->digits[zeros] == '0')
		zeros++;
	if (!w->n || zeros > 2 || w->last == w->first || !window_is_whole(f, w))
		return false;
	if (is_date(f, g, w->last - w->first + 1))
		return false;
	return w->n - zeros >= DIGITS_LEAST && w->n - zeros <= (zeros == 1 ? 11u : DIGITS_MOST);
}

static void find_at(struct finder *f, size_t i)
{
	const struct group *g = &f->group[i];
	struct window w;
	size_t plus;

	widest(f, &w, i, DIGITS_MOST);
	if (w.n >= DIGITS_LEAST && w.digits[0] != '0' && behind_plus(f, g, &plus))
		finder_add(f, DETECT_PHONE, plus, f->group[w.last].at + f->group[w.last].len);
	else if (w.n >= 7 && !g->joined && finder_word(f, DETECT_PHONE, g->at))
		window_add(f, DETECT_PHONE, &w);
	if (north_american(f, i, &w) || national(f, i, &w))
		window_add(f, DETECT_PHONE, &w);
}

/* Ten digits of a number are as good as any: whoever has an integer column searched for telephone numbers
 * has some in it. */
static void find_in_number(struct finder *f)
{
	struct window w;

	window_start(&w, 0);
	if (f->ngroups && window_grow(f, &w, DIGITS_MOST) && w.n >= 7)
		window_add(f, DETECT_PHONE, &w);
}

void find_phone(struct finder *f)
{
	if (f->number) {
		if (f->bare || finder_word(f, DETECT_PHONE, 0))
			find_in_number(f);
		return;
	}
	for (size_t i = 0; i < f->ngroups; i++)
		find_at(f, i);
}
