/* SPDX-License-Identifier: MIT */
#include "value/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "value/datetime.h"
#include "value/numeric.h"
#include "value/utf8.h"

#define TYPMOD_HEADER  4          /* VARHDRSZ, which the server adds to a length */
#define MAX_CHARS      10485760   /* MaxAttrSize: the longest varchar(n) */
#define MAX_NAME_BYTES 63         /* NAMEDATALEN - 1 */
#define MAX_TEXT_BYTES 0x3fffffff /* MaxAllocSize: nothing longer is a value, whatever its type */
#define UUID_BYTES     16
#define UUID_CHARS     36

static struct span copy(struct arena *a, const void *p, size_t n)
{
	uint8_t *mem = arena_alloc(a, n);

	if (!mem)
		return (struct span){0};
	if (n)
		memcpy(mem, p, n);
	return span_of(mem, n);
}

/* The low width bytes of v, big-endian. */
static struct span copy_be(struct arena *a, uint64_t v, size_t width)
{
	uint8_t bytes[8];
	size_t i;

	for (i = width; i-- > 0; v >>= 8)
		bytes[i] = (uint8_t)v;
	return copy(a, bytes, width);
}

size_t value_text_limit(const struct value_shape *s)
{
	if (s->type == VALUE_NAME)
		return MAX_NAME_BYTES;
	if (s->type == VALUE_TEXT)
		return SIZE_MAX;
	if (s->type != VALUE_VARCHAR && s->type != VALUE_BPCHAR)
		return 0;
	if (s->typmod == -1)
		return SIZE_MAX;
	if (s->typmod <= TYPMOD_HEADER || s->typmod > TYPMOD_HEADER + MAX_CHARS)
		return 0;
	return (size_t)(s->typmod - TYPMOD_HEADER);
}

static bool storable(struct span utf8)
{
	return utf8.n <= MAX_TEXT_BYTES && (!utf8.n || !memchr(utf8.p, 0, utf8.n)) && utf8_valid(utf8);
}

bool value_text_fits(const struct value_shape *s, struct span utf8)
{
	size_t limit = value_text_limit(s);

	if (!limit || !storable(utf8))
		return false;
	return utf8.n <= limit || (s->type != VALUE_NAME && utf8_chars(utf8) <= limit);
}

/* At most n bytes of valid UTF-8, cut between characters. */
static struct span first_bytes(struct span utf8, size_t n)
{
	if (utf8.n <= n)
		return utf8;
	while (n && (utf8.p[n] & 0xc0) == 0x80)
		n--;
	return span_of(utf8.p, n);
}

struct span value_put_text(struct arena *a, const struct value_shape *s, struct span utf8)
{
	size_t limit = value_text_limit(s), pad = 0;
	uint8_t *mem;

	if (!limit || !storable(utf8))
		return (struct span){0};
	if (s->type == VALUE_NAME)
		utf8 = first_bytes(utf8, limit);
	else if (limit != SIZE_MAX)
		utf8 = utf8_first(utf8, limit);
	if (s->type == VALUE_BPCHAR && limit != SIZE_MAX)
		pad = limit - utf8_chars(utf8);
	mem = arena_alloc(a, utf8.n + pad);
	if (!mem)
		return (struct span){0};
	if (utf8.n)
		memcpy(mem, utf8.p, utf8.n);
	memset(mem + utf8.n, ' ', pad);
	return span_of(mem, utf8.n + pad);
}

/* Bytes of an integer type in binary; 0 for any other type. */
static size_t int_width(enum value_type t)
{
	return t == VALUE_INT2 ? 2 : t == VALUE_INT4 ? 4 : t == VALUE_INT8 ? 8 : 0;
}

static struct span put_numeric(struct arena *a, const struct value_shape *s, struct span text)
{
	struct numeric v;

	if (!numeric_get_text(a, text, &v))
		return (struct span){0};
	return s->format == VALUE_TEXT_FORMAT ? numeric_put_text(a, &v, s->typmod)
					      : numeric_put_binary(a, &v, s->typmod);
}

struct span value_put_int(struct arena *a, const struct value_shape *s, int64_t v)
{
	size_t width = int_width(s->type);
	char text[24];
	size_t n = (size_t)snprintf(text, sizeof(text), "%" PRId64, v);

	if (s->type == VALUE_NUMERIC)
		return put_numeric(a, s, span_of(text, n));
	if (!width || (width == 2 && v != (int16_t)v) || (width == 4 && v != (int32_t)v))
		return (struct span){0};
	return s->format == VALUE_TEXT_FORMAT ? copy(a, text, n) : copy_be(a, (uint64_t)v, width);
}

struct span value_put_bool(struct arena *a, const struct value_shape *s, bool v)
{
	if (s->type != VALUE_BOOL)
		return (struct span){0};
	return s->format == VALUE_TEXT_FORMAT ? copy(a, v ? "t" : "f", 1) : copy_be(a, v, 1);
}

static void uuid_text(char text[UUID_CHARS + 1], const uint8_t uuid[UUID_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	size_t i, n = 0;

	for (i = 0; i < UUID_BYTES; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			text[n++] = '-';
		text[n++] = hex[uuid[i] >> 4];
		text[n++] = hex[uuid[i] & 15];
	}
	text[n] = '\0';
}

struct span value_put_uuid(struct arena *a, const struct value_shape *s, const uint8_t uuid[UUID_BYTES])
{
	char text[UUID_CHARS + 1];

	if (s->type != VALUE_UUID)
		return (struct span){0};
	if (s->format == VALUE_BINARY_FORMAT)
		return copy(a, uuid, UUID_BYTES);
	uuid_text(text, uuid);
	return copy(a, text, UUID_CHARS);
}

struct span value_put_date(struct arena *a, const struct value_shape *s, int32_t days)
{
	char text[DATETIME_TEXT_MAX];

	if (s->type != VALUE_DATE || !date_in_range(days))
		return (struct span){0};
	if (s->format == VALUE_BINARY_FORMAT)
		return copy_be(a, (uint64_t)days, 4);
	return copy(a, text, date_put(text, days));
}

struct span value_put_timestamp(struct arena *a, const struct value_shape *s, int64_t usecs)
{
	char text[DATETIME_TEXT_MAX];

	if ((s->type != VALUE_TIMESTAMP && s->type != VALUE_TIMESTAMPTZ) || !datetime_in_range(usecs))
		return (struct span){0};
	if (s->format == VALUE_BINARY_FORMAT)
		return copy_be(a, (uint64_t)usecs, 8);
	return copy(a, text, datetime_put(text, s->type == VALUE_TIMESTAMPTZ, usecs));
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

static bool hex_digit(uint8_t c, uint8_t *v)
{
	if (c >= '0' && c <= '9')
		*v = (uint8_t)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*v = (uint8_t)(c - 'a' + 10);
	else if (c >= 'A' && c <= 'F')
		*v = (uint8_t)(c - 'A' + 10);
	else
		return false;
	return true;
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool uuid_of(struct span text, uint8_t uuid[UUID_BYTES])
{
	struct cur c = cur_of(text);
	uint8_t high, low;
	size_t i;

	for (i = 0; i < UUID_BYTES; i++) {
		if ((i == 4 || i == 6 || i == 8 || i == 10) && cur_u8(&c) != '-')
			return false;
		if (!hex_digit(cur_u8(&c), &high) || !hex_digit(cur_u8(&c), &low))
			return false;
		uuid[i] = (uint8_t)(high << 4 | low);
	}
	return cur_end(&c) == WIRE_OK;
}

static struct span put_bool_word(struct arena *a, const struct value_shape *s, struct span text)
{
	static const char *const words[][5] = {
		{"f", "false", "no", "off", "0"}, {"t", "true", "yes", "on", "1"}};
	size_t v, i;

	for (v = 0; v < 2; v++)
		for (i = 0; i < ARRAY_LEN(words[v]); i++)
			if (span_is(text, words[v][i]))
				return value_put_bool(a, s, v);
	return (struct span){0};
}

struct span value_put_literal(struct arena *a, const struct value_shape *s, struct span text)
{
	const struct span none = {0};
	uint8_t uuid[UUID_BYTES];
	int32_t days;
	int64_t v;

	switch (value_family(s->type)) {
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
	case FAMILY_BITS: return none;
	case FAMILY_TEXT: return value_text_fits(s, text) ? value_put_text(a, s, text) : none;
	case FAMILY_INTEGER: return int_of(text, &v) ? value_put_int(a, s, v) : none;
	case FAMILY_NUMERIC: return put_numeric(a, s, text);
	case FAMILY_BOOL: return put_bool_word(a, s, text);
	case FAMILY_DATE: return date_get(text, &days) ? value_put_date(a, s, days) : none;
	case FAMILY_TIMESTAMP:
		return datetime_get(text, s->type == VALUE_TIMESTAMPTZ, &v) ? value_put_timestamp(a, s, v)
									    : none;
	case FAMILY_UUID: return uuid_of(text, uuid) ? value_put_uuid(a, s, uuid) : none;
	}
	return none;
}

bool value_get_text(const struct value_shape *s, struct span cell, struct span *utf8)
{
	if (!value_is_text(s->type) || !storable(cell))
		return false;
	if (s->type == VALUE_BPCHAR)
		while (cell.n && cell.p[cell.n - 1] == ' ')
			cell.n--;
	*utf8 = cell;
	return true;
}

/* A big-endian two's complement integer that is the whole cell. */
static bool be_of(struct span cell, size_t width, int64_t *v)
{
	struct cur c = cur_of(cell);

	if (width == 2)
		*v = (int16_t)cur_be16(&c);
	else if (width == 4)
		*v = (int32_t)cur_be32(&c);
	else
		*v = (int64_t)cur_be64(&c);
	return cur_end(&c) == WIRE_OK;
}

bool value_get_int(const struct value_shape *s, struct span cell, int64_t *v)
{
	size_t width = int_width(s->type);

	if (!width)
		return false;
	if (s->format == VALUE_BINARY_FORMAT)
		return be_of(cell, width, v);
	return int_of(cell, v) && (width != 2 || *v == (int16_t)*v) && (width != 4 || *v == (int32_t)*v);
}

static bool bool_of(const struct value_shape *s, struct span cell, bool *v)
{
	bool text = s->format == VALUE_TEXT_FORMAT;

	if (cell.n != 1)
		return false;
	*v = cell.p[0] == (text ? 't' : 1);
	return *v || cell.p[0] == (text ? 'f' : 0);
}

static bool date_of(const struct value_shape *s, struct span cell, int32_t *days)
{
	int64_t v;

	if (s->format == VALUE_TEXT_FORMAT)
		return date_get(cell, days);
	if (!be_of(cell, 4, &v))
		return false;
	*days = (int32_t)v;
	return date_in_range(*days) || *days == DATE_INFINITY || *days == DATE_MINUS_INFINITY;
}

static bool timestamp_of(const struct value_shape *s, struct span cell, int64_t *usecs)
{
	if (s->format == VALUE_TEXT_FORMAT)
		return datetime_get(cell, s->type == VALUE_TIMESTAMPTZ, usecs);
	return be_of(cell, 8, usecs) && (datetime_in_range(*usecs) || *usecs == DATETIME_INFINITY ||
						*usecs == DATETIME_MINUS_INFINITY);
}

static struct span canonical_numeric(struct arena *a, const struct value_shape *s, struct span cell)
{
	struct numeric v;

	if (s->format == VALUE_TEXT_FORMAT ? !numeric_get_text(a, cell, &v)
					   : !numeric_get_binary(a, cell, &v))
		return (struct span){0};
	return numeric_canonical(a, &v);
}

static struct span canonical_uuid(struct arena *a, const struct value_shape *s, struct span cell)
{
	const struct value_shape text = {.type = VALUE_UUID, .typmod = -1};
	uint8_t uuid[UUID_BYTES];

	if (s->format == VALUE_TEXT_FORMAT)
		return uuid_of(cell, uuid) ? value_put_uuid(a, &text, uuid) : (struct span){0};
	return cell.n == UUID_BYTES ? value_put_uuid(a, &text, cell.p) : (struct span){0};
}

bool value_canonical(struct arena *a, const struct value_shape *s, struct span cell, struct span *canonical)
{
	const struct value_shape int8 = {.type = VALUE_INT8, .typmod = -1};
	char text[DATETIME_TEXT_MAX];
	int32_t days;
	int64_t v;
	bool b;

	*canonical = (struct span){0};
	switch (value_family(s->type)) {
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
	case FAMILY_BITS: return false;
	case FAMILY_TEXT: return value_get_text(s, cell, canonical);
	case FAMILY_INTEGER:
		if (value_get_int(s, cell, &v))
			*canonical = value_put_int(a, &int8, v);
		break;
	case FAMILY_NUMERIC: *canonical = canonical_numeric(a, s, cell); break;
	case FAMILY_BOOL:
		if (bool_of(s, cell, &b))
			*canonical = b ? SPAN_LIT("t") : SPAN_LIT("f");
		break;
	case FAMILY_DATE:
		if (date_of(s, cell, &days))
			*canonical = copy(a, text, date_put(text, days));
		break;
	case FAMILY_TIMESTAMP:
		if (timestamp_of(s, cell, &v))
			*canonical = copy(a, text, datetime_put(text, s->type == VALUE_TIMESTAMPTZ, v));
		break;
	case FAMILY_UUID: *canonical = canonical_uuid(a, s, cell); break;
	}
	return canonical->p != NULL;
}
