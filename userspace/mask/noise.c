/* SPDX-License-Identifier: MIT */
/* Noise of a number, keyed by the number: it is the same however often it is asked for, so that nothing is
 * won by asking often. Decimal and exact, in units of the last place that the column has. */
#include <string.h>

#include "mask/keyed.h"
#include "mask/kind.h"
#include "value/numeric.h"

/* Digits of a number in units: a million times as much is still a word of 128 bits. */
#define UNITS_MAX 30
/* Where the column has no last place one is taken that gives the noise four digits. */
#define WIDTH_LEAST 1000
#define SCALE_MAX   18

static const struct span none = {0};

struct noise {
	int exp;                            /* of a unit: 10^exp */
	__int128 value, width, least, most; /* in units; the two last are what the column can hold */
};

static __int128 power10(int n)
{
	__int128 p = 1;

	while (n-- > 0)
		p *= 10;
	return p;
}

/* The magnitude of v in units of 10^exp; false: it is no whole number of them, or too many. */
static bool count(const struct numeric *v, int exp, __int128 *out)
{
	int64_t zeros = (int64_t)v->exp - exp;

	*out = 0;
	if (!v->n)
		return true;
	if (zeros < 0 || (int64_t)v->n + zeros > UNITS_MAX)
		return false;
	for (size_t i = 0; i < v->n; i++)
		*out = *out * 10 + (v->digits[i] - '0');
	*out *= power10((int)zeros);
	return true;
}

/* How far the result may lie from a value of that magnitude, at least one unit. */
static bool width_of(const struct mask *m, int exp, __int128 magnitude, __int128 *out)
{
	if (!m->relative && (exp < -SCALE_MAX || exp > SCALE_MAX))
		return false;
	*out = m->relative ? magnitude * m->noise / NOISE_ONE
	       : exp < 0   ? m->noise * power10(-exp) / NOISE_ONE
			   : m->noise / power10(exp) / NOISE_ONE;
	*out = *out ? *out : 1;
	return true;
}

static bool measure(const struct mask *m, const struct numeric *v, int exp, struct noise *n)
{
	__int128 magnitude;

	n->exp = exp;
	if (!count(v, exp, &magnitude) || !width_of(m, exp, magnitude, &n->width))
		return false;
	n->value = v->negative ? -magnitude : magnitude;
	return true;
}

/* A float, or a numeric without a scale. */
static bool measure_finely(const struct mask *m, const struct numeric *v, struct noise *n)
{
	int exp = m->relative || v->exp < 0 ? v->exp : 0;

	if (!measure(m, v, exp, n))
		return false;
	while ((v->n || !m->relative) && n->width < WIDTH_LEAST && measure(m, v, exp - 1, n))
		exp--;
	return measure(m, v, exp, n);
}

/* What the column can hold, in its units. false: the units are to be chosen. */
static bool bounds(const struct value_shape *s, int *exp, struct noise *n)
{
	int precision, scale;

	n->most = n->least = power10(36);
	*exp = 0;
	if (value_family(s->type) == FAMILY_INTEGER) {
		n->least = (__int128)1 << (s->type == VALUE_INT2 ? 15 : s->type == VALUE_INT4 ? 31 : 63);
		n->most = n->least - 1;
		return true;
	}
	if (s->type == VALUE_MONEY && s->style) {
		n->least = (__int128)1 << 63;
		n->most = n->least - 1;
		*exp = -s->style->money.fraction;
		return true;
	}
	if (s->type != VALUE_NUMERIC || s->typmod == -1 || !numeric_typmod(s->typmod, &precision, &scale))
		return false;
	if (precision < 36)
		n->most = n->least = power10(precision) - 1;
	*exp = -scale;
	return true;
}

/* Any number from value - width to value + width but value itself, all alike. */
static bool draw(const struct noise *n, const uint8_t mac[HMAC_LEN], __int128 *out)
{
	__int128 from = n->value - n->width, to = n->value + n->width;
	unsigned __int128 r = (unsigned __int128)keyed_be64(mac) << 64 | keyed_be64(mac + 8);

	from = from < -n->least ? -n->least : from;
	to = to > n->most ? n->most : to;
	if (to <= from || n->value < from || n->value > to)
		return false;
	*out = from + (__int128)(r % (unsigned __int128)(to - from));
	*out += *out >= n->value;
	return true;
}

static bool number_of(struct arena *a, __int128 v, int exp, struct numeric *out)
{
	unsigned __int128 rest = v < 0 ? -(unsigned __int128)v : (unsigned __int128)v;
	char text[48], *p = text + sizeof(text);

	do
		*--p = (char)('0' + (unsigned)(rest % 10));
	while (rest /= 10);
	if (v < 0)
		*--p = '-';
	if (!numeric_get_text(a, span_of(p, (size_t)(text + sizeof(text) - p)), out))
		return false;
	out->exp += out->n ? exp : 0;
	return true;
}

struct span mask_noise(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	struct span canonical, out, again;
	struct noise n = {0};
	uint8_t mac[HMAC_LEN];
	struct numeric v;
	__int128 drawn;
	int exp;

	if (!value_is_number(s->type) || !m->noise || m->noise > (m->relative ? NOISE_ONE : NOISE_MAX))
		return none;
	if (!value_get_number(a, s, cell, &v) || !value_canonical(a, s, cell, &canonical))
		return mask_redact(s, a);
	if (v.kind != NUMERIC_FINITE ||
		!(bounds(s, &exp, &n) ? measure(m, &v, exp, &n) : measure_finely(m, &v, &n)))
		return none;
	keyed_mac(m, "noise", canonical, mac);
	if (!draw(&n, mac, &drawn) || !number_of(a, drawn, n.exp, &v))
		return none;
	out = value_put_number(a, s, &v);
	/* A float4 may have no room for so little. */
	if (!out.p || !value_canonical(a, s, out, &again) || span_eq(again, canonical))
		return none;
	return out;
}
