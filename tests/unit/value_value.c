/* SPDX-License-Identifier: MIT */
#include "value/value.h"

#include "test.h"

#include <ctype.h>

#define NUMERIC_TYPMOD(p, s) (4 + ((p) << 16 | ((s)&0x7ff)))
#define BOTH(of, mod)                                                                                        \
	const struct value_shape text = {.type = of, .typmod = mod, .format = VALUE_TEXT_FORMAT},            \
				 binary = {.type = of, .typmod = mod, .format = VALUE_BINARY_FORMAT}

static size_t unhex(uint8_t *out, const char *hex)
{
	size_t n = 0;
	unsigned b;

	for (; *hex; hex += 2) {
		assert_true(isxdigit((uint8_t)hex[0]) && isxdigit((uint8_t)hex[1]));
		assert_int_equal(sscanf(hex, "%2x", &b), 1);
		out[n++] = (uint8_t)b;
	}
	return n;
}

/* What PostgreSQL 15 says of a value: its text (DateStyle ISO, TimeZone UTC) and what the type's send
 * function gives. The last column is ours. */
static const struct vector {
	enum value_type type;
	int32_t typmod;
	const char *text, *binary, *canonical;
} vectors[] = {
	{VALUE_NUMERIC, -1, "0", "0000000000000000", "0"},
	{VALUE_NUMERIC, -1, "0.00", "0000000000000002", "0"},
	{VALUE_NUMERIC, -1, "1", "00010000000000000001", "1"},
	{VALUE_NUMERIC, -1, "7", "00010000000000000007", "7"},
	{VALUE_NUMERIC, -1, "10", "0001000000000000000a", "1e1"},
	{VALUE_NUMERIC, -1, "1.5", "000200000000000100011388", "15e-1"},
	{VALUE_NUMERIC, -1, "1.50", "000200000000000200011388", "15e-1"},
	{VALUE_NUMERIC, -1, "-1.50", "000200004000000200011388", "-15e-1"},
	{VALUE_NUMERIC, -1, "9999", "0001000000000000270f", "9999"},
	{VALUE_NUMERIC, -1, "10000", "00010001000000000001", "1e4"},
	{VALUE_NUMERIC, -1, "10001", "000200010000000000010001", "10001"},
	{VALUE_NUMERIC, -1, "0.0001", "0001ffff000000040001", "1e-4"},
	{VALUE_NUMERIC, -1, "0.00012", "0002ffff00000005000107d0", "12e-5"},
	{VALUE_NUMERIC, -1, "123456.789", "0003000100000003000c0d801ed2", "123456789e-3"},
	{VALUE_NUMERIC, -1, "1000000000000", "00010003000000000001", "1e12"},
	{VALUE_NUMERIC, -1, "-12345678901234567890.0123456789",
		"000800044000000a04d2162e23340d801ed2007b11d722c4", "-123456789012345678900123456789e-10"},
	{VALUE_NUMERIC, -1, "0.5", "0001ffff000000011388", "5e-1"},
	{VALUE_NUMERIC, -1, "NaN", "00000000c0000000", "NaN"},
	{VALUE_NUMERIC, -1, "Infinity", "00000000d0000020", "Infinity"},
	{VALUE_NUMERIC, -1, "-Infinity", "00000000f0000020", "-Infinity"},
	{VALUE_NUMERIC, -1, "99999999", "0002000100000000270f270f", "99999999"},
	{VALUE_NUMERIC, -1, "100000000000000000000", "00010005000000000001", "1e20"},
	{VALUE_NUMERIC, -1, "0.00000001", "0001fffe000000080001", "1e-8"},
	{VALUE_NUMERIC, -1, "120000", "0001000100000000000c", "12e4"},
	{VALUE_NUMERIC, -1, "-0.1", "0001ffff4000000103e8", "-1e-1"},
	{VALUE_NUMERIC, NUMERIC_TYPMOD(5, -3), "12000", "0002000100000000000107d0", "12e3"},
	{VALUE_NUMERIC, NUMERIC_TYPMOD(10, 4), "1.5000", "000200000000000400011388", "15e-1"},
	{VALUE_NUMERIC, NUMERIC_TYPMOD(10, 2), "0.00", "0000000000000002", "0"},
	{VALUE_NUMERIC, NUMERIC_TYPMOD(2, 5), "0.00012", "0002ffff00000005000107d0", "12e-5"},
	{VALUE_INT2, -1, "-7", "fff9", "-7"},
	{VALUE_INT4, -1, "7", "00000007", "7"},
	{VALUE_INT8, -1, "7", "0000000000000007", "7"},
	{VALUE_INT2, -1, "-32768", "8000", "-32768"},
	{VALUE_INT4, -1, "2147483647", "7fffffff", "2147483647"},
	{VALUE_INT8, -1, "-9223372036854775808", "8000000000000000", "-9223372036854775808"},
	{VALUE_INT8, -1, "9223372036854775807", "7fffffffffffffff", "9223372036854775807"},
	{VALUE_BOOL, -1, "t", "01", "t"},
	{VALUE_BOOL, -1, "f", "00", "f"},
	{VALUE_UUID, -1, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc999c0b4ef8bb6d6bb9bd380a11",
		"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
	{VALUE_DATE, -1, "2000-01-01", "00000000", "2000-01-01"},
	{VALUE_DATE, -1, "1970-01-01", "ffffd533", "1970-01-01"},
	{VALUE_DATE, -1, "1999-12-31", "ffffffff", "1999-12-31"},
	{VALUE_DATE, -1, "2024-02-29", "00002279", "2024-02-29"},
	{VALUE_DATE, -1, "1900-02-28", "ffff718e", "1900-02-28"},
	{VALUE_DATE, -1, "0001-01-01", "fff4dbf9", "0001-01-01"},
	{VALUE_DATE, -1, "0001-12-31 BC", "fff4dbf8", "0001-12-31 BC"},
	{VALUE_DATE, -1, "0044-03-15 BC", "fff49d7b", "0044-03-15 BC"},
	{VALUE_DATE, -1, "4714-11-24 BC", "ffda97a7", "4714-11-24 BC"},
	{VALUE_DATE, -1, "5874897-12-31", "7fda970c", "5874897-12-31"},
	{VALUE_DATE, -1, "infinity", "7fffffff", "infinity"},
	{VALUE_DATE, -1, "-infinity", "80000000", "-infinity"},
	{VALUE_TIMESTAMP, -1, "2000-01-01 00:00:00", "0000000000000000", "2000-01-01 00:00:00"},
	{VALUE_TIMESTAMP, -1, "1970-01-01 00:00:00", "fffca2fec4c82000", "1970-01-01 00:00:00"},
	{VALUE_TIMESTAMP, -1, "1999-12-31 23:59:59.999999", "ffffffffffffffff", "1999-12-31 23:59:59.999999"},
	{VALUE_TIMESTAMP, -1, "2024-02-29 12:34:56.5", "0002b583416e1d20", "2024-02-29 12:34:56.5"},
	{VALUE_TIMESTAMP, -1, "0044-03-15 10:00:00.01 BC", "ff1af9e74e1faf10", "0044-03-15 10:00:00.01 BC"},
	{VALUE_TIMESTAMP, -1, "4714-11-24 00:00:00 BC", "fd0f7cc1411fa000", "4714-11-24 00:00:00 BC"},
	{VALUE_TIMESTAMP, -1, "294276-12-31 23:59:59.999999", "7fffff5bb3b29fff",
		"294276-12-31 23:59:59.999999"},
	{VALUE_TIMESTAMP, -1, "infinity", "7fffffffffffffff", "infinity"},
	{VALUE_TIMESTAMPTZ, -1, "1970-01-01 00:00:00+00", "fffca2fec4c82000", "1970-01-01 00:00:00+00"},
	{VALUE_TIMESTAMPTZ, -1, "2024-02-29 12:34:56.5+00", "0002b583416e1d20", "2024-02-29 12:34:56.5+00"},
	{VALUE_TIMESTAMPTZ, -1, "0044-03-15 10:00:00.01+00 BC", "ff1af9e74e1faf10",
		"0044-03-15 10:00:00.01+00 BC"},
	{VALUE_TIMESTAMPTZ, -1, "-infinity", "8000000000000000", "-infinity"},
	{VALUE_TEXT, -1, "\xc3\xa9\xe2\x82\xac", "c3a9e282ac", "\xc3\xa9\xe2\x82\xac"},
	{VALUE_BPCHAR, 8, "ab  ", "61622020", "ab"},
	{VALUE_VARCHAR, 8, "ab ", "616220", "ab "},
	{VALUE_NAME, -1, "n", "6e", "n"},
};

static bool canonical_is(const struct value_shape *s, const void *cell, size_t n, const char *expected)
{
	struct guarded g = guard_copy(cell, n);
	struct arena a = {0};
	struct span c;
	bool ok = value_canonical(&a, s, span_of(g.p, n), &c) && span_is(c, expected);

	arena_fini(&a);
	guard_free(&g);
	return ok;
}

static bool undecodable(const struct value_shape *s, const void *cell, size_t n)
{
	struct guarded g = guard_copy(cell, n);
	struct arena a = {0};
	struct span c;
	bool ok = !value_canonical(&a, s, span_of(g.p, n), &c);

	arena_fini(&a);
	guard_free(&g);
	return ok;
}

static bool literal_is(const struct value_shape *s, const char *literal, const void *expected, size_t n)
{
	struct guarded g = guard_copy(literal, strlen(literal));
	struct arena a = {0};
	struct span c = value_put_literal(&a, s, span_of(g.p, g.n));
	bool ok = expected ? c.p && span_eq(c, span_of(expected, n)) : !c.p;

	arena_fini(&a);
	guard_free(&g);
	return ok;
}

static void read_as_the_server_writes(void **state)
{
	const struct vector *v;

	(void)state;
	for (v = vectors; v < vectors + ARRAY_LEN(vectors); v++) {
		BOTH(v->type, v->typmod);
		uint8_t cell[64];
		size_t n = unhex(cell, v->binary);

		if (!canonical_is(&text, v->text, strlen(v->text), v->canonical))
			fail_msg("text %s", v->text);
		if (!canonical_is(&binary, cell, n, v->canonical))
			fail_msg("binary %s", v->text);
	}
}

/* From the canonical form back to the very bytes of the server, except that a numeric without typmod loses
 * its needless zeros and that the infinite ones are never written. */
static void write_as_the_server_writes(void **state)
{
	const struct vector *v;

	(void)state;
	for (v = vectors; v < vectors + ARRAY_LEN(vectors); v++) {
		bool infinite = strstr(v->text, "nfinity") || strstr(v->text, "NaN");
		BOTH(v->type, v->typmod);
		uint8_t cell[64];
		size_t n = unhex(cell, v->binary);

		if (v->type == VALUE_NUMERIC && v->typmod == -1 && strchr(v->text, '.') &&
			v->text[strlen(v->text) - 1] == '0')
			continue;
		if (!literal_is(&text, v->canonical, infinite ? NULL : v->text, strlen(v->text)))
			fail_msg("text %s", v->text);
		if (!literal_is(&binary, v->canonical, infinite ? NULL : cell, n))
			fail_msg("binary %s", v->text);
	}
}

static void undecodable_text(void **state)
{
	static const struct {
		enum value_type type;
		const char *cell;
	} bad[] = {
		{VALUE_INT4, ""},
		{VALUE_INT4, "-"},
		{VALUE_INT4, "1 "},
		{VALUE_INT4, "2147483648"},
		{VALUE_INT2, "-32769"},
		{VALUE_INT8, "9223372036854775808"},
		{VALUE_INT8, "-9223372036854775809"},
		{VALUE_INT4, "0x10"},
		{VALUE_NUMERIC, ""},
		{VALUE_NUMERIC, "."},
		{VALUE_NUMERIC, "-"},
		{VALUE_NUMERIC, "1.2.3"},
		{VALUE_NUMERIC, "e5"},
		{VALUE_NUMERIC, "1e"},
		{VALUE_NUMERIC, "1e+"},
		{VALUE_NUMERIC, "1e5 "},
		{VALUE_NUMERIC, "1e131072"},
		{VALUE_NUMERIC, "1e-16384"},
		{VALUE_NUMERIC, "1e99999999999999999999"},
		{VALUE_NUMERIC, "1,5"},
		{VALUE_NUMERIC, "nan"},
		{VALUE_BOOL, ""},
		{VALUE_BOOL, "true"},
		{VALUE_BOOL, "1"},
		{VALUE_DATE, ""},
		{VALUE_DATE, "2023-02-29"},
		{VALUE_DATE, "2024-04-31"},
		{VALUE_DATE, "2024-13-01"},
		{VALUE_DATE, "2024-00-01"},
		{VALUE_DATE, "0000-01-01"},
		{VALUE_DATE, "01/02/2024"},
		{VALUE_DATE, "2024-1-1"},
		{VALUE_DATE, "2024-01-01 "},
		{VALUE_DATE, "4714-11-23 BC"},
		{VALUE_DATE, "5874898-01-01"},
		{VALUE_DATE, "2024-01-01 00:00:00"},
		{VALUE_TIMESTAMP, "2024-01-01 24:00:00"},
		{VALUE_TIMESTAMP, "2024-01-01 00:60:00"},
		{VALUE_TIMESTAMP, "2024-01-01 00:00:60"},
		{VALUE_TIMESTAMP, "2024-01-01 00:00:00+00"},
		{VALUE_TIMESTAMP, "2024-01-01 00:00:00."},
		{VALUE_TIMESTAMP, "2024-01-01 00:00:00.1234567"},
		{VALUE_TIMESTAMP, "294277-01-01 00:00:00"},
		{VALUE_TIMESTAMP, "9999999-01-01 00:00:00"},
		{VALUE_TIMESTAMPTZ, "2024-01-01 00:00:00 CET"},
		{VALUE_TIMESTAMPTZ, "2024-01-01 00:00:00+0"},
		{VALUE_TIMESTAMPTZ, "4714-11-24 00:00:00+01 BC"},
		{VALUE_TIMESTAMPTZ, "294276-12-31 23:00:00-02"},
		{VALUE_UUID, ""},
		{VALUE_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1"},
		{VALUE_UUID, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a112"},
		{VALUE_UUID, "a0eebc999c0b4ef8bb6d6bb9bd380a11"},
		{VALUE_UUID, "g0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{VALUE_TEXT, "\xff"},
		{VALUE_OTHER, "x"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		const struct value_shape s = {.type = bad[i].type, .typmod = -1, .format = VALUE_TEXT_FORMAT};

		if (!undecodable(&s, bad[i].cell, strlen(bad[i].cell)))
			fail_msg("%s: %s", value_type_name(bad[i].type), bad[i].cell);
	}
	assert_true(undecodable(
		&(struct value_shape){.type = VALUE_TEXT, .typmod = -1, .format = VALUE_TEXT_FORMAT}, "a\0b",
		3));
}

static void undecodable_binary(void **state)
{
	static const struct {
		enum value_type type;
		const char *cell;
	} bad[] = {
		{VALUE_INT2, "00"},
		{VALUE_INT2, "000000"},
		{VALUE_INT4, "0000"},
		{VALUE_INT8, "00000007"},
		{VALUE_INT8, ""},
		{VALUE_BOOL, ""},
		{VALUE_BOOL, "02"},
		{VALUE_BOOL, "0100"},
		{VALUE_UUID, "00"},
		{VALUE_UUID, "a0eebc999c0b4ef8bb6d6bb9bd380a1100"},
		{VALUE_DATE, "000000"},
		{VALUE_DATE, "80000001"},
		{VALUE_DATE, "7ffffffe"},
		{VALUE_TIMESTAMP, "8000000000000001"},
		{VALUE_TIMESTAMPTZ, "7ffffffffffffffe"},
		{VALUE_NUMERIC, ""},
		{VALUE_NUMERIC, "00000000000000"},
		{VALUE_NUMERIC, "000100000000000000"},
		{VALUE_NUMERIC, "0001000000000000000100"},
		{VALUE_NUMERIC, "000000000000000000"},
		{VALUE_NUMERIC, "00010000000000002710"},     /* a digit of 10000 */
		{VALUE_NUMERIC, "00010000100000000001"},     /* no such sign */
		{VALUE_NUMERIC, "00010000c00000000001"},     /* NaN with digits */
		{VALUE_NUMERIC, "00010000000040000001"},     /* dscale 16384 */
		{VALUE_NUMERIC, "000200000000000000011388"}, /* 1.5 that says it is 1 */
		{VALUE_NUMERIC, "00017fff00000000270f0000"}, /* two bytes too many */
		{VALUE_OTHER, "00"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(bad); i++) {
		const struct value_shape s = {
			.type = bad[i].type, .typmod = -1, .format = VALUE_BINARY_FORMAT};
		uint8_t cell[64];

		if (!undecodable(&s, cell, unhex(cell, bad[i].cell)))
			fail_msg("%s: %s", value_type_name(bad[i].type), bad[i].cell);
	}
}

static void text_limits(void **state)
{
	static const struct {
		enum value_type type;
		int32_t typmod;
		size_t limit;
	} t[] = {
		{VALUE_TEXT, -1, SIZE_MAX},
		{VALUE_TEXT, 7, SIZE_MAX},
		{VALUE_VARCHAR, -1, SIZE_MAX},
		{VALUE_VARCHAR, 5, 1},
		{VALUE_VARCHAR, 14, 10},
		{VALUE_BPCHAR, -1, SIZE_MAX},
		{VALUE_BPCHAR, 8, 4},
		{VALUE_NAME, -1, 63},
		{VALUE_VARCHAR, 4, 0},
		{VALUE_VARCHAR, 3, 0},
		{VALUE_BPCHAR, 0, 0},
		{VALUE_BPCHAR, -2, 0},
		{VALUE_BPCHAR, INT32_MIN, 0},
		{VALUE_BPCHAR, 10485764, 10485760},
		{VALUE_BPCHAR, 10485765, 0},
		{VALUE_BPCHAR, INT32_MAX, 0},
		{VALUE_INT4, -1, 0},
		{VALUE_OTHER, -1, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(
			value_text_limit(&(struct value_shape){
				.type = t[i].type, .typmod = t[i].typmod, .format = VALUE_TEXT_FORMAT}),
			t[i].limit);
}

static bool put_text_is(enum value_type type, int32_t typmod, struct span in, const char *expected)
{
	const struct value_shape s = {.type = type, .typmod = typmod, .format = VALUE_TEXT_FORMAT};
	struct arena a = {0};
	struct span out = value_put_text(&a, &s, in);
	bool ok = expected ? out.p && span_is(out, expected) : !out.p;

	arena_fini(&a);
	return ok;
}

static void text_is_cut_by_characters(void **state)
{
	char name[65] = {0}, cut[63] = {0};

	(void)state;
	assert_true(put_text_is(VALUE_VARCHAR, 6, SPAN_LIT("\xc3\xa9\xe2\x82\xac!"), "\xc3\xa9\xe2\x82\xac"));
	assert_true(put_text_is(VALUE_VARCHAR, 14, SPAN_LIT("abc"), "abc"));
	assert_true(put_text_is(VALUE_BPCHAR, 8, SPAN_LIT("\xc3\xa9"), "\xc3\xa9   "));
	assert_true(put_text_is(VALUE_BPCHAR, 8, SPAN_LIT(""), "    "));
	assert_true(put_text_is(VALUE_BPCHAR, 8, SPAN_LIT("abcdef"), "abcd"));
	assert_true(put_text_is(VALUE_BPCHAR, -1, SPAN_LIT("ab"), "ab"));
	assert_true(put_text_is(VALUE_TEXT, -1, SPAN_LIT(""), ""));
	assert_true(put_text_is(VALUE_TEXT, -1, SPAN_LIT("\xff"), NULL));
	assert_true(put_text_is(VALUE_TEXT, -1, SPAN_LIT("a\0b"), NULL));
	assert_true(put_text_is(VALUE_VARCHAR, 4, SPAN_LIT(""), NULL));
	assert_true(put_text_is(VALUE_INT4, -1, SPAN_LIT("1"), NULL));
	memset(name, 'n', 62);
	memset(cut, 'n', 62);
	memcpy(name + 62, "\xc3\xa9",
		2); /* bytes 63 and 64: the character that crosses the limit goes whole */
	assert_true(put_text_is(VALUE_NAME, -1, span_of(name, 64), cut));
	assert_true(put_text_is(VALUE_NAME, -1, span_of(cut, 62), cut));
}

static void what_fits(void **state)
{
	const struct value_shape three = {.type = VALUE_VARCHAR, .typmod = 7, .format = VALUE_TEXT_FORMAT},
				 name = {.type = VALUE_NAME, .typmod = -1, .format = VALUE_TEXT_FORMAT};
	char x[64];

	(void)state;
	memset(x, 'x', sizeof(x));
	assert_true(value_text_fits(&three, SPAN_LIT("\xc3\xa9\xc3\xa9\xc3\xa9")));
	assert_false(value_text_fits(&three, SPAN_LIT("abcd")));
	assert_false(value_text_fits(&three, SPAN_LIT("\xff")));
	assert_false(value_text_fits(&three, SPAN_LIT("\0")));
	assert_true(value_text_fits(&name, span_of(x, 63)));
	assert_false(value_text_fits(&name, span_of(x, 64)));
	memcpy(x + 62, "\xc3\xa9", 2);
	assert_false(value_text_fits(&name, span_of(x, 64)));
}

static void literals(void **state)
{
	static const struct {
		enum value_type type;
		int32_t typmod;
		const char *literal, *text;
	} t[] = {
		{VALUE_VARCHAR, 7, "n/a", "n/a"},
		{VALUE_VARCHAR, 6, "n/a", NULL},
		{VALUE_BPCHAR, 9, "n/a", "n/a  "},
		{VALUE_INT2, -1, "32767", "32767"},
		{VALUE_INT2, -1, "32768", NULL},
		{VALUE_INT4, -1, "+7", "7"},
		{VALUE_INT4, -1, "seven", NULL},
		{VALUE_INT8, -1, "-0", "0"},
		{VALUE_BOOL, -1, "true", "t"},
		{VALUE_BOOL, -1, "off", "f"},
		{VALUE_BOOL, -1, "maybe", NULL},
		{VALUE_DATE, -1, "1970-01-01", "1970-01-01"},
		{VALUE_DATE, -1, "infinity", NULL},
		{VALUE_TIMESTAMP, -1, "1970-01-01", "1970-01-01 00:00:00"},
		{VALUE_TIMESTAMP, -1, "1970-01-01T01:02:03", "1970-01-01 01:02:03"},
		{VALUE_TIMESTAMPTZ, -1, "1970-01-01T01:02:03Z", "1970-01-01 01:02:03+00"},
		{VALUE_TIMESTAMPTZ, -1, "1970-01-01 01:02:03-05:30", "1970-01-01 06:32:03+00"},
		{VALUE_TIMESTAMPTZ, -1, "1970-01-01", "1970-01-01 00:00:00+00"},
		{VALUE_UUID, -1, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11",
			"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
		{VALUE_OTHER, -1, "{}", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(t); i++) {
		BOTH(t[i].type, t[i].typmod);

		if (!literal_is(&text, t[i].literal, t[i].text, t[i].text ? strlen(t[i].text) : 0))
			fail_msg("%s: %s", value_type_name(t[i].type), t[i].literal);
		if (!t[i].text)
			assert_true(literal_is(&binary, t[i].literal, NULL, 0));
	}
}

/* The server writes local time with the offset of its TimeZone; both of these are one moment. */
static void zones(void **state)
{
	static const char *const forms[] = {
		"1800-01-01 05:53:28+05:53:28", "1799-12-31 20:29:08-03:30:52", "1800-01-01 00:00:00+00"};
	BOTH(VALUE_TIMESTAMPTZ, -1);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(forms); i++)
		assert_true(canonical_is(&text, forms[i], strlen(forms[i]), "1800-01-01 00:00:00+00"));
	assert_true(canonical_is(&binary, "\xff\xe9\x93\xdc\xf8\x17\x00\x00", 8, "1800-01-01 00:00:00+00"));
}

static void writers_want_their_own_type(void **state)
{
	static const uint8_t uuid[16];
	enum value_type t;

	(void)state;
	for (t = VALUE_OTHER; t < VALUE_TYPE_COUNT; t++) {
		const struct value_shape s = {.type = t, .typmod = -1, .format = VALUE_BINARY_FORMAT};
		struct arena a = {0};

		assert_int_equal(value_put_text(&a, &s, SPAN_LIT("x")).p != NULL, value_is_text(t));
		assert_int_equal(value_put_bool(&a, &s, true).p != NULL, t == VALUE_BOOL);
		assert_int_equal(value_put_uuid(&a, &s, uuid).p != NULL, t == VALUE_UUID);
		assert_int_equal(value_put_date(&a, &s, 0).p != NULL, t == VALUE_DATE);
		assert_int_equal(value_put_timestamp(&a, &s, 0).p != NULL,
			t == VALUE_TIMESTAMP || t == VALUE_TIMESTAMPTZ);
		assert_int_equal(value_put_int(&a, &s, 1).p != NULL, value_is_number(t) && t != VALUE_MONEY);
		arena_fini(&a);
	}
}

static void writers_stay_in_range(void **state)
{
	const struct value_shape date = {.type = VALUE_DATE, .typmod = -1, .format = VALUE_BINARY_FORMAT},
				 ts = {.type = VALUE_TIMESTAMP, .typmod = -1, .format = VALUE_TEXT_FORMAT};
	struct arena a = {0};

	(void)state;
	assert_null(value_put_date(&a, &date, INT32_MAX).p);
	assert_null(value_put_date(&a, &date, INT32_MIN).p);
	assert_null(value_put_date(&a, &date, -2451546).p);
	assert_null(value_put_timestamp(&a, &ts, INT64_MAX).p);
	assert_null(value_put_timestamp(&a, &ts, INT64_MIN).p);
	assert_null(value_put_int(&a,
		&(struct value_shape){.type = VALUE_INT2, .typmod = -1, .format = VALUE_TEXT_FORMAT}, 32768)
			    .p);
	assert_null(value_put_int(&a,
		&(struct value_shape){.type = VALUE_INT4, .typmod = -1, .format = VALUE_BINARY_FORMAT},
		INT64_C(1) << 31)
			    .p);
	arena_fini(&a);
}

static void without_memory(void **state)
{
	const struct vector *v;
	struct arena none;
	struct span c;

	(void)state;
	arena_init(&none, 1);
	for (v = vectors; v < vectors + ARRAY_LEN(vectors); v++) {
		BOTH(v->type, v->typmod);
		uint8_t cell[64];
		size_t n = unhex(cell, v->binary);

		assert_null(value_put_literal(&none, &text, span_of(v->canonical, strlen(v->canonical))).p);
		assert_null(value_put_literal(&none, &binary, span_of(v->canonical, strlen(v->canonical))).p);
		if (value_canonical(&none, &binary, span_of(cell, n), &c))
			assert_true(span_is(c, v->canonical));
	}
	arena_fini(&none);
}

/* Random bytes and damaged vectors, flush against a guard page; what is decoded can be written and read
 * again. */
static void random_bytes(void **state)
{
	struct arena a = {0};
	unsigned seed = 1, round;

	(void)state;
	for (round = 0; round < 40000; round++) {
		const struct vector *v = &vectors[(unsigned)rand_r(&seed) % ARRAY_LEN(vectors)];
		struct value_shape s = {.type = v->type,
			.typmod = v->typmod,
			.format = rand_r(&seed) & 1 ? VALUE_BINARY_FORMAT : VALUE_TEXT_FORMAT};
		uint8_t cell[64];
		size_t n, i;
		struct guarded g;
		struct span c, again, back;

		if (round & 1) {
			n = (size_t)rand_r(&seed) % sizeof(cell);
			for (i = 0; i < n; i++)
				cell[i] = (uint8_t)rand_r(&seed);
		} else {
			n = s.format == VALUE_BINARY_FORMAT ? unhex(cell, v->binary) : strlen(v->text);
			if (s.format == VALUE_TEXT_FORMAT)
				memcpy(cell, v->text, n);
			cell[(size_t)rand_r(&seed) % n] ^= (uint8_t)(1 << rand_r(&seed) % 8);
			n -= (size_t)rand_r(&seed) % 4 == 0 && n;
		}
		g = guard_copy(cell, n);
		s.typmod = -1;
		if (value_canonical(&a, &s, span_of(g.p, n), &c)) {
			back = value_put_literal(&a, &s, c);
			if (back.p) {
				assert_true(value_canonical(&a, &s, back, &again));
				assert_true(span_eq(c, again));
			}
		}
		guard_free(&g);
		arena_reset(&a);
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_as_the_server_writes),
		cmocka_unit_test(write_as_the_server_writes),
		cmocka_unit_test(undecodable_text),
		cmocka_unit_test(undecodable_binary),
		cmocka_unit_test(text_limits),
		cmocka_unit_test(text_is_cut_by_characters),
		cmocka_unit_test(what_fits),
		cmocka_unit_test(literals),
		cmocka_unit_test(zones),
		cmocka_unit_test(writers_want_their_own_type),
		cmocka_unit_test(writers_stay_in_range),
		cmocka_unit_test(without_memory),
		cmocka_unit_test(random_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
