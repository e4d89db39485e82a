/* SPDX-License-Identifier: MIT */
#include "policy/glob.h"

#include <stddef.h>
#include <string.h>

static unsigned char fold(enum glob_over over, unsigned char c)
{
	return over == GLOB_FOLD && c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

/* The character after '[' of a set's end; NULL where it has none. `[]a]` and `[!]a]` hold a ']'. */
static const char *set_end(const char *p)
{
	if (*p == '!' || *p == '^')
		p++;
	if (*p == ']')
		p++;
	for (; *p && *p != ']'; p++)
		if (*p == '\\' && !*++p)
			return NULL;
	return *p ? p : NULL;
}

/* One member of a set, or one end of a range, taking `\` off. */
static unsigned char set_char(const char **p)
{
	if (**p == '\\')
		++*p;
	return (unsigned char)*(*p)++;
}

static const char *set_problem(const char *p, const char *end)
{
	for (const char *s = p; s < end; s++)
		if ((unsigned char)*s >= 0x80)
			return "has a character in [ ] that is not ASCII";
	if (*p == '!' || *p == '^')
		p++;
	while (p < end) {
		unsigned char lo = set_char(&p);

		if (p + 1 < end && *p == '-') {
			p++;
			if (set_char(&p) < lo)
				return "has a range whose end comes before its start";
		}
	}
	return NULL;
}

static bool set_has(enum glob_over over, const char *p, const char *end, unsigned char c)
{
	bool negated = *p == '!' || *p == '^', found = false;

	if (negated)
		p++;
	while (p < end) {
		unsigned char lo = set_char(&p), hi = lo;

		if (p + 1 < end && *p == '-') {
			p++;
			hi = set_char(&p);
		}
		if (c >= lo && c <= hi)
			found = true;
		/* [A-Z] and [a-z] are one set where case does not count. */
		if (over == GLOB_FOLD && c >= 'a' && c <= 'z' && c - 'a' + 'A' >= lo && c - 'a' + 'A' <= hi)
			found = true;
	}
	return found != negated;
}

const char *glob_problem(const char *p)
{
	const char *end, *why;

	for (; *p; p++) {
		if (*p == '\\') {
			if (!*++p)
				return "ends in a backslash";
			continue;
		}
		if (*p != '[')
			continue;
		end = set_end(p + 1);
		if (!end)
			return "has a [ without its ]";
		why = set_problem(p + 1, end);
		if (why)
			return why;
		p = end;
	}
	return NULL;
}

bool glob_literal(const char *pattern)
{
	return !strpbrk(pattern, "*?[\\");
}

/* Moves *t, which is inside a character, behind it: `?` is a character, not a byte. */
static bool whole(const char **t)
{
	while (((unsigned char)**t & 0xc0) == 0x80)
		++*t;
	return true;
}

/* Matches one character of the text against one element that is not a star; both move on. */
static bool one(enum glob_over over, const char **p, const char **t)
{
	unsigned char raw = (unsigned char)*(*t)++, c = fold(over, raw);
	const char *set, *end;

	if (over == GLOB_PATH && raw == '/' && (**p == '?' || **p == '['))
		return false;
	switch (**p) {
	case '?': ++*p; return whole(t);
	case '[':
		set = *p + 1;
		end = set_end(set);
		if (!end)
			return false;
		*p = end + 1;
		return set_has(over, set, end, c) && whole(t);
	case '\\': ++*p; break;
	}
	return **p && fold(over, (unsigned char)*(*p)++) == c;
}

/* A star takes as little as it can; on a mismatch the last one takes one character more. It is enough to come
 * back to the last `*` and, where that may not cross a '/', to the last `**`. */
bool glob_match(enum glob_over over, const char *p, const char *t)
{
	const char *star = NULL, *star_t = NULL, *any = NULL, *any_t = NULL;

	while (*t || *p) {
		if (*p == '*') {
			bool crosses = over != GLOB_PATH || p[1] == '*';

			while (*p == '*')
				p++;
			if (crosses) {
				any = p;
				any_t = t;
				star = NULL;
			} else {
				star = p;
				star_t = t;
			}
			continue;
		}
		if (*t && *p && one(over, &p, &t))
			continue;
		if (star && *star_t && *star_t != '/') {
			p = star;
			t = ++star_t;
		} else if (any && *any_t) {
			star = NULL;
			p = any;
			t = ++any_t;
		} else {
			return false;
		}
	}
	return true;
}
