/* SPDX-License-Identifier: MIT */
/* The characters of the alphabet are encrypted as one string of digits, all but those that are kept; what
 * stands between them stays where it is. Kept ones are part of the tweak, so that what is encrypted beside
 * one says nothing of what is encrypted beside another. */
#include <string.h>

#include "mask/ff1.h"
#include "mask/kind.h"
#include "value/numeric.h"

/* Walks, for a check digit or a range, take ten steps or so. One that takes so many more is given up. */
#define WALK_MAX 2000
/* 900000 numbers have six digits. */
#define NUMBER_LEAST 7

static const struct span none = {0};

/* The characters of the alphabet in one value, and where they stand. */
struct line {
	uint16_t digits[FF1_DIGITS_MAX];
	size_t n, first, last; /* how many there are, and are kept at either end */
};

static bool digits_only(const struct mask *m)
{
	return strcmp(m->alphabet, FPE_DIGITS) == 0;
}

static bool separates(uint8_t c)
{
	return (c >= ' ' && c < '0') || (c > '9' && c < 'A') || (c > 'Z' && c < 'a') || (c > 'z' && c <= '~');
}

static bool line_of(const char *alphabet, struct span text, struct line *l)
{
	l->n = 0;
	for (size_t i = 0; i < text.n; i++) {
		const char *at = text.p[i] ? strchr(alphabet, text.p[i]) : NULL;

		if (at && l->n == FF1_DIGITS_MAX)
			return false;
		if (at)
			l->digits[l->n++] = (uint16_t)(at - alphabet);
		else if (!separates(text.p[i]))
			return false;
	}
	return true;
}

static unsigned luhn_sum(const uint16_t *digits, size_t n)
{
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned d = digits[n - 1 - i] * (i % 2 ? 2 : 1);

		sum += d > 9 ? d - 9 : d;
	}
	return sum % 10;
}

/* What must hold of the digits beside being digits. */
struct range {
	bool number;     /* no zero in front */
	const char *end; /* digits of the first number of as many that is too large; NULL: there is none */
};

static bool within(const struct line *l, const struct range *r)
{
	size_t n = r->end ? strlen(r->end) : 0;

	if (r->number && !l->digits[0])
		return false;
	if (l->n != n)
		return l->n < n || !r->end;
	for (size_t i = 0; i < n; i++)
		if (l->digits[i] != r->end[i] - '0')
			return l->digits[i] < r->end[i] - '0';
	return false;
}

static bool holds(const struct mask *m, const struct line *l, const struct range *r)
{
	return within(l, r) && (!m->luhn || luhn_sum(l->digits, l->n) == 0);
}

static struct span tweak_of(const struct line *l, uint8_t mem[FF1_DIGITS_MAX + 1])
{
	size_t n = 0;

	for (size_t i = 0; i < l->first; i++)
		mem[n++] = (uint8_t)l->digits[i];
	mem[n++] = 0xff;
	for (size_t i = l->n - l->last; i < l->n; i++)
		mem[n++] = (uint8_t)l->digits[i];
	return span_of(mem, n);
}

/* The digits that are kept must leave every string of the others in the range, or the walk would stay among
 * fewer than FF1_DOMAIN_MIN. */
static bool roomy(const struct line *l, size_t middle, const struct range *r)
{
	struct line low = *l, high = *l;

	if (!r->number)
		return true;
	if (!l->first)
		return middle >= NUMBER_LEAST;
	for (size_t i = l->first; i < l->n; i++) {
		low.digits[i] = 0;
		high.digits[i] = 9;
	}
	return within(&low, r) && within(&high, r);
}

/* false: l is not to be shown. With a check digit that is not kept that digit is made anew; otherwise FF1 is
 * applied until it comes to a string that holds, as the string before did: still a permutation, of those. */
static bool encrypt(const struct mask *m, struct line *l, const struct range *r)
{
	bool check = m->luhn && !m->last;
	const struct line was = *l;
	uint8_t mem[FF1_DIGITS_MAX + 1];
	struct span tweak;
	size_t middle;

	l->first = m->first;
	l->last = m->last;
	if (l->n < l->first + l->last + check || !l->n)
		return false;
	middle = l->n - l->first - l->last - check;
	if (!ff1_fits((unsigned)strlen(m->alphabet), middle) || !holds(m, l, r) || !roomy(l, middle, r))
		return false;
	tweak = tweak_of(l, mem);
	for (unsigned i = 0; i < WALK_MAX; i++) {
		if (!ff1_encrypt(&m->aes, (unsigned)strlen(m->alphabet), tweak, l->digits + l->first, middle))
			return false;
		if (check) {
			l->digits[l->n - 1] = 0;
			l->digits[l->n - 1] = (uint16_t)((10 - luhn_sum(l->digits, l->n)) % 10);
		}
		if (holds(m, l, r))
			return memcmp(l->digits, was.digits, l->n * sizeof(*l->digits)) != 0;
	}
	return false;
}

static struct span fpe_text(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	static const struct range any;
	struct span text;
	struct line l;
	uint8_t *mem;
	size_t next = 0;

	if (!value_get_text(s, cell, &text) || !line_of(m->alphabet, text, &l) || !encrypt(m, &l, &any))
		return mask_redact(s, a);
	mem = arena_alloc(a, text.n);
	if (!mem)
		return none;
	for (size_t i = 0; i < text.n; i++)
		mem[i] = strchr(m->alphabet, text.p[i]) ? (uint8_t)m->alphabet[l.digits[next++]] : text.p[i];
	return value_put_text(a, s, span_of(mem, text.n));
}

/* The digits of a number in units of 10^-scale, which a numeric(p,s) has p of at most. false: it is no whole
 * number of them. */
static bool number_line(const struct numeric *v, int scale, struct line *l)
{
	int64_t exp = v->exp + (int64_t)scale, n = (int64_t)v->n + exp;

	if (v->kind != NUMERIC_FINITE || !v->n || exp < 0 || n > FF1_DIGITS_MAX)
		return false;
	l->n = (size_t)n;
	for (size_t i = 0; i < l->n; i++)
		l->digits[i] = i < v->n ? v->digits[i] - (unsigned)'0' : 0;
	return true;
}

static const char *end_of(enum value_type t, bool negative)
{
	if (t == VALUE_INT2)
		return negative ? "32769" : "32768";
	if (t == VALUE_INT4)
		return negative ? "2147483649" : "2147483648";
	if (t == VALUE_INT8)
		return negative ? "9223372036854775809" : "9223372036854775808";
	return NULL;
}

static struct span fpe_number(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	char text[1 + FF1_DIGITS_MAX], *p = text;
	int precision, scale = 0;
	struct range r = {.number = true};
	struct numeric v, out;
	struct line l;

	if (!digits_only(m))
		return none;
	if (s->type == VALUE_NUMERIC && s->typmod != -1 && !numeric_typmod(s->typmod, &precision, &scale))
		return none;
	if (!value_get_number(a, s, cell, &v) || !number_line(&v, scale, &l))
		return mask_redact(s, a);
	r.end = end_of(s->type, v.negative);
	if (!encrypt(m, &l, &r))
		return mask_redact(s, a);
	*p++ = v.negative ? '-' : '+';
	for (size_t i = 0; i < l.n; i++)
		*p++ = (char)('0' + l.digits[i]);
	if (!numeric_get_text(a, span_of(text, (size_t)(p - text)), &out))
		return none;
	out.exp -= scale;
	return value_put_number(a, s, &out);
}

struct span mask_fpe(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	enum value_family f = value_family(s->type);

	if (!aes_key_ready(&m->aes) || !m->alphabet[0] || (m->luhn && !digits_only(m)))
		return none;
	if (f == FAMILY_TEXT)
		return fpe_text(m, s, cell, a);
	return f == FAMILY_INTEGER || f == FAMILY_NUMERIC ? fpe_number(m, s, cell, a) : none;
}
