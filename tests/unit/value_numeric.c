/* SPDX-License-Identifier: MIT */
#include "value/numeric.h"

#include "test.h"

#define TYPMOD(p, s) (4 + ((p) << 16 | ((s)&0x7ff)))

static void typmods(void **state)
{
	int precision, scale;

	(void)state;
	assert_true(numeric_typmod(TYPMOD(10, 2), &precision, &scale));
	assert_int_equal(precision, 10);
	assert_int_equal(scale, 2);
	assert_true(numeric_typmod(TYPMOD(5, -3), &precision, &scale));
	assert_int_equal(precision, 5);
	assert_int_equal(scale, -3);
	assert_true(numeric_typmod(TYPMOD(1000, -1000), &precision, &scale));
	assert_true(numeric_typmod(TYPMOD(1, 1000), &precision, &scale));
	assert_false(numeric_typmod(TYPMOD(1, 1001), &precision, &scale));
	assert_false(numeric_typmod(TYPMOD(1, -1001), &precision, &scale));
	assert_false(numeric_typmod(TYPMOD(1001, 0), &precision, &scale));
	assert_false(numeric_typmod(TYPMOD(0, 0), &precision, &scale));
	assert_false(numeric_typmod(-1, &precision, &scale));
	assert_false(numeric_typmod(3, &precision, &scale));
	assert_false(numeric_typmod(INT32_MIN, &precision, &scale));
	assert_false(numeric_typmod(INT32_MAX, &precision, &scale));
}

static bool read_text(const char *text, const char *canonical)
{
	struct guarded g = guard_copy(text, strlen(text));
	struct arena a = {0};
	struct numeric v;
	bool ok =
		numeric_get_text(&a, span_of(g.p, g.n), &v) && span_is(numeric_canonical(&a, &v), canonical);

	arena_fini(&a);
	guard_free(&g);
	return ok;
}

static bool read_binary(const void *cell, size_t n, const char *canonical)
{
	struct guarded g = guard_copy(cell, n);
	struct arena a = {0};
	struct numeric v;
	bool ok =
		numeric_get_binary(&a, span_of(g.p, n), &v) && span_is(numeric_canonical(&a, &v), canonical);

	arena_fini(&a);
	guard_free(&g);
	return ok;
}

static void normal_form(void **state)
{
	(void)state;
	assert_true(read_text("0000.000", "0"));
	assert_true(read_text("-0.0", "0"));
	assert_true(read_text("0e99999", "0"));
	assert_true(read_text("+007.70e2", "77e1"));
	assert_true(read_text(".5", "5e-1"));
	assert_true(read_text("5.", "5"));
	/* needless groups of zeros; minus zero */
	assert_true(read_binary("\0\3\0\1\0\0\0\0\0\0\0\7\0\0", 14, "7"));
	assert_true(read_binary("\0\1\0\5\x40\0\0\0\0\0", 10, "0"));
}

/* Ten bytes that stand for the largest and for the smallest numbers stay ten bytes. */
static void extremes(void **state)
{
	struct numeric v;
	struct arena a = {0};
	struct span out;

	(void)state;
	assert_true(read_binary("\0\1\x7f\xff\0\0\0\0\x03\xe8", 10, "1e131071"));
	assert_true(read_binary("\0\1\xf0\x01\0\0\x3f\xff\0\x0a", 10, "1e-16379"));
	assert_true(numeric_get_text(&a, SPAN_LIT("1e131071"), &v));
	out = numeric_put_text(&a, &v, -1);
	assert_int_equal(out.n, 131072);
	assert_true(span_is(span_of(out.p, 2), "10"));
	out = numeric_put_binary(&a, &v, -1);
	assert_true(span_eq(out, SPAN_LIT("\0\1\x7f\xff\0\0\0\0\x03\xe8")));
	assert_true(numeric_get_text(&a, SPAN_LIT("-1e-16383"), &v));
	out = numeric_put_text(&a, &v, -1);
	assert_int_equal(out.n, 16383 + 3);
	assert_int_equal(out.p[out.n - 1], '1');
	arena_fini(&a);
}

static void into_a_typmod(void **state)
{
	static const struct {
		int precision, scale;
		const char *in, *text; /* NULL: refused */
	} t[] = {
		{10, 2, "12345678.90", "12345678.90"},
		{10, 2, "-99999999.99", "-99999999.99"},
		{10, 2, "1.5", "1.50"},
		{10, 2, "123456789", NULL},
		{10, 2, "1.005", NULL},
		{3, -3, "123000", "123000"},
		{3, -3, "1e5", "100000"},
		{3, -3, "1234000", NULL},
		{3, -3, "100", NULL},
		{3, -3, "0", "0"},
		{2, 4, "0.0099", "0.0099"},
		{2, 4, "0.01", NULL},
		{2, 4, "0", "0.0000"},
		{1, 0, "9", "9"},
		{1, 0, "10", NULL},
		{1, 0, "NaN", NULL},
		{1, 0, "-Infinity", NULL},
		{0, 0, "0", NULL},
		{1001, 0, "0", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(t); i++) {
		int32_t typmod = TYPMOD(t[i].precision, t[i].scale);
		struct arena a = {0};
		struct span text, binary;
		struct numeric v;

		assert_true(numeric_get_text(&a, span_of(t[i].in, strlen(t[i].in)), &v));
		text = numeric_put_text(&a, &v, typmod);
		binary = numeric_put_binary(&a, &v, typmod);
		if (t[i].text) {
			assert_true(span_is(text, t[i].text));
			assert_true(numeric_get_binary(&a, binary, &v));
			assert_true(span_eq(numeric_put_text(&a, &v, typmod), text));
		} else {
			assert_null(text.p);
			assert_null(binary.p);
		}
		arena_fini(&a);
	}
}

/* Random digits through all four forms. */
static void there_and_back(void **state)
{
	unsigned seed = 7, round;
	struct arena a = {0};

	(void)state;
	for (round = 0; round < 20000; round++) {
		struct numeric v, w;
		char text[64];
		size_t n = 0, digits = 1 + (size_t)rand_r(&seed) % 40, i;

		if (rand_r(&seed) & 1)
			text[n++] = '-';
		for (i = 0; i < digits; i++)
			text[n++] = (char)('0' + (rand_r(&seed) & 3 ? 0 : rand_r(&seed) % 10));
		n += (size_t)sprintf(text + n, "e%d", rand_r(&seed) % 60 - 30);
		assert_true(numeric_get_text(&a, span_of(text, n), &v));
		assert_true(numeric_get_binary(&a, numeric_put_binary(&a, &v, -1), &w));
		assert_true(span_eq(numeric_canonical(&a, &v), numeric_canonical(&a, &w)));
		assert_true(numeric_get_text(&a, numeric_put_text(&a, &w, -1), &v));
		assert_true(span_eq(numeric_canonical(&a, &v), numeric_canonical(&a, &w)));
		arena_reset(&a);
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(typmods),
		cmocka_unit_test(normal_form),
		cmocka_unit_test(extremes),
		cmocka_unit_test(into_a_typmod),
		cmocka_unit_test(there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
