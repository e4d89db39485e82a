/* SPDX-License-Identifier: MIT */
/* That two texts give the same parse tree but for some constants is argued so. Outside constants they are the
 * same bytes. PostgreSQL's scanner is at the start of a token where the first constant begins: for one of the
 * two texts the parser itself said that a constant of just that value begins there (outline_free). What comes
 * before it cannot reach into it, and it ends where it seems to end: no letter, digit, quote, dot, dollar or
 * byte beyond ASCII touches it on either side, no other string follows it, and it holds neither quote nor
 * backslash. So in the other text the scanner gives a constant of the same kind at the same place, and is in
 * the same state behind it; and so on. The grammar looks at kinds of tokens, not at values, except where it
 * wants a number itself (LIMIT, float(24), interval(3) …), and no constant there is ever named as free. */
#include "sql/outline.h"

#include <string.h>

#define DIGITS_MAX 9 /* any such number is an int4 */

static bool is_digit(uint8_t b)
{
	return b >= '0' && b <= '9';
}

static bool is_word(uint8_t b)
{
	return is_digit(b) || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || b == '_';
}

static bool is_blank(uint8_t b)
{
	return b == ' ' || b == '\t' || b == '\n' || b == '\r';
}

static bool is_punctuation(uint8_t b)
{
	return b && strchr("(),;.*=<>+-/%!|~:[]", b);
}

struct scan {
	struct span text;
	size_t at;
	bool after_string; /* nothing but blanks since a string */
	struct outline *out;
};

static uint8_t peek(const struct scan *s, size_t ahead)
{
	return s->at + ahead < s->text.n ? s->text.p[s->at + ahead] : 0;
}

/* What may stand directly before a constant. */
static bool opens(const struct scan *s)
{
	uint8_t b = s->at ? s->text.p[s->at - 1] : ' ';

	return is_blank(b) || (b && strchr("(,=<>+-", b));
}

/* … and directly behind it. */
static bool closes(const struct scan *s)
{
	uint8_t b = peek(s, 0);

	return s->at == s->text.n || is_blank(b) || (is_punctuation(b) && b != '.');
}

static bool add(struct scan *s, size_t len, bool text)
{
	struct outline *o = s->out;

	if (o->n == OUTLINE_CONSTANTS_MAX || !opens(s))
		return false;
	o->c[o->n++] = (struct outline_constant){.at = (uint16_t)s->at, .len = (uint16_t)len, .text = text};
	s->at += len;
	s->after_string = text;
	return closes(s);
}

static bool number(struct scan *s)
{
	size_t n = 0;

	while (is_digit(peek(s, n)))
		n++;
	return n <= DIGITS_MAX && add(s, n, false);
}

static bool string(struct scan *s)
{
	size_t n = 1;

	if (s->after_string)
		return false; /* strings that only blanks part may be one */
	while (peek(s, n) != '\'') {
		uint8_t b = peek(s, n++);

		if (b < ' ' || b > '~' || b == '\\')
			return false;
	}
	return add(s, n + 1, true);
}

static bool quoted_name(struct scan *s)
{
	const uint8_t *end =
		s->at + 1 < s->text.n ? memchr(s->text.p + s->at + 1, '"', s->text.n - s->at - 1) : NULL;

	if (!end)
		return false;
	s->at = (size_t)(end - s->text.p) + 1;
	return true;
}

static bool word(struct scan *s)
{
	while (is_word(peek(s, 0)) || peek(s, 0) == '$')
		s->at++;
	return true;
}

static bool token(struct scan *s)
{
	uint8_t b = peek(s, 0), next = peek(s, 1);

	if (is_blank(b)) {
		s->at++;
		return true;
	}
	if (b == '\'')
		return string(s);
	s->after_string = false;
	if (is_digit(b))
		return number(s);
	if (b == '"')
		return quoted_name(s);
	/* A parameter; anything else behind a dollar is a quote of its own kind. */
	if (is_word(b) || (b == '$' && is_digit(next)))
		return s->at++, word(s);
	/* Comments, and numbers that begin with a dot. */
	if (!is_punctuation(b) || (b == '-' && next == '-') || (b == '/' && next == '*') ||
		(b == '.' && is_digit(next)))
		return false;
	s->at++;
	return true;
}

static uint64_t hash(uint64_t h, struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		h = (h ^ s.p[i]) * 0x100000001b3u;
	return h;
}

/* The text between two constants; i == n: behind the last. */
static struct span gap(const struct outline *o, struct span text, unsigned i)
{
	size_t from = i ? (size_t)o->c[i - 1].at + o->c[i - 1].len : 0, to = i < o->n ? o->c[i].at : text.n;

	return span_of(text.p + from, to - from);
}

bool outline_of(struct span text, struct outline *out)
{
	struct scan s = {.text = text, .out = out};

	out->n = 0;
	if (text.n > OUTLINE_TEXT_MAX)
		return false;
	while (s.at < text.n)
		if (!token(&s))
			return false;
	out->hash = 0xcbf29ce484222325u;
	for (unsigned i = 0; i <= out->n; i++)
		out->hash = hash(out->hash, gap(out, text, i)) + (i < out->n && out->c[i].text);
	return out->n > 0;
}

static bool reads_alike(struct span text, const struct outline_constant *c, const struct free_constant *f)
{
	const uint8_t *p = text.p + c->at;
	int value = 0;

	if (c->text)
		return f->text && f->location == c->at &&
		       span_is(span_of(p + 1, (size_t)c->len - 2), f->text);
	for (unsigned i = 0; i < c->len; i++)
		value = value * 10 + (p[i] - '0');
	/* The parser takes a minus before a number for a part of it. */
	return !f->text &&
	       ((f->location == c->at && f->number == value) ||
		       (c->at > 0 && f->location == c->at - 1 && p[-1] == '-' && f->number == -value));
}

bool outline_free(
	struct span text, struct outline *o, const struct free_constant *constants, unsigned nconstants)
{
	bool any = false;

	for (unsigned i = 0; i < o->n; i++) {
		o->c[i].free = false;
		for (unsigned k = 0; k < nconstants && !o->c[i].free; k++)
			o->c[i].free = reads_alike(text, &o->c[i], &constants[k]);
		any |= o->c[i].free;
	}
	return any;
}

bool outline_same(const struct outline *a, struct span a_text, const struct outline *b, struct span b_text)
{
	if (a->hash != b->hash || a->n != b->n)
		return false;
	for (unsigned i = 0; i <= a->n; i++) {
		if (!span_eq(gap(a, a_text, i), gap(b, b_text, i)))
			return false;
		if (i == a->n)
			break;
		if (a->c[i].text != b->c[i].text ||
			(!a->c[i].free && !span_eq(span_of(a_text.p + a->c[i].at, a->c[i].len),
						  span_of(b_text.p + b->c[i].at, b->c[i].len))))
			return false;
	}
	return true;
}
