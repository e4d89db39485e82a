/* SPDX-License-Identifier: MIT */
#include "mask/kind.h"

#include <string.h>

#include "value/numeric.h"

#define CARRY_DIGITS 16 /* of MASK_STEP_MAX */

static const struct span null = {0};

/* Whether what stands above a multiple of the step is taken up rather than down, for a value whose magnitude
 * is counted: halves go away from zero, a bucket's beginning lies below. tenths: the first digit behind the
 * point; more: whether anything stands there. */
static bool goes_up(const struct mask *m, uint64_t rest, unsigned tenths, bool more, bool negative)
{
	if (m->bucket)
		return negative && (rest || more);
	return rest * 2 + (tenths >= 5) >= m->step;
}

static bool step_int(const struct mask *m, int64_t v, int64_t *out)
{
	/* Away from the edges, where the multiple next to a value is out of range. */
	__int128 magnitude = v < 0 ? -(__int128)v : v, r;
	uint64_t rest = (uint64_t)(magnitude % m->step);

	r = magnitude - rest + (goes_up(m, rest, 0, false, v < 0) ? m->step : 0);
	r = v < 0 ? -r : r;
	*out = (int64_t)r;
	return r == *out;
}

/* text += v, where text has room in front for a carry; v may be negative where text stands for more. */
static void add(uint8_t *text, size_t n, int64_t v)
{
	for (size_t i = n; i-- > 0 && v;) {
		int64_t d = (text[i] - '0') + v, digit = ((d % 10) + 10) % 10;

		text[i] = (uint8_t)('0' + digit);
		v = (d - digit) / 10;
	}
}

/* Works on the digits before the point, as text: a numeric has up to 131072 of them. */
static struct span step_numeric(
	const struct mask *m, const struct value_shape *s, const struct numeric *v, struct arena *a)
{
	int64_t digits = (int64_t)v->n + v->exp, i;
	size_t whole = digits > 0 ? (size_t)digits : 0, n = 1 + 1 + whole; /* sign, carry */
	uint8_t *text = arena_alloc(a, n);
	uint64_t rest = 0;
	struct numeric out;
	unsigned tenths = digits >= 0 && whole < v->n ? v->digits[whole] - (unsigned)'0' : 0;

	if (!text)
		return null;
	text[0] = v->negative ? '-' : '+';
	text[1] = '0';
	for (i = 0; i < (int64_t)whole; i++) {
		text[2 + i] = i < (int64_t)v->n ? v->digits[i] : '0';
		rest = (rest * 10 + (uint64_t)(text[2 + i] - '0')) % m->step;
	}
	add(text + 1, n - 1, -(int64_t)rest);
	if (goes_up(m, rest, tenths, v->n && v->exp < 0, v->negative)) {
		/* There may be fewer digits than the step has. */
		uint8_t *wide = arena_alloc(a, n + CARRY_DIGITS);

		if (!wide)
			return null;
		wide[0] = text[0];
		memset(wide + 1, '0', CARRY_DIGITS);
		memcpy(wide + 1 + CARRY_DIGITS, text + 1, n - 1);
		text = wide;
		n += CARRY_DIGITS;
		add(text + 1, n - 1, (int64_t)m->step);
	}
	return numeric_get_text(a, span_of(text, n), &out) ? value_put_number(a, s, &out) : null;
}

struct span mask_number(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	bool integer = value_family(s->type) == FAMILY_INTEGER;
	struct numeric v;
	int64_t i;

	if (!value_is_number(s->type) || m->step < MASK_STEP_MIN || m->step > MASK_STEP_MAX)
		return null;
	if (integer ? !value_get_int(s, cell, &i) : !value_get_number(a, s, cell, &v))
		return mask_redact(s, a);
	if (integer)
		return step_int(m, i, &i) ? value_put_int(a, s, i) : null;
	return v.kind == NUMERIC_FINITE ? step_numeric(m, s, &v, a) : null;
}
