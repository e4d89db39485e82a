/* SPDX-License-Identifier: MIT */
/* US social security numbers: area 001-899 without 666, group 01-99, serial 0001-9999 (SSA, "Social Security
 * Number Randomization"). There is no check digit, so nine digits in a row are one only behind a word that
 * says so. */
#include "mask/finder.h"

#include <string.h>

#define SSN_DIGITS 9

static bool valid(const char *d)
{
	bool area = memcmp(d, "000", 3) != 0 && memcmp(d, "666", 3) != 0 && d[0] != '9';

	return area && memcmp(d + 3, "00", 2) != 0 && memcmp(d + 5, "0000", 4) != 0;
}

static bool grouped(const struct finder *f, const struct window *w)
{
	const struct group *g = &f->group[w->first];

	return w->last - w->first == 2 && g[0].len == 3 && g[1].len == 2;
}

/* An integer has lost its leading zeros. */
static void find_in_number(struct finder *f)
{
	char digits[SSN_DIGITS];
	struct window w;

	window_start(&w, 0);
	if (!f->ngroups || !window_grow(f, &w, SSN_DIGITS) || !window_is_whole(f, &w))
		return;
	memset(digits, '0', sizeof(digits));
	memcpy(digits + SSN_DIGITS - w.n, w.digits, w.n);
	if (valid(digits))
		window_add(f, DETECT_US_SSN, &w);
}

void find_us_ssn(struct finder *f)
{
	if (f->number) {
		if (f->bare || finder_word(f, DETECT_US_SSN, 0))
			find_in_number(f);
		return;
	}
	for (size_t i = 0; i < f->ngroups; i++) {
		struct window w;

		window_start(&w, i);
		while (window_grow(f, &w, SSN_DIGITS))
			if (w.n == SSN_DIGITS && valid(w.digits) &&
				(grouped(f, &w) || finder_word(f, DETECT_US_SSN, f->group[i].at)))
				window_add(f, DETECT_US_SSN, &w);
	}
}
