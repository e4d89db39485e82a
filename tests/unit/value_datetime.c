/* SPDX-License-Identifier: MIT */
#include "value/datetime.h"

#include "test.h"

/* Every day of some years and some days of every year: there and back. */
static void calendar(void **state)
{
	char text[DATETIME_TEXT_MAX];
	int32_t d, back;
	size_t n;

	(void)state;
	for (d = -2451545; d<2145031949 - 5000; d += d> - 800000 && d < 20000 ? 1 : 4999) {
		n = date_put(NULL, text, d);
		if (!date_get(NULL, span_of(text, n), &back) || back != d)
			fail_msg("%s", text);
	}
}

/* The gaps at both ends of what the server accepts. */
static void ranges(void **state)
{
	(void)state;
	assert_true(date_in_range(-2451545));
	assert_false(date_in_range(-2451546));
	assert_true(date_in_range(2145031948));
	assert_false(date_in_range(2145031949));
	assert_true(datetime_in_range(INT64_C(-211813488000000000)));
	assert_false(datetime_in_range(INT64_C(-211813488000000001)));
	assert_true(datetime_in_range(INT64_C(9223371331199999999)));
	assert_false(datetime_in_range(INT64_C(9223371331200000000)));
	assert_false(date_in_range(DATE_INFINITY) || date_in_range(DATE_MINUS_INFINITY));
	assert_false(datetime_in_range(DATETIME_INFINITY) || datetime_in_range(DATETIME_MINUS_INFINITY));
}

/* Moments all over the range, there and back, in both types. */
static void moments(void **state)
{
	const int64_t first = INT64_C(-211813488000000000), end = INT64_C(9223371331200000000);
	const int64_t step = INT64_C(94012345678901);
	char text[DATETIME_TEXT_MAX];
	int64_t t, back;

	(void)state;
	for (t = first; t < end - step; t += step) {
		assert_true(
			datetime_get(NULL, span_of(text, datetime_put(NULL, text, false, t)), false, &back));
		assert_true(back == t);
		assert_true(
			datetime_get(NULL, span_of(text, datetime_put(NULL, text, true, t)), true, &back));
		assert_true(back == t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calendar),
		cmocka_unit_test(ranges),
		cmocka_unit_test(moments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
