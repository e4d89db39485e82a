/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mask/hmac.h"
#include "mask/kind.h"
#include "value/numeric.h"

_Static_assert(MASK_KEY_LEN == HMAC_KEY_LEN, "the policy's key is the MAC's key");

/* Fewer hexadecimal digits would be a hash that a few thousand values collide in. */
#define MIN_HASH_CHARS 8
/* A numeric hash is read by clients as a double as often as not; it holds 15 digits. */
#define MAX_HASH_DIGITS 15

static const struct span none = {0};

/* Types that hash alike where their values are equal; NULL: not hashed. bool has two values: whoever knows
 * one row knows all. A date of birth is one of some 30,000 days and the common ones show by their count;
 * besides, a hash that is a date again is taken for one, sorted and subtracted. Timestamps are dates with a
 * time of day. */
static const char *hash_class(enum value_type t)
{
	switch (value_family(t)) {
	case FAMILY_TEXT: return "text";
	case FAMILY_INTEGER: return "int";
	case FAMILY_NUMERIC: return "numeric";
	case FAMILY_UUID: return "uuid";
	case FAMILY_BOOL:
	case FAMILY_DATE:
	case FAMILY_TIMESTAMP:
	case FAMILY_OTHER:
	case FAMILY_BYTES:
	case FAMILY_CHAR:
	case FAMILY_JSON:
	case FAMILY_XML:
	case FAMILY_FLOAT:
	case FAMILY_MONEY:
	case FAMILY_TIME:
	case FAMILY_INTERVAL:
	case FAMILY_NET:
	case FAMILY_MAC:
	case FAMILY_BITS: break;
	}
	return NULL;
}

static struct span hash_text(struct arena *a, const struct value_shape *s, const uint8_t mac[HMAC_LEN])
{
	static const char digits[] = "0123456789abcdef";
	char hex[HMAC_LEN * 2];
	size_t i;

	if (value_text_limit(s) < MIN_HASH_CHARS)
		return mask_redact(s, a);
	for (i = 0; i < HMAC_LEN; i++) {
		hex[i * 2] = digits[mac[i] >> 4];
		hex[i * 2 + 1] = digits[mac[i] & 15];
	}
	return value_put_text(a, s, span_of(hex, sizeof(hex)));
}

static uint64_t be64(const uint8_t *p)
{
	struct cur c = cur_of(span_of(p, 8));

	return cur_be64(&c);
}

/* All the column's digits, up to 15, as an integer of its last place: 10 digits in numeric(10,2) are
 * 12345678.90. */
static struct span hash_numeric(struct arena *a, const struct value_shape *s, const uint8_t *mac)
{
	int precision = MAX_HASH_DIGITS, scale = 0;
	uint64_t limit = 1;
	char text[40];
	int n;

	if (s->typmod != -1 && !numeric_typmod(s->typmod, &precision, &scale))
		return none;
	for (n = 0; n < precision && n < MAX_HASH_DIGITS; n++)
		limit *= 10;
	n = snprintf(text, sizeof(text), "%" PRIu64 "e%d", be64(mac) % limit, -scale);
	return value_put_literal(a, s, span_of(text, (size_t)n));
}

static struct span hash_uuid(struct arena *a, const struct value_shape *s, const uint8_t *mac)
{
	uint8_t uuid[16];

	memcpy(uuid, mac, sizeof(uuid));
	uuid[6] = 0x80 | (uuid[6] & 0x0f); /* RFC 9562: version 8, made by the application; variant 10 */
	uuid[8] = 0x80 | (uuid[8] & 0x3f);
	return value_put_uuid(a, s, uuid);
}

/* A value of the type out of the MAC, or out of its second half. */
static struct span hash_value(
	struct arena *a, const struct value_shape *s, const uint8_t mac[HMAC_LEN], bool second)
{
	const uint8_t *half = mac + (second ? HMAC_LEN / 2 : 0);

	switch (value_family(s->type)) {
	case FAMILY_TEXT: return second ? none : hash_text(a, s, mac);
	case FAMILY_INTEGER:
		return value_put_int(a, s,
			(int64_t)(be64(half) >> (s->type == VALUE_INT2          ? 64 - 15
							: s->type == VALUE_INT4 ? 64 - 31
										: 1)));
	case FAMILY_NUMERIC: return hash_numeric(a, s, half);
	case FAMILY_UUID: return hash_uuid(a, s, half);
	case FAMILY_BOOL:
	case FAMILY_DATE:
	case FAMILY_TIMESTAMP:
	case FAMILY_OTHER:
	case FAMILY_BYTES:
	case FAMILY_CHAR:
	case FAMILY_JSON:
	case FAMILY_XML:
	case FAMILY_FLOAT:
	case FAMILY_MONEY:
	case FAMILY_TIME:
	case FAMILY_INTERVAL:
	case FAMILY_NET:
	case FAMILY_MAC:
	case FAMILY_BITS: break;
	}
	return none;
}

struct span mask_hash(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	const char *class = hash_class(s->type);
	struct span canonical, out, again;
	uint8_t mac[HMAC_LEN];
	unsigned second;

	if (!class)
		return none;
	if (!value_canonical(a, s, cell, &canonical))
		return mask_redact(s, a);
	hmac_sha256(m->key,
		(struct span[]){
			span_of(m->domain, strnlen(m->domain, sizeof(m->domain))),
			SPAN_LIT("\0"),
			span_of(class, strlen(class)),
			SPAN_LIT("\0"),
			canonical,
		},
		5, mac);
	/* In a small type, numeric(1) say, a value can hash to itself. It is never sent. */
	for (second = 0; second < 2; second++) {
		out = hash_value(a, s, mac, second);
		if (!out.p || !value_canonical(a, s, out, &again))
			return none;
		if (!span_eq(again, canonical))
			return out;
	}
	return none;
}
