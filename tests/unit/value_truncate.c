/* SPDX-License-Identifier: MIT */
#include "value/truncate.h"

#include "test.h"

#include "value/datetime.h"

static int32_t day(const char *iso)
{
	int32_t d;

	assert_true(date_get(NULL, span_of(iso, strlen(iso)), &d));
	return d;
}

static void names(void **state)
{
	enum time_unit u;

	(void)state;
	assert_string_equal(time_unit_name(UNIT_DECADE), "decade");
	assert_string_equal(time_unit_name(UNIT_MINUTE), "minute");
	assert_string_equal(time_unit_name((enum time_unit)99), "?");
	assert_true(time_unit_of("quarter", &u) && u == UNIT_QUARTER);
	assert_false(time_unit_of("second", &u) || time_unit_of("", &u) || time_unit_of("Year", &u));
}

/* Truncating is going down, twice is once, and every day of a unit has the same beginning. */
static void holds_for_all_days(void **state)
{
	int32_t from = day("1890-01-01"), to = day("2110-01-01"), d, first, again;

	(void)state;
	for (enum time_unit u = UNIT_DECADE; u <= UNIT_WEEK; u++) {
		int32_t last = INT32_MIN;

		for (d = from; d < to; d++) {
			assert_true(date_truncate(d, u, &first) && first <= d && first >= last);
			assert_true(date_truncate(first, u, &again) && again == first);
			assert_true(u != UNIT_WEEK || d - first < 7);
			assert_true(u != UNIT_MONTH || d - first < 31);
			last = first;
		}
	}
}

static void edges(void **state)
{
	int64_t usecs;
	int32_t d;

	(void)state;
	/* what PostgreSQL can hold begins on 4714-11-24 BC */
	assert_false(date_truncate(day("4714-11-24 BC"), UNIT_MONTH, &d));
	assert_true(date_truncate(day("4714-12-24 BC"), UNIT_MONTH, &d));
	assert_int_equal(d, day("4714-12-01 BC"));
	assert_true(date_truncate(day("5874897-12-31"), UNIT_YEAR, &d));
	assert_int_equal(d, day("5874897-01-01"));
	assert_false(date_truncate(0, UNIT_DAY, &d) || date_truncate(0, UNIT_MINUTE, &d));
	assert_true(datetime_truncate(-1, UNIT_HOUR, &usecs));
	assert_int_equal(usecs, -INT64_C(3600000000));
	assert_true(datetime_truncate(INT64_C(86399999999), UNIT_DAY, &usecs) && usecs == 0);
	assert_false(time_truncate(5, UNIT_DAY, &usecs) || time_truncate(5, UNIT_YEAR, &usecs));
	assert_true(time_truncate(INT64_C(86399999999), UNIT_MINUTE, &usecs));
	assert_int_equal(usecs, INT64_C(86340000000));
	assert_true(time_truncate(INT64_C(86399999999), UNIT_HOUR, &usecs));
	assert_int_equal(usecs, INT64_C(82800000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(holds_for_all_days),
		cmocka_unit_test(edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
