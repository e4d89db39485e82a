/* SPDX-License-Identifier: MIT */
/* A date of birth behind a word that says so, and an age. Any other date is one of something else. */
#include "mask/finder.h"

#include <string.h>

#include "mask/check_digit.h"

#define BETWEEN_MAX 14

/* The first three letters of the months' names in English, German, French, Spanish, Portuguese, Italian,
 * Dutch and Polish. */
static bool is_month(const struct finder *f, size_t at)
{
	static const char names[] =
		"jan feb fev fre mar mrt mae maa mrz apr abr avr kwi mai may mag maj mei jun jui giu cze jul "
		"lug lip aug "
		"ago aou sie sep set wrz oct okt ott out paz nov lis dec dez dic des gen ene sty lut ";
	char name[5] = "";

	if (at + 3 > f->n)
		return false;
	for (unsigned i = 0; i < 3; i++)
		name[i] = (char)(f->b[at + i] | 0x20);
	name[3] = ' ';
	return is_letter(f->b[at]) && is_letter(f->b[at + 1]) && is_letter(f->b[at + 2]) &&
	       strstr(names, name);
}

static unsigned number_of(const struct finder *f, const struct group *g)
{
	unsigned v = 0;

	for (unsigned i = 0; i < g->len && i < 4; i++)
		v = v * 10 + (unsigned)(f->b[g->at + i] - '0');
	return v;
}

static bool is_year(const struct finder *f, const struct group *g)
{
	unsigned v = number_of(f, g);

	return g->len == 2 || (g->len == 4 && v >= 1850 && v <= 2100);
}

/* A month's name between two groups, or before the first of them. */
static bool has_month(const struct finder *f, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (is_letter(f->b[i]) && !is_letter(char_before(f, i)) && is_month(f, i))
			return true;
	return false;
}

static size_t month_before(const struct finder *f, size_t at)
{
	size_t end = at, start;

	while (at - end < 3 && is_one_of(char_before(f, end), " ."))
		end--;
	start = end;
	while (end - start < 12 && is_letter(char_before(f, start)))
		start--;
	return end > start && end < at && is_month(f, start) ? start : at;
}

/* Where a date that begins with group i ends, and *from where it begins; 0: there is none. */
static size_t date_at(const struct finder *f, size_t i, size_t *from)
{
	const struct group *g = &f->group[i];
	size_t left = f->ngroups - i, end0 = g->at + g->len;
	char sign;

	*from = g->at;
	if (g->len == 8) {
		const char *d = (const char *)f->b + g->at;

		return (check_day(two_digits(d + 6), two_digits(d + 4)) && two_digits(d) >= 18 &&
			       two_digits(d) <= 20) ||
				       (check_day(two_digits(d), two_digits(d + 2)) &&
					       two_digits(d + 4) >= 18 && two_digits(d + 4) <= 20)
			       ? end0
			       : 0;
	}
	if (left >= 3 && g[1].at == end0 + 1 && g[2].at == g[1].at + g[1].len + 1 && g[1].len <= 2) {
		unsigned a = number_of(f, g), b = number_of(f, g + 1), c = number_of(f, g + 2);

		sign = (char)f->b[end0];
		if (!strchr("./- ", sign) || f->b[g[2].at - 1] != (uint8_t)sign)
			return 0;
		if (g->len == 4 && g[2].len <= 2)
			return is_year(f, g) && check_day(c, b) ? g[2].at + g[2].len : 0;
		return g->len <= 2 && is_year(f, g + 2) && (check_day(a, b) || check_day(b, a))
			       ? g[2].at + g[2].len
			       : 0;
	}
	if (left < 2 || g->len > 2 || g[1].at - end0 > BETWEEN_MAX || !is_year(f, g + 1) ||
		!check_day(number_of(f, g), 1))
		return 0;
	if (!has_month(f, end0, g[1].at)) {
		*from = month_before(f, g->at);
		if (*from == g->at || g[1].at - end0 > 4 || g[1].len != 4)
			return 0;
	}
	return g[1].at + g[1].len;
}

static void find_dates(struct finder *f)
{
	for (size_t i = 0; i < f->ngroups; i++) {
		size_t from, to = date_at(f, i, &from);

		if (to && finder_word(f, DETECT_BIRTH_DATE, from) && !is_digit(char_at(f, to)))
			finder_add(f, DETECT_BIRTH_DATE, from, to);
	}
}

/* " years old", "-year-old", " yo" */
static bool is_behind(const struct finder *f, size_t at)
{
	static const char *const words[] = {"years old", "year old", "years of age", "yrs old", "year-old",
		"years-old", "yo", "y/o", "y.o.", "jahre alt", "jahrige", "ans", "anos de edad", "anni",
		"jaar oud"};

	if (at < f->n && (f->b[at] == ' ' || f->b[at] == '-'))
		at++;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t len = strlen(words[i]);

		if (f->n - at >= len && strncasecmp((const char *)f->b + at, words[i], len) == 0 &&
			!is_alnum(char_at(f, at + len)))
			return true;
	}
	return false;
}

static void find_ages(struct finder *f)
{
	for (size_t i = 0; i < f->ngroups; i++) {
		const struct group *g = &f->group[i];
		size_t end = g->at + g->len;

		if (g->len > 3 || number_of(f, g) > 130 || is_alnum(char_before(f, g->at)) ||
			is_one_of(char_before(f, g->at), ".-/:"))
			continue;
		if (is_one_of(char_at(f, end), ".,:/") && is_digit(char_at(f, end + 1)))
			continue;
		if (is_behind(f, end) ||
			(!is_alnum(char_at(f, end)) && finder_word_near(f, DETECT_AGE, g->at)))
			finder_add(f, DETECT_AGE, g->at, end);
	}
}

void find_person(struct finder *f)
{
	if (f->number && f->bare)
		return;
	if (detectors_has(f->set, DETECT_BIRTH_DATE))
		find_dates(f);
	if (detectors_has(f->set, DETECT_AGE))
		find_ages(f);
}
