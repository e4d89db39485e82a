/* SPDX-License-Identifier: MIT */
/* Primary account numbers (ISO/IEC 7812): 12 to 19 digits that begin as an issuer's do and end with the Luhn
 * digit. */
#include "mask/check_digit.h"
#include "mask/finder.h"

#define PAN_MIN      12
#define PAN_MAX      19
#define N(n)         (1u << (n))
#define N_TO(lo, hi) ((N((hi) + 1) - 1) & ~(N(lo) - 1))

/* By the first four digits: which lengths are in use. From the schemes' published ranges; sorted. */
static const struct {
	unsigned from, to, lengths;
} issuers[] = {
	{2200, 2205, N_TO(16, 19)},          /* Mir, Borica */
	{2221, 2720, N(16)},                 /* Mastercard */
	{3000, 3059, N_TO(14, 19)},          /* Diners */
	{3088, 3094, N_TO(16, 19)},          /* JCB */
	{3095, 3095, N_TO(14, 19)},          /* Diners */
	{3096, 3120, N_TO(16, 19)},          /* JCB */
	{3158, 3159, N_TO(16, 19)},          /* JCB */
	{3337, 3349, N_TO(16, 19)},          /* JCB */
	{3400, 3499, N(15)},                 /* American Express */
	{3528, 3589, N_TO(16, 19)},          /* JCB */
	{3600, 3699, N_TO(14, 19)},          /* Diners */
	{3700, 3799, N(15)},                 /* American Express */
	{3800, 3999, N_TO(14, 19)},          /* Diners */
	{4000, 4999, N(13) | N(16) | N(19)}, /* Visa */
	{5000, 5099, N_TO(12, 19)},          /* Maestro, Verve, Elo, RuPay */
	{5100, 5599, N(16)},                 /* Mastercard */
	{5600, 5899, N_TO(12, 19)},          /* Maestro */
	{6000, 6999, N_TO(12, 19)},          /* Discover, UnionPay, Maestro, RuPay … */
	{8100, 8299, N_TO(16, 19)},          /* UnionPay, RuPay */
	{8600, 8600, N(16)},                 /* Uzcard */
	{9792, 9792, N(16)},                 /* Troy */
	{9860, 9860, N(16)},                 /* Humo */
};

static bool issued(const char *digits, unsigned n)
{
	unsigned first = 0;

	for (unsigned i = 0; i < 4; i++)
		first = first * 10 + (unsigned)(digits[i] - '0');
	for (unsigned i = 0; i < ARRAY_LEN(issuers); i++)
		if (first >= issuers[i].from && first <= issuers[i].to)
			return issuers[i].lengths & N(n);
	return false;
}

/* Grouped as cards and forms do it. Any other grouping may be numbers side by side (a table, a time), and is
 * only taken where nothing else is joined to it. */
static bool regular(const struct finder *f, const struct window *w)
{
	const struct group *g = &f->group[w->first];
	size_t groups = w->last - w->first + 1;
	bool fours = groups >= 3;

	if (groups == 1)
		return true;
	if (groups == 2)
		return (g[0].len == 6 && g[1].len >= 6) || (g[0].len == 8 && g[1].len == 8);
	if (groups == 3 && g[0].len == 4 && g[1].len == 6 && (g[2].len == 4 || g[2].len == 5))
		return true;
	for (size_t i = 0; i < groups; i++)
		fours &= g[i].len == 4 || (i == groups - 1 && g[i].len < 4);
	return fours;
}

/* 4.111111111111111 */
static bool is_decimal(const struct finder *f, const struct window *w)
{
	const struct group *g = &f->group[w->first];

	return w->last == w->first + 1 && g[1].at == g[0].at + g[0].len + 1 && f->b[g[1].at - 1] == '.';
}

void find_pan(struct finder *f)
{
	for (size_t i = 0; i < f->ngroups; i++) {
		struct window w;

		window_start(&w, i);
		while (window_grow(f, &w, PAN_MAX))
			if (w.n >= PAN_MIN && (regular(f, &w) || window_is_whole(f, &w)) &&
				issued(w.digits, w.n) && check_luhn(w.digits, w.n) && !is_decimal(f, &w))
				window_add(f, DETECT_PAN, &w);
	}
}
