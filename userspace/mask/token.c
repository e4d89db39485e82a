/* SPDX-License-Identifier: MIT */
/* A token is what a hash is, in a form to work with: a short word, an address, a number of the same range.
 * Whole numbers are permuted, so that no two ever meet in one token; they have one token in every type that
 * can hold them. Sign, and whether a number needs a bigint, stay as they are: a token of an int column must
 * fit an int column, and be the one that a bigint column has for the same number. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mask/keyed.h"
#include "mask/kind.h"
#include "value/numeric.h"

/* Base 32: 80 bits, in which a billion values meet once in two million tries. */
#define CODE_CHARS  16
#define CODE_LEAST  8 /* 40 bits; fewer would be a token that a few hundred thousand values share */
#define PREFIX      "tok_"
#define MAIL_DOMAIN "@example.com" /* RFC 2606: nobody's */
#define INT4_END    (UINT64_C(1) << 31)
#define INT8_END    (UINT64_C(1) << 63)

enum { CLASS_WHOLE = 0, CLASS_FRACTION = 2 }; /* plus 1: negative */

static const struct span none = {0};

static void code_of(char code[CODE_CHARS], const uint8_t mac[HMAC_LEN])
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

	for (unsigned i = 0; i < CODE_CHARS; i++) {
		unsigned bit = i * 5;
		unsigned two = (unsigned)mac[bit / 8] << 8 | mac[bit / 8 + 1];

		code[i] = digits[two >> (11 - bit % 8) & 31];
	}
}

static struct span token_text(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	char token[sizeof(PREFIX) + CODE_CHARS + sizeof(MAIL_DOMAIN)];
	size_t prefix = strlen(PREFIX), limit = value_text_limit(s);
	uint8_t mac[HMAC_LEN];
	struct span text, out;

	if (!value_get_text(s, cell, &text))
		return mask_redact(s, a);
	keyed_mac(m, "token text", text, mac);
	memcpy(token, PREFIX, prefix);
	code_of(token + prefix, mac);
	out = span_of(token, prefix + CODE_CHARS);
	if (m->mail) {
		memcpy(token + out.n, MAIL_DOMAIN, strlen(MAIL_DOMAIN));
		out.n += strlen(MAIL_DOMAIN);
	} else if (limit < prefix + CODE_LEAST) {
		out = span_of(token + prefix, CODE_CHARS);
	}
	if (limit < (m->mail ? out.n : CODE_LEAST))
		return mask_redact(s, a);
	out.n = out.n < limit ? out.n : limit;
	if (span_eq(out, text))
		return mask_redact(s, a);
	return value_put_text(a, s, out);
}

/* What stands for magnitude, which is below end. */
static uint64_t token_of(const struct mask *m, unsigned class, uint64_t magnitude, uint64_t end)
{
	uint64_t begin = 0;

	if (magnitude >= INT4_END)
		begin = INT4_END;
	else if (end > INT4_END)
		end = INT4_END;
	return begin + keyed_permute(&m->aes, (uint8_t) class, end - begin, magnitude - begin);
}

static struct span token_int(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	uint64_t end = s->type == VALUE_INT2   ? UINT64_C(1) << 15
		       : s->type == VALUE_INT4 ? INT4_END
					       : INT8_END;
	int64_t v, out;

	if (!value_get_int(s, cell, &v))
		return mask_redact(s, a);
	/* -1 - v of a negative v is what a type has as many of as of v from 0 on. */
	out = (int64_t)token_of(m, CLASS_WHOLE + (v < 0), (uint64_t)(v < 0 ? -1 - v : v), end);
	if (v < 0)
		out = -1 - out;
	return out == v ? none : value_put_int(a, s, out);
}

/* v in units of 10^-scale; false: it is no whole number of them, or beyond a bigint. */
static bool units_of(const struct numeric *v, int scale, uint64_t *units)
{
	int64_t exp = v->exp + (int64_t)scale;

	*units = 0;
	if (v->kind != NUMERIC_FINITE || (v->n && (exp < 0 || (int64_t)v->n + exp > 19)))
		return false;
	for (size_t i = 0; i < v->n; i++)
		*units = *units * 10 + (uint64_t)(v->digits[i] - '0');
	for (; v->n && exp > 0; exp--)
		*units *= 10;
	return *units < INT8_END;
}

static struct span token_numeric(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	int precision = 19, scale = 0, n;
	uint64_t end = INT8_END, units, out;
	struct numeric v;
	char text[40];

	if (s->typmod != -1 && !numeric_typmod(s->typmod, &precision, &scale))
		return none;
	if (!value_get_number(a, s, cell, &v))
		return mask_redact(s, a);
	if (precision < 19)
		for (end = 1, n = 0; n < precision; n++)
			end *= 10;
	/* There is a negative for each number but 0. */
	if (v.negative && end != INT8_END)
		end--;
	if (!units_of(&v, scale, &units) || units - v.negative >= end)
		return keyed_hash(m, "token ", s, cell, a);
	out = token_of(m, (scale ? CLASS_FRACTION : CLASS_WHOLE) + v.negative, units - v.negative, end) +
	      v.negative;
	if (out == units)
		return none;
	n = snprintf(text, sizeof(text), "%s%" PRIu64 "e%d", v.negative ? "-" : "", out, -scale);
	return value_put_literal(a, s, span_of(text, (size_t)n));
}

struct span mask_token(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	if (!aes_key_ready(&m->aes))
		return none;
	switch (value_family(s->type)) {
	case FAMILY_TEXT: return token_text(m, s, cell, a);
	case FAMILY_INTEGER: return token_int(m, s, cell, a);
	case FAMILY_NUMERIC: return token_numeric(m, s, cell, a);
	case FAMILY_UUID:
	case FAMILY_FLOAT:
	case FAMILY_MONEY:
	case FAMILY_BYTES:
	case FAMILY_NET:
	case FAMILY_MAC:
	case FAMILY_BITS: return keyed_hash(m, "token ", s, cell, a);
	case FAMILY_OTHER:
	case FAMILY_BOOL:
	case FAMILY_DATE:
	case FAMILY_TIMESTAMP:
	case FAMILY_TIME:
	case FAMILY_INTERVAL:
	case FAMILY_CHAR:
	case FAMILY_JSON:
	case FAMILY_XML: break;
	}
	return none;
}
