/* SPDX-License-Identifier: MIT */
/* URLs (scheme://… and www.…), and what in them or in key=value lists opens a database: a connection string
 * with a password. */
#include "mask/finder.h"

#include <string.h>

#define SCHEME_MAX 24

/* Not what stands round an URL, nor what a replacement is made of. */
static bool is_url(uint8_t c)
{
	return c > ' ' && !strchr("<>\"'`{}|\\^[]*", c);
}

static size_t url_end(const struct finder *f, size_t at)
{
	while (at < f->n && is_url(f->b[at]))
		at++;
	while (at > 0 && strchr(".,;:!?)", f->b[at - 1]))
		at--;
	return at;
}

/* Where the scheme that ends at end begins; end: it is none. */
static size_t scheme_start(const struct finder *f, size_t end)
{
	size_t start = end;

	while (end - start < SCHEME_MAX &&
		(is_alnum(char_before(f, start)) || (char_before(f, start) == '+')))
		start--;
	while (start < end && !is_letter(f->b[start]))
		start++;
	return end - start < 2 ? end : start;
}

/* user:password@ before the path: the host is never empty. */
static bool has_password(const struct finder *f, size_t from, size_t to)
{
	bool colon = false;

	for (size_t i = from; i < to && !strchr("/?#", f->b[i]); i++) {
		if (f->b[i] == '@')
			return colon && i + 1 < to;
		colon |= f->b[i] == ':' && i + 1 < to && f->b[i + 1] != '@';
	}
	return false;
}

static bool is_www(const struct finder *f, size_t i)
{
	return f->n - i > 6 && strncasecmp((const char *)f->b + i, "www.", 4) == 0 && is_alnum(f->b[i + 4]) &&
	       !is_alnum(char_before(f, i));
}

void find_url(struct finder *f)
{
	bool url = detectors_has(f->set, DETECT_URL),
	     with_password = detectors_has(f->set, DETECT_CONNECTION_STRING);

	if (f->number || !(f->has[':'] || f->has['w'] || f->has['W']))
		return;
	for (size_t i = 0; i < f->n; i++) {
		size_t start = i, end = i;

		if (f->b[i] == ':' && f->n - i > 3 && f->b[i + 1] == '/' && f->b[i + 2] == '/') {
			start = scheme_start(f, i);
			end = start < i ? url_end(f, i + 3) : i;
			if (with_password && end > i + 3 && has_password(f, i + 3, end))
				finder_add(f, DETECT_CONNECTION_STRING, start, end);
			if (end <= i + 3)
				end = i;
		} else if ((f->b[i] | 0x20) == 'w' && is_www(f, i)) {
			end = url_end(f, i + 4);
		}
		if (end <= i)
			continue;
		if (url)
			finder_add(f, DETECT_URL, start, end);
		i = end - 1;
	}
}

/* Password=…; Pwd=… */
void find_password(struct finder *f)
{
	static const char *const keys[] = {"password=", "passwd=", "pwd="};

	if (f->number || !f->has['='])
		return;
	for (size_t i = 0; i + 4 < f->n; i++) {
		size_t from = 0, to;

		if ((f->b[i] | 0x20) != 'p')
			continue;
		for (size_t k = 0; k < ARRAY_LEN(keys) && !from; k++)
			if (f->n - i > strlen(keys[k]) &&
				strncasecmp((const char *)f->b + i, keys[k], strlen(keys[k])) == 0)
				from = i + strlen(keys[k]);
		if (!from)
			continue;
		for (to = from; to < f->n && f->b[to] > ' ' && !strchr(";&\"'*[]<>", f->b[to]);)
			to++;
		/* in quotes there may be blanks */
		if (to == from && (f->b[from] == '"' || f->b[from] == '\'')) {
			for (to = ++from; to < f->n && f->b[to] >= ' ' && !strchr("\"'*[]", f->b[to]);)
				to++;
		}
		if (to > from)
			finder_add(f, DETECT_CONNECTION_STRING, from, to);
		i = to - 1;
	}
}
