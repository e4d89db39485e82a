/* SPDX-License-Identifier: MIT */
#include "value/value.h"

#include <string.h>

#include "value/cell.h"
#include "value/datetime.h"
#include "value/float.h"
#include "value/interval.h"
#include "value/json.h"
#include "value/literal.h"
#include "value/numeric.h"
#include "value/utf8.h"

#define TYPMOD_HEADER  4          /* VARHDRSZ, which the server adds to a length */
#define MAX_CHARS      10485760   /* MaxAttrSize: the longest varchar(n) */
#define MAX_NAME_BYTES 63         /* NAMEDATALEN - 1 */
#define MAX_TEXT_BYTES 0x3fffffff /* MaxAllocSize: nothing longer is a value, whatever its type */
#define UUID_BYTES     16
#define UUID_CHARS     36

struct value_shape value_part(const struct value_shape *whole, unsigned part)
{
	const struct desc_part *p = &whole->desc->parts[part];
	struct value_shape s = *whole;

	s.type = p->type;
	s.typmod = p->typmod;
	s.desc = p->desc;
	return s;
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

struct span value_put_bool(struct arena *a, const struct value_shape *s, bool v)
{
	if (s->type != VALUE_BOOL)
		return (struct span){0};
	return s->format == VALUE_TEXT_FORMAT ? cell_copy(a, v ? "t" : "f", 1) : cell_be(a, v, 1);
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
		return cell_copy(a, uuid, UUID_BYTES);
	uuid_text(text, uuid);
	return cell_copy(a, text, UUID_CHARS);
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

static struct span put_number_word(struct arena *a, const struct value_shape *s, struct span text)
{
	struct numeric n;

	return numeric_get_text(a, text, &n) ? value_put_number(a, s, &n) : (struct span){0};
}

static struct span put_time_word(struct arena *a, const struct value_shape *s, struct span text)
{
	int64_t usecs;
	int32_t west;

	return time_get(text, s->type == VALUE_TIMETZ, &usecs, &west) ? value_put_time(a, s, usecs, west)
								      : (struct span){0};
}

static struct span put_bits_word(struct arena *a, const struct value_shape *s, struct span text)
{
	const struct value_shape as_text = {.type = s->type, .typmod = -1};
	struct span bytes;
	size_t n;

	return value_get_bits(a, &as_text, text, &bytes, &n) ? value_put_bits(a, s, bytes, n)
							     : (struct span){0};
}

static struct span put_json_word(struct arena *a, const struct value_shape *s, struct span text)
{
	struct span json = value_put_json(a, s, text);

	return json.p ? json : value_put_json_string(a, s, text);
}

/* Types of bytes, whose text form is the same in a cell as in a policy. */
static struct span put_bytes_word(struct arena *a, const struct value_shape *s, struct span text)
{
	const struct value_shape as_text = {.type = s->type, .typmod = -1};
	struct netaddr net;
	struct span bytes;
	uint8_t mac[8], c;

	if (value_get_bytes(a, &as_text, text, &bytes))
		return value_put_bytes(a, s, bytes);
	if (value_get_char(&as_text, text, &c))
		return value_put_char(a, s, c);
	if (value_get_net(&as_text, text, &net))
		return value_put_net(a, s, &net);
	if (value_get_mac(&as_text, text, mac))
		return value_put_mac(a, s, mac);
	return (struct span){0};
}

struct span value_put_literal(struct arena *a, const struct value_shape *s, struct span text)
{
	const struct span none = {0};
	uint8_t uuid[UUID_BYTES];
	struct interval iv;
	int32_t days;
	int64_t v;

	if (s->desc)
		return literal_put(a, s, text);
	switch (value_family(s->type)) {
	case FAMILY_OTHER: return none;
	case FAMILY_BYTES:
	case FAMILY_CHAR:
	case FAMILY_NET:
	case FAMILY_MAC: return put_bytes_word(a, s, text);
	case FAMILY_BITS: return put_bits_word(a, s, text);
	case FAMILY_JSON: return put_json_word(a, s, text);
	case FAMILY_XML: return value_put_xml(a, s, "fixed", text);
	case FAMILY_TEXT: return value_text_fits(s, text) ? value_put_text(a, s, text) : none;
	case FAMILY_INTEGER:
	case FAMILY_NUMERIC:
	case FAMILY_FLOAT:
	case FAMILY_MONEY: return put_number_word(a, s, text);
	case FAMILY_BOOL: return put_bool_word(a, s, text);
	case FAMILY_DATE: return date_get(NULL, text, &days) ? value_put_date(a, s, days) : none;
	case FAMILY_TIMESTAMP:
		return datetime_get(NULL, text, s->type == VALUE_TIMESTAMPTZ, &v)
			       ? value_put_timestamp(a, s, v)
			       : none;
	case FAMILY_TIME: return put_time_word(a, s, text);
	case FAMILY_INTERVAL: return interval_get(text, &iv) ? value_put_interval(a, s, &iv) : none;
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

static bool bool_of(const struct value_shape *s, struct span cell, bool *v)
{
	bool text = s->format == VALUE_TEXT_FORMAT;

	if (cell.n != 1)
		return false;
	*v = cell.p[0] == (text ? 't' : 1);
	return *v || cell.p[0] == (text ? 'f' : 0);
}

static struct span canonical_number(struct arena *a, const struct value_shape *s, struct span cell)
{
	const struct value_shape int8 = {.type = VALUE_INT8, .typmod = -1};
	char text[FLOAT_TEXT_MAX];
	struct numeric n;
	int64_t v;
	double d;

	if (value_family(s->type) == FAMILY_INTEGER)
		return value_get_int(s, cell, &v) ? value_put_int(a, &int8, v) : (struct span){0};
	if (value_family(s->type) == FAMILY_FLOAT) {
		if (!value_get_float(s, cell, &d))
			return (struct span){0};
		return cell_copy(a, text, float_put(text, s->type == VALUE_FLOAT4, d == 0 ? 0 : d));
	}
	return value_get_number(a, s, cell, &n) ? numeric_canonical(a, &n) : (struct span){0};
}

/* In ISO and in UTC, whatever the style of the cell. */
static struct span canonical_moment(struct arena *a, const struct value_shape *s, struct span cell)
{
	char text[INTERVAL_TEXT_MAX];
	struct interval iv;
	int32_t days, west;
	int64_t v;

	if (value_get_date(s, cell, &days))
		return cell_copy(a, text, date_put(NULL, text, days));
	if (value_get_timestamp(s, cell, &v))
		return cell_copy(a, text, datetime_put(NULL, text, s->type == VALUE_TIMESTAMPTZ, v));
	if (value_get_time(s, cell, &v, &west))
		return cell_copy(a, text, time_put(text, s->type == VALUE_TIMETZ, v, west));
	if (value_get_interval(s, cell, &iv))
		return cell_copy(a, text, interval_put(INTERVAL_STYLE_ISO, text, &iv));
	return (struct span){0};
}

static struct span canonical_uuid(struct arena *a, const struct value_shape *s, struct span cell)
{
	const struct value_shape text = {.type = VALUE_UUID, .typmod = -1};
	uint8_t uuid[UUID_BYTES];

	if (s->format == VALUE_TEXT_FORMAT)
		return uuid_of(cell, uuid) ? value_put_uuid(a, &text, uuid) : (struct span){0};
	return cell.n == UUID_BYTES ? value_put_uuid(a, &text, cell.p) : (struct span){0};
}

static struct span canonical_bytes(struct arena *a, const struct value_shape *s, struct span cell)
{
	const struct value_shape as_text = {.type = s->type, .typmod = -1};
	struct netaddr net;
	struct span bytes;
	uint8_t mac[8], c;
	size_t n;

	if (value_get_bytes(a, s, cell, &bytes))
		return value_put_bytes(a, &as_text, bytes);
	if (value_get_char(s, cell, &c))
		return cell_copy(a, &c, 1);
	if (value_get_net(s, cell, &net))
		return value_put_net(a, &as_text, &net);
	if (value_get_mac(s, cell, mac))
		return value_put_mac(a, &as_text, mac);
	if (value_get_bits(a, s, cell, &bytes, &n))
		return value_put_bits(a, &as_text, bytes, n);
	return (struct span){0};
}

bool value_canonical(struct arena *a, const struct value_shape *s, struct span cell, struct span *canonical)
{
	bool b;

	*canonical = (struct span){0};
	switch (value_family(s->type)) {
	case FAMILY_OTHER: return false;
	case FAMILY_BYTES:
	case FAMILY_CHAR:
	case FAMILY_NET:
	case FAMILY_MAC:
	case FAMILY_BITS: *canonical = canonical_bytes(a, s, cell); break;
	case FAMILY_JSON: return value_get_json(s, cell, canonical) && json_fits(a, s, *canonical);
	case FAMILY_XML: return value_get_xml(s, cell, canonical);
	case FAMILY_TEXT: return value_get_text(s, cell, canonical);
	case FAMILY_INTEGER:
	case FAMILY_NUMERIC:
	case FAMILY_FLOAT:
	case FAMILY_MONEY: *canonical = canonical_number(a, s, cell); break;
	case FAMILY_BOOL:
		if (bool_of(s, cell, &b))
			*canonical = b ? SPAN_LIT("t") : SPAN_LIT("f");
		break;
	case FAMILY_DATE:
	case FAMILY_TIMESTAMP:
	case FAMILY_TIME:
	case FAMILY_INTERVAL: *canonical = canonical_moment(a, s, cell); break;
	case FAMILY_UUID: *canonical = canonical_uuid(a, s, cell); break;
	}
	return canonical->p != NULL;
}
