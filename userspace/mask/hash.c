/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "mask/keyed.h"
#include "mask/kind.h"
#include "value/numeric.h"

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
	case FAMILY_CHAR:
	case FAMILY_JSON:
	case FAMILY_XML:
	case FAMILY_TIME:
	case FAMILY_INTERVAL: break;
	case FAMILY_FLOAT: return "float";
	case FAMILY_MONEY: return "money";
	case FAMILY_BYTES: return "bytes";
	case FAMILY_NET: return "net";
	case FAMILY_MAC: return "mac";
	case FAMILY_BITS: return "bits";
	}
	return NULL;
}

bool mask_hashes(enum value_type t)
{
	return hash_class(t) != NULL;
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
	n = snprintf(text, sizeof(text), "%" PRIu64 "e%d", keyed_be64(mac) % limit, -scale);
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

/* As many digits as the type holds exactly. */
static struct span hash_amount(struct arena *a, const struct value_shape *s, const uint8_t *mac)
{
	uint64_t v = keyed_be64(mac);

	if (s->type == VALUE_MONEY)
		return value_put_money(a, s, (int64_t)(v % 1000000000000000));
	return value_put_float(a, s, (double)(v % (s->type == VALUE_FLOAT4 ? 10000000 : 1000000000000000)));
}

/* Addresses that nobody has: 240.0.0.0/4 is reserved (RFC 1112), fd00::/8 is not routed (RFC 4193), and a MAC
 * address with that bit was given by no maker. The version of an address stays. */
static struct span hash_address(
	struct arena *a, const struct value_shape *s, struct span canonical, const uint8_t *mac)
{
	struct netaddr v = {.v6 = canonical.n && memchr(canonical.p, ':', canonical.n)};
	uint8_t own[8];

	if (value_mac_len(s->type)) {
		memcpy(own, mac, sizeof(own));
		own[0] = (own[0] & 0xfc) | 2;
		return value_put_mac(a, s, own);
	}
	v.bits = v.v6 ? 128 : 32;
	memcpy(v.addr, mac, v.v6 ? 16 : 4);
	v.addr[0] = v.v6 ? 0xfd : v.addr[0] | 0xf0;
	return value_put_net(a, s, &v);
}

static struct span hash_bits(struct arena *a, const struct value_shape *s, const uint8_t mac[HMAC_LEN])
{
	size_t most = s->typmod > 0 ? (size_t)s->typmod : HMAC_LEN * 8, n = most;

	if (n > HMAC_LEN * 8 && s->type == VALUE_VARBIT)
		n = HMAC_LEN * 8;
	return n < MIN_HASH_CHARS * 4 ? mask_redact(s, a) : value_put_bits(a, s, span_of(mac, HMAC_LEN), n);
}

/* A value of the type out of the MAC, or out of its second half. */
static struct span hash_value(struct arena *a, const struct value_shape *s, struct span canonical,
	const uint8_t mac[HMAC_LEN], bool second)
{
	const uint8_t *half = mac + (second ? HMAC_LEN / 2 : 0);

	switch (value_family(s->type)) {
	case FAMILY_TEXT: return second ? none : hash_text(a, s, mac);
	case FAMILY_INTEGER:
		return value_put_int(a, s,
			(int64_t)(keyed_be64(half) >> (s->type == VALUE_INT2          ? 64 - 15
							      : s->type == VALUE_INT4 ? 64 - 31
										      : 1)));
	case FAMILY_NUMERIC: return hash_numeric(a, s, half);
	case FAMILY_UUID: return hash_uuid(a, s, half);
	case FAMILY_BOOL:
	case FAMILY_DATE:
	case FAMILY_TIMESTAMP:
	case FAMILY_OTHER:
	case FAMILY_CHAR:
	case FAMILY_JSON:
	case FAMILY_XML:
	case FAMILY_TIME:
	case FAMILY_INTERVAL: break;
	case FAMILY_FLOAT:
	case FAMILY_MONEY: return hash_amount(a, s, half);
	case FAMILY_BYTES: return second ? none : value_put_bytes(a, s, span_of(mac, HMAC_LEN));
	case FAMILY_NET:
	case FAMILY_MAC: return hash_address(a, s, canonical, half);
	case FAMILY_BITS: return second ? none : hash_bits(a, s, mac);
	}
	return none;
}

struct span keyed_hash(
	const struct mask *m, const char *use, const struct value_shape *s, struct span cell, struct arena *a)
{
	const char *class = hash_class(s->type);
	struct span canonical, out, again;
	uint8_t mac[HMAC_LEN];
	char whole[24];
	unsigned second;

	if (!class)
		return none;
	if (!value_canonical(a, s, cell, &canonical))
		return mask_redact(s, a);
	snprintf(whole, sizeof(whole), "%s%s", use, class);
	keyed_mac(m, whole, canonical, mac);
	/* In a small type, numeric(1) say, a value can hash to itself. It is never sent. */
	for (second = 0; second < 2; second++) {
		out = hash_value(a, s, canonical, mac, second);
		if (!out.p || !value_canonical(a, s, out, &again))
			return none;
		if (!span_eq(again, canonical))
			return out;
	}
	return none;
}

struct span mask_hash(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	return keyed_hash(m, "", s, cell, a);
}
