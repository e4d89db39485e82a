/* SPDX-License-Identifier: MIT */
#include "value/style.h"

#include "test.h"

static void take(struct value_style *s, const char *name, const char *value)
{
	struct guarded n = guard_copy(name, strlen(name)), v = guard_copy(value, strlen(value));

	style_take(s, span_of(n.p, n.n), span_of(v.p, v.n));
	guard_free(&n);
	guard_free(&v);
}

static void reports(void **state)
{
	static const char *const strange[] = {
		"", "ISO", "ISO,MDY", "ISO, ", ", MDY", "iso, mdy", "ISO, MDY ", "XSD, MDY", "ISO, XYZ"};
	static const char *const zones[] = {"", "UTC-13", "UTC0", "<UTC>-13", "UTC ", "utc", "Europe/London"};
	struct value_style s = {0};

	(void)state;
	take(&s, "DateStyle", "SQL, DMY");
	take(&s, "IntervalStyle", "iso_8601");
	take(&s, "datestyle", "ISO, MDY"); /* the server writes the name its own way */
	take(&s, "TimeZone", "ISO, MDY");
	assert_int_equal(s.date, DATE_STYLE_SQL);
	assert_int_equal(s.order, DATE_ORDER_DMY);
	assert_int_equal(s.interval, INTERVAL_STYLE_ISO);
	for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++) {
		take(&s, "DateStyle", "SQL, DMY");
		take(&s, "DateStyle", strange[i]);
		assert_true(s.date == DATE_STYLE_UNKNOWN || s.order == DATE_ORDER_UNKNOWN);
	}
	for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
		take(&s, "TimeZone", "Etc/UTC");
		assert_true(s.utc);
		take(&s, "TimeZone", zones[i]);
		assert_false(s.utc);
	}
	take(&s, "DateStyle", "Postgres, YMD");
	assert_true(s.date == DATE_STYLE_POSTGRES && s.order == DATE_ORDER_YMD);
	take(&s, "DateStyle", "German, MDY");
	assert_true(s.date == DATE_STYLE_GERMAN && s.order == DATE_ORDER_MDY);
	take(&s, "IntervalStyle", "postgres_verbose");
	assert_int_equal(s.interval, INTERVAL_STYLE_VERBOSE);
	take(&s, "IntervalStyle", "sql");
	assert_int_equal(s.interval, INTERVAL_STYLE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(reports)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
