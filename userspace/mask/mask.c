/* SPDX-License-Identifier: MIT */
#include "mask/mask.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mask/hmac.h"
#include "value/numeric.h"
#include "value/utf8.h"

_Static_assert(MASK_KEY_LEN == HMAC_KEY_LEN, "the policy's key is the MAC's key");

#define HIDDEN          SPAN_LIT("****")
#define UNIX_EPOCH_DAYS (-10957) /* 1970-01-01 since 2000-01-01 */
#define DAY_USECS       INT64_C(86400000000)
/* Fewer hexadecimal digits would be a hash that a few thousand values collide in. */
#define MIN_HASH_CHARS 8
/* A numeric hash is read by clients as a double as often as not; it holds 15 digits. */
#define MAX_HASH_DIGITS 15

static const struct span null = {0};

static struct span redact(struct arena *a, const struct value_shape *s)
{
	static const uint8_t nil[16];

	switch (s->type) {
	case VALUE_OTHER: return null;
	case VALUE_TEXT:
	case VALUE_VARCHAR:
	case VALUE_BPCHAR:
	case VALUE_NAME: return value_put_text(a, s, HIDDEN);
	case VALUE_INT2:
	case VALUE_INT4:
	case VALUE_INT8:
	case VALUE_NUMERIC: return value_put_int(a, s, 0);
	case VALUE_BOOL: return value_put_bool(a, s, false);
	case VALUE_DATE: return value_put_date(a, s, UNIX_EPOCH_DAYS);
	case VALUE_TIMESTAMP:
	case VALUE_TIMESTAMPTZ: return value_put_timestamp(a, s, UNIX_EPOCH_DAYS * DAY_USECS);
	case VALUE_UUID: return value_put_uuid(a, s, nil);
	}
	return null;
}

static struct span fixed(const struct mask *m, const struct value_shape *s, struct arena *a)
{
	return m->fixed ? value_put_literal(a, s, span_of(m->fixed, strlen(m->fixed))) : null;
}

/* Types that hash alike where their values are equal; NULL: not hashed. bool has two values: whoever knows
 * one row knows all. A date of birth is one of some 30,000 days and the common ones show by their count;
 * besides, a hash that is a date again is taken for one, sorted and subtracted. Timestamps are dates with a
 * time of day. */
static const char *hash_class(enum value_type t)
{
	switch (t) {
	case VALUE_TEXT:
	case VALUE_VARCHAR:
	case VALUE_BPCHAR:
	case VALUE_NAME: return "text";
	case VALUE_INT2:
	case VALUE_INT4:
	case VALUE_INT8: return "int";
	case VALUE_NUMERIC: return "numeric";
	case VALUE_UUID: return "uuid";
	case VALUE_BOOL:
	case VALUE_DATE:
	case VALUE_TIMESTAMP:
	case VALUE_TIMESTAMPTZ:
	case VALUE_OTHER: break;
	}
	return NULL;
}

static struct span hash_text(struct arena *a, const struct value_shape *s, const uint8_t mac[HMAC_LEN])
{
	static const char digits[] = "0123456789abcdef";
	char hex[HMAC_LEN * 2];
	size_t i;

	if (value_text_limit(s) < MIN_HASH_CHARS)
		return redact(a, s);
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
		return null;
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

	switch (s->type) {
	case VALUE_TEXT:
	case VALUE_VARCHAR:
	case VALUE_BPCHAR:
	case VALUE_NAME: return second ? null : hash_text(a, s, mac);
	case VALUE_INT2: return value_put_int(a, s, (int64_t)(be64(half) >> (64 - 15)));
	case VALUE_INT4: return value_put_int(a, s, (int64_t)(be64(half) >> (64 - 31)));
	case VALUE_INT8: return value_put_int(a, s, (int64_t)(be64(half) >> (64 - 63)));
	case VALUE_NUMERIC: return hash_numeric(a, s, half);
	case VALUE_UUID: return hash_uuid(a, s, half);
	case VALUE_BOOL:
	case VALUE_DATE:
	case VALUE_TIMESTAMP:
	case VALUE_TIMESTAMPTZ:
	case VALUE_OTHER: break;
	}
	return null;
}

static struct span hash(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	const char *class = hash_class(s->type);
	struct span canonical, out, again;
	uint8_t mac[HMAC_LEN];
	unsigned second;

	if (!class)
		return null;
	if (!value_canonical(a, s, cell, &canonical))
		return redact(a, s);
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
			return null;
		if (!span_eq(again, canonical))
			return out;
	}
	return null;
}

/* What is kept is shown, so it must be a host name beyond doubt: labels of ASCII letters, digits and inner
 * hyphens, more than one, of which the last begins with a letter (an address of digits and dots may be
 * anything). */
static bool is_host(struct span s)
{
	size_t i, start = 0, labels = 0;

	if (!s.n || s.n > 253)
		return false;
	for (i = 0; i <= s.n; i++) {
		uint8_t b = i < s.n ? s.p[i] : '.', letter = b | 0x20;

		if (b == '.') {
			if (i == start || i - start > 63 || s.p[start] == '-' || s.p[i - 1] == '-')
				return false;
			labels++;
			if (i < s.n)
				start = i + 1;
		} else if (b != '-' && (b < '0' || b > '9') && (letter < 'a' || letter > 'z')) {
			return false;
		}
	}
	return labels > 1 && (s.p[start] | 0x20) >= 'a' && (s.p[start] | 0x20) <= 'z';
}

/* local@host with exactly one @ and neither blanks nor control characters. */
static bool is_address(struct span s, struct span *host)
{
	size_t i, at = 0;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] <= ' ' || s.p[i] == 0x7f || (s.p[i] == '@' && at))
			return false;
		if (s.p[i] == '@') {
			if (i == 0)
				return false;
			at = i;
		}
	}
	if (!at)
		return false;
	*host = span_of(s.p + at + 1, s.n - at - 1);
	return is_host(*host);
}

static struct span email(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	uint8_t shown[sizeof("****@") - 1 + 253];
	struct span text, host;
	size_t n = sizeof("****@") - 1;

	if (!value_get_text(s, cell, &text) || !is_address(text, &host))
		return redact(a, s);
	if (!m->keep_domain)
		host = HIDDEN;
	memcpy(shown, "****@", n);
	memcpy(shown + n, host.p, host.n);
	text = span_of(shown, n + host.n);
	/* Cut, it would show a host that is not there. */
	return value_text_fits(s, text) ? value_put_text(a, s, text) : redact(a, s);
}

/* The mask's fill, or a star where that is not exactly one character. */
static struct span fill_of(const struct mask *m)
{
	struct span fill = span_of(m->fill, strnlen(m->fill, sizeof(m->fill)));

	return utf8_valid(fill) && utf8_chars(fill) == 1 ? fill : SPAN_LIT("*");
}

static struct span partial(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	struct span text, head = {0}, tail = {0}, fill = fill_of(m), out;
	size_t hidden, i;
	uint8_t *mem, *p;

	if (!value_is_text(s->type))
		return null;
	if (!value_get_text(s, cell, &text))
		return redact(a, s);
	hidden = utf8_chars(text);
	if (hidden > (size_t)m->first + m->last) {
		hidden -= (size_t)m->first + m->last;
		head = utf8_first(text, m->first);
		tail = utf8_last(text, m->last);
	}
	p = mem = arena_alloc(a, head.n + hidden * fill.n + tail.n);
	if (!mem)
		return null;
	if (head.n)
		p = mempcpy(p, head.p, head.n);
	for (i = 0; i < hidden; i++)
		p = mempcpy(p, fill.p, fill.n);
	if (tail.n)
		p = mempcpy(p, tail.p, tail.n);
	out = span_of(mem, (size_t)(p - mem));
	/* A wider fill can be too long for a name. */
	return value_text_fits(s, out) ? value_put_text(a, s, out) : redact(a, s);
}

struct span mask_apply(
	const struct mask *m, const struct value_shape *shape, struct span cell, struct arena *a)
{
	switch (m->kind) {
	case MASK_NULL: return null;
	case MASK_REDACT: return redact(a, shape);
	case MASK_FIXED: return fixed(m, shape, a);
	case MASK_HASH: return hash(m, shape, cell, a);
	case MASK_EMAIL: return email(m, shape, cell, a);
	case MASK_PARTIAL: return partial(m, shape, cell, a);
	}
	return null;
}

bool mask_reads_input(enum mask_kind k)
{
	return k != MASK_NULL && k != MASK_REDACT && k != MASK_FIXED;
}

const char *mask_kind_name(enum mask_kind k)
{
	static const char *const names[] = MASK_NAMES;

	return (size_t)k < ARRAY_LEN(names) ? names[k] : names[MASK_NULL];
}

void mask_fini(struct mask *m)
{
	free(m->fixed);
	mem_wipe(m, sizeof(*m));
}
