/* SPDX-License-Identifier: MIT */
/* RFC 9112, and less than it lets a server take: lines end in CRLF and nothing else, a name is followed by
 * its colon at once, no line is folded, what says how long the body is is said once, in digits, and the body
 * is never sent in chunks. One that asks for nothing of that is read as anybody in between has read it. */
#include "web/request.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS 9u

/* ---- characters ---- */

static bool is_token(struct span s)
{
	static const char more[] = "!#$%&'*+-.^_`|~";

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if ((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			continue;
		if (!c || !strchr(more, c))
			return false;
	}
	return s.n > 0;
}

static bool is_visible(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

/* Of a field: no control character but the tab. */
static bool is_text(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
			return false;
	return true;
}

static bool is_named(struct span name, const char *s)
{
	return name.n == strlen(s) && strncasecmp((const char *)name.p, s, name.n) == 0;
}

static struct span trim(struct span s)
{
	while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = span_of(s.p + 1, s.n - 1);
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* What is before the first c, and the rest without it; false: there is none. */
static bool cut(struct span *rest, char c, struct span *out)
{
	const uint8_t *at = rest->n ? memchr(rest->p, c, rest->n) : NULL;

	if (!at)
		return false;
	*out = span_of(rest->p, (size_t)(at - rest->p));
	*rest = span_of(at + 1, rest->n - out->n - 1);
	return true;
}

/* ---- lines: 0, or the status that refuses it ---- */

static bool copy(char *out, size_t cap, struct span s)
{
	if (s.n >= cap)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

static int target_take(struct request *r, struct span target)
{
	struct span path;

	if (!is_visible(target) || target.p[0] != '/')
		return 400;
	if (!cut(&target, '?', &path)) {
		path = target;
		target.n = 0;
	}
	return copy(r->path, sizeof(r->path), path) && copy(r->query, sizeof(r->query), target) ? 0 : 414;
}

static int first_line(struct request *r, struct span line)
{
	struct span method, target;

	if (!cut(&line, ' ', &method) || !cut(&line, ' ', &target) || !is_token(method))
		return 400;
	if (!span_is(line, "HTTP/1.1") && !span_is(line, "HTTP/1.0"))
		return line.n > 5 && memcmp(line.p, "HTTP/", 5) == 0 && is_visible(line) ? 505 : 400;
	r->get = span_is(method, "GET");
	if (!r->get && !span_is(method, "POST"))
		return 405;
	return target_take(r, target);
}

static int length_take(struct request *r, struct span value)
{
	if (r->sized || !value.n || value.n > LENGTH_DIGITS)
		return 400;
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return 400;
		r->body_len = r->body_len * 10 + (size_t)(value.p[i] - '0');
	}
	r->sized = true;
	return 0;
}

static int authorization_take(struct request *r, struct span value)
{
	static const char kind[] = "Bearer ";
	size_t n = sizeof(kind) - 1;

	if (r->authorized)
		return 400;
	r->authorized = true;
	if (value.n > n && strncasecmp((const char *)value.p, kind, n) == 0)
		r->bearer = trim(span_of(value.p + n, value.n - n));
	if (r->bearer.n && !is_visible(r->bearer))
		return 400;
	return 0;
}

static int field(struct request *r, struct span line)
{
	struct span name;

	if (!cut(&line, ':', &name) || !is_token(name) || !is_text(line))
		return 400;
	line = trim(line);
	if (is_named(name, "Transfer-Encoding"))
		return 501;
	if (is_named(name, "Content-Length"))
		return length_take(r, line);
	return is_named(name, "Authorization") ? authorization_take(r, line) : 0;
}

/* ---- the head ---- */

static const uint8_t *find(struct span s, const char *what)
{
	return s.n ? memmem(s.p, s.n, what, strlen(what)) : NULL;
}

enum wire request_read(struct request *r, const void *p, size_t n, size_t max)
{
	struct span all = span_of(p, n < max ? n : max), rest;
	const uint8_t *end = find(all, "\r\n\r\n");

	memset(r, 0, sizeof(*r));
	if (!end) {
		r->refusal = n < max ? 0 : 431;
		return n < max ? WIRE_MORE : WIRE_BAD;
	}
	r->len = (size_t)(end - all.p) + 4;
	rest = span_of(p, r->len - 2);
	for (bool first = true; rest.n && !r->refusal; first = false) {
		const uint8_t *at = find(rest, "\r\n");
		struct span line = span_of(rest.p, (size_t)(at - rest.p));

		rest = span_of(at + 2, rest.n - line.n - 2);
		r->refusal = first ? first_line(r, line) : field(r, line);
	}
	return r->refusal ? WIRE_BAD : WIRE_OK;
}
