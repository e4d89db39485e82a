/* SPDX-License-Identifier: MIT */
#include "value/numeric.h"

#include <stdio.h>
#include <string.h>

/* The binary format (numeric_send): be16 ndigits, weight, sign, dscale, then ndigits groups of four decimal
 * digits, the first of which counts 10000^weight. dscale is how many digits the text form shows after the
 * point. */
#define SIGN_POSITIVE          0x0000
#define SIGN_NEGATIVE          0x4000
#define SIGN_NAN               0xc000
#define SIGN_INFINITY          0xd000
#define SIGN_NEGATIVE_INFINITY 0xf000
#define GROUP_DIGITS           4
#define GROUP_BASE             10000

/* What the type can hold (numeric.h of the server: NUMERIC_WEIGHT_MAX, NUMERIC_DSCALE_MAX). */
#define MAX_WHOLE_DIGITS 131072
#define MAX_SCALE        16383
/* No exponent in text needs to be larger, however many zeros stand before it. */
#define MAX_EXP INT64_C(4000000000)

#define TYPMOD_HEADER 4

bool numeric_typmod(int32_t typmod, int *precision, int *scale)
{
	int32_t m = typmod - TYPMOD_HEADER;

	if (typmod < TYPMOD_HEADER)
		return false;
	*precision = (m >> 16) & 0xffff;
	*scale = ((m & 0x7ff) ^ 1024) - 1024;
	return (m & 0xf800) == 0 && *precision >= 1 && *precision <= 1000 && *scale >= -1000 &&
	       *scale <= 1000;
}

/* Brings digits to normal form and checks that the value is one that the type can hold at all. */
static bool normalise(struct numeric *v, const uint8_t *digits, size_t n, int64_t exp)
{
	while (n && digits[0] == '0') {
		digits++;
		n--;
	}
	while (n && digits[n - 1] == '0') {
		n--;
		exp++;
	}
	if (!n) {
		*v = (struct numeric){.kind = NUMERIC_FINITE};
		return true;
	}
	if (exp < -MAX_SCALE || (int64_t)n + exp > MAX_WHOLE_DIGITS)
		return false;
	v->kind = NUMERIC_FINITE;
	v->digits = digits;
	v->n = n;
	v->exp = (int32_t)exp;
	return true;
}

static bool special(struct span text, struct numeric *v)
{
	if (span_is(text, "NaN"))
		*v = (struct numeric){.kind = NUMERIC_NAN};
	else if (span_is(text, "Infinity"))
		*v = (struct numeric){.kind = NUMERIC_INFINITY};
	else if (span_is(text, "-Infinity"))
		*v = (struct numeric){.kind = NUMERIC_INFINITY, .negative = true};
	else
		return false;
	return true;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* e[+-]digits, at the end of the text. */
static bool exponent(struct cur *c, int64_t *exp)
{
	bool negative = false;
	int64_t e = 0;

	if (cur_left(c) && (*c->p == '+' || *c->p == '-'))
		negative = cur_u8(c) == '-';
	if (!cur_left(c))
		return false;
	while (cur_left(c)) {
		uint8_t d = cur_u8(c);

		if (!is_digit(d))
			return false;
		e = e * 10 + (d - '0');
		if (e > MAX_EXP)
			return false;
	}
	*exp += negative ? -e : e;
	return true;
}

bool numeric_get_text(struct arena *a, struct span text, struct numeric *v)
{
	struct cur c = cur_of(text);
	bool point = false;
	int64_t exp = 0;
	uint8_t *digits;
	size_t n = 0;

	*v = (struct numeric){0};
	if (special(text, v))
		return true;
	digits = arena_alloc(a, text.n);
	if (!digits || !text.n)
		return false;
	if (*c.p == '+' || *c.p == '-')
		v->negative = cur_u8(&c) == '-';
	while (cur_left(&c)) {
		uint8_t b = cur_u8(&c);

		if (is_digit(b)) {
			digits[n++] = b;
			exp -= point;
		} else if (b == '.' && !point) {
			point = true;
		} else if ((b == 'e' || b == 'E') && n) {
			if (!exponent(&c, &exp))
				return false;
		} else {
			return false;
		}
	}
	return n && normalise(v, digits, n, exp);
}

bool numeric_get_binary(struct arena *a, struct span cell, struct numeric *v)
{
	struct cur c = cur_of(cell);
	unsigned ndigits = cur_be16(&c), i, k;
	int weight = (int16_t)cur_be16(&c);
	unsigned sign = cur_be16(&c), dscale = cur_be16(&c);
	uint8_t *digits;

	*v = (struct numeric){0};
	if (c.bad || cur_left(&c) != (size_t)ndigits * 2)
		return false;
	if (sign == SIGN_NAN || sign == SIGN_INFINITY || sign == SIGN_NEGATIVE_INFINITY) {
		/* dscale means nothing here: the server sends 32 with its infinities. */
		v->kind = sign == SIGN_NAN ? NUMERIC_NAN : NUMERIC_INFINITY;
		v->negative = sign == SIGN_NEGATIVE_INFINITY;
		return ndigits == 0;
	}
	if ((sign != SIGN_POSITIVE && sign != SIGN_NEGATIVE) || dscale > MAX_SCALE)
		return false;
	digits = arena_alloc(a, (size_t)ndigits * GROUP_DIGITS);
	if (!digits)
		return false;
	for (i = 0; i < ndigits; i++) {
		unsigned group = cur_be16(&c);

		if (group >= GROUP_BASE)
			return false;
		for (k = GROUP_DIGITS; k-- > 0; group /= 10)
			digits[i * GROUP_DIGITS + k] = (uint8_t)('0' + group % 10);
	}
	v->negative = sign == SIGN_NEGATIVE;
	if (!normalise(v, digits, (size_t)ndigits * GROUP_DIGITS,
		    (int64_t)GROUP_DIGITS * (weight - (int)ndigits + 1)))
		return false;
	/* Digits that the text form would not show: two forms of one cell would differ. The server never
	 * sends it. */
	return v->exp >= -(int)dscale;
}

/* Whether v can stand in a column of that typmod as it is, and with how many digits after the point. */
static bool fits(const struct numeric *v, int32_t typmod, int *scale)
{
	int precision, s;

	if (v->kind != NUMERIC_FINITE)
		return false;
	if (typmod == -1) {
		*scale = v->exp < 0 ? -v->exp : 0;
		return true;
	}
	if (!numeric_typmod(typmod, &precision, &s))
		return false;
	*scale = s > 0 ? s : 0;
	return !v->n || (v->exp >= -s && (int64_t)v->n + v->exp <= precision - s);
}

/* The digit that counts 10^place; '0' outside of the digits that v has. */
static uint8_t digit_at(const struct numeric *v, int64_t place)
{
	int64_t i = (int64_t)v->n - 1 - (place - v->exp);

	return i >= 0 && i < (int64_t)v->n ? v->digits[i] : '0';
}

struct span numeric_put_text(struct arena *a, const struct numeric *v, int32_t typmod)
{
	int64_t whole, place;
	uint8_t *text, *p;
	int scale;

	if (!fits(v, typmod, &scale))
		return (struct span){0};
	whole = (int64_t)v->n + v->exp;
	if (whole < 1)
		whole = 1;
	p = text = arena_alloc(a, (size_t)(1 + whole + 1 + scale));
	if (!text)
		return (struct span){0};
	if (v->negative)
		*p++ = '-';
	for (place = whole - 1; place >= -scale; place--) {
		if (place == -1)
			*p++ = '.';
		*p++ = digit_at(v, place);
	}
	return span_of(text, (size_t)(p - text));
}

static uint8_t *put_be16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
	return p + 2;
}

/* The group of four that the digit of this place is in. */
static int group_of(int64_t place)
{
	return (int)(place >= 0 ? place / GROUP_DIGITS : -((-place + GROUP_DIGITS - 1) / GROUP_DIGITS));
}

struct span numeric_put_binary(struct arena *a, const struct numeric *v, int32_t typmod)
{
	int scale, weight = 0, last = 0, ndigits = 0, g, k;
	uint8_t *cell, *p;

	if (!fits(v, typmod, &scale))
		return (struct span){0};
	if (v->n) {
		weight = group_of((int64_t)v->n - 1 + v->exp);
		last = group_of(v->exp);
		ndigits = weight - last + 1;
	}
	p = cell = arena_alloc(a, 8 + (size_t)ndigits * 2);
	if (!cell)
		return (struct span){0};
	p = put_be16(p, (unsigned)ndigits);
	p = put_be16(p, (unsigned)weight);
	p = put_be16(p, v->negative ? SIGN_NEGATIVE : SIGN_POSITIVE);
	p = put_be16(p, (unsigned)scale);
	for (g = weight; ndigits && g >= last; g--) {
		unsigned group = 0;

		for (k = GROUP_DIGITS; k-- > 0;)
			group = group * 10 + (digit_at(v, (int64_t)g * GROUP_DIGITS + k) - '0');
		p = put_be16(p, group);
	}
	return span_of(cell, (size_t)(p - cell));
}

struct span numeric_canonical(struct arena *a, const struct numeric *v)
{
	char exp[16] = "";
	uint8_t *text;
	size_t e;

	switch (v->kind) {
	case NUMERIC_NAN: return SPAN_LIT("NaN");
	case NUMERIC_INFINITY: return v->negative ? SPAN_LIT("-Infinity") : SPAN_LIT("Infinity");
	case NUMERIC_FINITE: break;
	}
	if (!v->n)
		return SPAN_LIT("0");
	if (v->exp)
		snprintf(exp, sizeof(exp), "e%d", v->exp);
	e = strlen(exp);
	text = arena_alloc(a, 1 + v->n + e);
	if (!text)
		return (struct span){0};
	text[0] = '-';
	memcpy(text + v->negative, v->digits, v->n);
	memcpy(text + v->negative + v->n, exp, e);
	return span_of(text, v->negative + v->n + e);
}
