/* SPDX-License-Identifier: MIT */
/* Internet addresses of version 4 and 6, with /prefix. Four small numbers are a version as well: one of
 * them has two digits, or there is a word that says address. */
#include "mask/finder.h"

#include <string.h>

#define V6_MAX 45

static size_t with_prefix(const struct finder *f, size_t end, unsigned most)
{
	size_t i = end + 1;
	unsigned bits = 0;

	if (char_at(f, end) != '/' || !is_digit(char_at(f, i)))
		return end;
	for (; is_digit(char_at(f, i)) && i - end <= 4; i++)
		bits = bits * 10 + (unsigned)(f->b[i] - '0');
	return bits > most || is_alnum(char_at(f, i)) ? end : i;
}

static bool is_octet(const struct finder *f, const struct group *g)
{
	unsigned v = 0;

	if (g->len > 3 || (g->len > 1 && f->b[g->at] == '0'))
		return false;
	for (unsigned i = 0; i < g->len; i++)
		v = v * 10 + (unsigned)(f->b[g->at + i] - '0');
	return v <= 255;
}

/* "version 1.22.3.4" */
static bool is_version(const struct finder *f, size_t at)
{
	static const char *const words[] = {"version", "release", "firmware", "build", "rev", "ver"};
	size_t end = at;

	while (end && at - end < 3 && strchr(" :=.", f->b[end - 1]))
		end--;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t len = strlen(words[i]);

		if (end >= len && strncasecmp((const char *)f->b + end - len, words[i], len) == 0)
			return true;
	}
	return false;
}

static void find_v4(struct finder *f, size_t i)
{
	const struct group *g = &f->group[i];
	bool small = true;
	size_t end;

	if (f->ngroups - i < 4)
		return;
	for (unsigned k = 0; k < 4; k++) {
		if (!is_octet(f, &g[k]) ||
			(k && (g[k].at != g[k - 1].at + g[k - 1].len + 1 || f->b[g[k].at - 1] != '.')))
			return;
		small &= g[k].len == 1;
	}
	end = g[3].at + g[3].len;
	if (is_alnum(char_before(f, g->at)) || is_one_of(char_before(f, g->at), ".-_"))
		return;
	if (is_letter(char_at(f, end)) || (char_at(f, end) == '.' && is_digit(char_at(f, end + 1))))
		return;
	if ((small || is_version(f, g->at)) && !finder_word(f, DETECT_IP, g->at))
		return;
	finder_add(f, DETECT_IP, g->at, with_prefix(f, end, 32));
}

static bool is_v6_char(uint8_t c)
{
	return is_hex(c) || c == ':';
}

/* Eight groups, or fewer round one ::. */
static bool is_v6(const struct finder *f, size_t from, size_t to, bool *plain)
{
	unsigned groups = 0, digits = 0, chars = 0, len = 0;
	bool shortened = false;

	for (size_t i = from; i < to; i++) {
		if (f->b[i] != ':') {
			if (!len++)
				groups++;
			if (len > 4)
				return false;
			digits += is_digit(f->b[i]);
			chars++;
			continue;
		}
		if (i + 1 < to && f->b[i + 1] == ':') {
			if (shortened)
				return false;
			shortened = true;
			i++;
		} else if (i == from || i + 1 == to) {
			return false;
		}
		len = 0;
	}
	/* std::a, a::b: names of a program */
	*plain = digits && chars >= 4;
	return shortened ? groups >= 1 && groups <= 7 : groups == 8;
}

static void find_v6(struct finder *f)
{
	for (size_t i = 0; i < f->n;) {
		size_t end = i, stop;
		bool plain;

		while (end < f->n && is_v6_char(f->b[end]))
			end++;
		if (end == i) {
			i++;
			continue;
		}
		stop = end;
		/* the end of a sentence, or an address of version 4 behind it: ::ffff:192.0.2.1 */
		if (stop > i + 1 && f->b[stop - 1] == ':' && f->b[stop - 2] != ':')
			stop--;
		if (char_at(f, end) == '.' && is_digit(char_at(f, end + 1)))
			while (stop > i && f->b[stop - 1] != ':')
				stop--;
		if (stop - i <= V6_MAX && stop - i > 2 && !is_alnum(char_before(f, i)) &&
			(!is_alnum(char_at(f, stop)) || stop < end) && is_v6(f, i, stop, &plain) &&
			(plain || finder_word(f, DETECT_IP, i)))
			finder_add(f, DETECT_IP, i, with_prefix(f, stop, 128));
		i = end;
	}
}

void find_ip(struct finder *f)
{
	if (f->number)
		return;
	if (f->has['.'])
		for (size_t i = 0; i < f->ngroups; i++)
			find_v4(f, i);
	if (f->has[':'])
		find_v6(f);
}
