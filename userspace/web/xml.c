/* SPDX-License-Identifier: MIT */
#include "web/xml.h"

#include <string.h>

/* Where it stands, or NULL. */
static const uint8_t *find(struct span in, const char *what)
{
	return in.n ? memmem(in.p, in.n, what, strlen(what)) : NULL;
}

static struct span behind(struct span in, const uint8_t *p)
{
	return span_of(p, in.n - (size_t)(p - in.p));
}

/* "<name>" or "<name …>"; what comes after it. */
static bool open_tag(struct span *in, const char *name)
{
	size_t n = strlen(name);
	const uint8_t *p, *end;

	while ((p = find(*in, "<"))) {
		*in = behind(*in, p + 1);
		if (in->n <= n || memcmp(in->p, name, n) != 0)
			continue;
		if (in->p[n] != '>' && in->p[n] != ' ')
			continue;
		end = memchr(in->p, '>', in->n);
		if (!end || end[-1] == '/')
			continue;
		*in = behind(*in, end + 1);
		return true;
	}
	return false;
}

bool xml_next(struct span *in, const char *name, struct span *inner)
{
	size_t n = strlen(name);
	struct span rest;
	const uint8_t *p;

	if (!open_tag(in, name))
		return false;
	*inner = rest = *in;
	while ((p = find(rest, "</"))) {
		rest = behind(rest, p + 2);
		if (rest.n > n && memcmp(rest.p, name, n) == 0 && rest.p[n] == '>') {
			inner->n = (size_t)(p - inner->p);
			*in = behind(rest, rest.p + n + 1);
			return true;
		}
	}
	return false;
}

/* One character of a text, perhaps written as an entity; its length there. 0: it is none of these. */
static size_t one(struct span t, char *out)
{
	static const struct {
		const char *entity;
		char c;
	} table[] = {{"&quot;", '"'}, {"&#34;", '"'}, {"&amp;", '&'}, {"&#38;", '&'}, {"&lt;", '<'},
		{"&gt;", '>'}, {"&apos;", '\''}, {"&#39;", '\''}};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t n = strlen(table[i].entity);

		if (t.n >= n && memcmp(t.p, table[i].entity, n) == 0) {
			*out = table[i].c;
			return n;
		}
	}
	*out = (char)t.p[0];
	return t.p[0] >= ' ' && t.p[0] <= '~' && t.p[0] != '&' && t.p[0] != '<';
}

bool xml_text(struct span in, const char *name, char *out, size_t cap)
{
	struct span t;
	size_t n = 0, step;

	out[0] = '\0';
	if (!xml_next(&in, name, &t))
		return false;
	while (t.n) {
		step = one(t, &out[n]);
		if (!step || ++n == cap) {
			out[0] = '\0';
			return false;
		}
		t = span_of(t.p + step, t.n - step);
	}
	out[n] = '\0';
	return true;
}
