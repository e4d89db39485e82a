/* SPDX-License-Identifier: MIT */
/* Numbers of value.h: int2/4/8, numeric, float4/8, money. */
#include <math.h>

#include "value/cell.h"
#include "value/float.h"
#include "value/money.h"
#include "value/numeric.h"
#include "value/value.h"

static const struct span none = {0};

bool value_is_number(enum value_type t)
{
	enum value_family f = value_family(t);

	return f == FAMILY_INTEGER || f == FAMILY_NUMERIC || f == FAMILY_FLOAT || f == FAMILY_MONEY;
}

/* Bytes of an integer type in binary; 0 for any other type. */
static size_t int_width(enum value_type t)
{
	return t == VALUE_INT2 ? 2 : t == VALUE_INT4 ? 4 : t == VALUE_INT8 ? 8 : 0;
}

static const struct money_format *money_of(const struct value_shape *s)
{
	return s->style && s->style->money.known ? &s->style->money : NULL;
}

struct span value_put_money(struct arena *a, const struct value_shape *s, int64_t amount)
{
	const struct money_format *f = money_of(s);
	char text[MONEY_TEXT_MAX];

	if (s->type != VALUE_MONEY || (!f && amount))
		return none;
	if (s->format == VALUE_BINARY_FORMAT)
		return cell_be(a, (uint64_t)amount, 8);
	/* Without a format there is one text that means the same in every locale. */
	return f ? cell_copy(a, text, money_put(f, text, amount)) : cell_copy(a, "0", 1);
}

bool value_get_money(const struct value_shape *s, struct span cell, int64_t *amount)
{
	const struct money_format *f = money_of(s);

	if (s->type != VALUE_MONEY || !f)
		return false;
	if (s->format == VALUE_BINARY_FORMAT)
		return cell_get_be(cell, 8, amount);
	return money_get(f, cell, amount);
}

struct span value_put_float(struct arena *a, const struct value_shape *s, double v)
{
	union {
		double d;
		uint64_t u;
	} eight = {v};
	union {
		float f;
		uint32_t u;
	} four = {(float)v};
	char text[FLOAT_TEXT_MAX];
	bool single = s->type == VALUE_FLOAT4;

	if (value_family(s->type) != FAMILY_FLOAT || !isfinite(v) || (single && !isfinite(four.f)))
		return none;
	if (s->format == VALUE_BINARY_FORMAT)
		return single ? cell_be(a, four.u, 4) : cell_be(a, eight.u, 8);
	return cell_copy(a, text, float_put(text, single, single ? (double)four.f : v));
}

bool value_get_float(const struct value_shape *s, struct span cell, double *v)
{
	union {
		uint64_t u;
		double d;
	} eight;
	union {
		uint32_t u;
		float f;
	} four;
	int64_t bits;

	if (value_family(s->type) != FAMILY_FLOAT)
		return false;
	if (s->format == VALUE_TEXT_FORMAT)
		return float_get(cell, s->type == VALUE_FLOAT4, v);
	if (!cell_get_be(cell, s->type == VALUE_FLOAT4 ? 4 : 8, &bits))
		return false;
	eight.u = (uint64_t)bits;
	four.u = (uint32_t)bits;
	*v = s->type == VALUE_FLOAT4 ? (double)four.f : eight.d;
	return true;
}

static struct span put_integer(struct arena *a, const struct value_shape *s, int64_t v)
{
	size_t width = int_width(s->type);
	char text[CELL_TEXT_MAX];
	struct pen w = {text};

	if ((width == 2 && v != (int16_t)v) || (width == 4 && v != (int32_t)v))
		return none;
	if (s->format == VALUE_BINARY_FORMAT)
		return cell_be(a, (uint64_t)v, width);
	pen_int(&w, v);
	return cell_copy(a, text, (size_t)(w.p - text));
}

struct span value_put_int(struct arena *a, const struct value_shape *s, int64_t v)
{
	char text[CELL_TEXT_MAX];
	struct pen w = {text};
	struct numeric n;

	if (int_width(s->type))
		return put_integer(a, s, v);
	if (v == 0 && s->type == VALUE_MONEY)
		return value_put_money(a, s, 0);
	pen_int(&w, v);
	if (!value_is_number(s->type) || !numeric_get_text(a, span_of(text, (size_t)(w.p - text)), &n))
		return none;
	return value_put_number(a, s, &n);
}

/* Decimal digits with an optional sign. */
static bool int_of(struct span text, int64_t *v)
{
	struct cur c = cur_of(text);
	bool negative = false;

	*v = 0;
	if (cur_left(&c) && (*c.p == '-' || *c.p == '+'))
		negative = cur_u8(&c) == '-';
	if (!cur_left(&c))
		return false;
	while (cur_left(&c)) {
		uint8_t b = cur_u8(&c);

		if (b < '0' || b > '9' || __builtin_mul_overflow(*v, 10, v))
			return false;
		/* Counted downwards, where there is room for INT64_MIN. */
		if (__builtin_sub_overflow(*v, b - '0', v))
			return false;
	}
	return negative || !__builtin_sub_overflow(0, *v, v);
}

bool value_get_int(const struct value_shape *s, struct span cell, int64_t *v)
{
	size_t width = int_width(s->type);

	if (!width)
		return false;
	if (s->format == VALUE_BINARY_FORMAT)
		return cell_get_be(cell, width, v);
	return int_of(cell, v) && (width != 2 || *v == (int16_t)*v) && (width != 4 || *v == (int32_t)*v);
}

/* v * 10^shift as an integer; false where it is none, or too large. */
static bool integer_of(const struct numeric *n, int shift, int64_t *v)
{
	int64_t exp = (int64_t)n->exp + shift;

	*v = 0;
	if (n->kind != NUMERIC_FINITE || (n->n && (exp < 0 || (int64_t)n->n + exp > 19)))
		return false;
	for (size_t i = 0; i < n->n; i++)
		if (__builtin_mul_overflow(*v, 10, v) ||
			(n->negative ? __builtin_sub_overflow(*v, n->digits[i] - '0', v)
				     : __builtin_add_overflow(*v, n->digits[i] - '0', v)))
			return false;
	for (; n->n && exp > 0; exp--)
		if (__builtin_mul_overflow(*v, 10, v))
			return false;
	return true;
}

static struct span put_as_float(struct arena *a, const struct value_shape *s, const struct numeric *n)
{
	struct span text = numeric_canonical(a, n);
	char rounded[FLOAT_TEXT_MAX];
	int64_t whole;
	double v;

	if (integer_of(n, 0, &whole) && whole == (int64_t)(double)whole && whole != INT64_MAX)
		return value_put_float(a, s, (double)whole);
	if (!text.p)
		return none;
	if (text.n > 60) { /* more digits than any float has */
		memcpy(rounded, text.p, 20);
		int64_t exp = n->exp + (int64_t)(n->n + n->negative) - 20;
		struct pen w = {rounded + 20};

		pen_char(&w, 'e');
		pen_int(&w, exp);
		text = span_of(rounded, (size_t)(w.p - rounded));
	}
	return float_get(text, s->type == VALUE_FLOAT4, &v) ? value_put_float(a, s, v) : none;
}

struct span value_put_number(struct arena *a, const struct value_shape *s, const struct numeric *n)
{
	const struct money_format *f = money_of(s);
	int64_t v;

	if (n->kind != NUMERIC_FINITE)
		return none;
	if (int_width(s->type))
		return integer_of(n, 0, &v) ? put_integer(a, s, v) : none;
	if (s->type == VALUE_MONEY) {
		if (!n->n)
			return value_put_money(a, s, 0);
		return f && integer_of(n, f->fraction, &v) ? value_put_money(a, s, v) : none;
	}
	if (value_family(s->type) == FAMILY_FLOAT)
		return put_as_float(a, s, n);
	if (s->type != VALUE_NUMERIC)
		return none;
	return s->format == VALUE_TEXT_FORMAT ? numeric_put_text(a, n, s->typmod)
					      : numeric_put_binary(a, n, s->typmod);
}

static bool get_from_int(struct arena *a, int64_t v, int exp, struct numeric *n)
{
	char text[CELL_TEXT_MAX];
	struct pen w = {text};

	pen_int(&w, v);
	if (exp) {
		pen_char(&w, 'e');
		pen_int(&w, exp);
	}
	return numeric_get_text(a, span_of(text, (size_t)(w.p - text)), n);
}

bool value_get_number(struct arena *a, const struct value_shape *s, struct span cell, struct numeric *n)
{
	const struct money_format *f = money_of(s);
	char text[FLOAT_TEXT_MAX];
	int64_t v;
	double d;

	if (int_width(s->type))
		return value_get_int(s, cell, &v) && get_from_int(a, v, 0, n);
	if (s->type == VALUE_MONEY)
		return value_get_money(s, cell, &v) && get_from_int(a, v, -f->fraction, n);
	if (value_family(s->type) == FAMILY_FLOAT) {
		if (!value_get_float(s, cell, &d))
			return false;
		return numeric_get_text(a, span_of(text, float_put(text, s->type == VALUE_FLOAT4, d)), n);
	}
	if (s->type != VALUE_NUMERIC)
		return false;
	return s->format == VALUE_TEXT_FORMAT ? numeric_get_text(a, cell, n) : numeric_get_binary(a, cell, n);
}
