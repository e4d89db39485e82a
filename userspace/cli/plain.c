/* SPDX-License-Identifier: MIT */
#include "cli/plain.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

size_t plain_char(struct span s, uint32_t *c)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint8_t b = s.p[0];
	size_t n = b < 0x80                ? 1
		   : b >= 0xc2 && b < 0xe0 ? 2
		   : b >= 0xe0 && b < 0xf0 ? 3
		   : b >= 0xf0 && b < 0xf5 ? 4
					   : 0;

	if (!n || n > s.n)
		return 0;
	*c = n == 1 ? b : b & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s.p[i] & 0xc0) != 0x80)
			return 0;
		*c = *c << 6 | (s.p[i] & 0x3f);
	}
	return *c < least[n] || *c > 0x10ffff || (*c >= 0xd800 && *c <= 0xdfff) ? 0 : n;
}

struct range {
	uint32_t from, to;
};

static bool is_in(const struct range *r, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= r[i].from && c <= r[i].to)
			return true;
	return false;
}
#define IN(ranges, c) is_in(ranges, sizeof(ranges) / sizeof((ranges)[0]), c)

/* Not exact, which only costs a table's looks. */
unsigned plain_width(uint32_t c)
{
	static const struct range none[] = {{0x300, 0x36f}, {0x483, 0x489}, {0x591, 0x5bd}, {0x610, 0x61a},
		{0x64b, 0x65f}, {0x200b, 0x200d}, {0x20d0, 0x20f0}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}};
	static const struct range two[] = {{0x1100, 0x115f}, {0x2e80, 0xa4cf}, {0xac00, 0xd7a3},
		{0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6}, {0x1f300, 0x1f64f},
		{0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

	return IN(none, c) ? 0 : IN(two, c) ? 2 : 1;
}

/* C0, DEL, C1; what makes text look as if it stood elsewhere, or hides it. */
static bool is_active(uint32_t c)
{
	static const struct range active[] = {{0, 0x1f}, {0x7f, 0x9f}, {0xad, 0xad}, {0x61c, 0x61c},
		{0x200e, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb},
		{0xe0000, 0xe007f}};

	return IN(active, c);
}

/* Takes no room, or that of a blank: in what somebody stored it may be right, in what is to be decided on it
 * is a trick. */
bool plain_hides(uint32_t c)
{
	static const struct range unseen[] = {{0xa0, 0xa0}, {0x34f, 0x34f}, {0x115f, 0x1160},
		{0x1680, 0x1680}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x2000, 0x200d}, {0x202f, 0x202f},
		{0x205f, 0x205f}, {0x2800, 0x2800}, {0x3000, 0x3000}, {0x3164, 0x3164}, {0xfe00, 0xfe0f},
		{0xffa0, 0xffa0}, {0xe0100, 0xe01ef}};

	return is_active(c) || IN(unseen, c);
}

void plain_fini(struct plain *t)
{
	free(t->p);
	*t = (struct plain){0};
}

void plain_put(struct plain *t, const void *p, size_t n)
{
	size_t cap = t->cap ? t->cap : 1024;
	char *more;

	while (cap - t->n <= n)
		cap *= 2;
	if (cap != t->cap) {
		more = realloc(t->p, cap);
		if (!more) {
			t->failed = true;
			return;
		}
		t->p = more;
		t->cap = cap;
	}
	if (n)
		memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = '\0';
}

void plain_puts(struct plain *t, const char *s)
{
	plain_put(t, s, strlen(s));
}

void plain_printf(struct plain *t, const char *fmt, ...)
{
	char room[512];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(room, sizeof(room), fmt, ap);
	va_end(ap);
	plain_put(t, room, n < 0 ? 0 : (size_t)n < sizeof(room) ? (size_t)n : sizeof(room) - 1);
}

static size_t escape(struct plain *t, uint32_t c)
{
	char room[16];
	int n = snprintf(room, sizeof(room),
		c == '\n'     ? "\\n"
		: c == '\t'   ? "\\t"
		: c == '\r'   ? "\\r"
		: c <= 0xff   ? "\\x%02x"
		: c <= 0xffff ? "\\u%04x"
			      : "\\U%08x",
		(unsigned)c);

	plain_put(t, room, (size_t)n);
	return (size_t)n;
}

static size_t put_terminal(struct plain *t, struct span s, bool lines, bool (*hides)(uint32_t c))
{
	size_t width = 0, from = 0, i = 0;

	while (i < s.n) {
		uint32_t c = s.p[i];
		size_t n = plain_char(span_of(s.p + i, s.n - i), &c);

		if (n && !hides(c)) {
			width += plain_width(c);
			i += n;
			continue;
		}
		if (i > from)
			plain_put(t, s.p + from, i - from);
		if (n && lines && (c == '\n' || c == '\t')) {
			plain_put(t, c == '\n' ? "\n" : "    ", c == '\n' ? 1 : 4);
			width = c == '\n' ? 0 : width + 4;
		} else {
			width += escape(t, n ? c : s.p[i]);
		}
		i += n ? n : 1;
		from = i;
	}
	if (from < s.n)
		plain_put(t, s.p + from, s.n - from);
	return width;
}

size_t plain_terminal(struct plain *t, struct span s, bool lines)
{
	return put_terminal(t, s, lines, is_active);
}

void plain_reviewed(struct plain *t, struct span s)
{
	(void)put_terminal(t, s, false, plain_hides);
}

void plain_html(struct plain *t, struct span s)
{
	for (size_t i = 0; i < s.n;) {
		uint32_t c = 0xfffd;
		size_t n = plain_char(span_of(s.p + i, s.n - i), &c);

		if (!n)
			plain_printf(t, "<i>\\x%02x</i>", s.p[i]);
		else if (c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' || c == '`' || c == '=')
			plain_printf(t, "&#%u;", (unsigned)c);
		else if (c != '\n' && c != '\t' && is_active(c))
			plain_printf(t, c <= 0xff ? "<i>\\x%02x</i>" : "<i>\\u%04x</i>", (unsigned)c);
		else
			plain_put(t, s.p + i, n);
		i += n ? n : 1;
	}
}
