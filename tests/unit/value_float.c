/* SPDX-License-Identifier: MIT */
#include "value/float.h"

#include "test.h"

#include <math.h>

/* What PostgreSQL 15 writes (extra_float_digits 1). */
static void known_texts(void **state)
{
	static const struct {
		bool single;
		double v;
		const char *text;
	} known[] = {
		{false, 0, "0"},
		{false, -0.0, "-0"},
		{false, 1.5, "1.5"},
		{false, -7, "-7"},
		{false, 0.1, "0.1"},
		{false, 0.30000000000000004, "0.30000000000000004"},
		{false, 123456789012345, "123456789012345"},
		{false, 1e15, "1e+15"},
		{false, 1.25e15, "1.25e+15"},
		{false, 1.7976931348623157e308, "1.7976931348623157e+308"},
		{false, 5e-324, "5e-324"},
		{false, 1e-5, "1e-05"},
		{false, 0.0001, "0.0001"},
		{true, 0.1f, "0.1"},
		{true, 999999, "999999"},
		{true, 1000000, "1e+06"},
		{true, 2683801, "2.683801e+06"},
		{true, 3.4028235e38f, "3.4028235e+38"},
		{true, 1e-45f, "1e-45"},
		{false, INFINITY, "Infinity"},
		{false, -INFINITY, "-Infinity"},
		{true, NAN, "NaN"},
	};
	char text[FLOAT_TEXT_MAX];
	double back;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		size_t n = float_put(text, known[i].single, known[i].v);
		struct guarded g = guard_copy(text, n);

		if (!span_is(span_of(text, n), known[i].text))
			fail_msg("%.*s is not %s", (int)n, text, known[i].text);
		assert_true(float_get(span_of(g.p, n), known[i].single, &back));
		assert_true(back == known[i].v || isnan(known[i].v));
		guard_free(&g);
	}
}

static void there_and_back(void **state)
{
	char text[FLOAT_TEXT_MAX];
	uint64_t bits = 88172645463325252u;
	double v, back;
	float f;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		bits ^= bits << 13;
		bits ^= bits >> 7;
		bits ^= bits << 17;
		memcpy(&v, &bits, sizeof(v));
		memcpy(&f, &bits, sizeof(f));
		if (isfinite(v)) {
			assert_true(float_get(span_of(text, float_put(text, false, v)), false, &back));
			assert_true(back == v);
		}
		if (isfinite(f)) {
			assert_true(float_get(span_of(text, float_put(text, true, (double)f)), true, &back));
			assert_true(back == (double)f);
		}
	}
}

static void not_read(void **state)
{
	static const char *const bad[] = {"", " ", "-", ".", "e", "1e", "1e400", "-1e400", "0x10", "inf",
		"nan", "infinity", "1,5", "1.5 ", "1.5.5", "1e5e5", "+-1",
		"0.00000000000000000000000000000000000000000000000000000000000000001"};
	double v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guarded g = guard_copy(bad[i], strlen(bad[i]));

		if (float_get(span_of(g.p, g.n), false, &v))
			fail_msg("read: %s", bad[i]);
		guard_free(&g);
	}
	assert_false(float_get(SPAN_LIT("1e39"), true, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
