/* SPDX-License-Identifier: MIT */
#include "value/interval.h"

#include "test.h"

#define HOUR INT64_C(3600000000)

/* What PostgreSQL 15 writes in each IntervalStyle: postgres, postgres_verbose, sql_standard, iso_8601. */
static const struct {
	struct interval v;
	const char *text[4];
} known[] = {
	{{0, 0, 0}, {"00:00:00", "@ 0", "0", "PT0S"}},
	{{14, 3, 4 * HOUR + 306789000},
		{"1 year 2 mons 3 days 04:05:06.789", "@ 1 year 2 mons 3 days 4 hours 5 mins 6.789 secs",
			"+1-2 +3 +4:05:06.789", "P1Y2M3DT4H5M6.789S"}},
	{{-14, 3, -4 * HOUR - 306789000}, {"-1 years -2 mons +3 days -04:05:06.789",
						  "@ 1 year 2 mons -3 days 4 hours 5 mins 6.789 secs ago",
						  "-1-2 +3 -4:05:06.789", "P-1Y-2M3DT-4H-5M-6.789S"}},
	{{0, -3, -4 * HOUR}, {"-3 days -04:00:00", "@ 3 days 4 hours ago", "-3 4:00:00", "P-3DT-4H"}},
	{{0, -3, 4 * HOUR}, {"-3 days +04:00:00", "@ 3 days -4 hours ago", "+0-0 -3 +4:00:00", "P-3DT4H"}},
	{{0, 1, 0}, {"1 day", "@ 1 day", "1 0:00:00", "P1D"}},
	{{-25, 0, 0}, {"-2 years -1 mons", "@ 2 years 1 mon ago", "-2-1", "P-2Y-1M"}},
	{{0, 0, -500000}, {"-00:00:00.5", "@ 0.5 secs ago", "-0:00:00.5", "PT-0.5S"}},
	{{0, 0, 1000000}, {"00:00:01", "@ 1 sec", "0:00:01", "PT1S"}},
	{{1, 0, -1000000}, {"1 mon -00:00:01", "@ 1 mon -1 sec", "+0-1 +0 -0:00:01", "P1MT-1S"}},
	{{0, 0, 100 * HOUR}, {"100:00:00", "@ 100 hours", "100:00:00", "PT100H"}},
};

static void known_texts(void **state)
{
	char text[INTERVAL_TEXT_MAX];
	struct interval back;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		for (int style = 0; style < 4; style++) {
			struct guarded g = guard_copy(known[i].text[style], strlen(known[i].text[style]));
			size_t n = interval_put((enum interval_style)(style + 1), text, &known[i].v);

			if (!span_is(span_of(text, n), known[i].text[style]))
				fail_msg("%.*s is not %s", (int)n, text, known[i].text[style]);
			if (!interval_get(span_of(g.p, g.n), &back) ||
				memcmp(&back, &known[i].v, sizeof(back)) != 0)
				fail_msg("%s is not read", known[i].text[style]);
			guard_free(&g);
		}
	}
}

static void there_and_back(void **state)
{
	static const int64_t time_units[] = {1, 1000000, 60000000, HOUR};
	char text[INTERVAL_TEXT_MAX];
	struct interval v, back;
	unsigned seed = 5;

	(void)state;
	for (unsigned round = 0; round < 100000; round++) {
		v = (struct interval){0};
		if (rand_r(&seed) & 1)
			v.months = rand_r(&seed) % 100 - 50;
		if (rand_r(&seed) & 1)
			v.days = rand_r(&seed) % 100 - 50;
		if (rand_r(&seed) & 1)
			v.usecs = (rand_r(&seed) % 200 - 100) * time_units[rand_r(&seed) % 4];
		if (round % 100 == 0)
			v = (struct interval){INT32_MIN, INT32_MAX, round % 200 ? INT64_MIN : INT64_MAX};
		for (int style = 0; style <= INTERVAL_STYLE_ISO; style++) {
			size_t n = interval_put((enum interval_style)style, text, &v);

			assert_true(n < INTERVAL_TEXT_MAX);
			/* "… ago" counts upwards before it turns the sign. */
			if (v.usecs == INT64_MIN && style == INTERVAL_STYLE_VERBOSE)
				continue;
			if (!interval_get(span_of(text, n), &back) || memcmp(&back, &v, sizeof(v)) != 0)
				fail_msg("%.*s", (int)n, text);
		}
	}
}

static void not_read(void **state)
{
	static const char *const bad[] = {"", "P", "x", "1", "1 ", "1 da", "1 days 2", "1 day ago ago",
		"--1 day", "1:2", "1:60:00", "00:00:60", "00:00:00.1234567", "P1", "P1H", "PT1D", "P1.5D",
		"@", "1-", "1 day  ", "1.5 days", "99999999999 days", "9999999999999999999 years",
		"1 day 00:00:00 x", "ago"};
	struct interval v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guarded g = guard_copy(bad[i], strlen(bad[i]));

		if (interval_get(span_of(g.p, g.n), &v))
			fail_msg("read: %s", bad[i]);
		guard_free(&g);
	}
}

static void typmods(void **state)
{
	const struct interval zero = {0}, fine = {0, 0, 1}, minute = {0, 0, 60000000}, hour = {0, 0, HOUR},
			      day = {0, 1, 0}, month = {1, 0, 0}, year = {12, 0, 0};
	const int32_t to_second0 = 0x7fff << 16 | 0, any = 0x7fff << 16 | 0xffff,
		      years = 1 << 2 << 16 | 0xffff, year_month = (1 << 1 | 1 << 2) << 16 | 0xffff,
		      days = 1 << 3 << 16 | 0xffff, day_hour = (1 << 3 | 1 << 10) << 16 | 0xffff,
		      day_minute = (1 << 3 | 1 << 10 | 1 << 11) << 16 | 0xffff;

	(void)state;
	assert_true(interval_fits(&fine, -1) && interval_fits(&fine, any));
	assert_true(interval_fits(&zero, years) && interval_fits(&zero, to_second0));
	assert_false(interval_fits(&fine, to_second0));
	assert_true(interval_fits(&year, years) && !interval_fits(&month, years));
	assert_true(interval_fits(&month, year_month) && !interval_fits(&day, year_month));
	assert_true(interval_fits(&day, days) && !interval_fits(&hour, days));
	assert_true(interval_fits(&hour, day_hour) && !interval_fits(&minute, day_hour));
	assert_true(interval_fits(&minute, day_minute) && !interval_fits(&fine, day_minute));
	assert_false(interval_fits(&zero, 0x7fff << 16 | 7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_texts),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(not_read),
		cmocka_unit_test(typmods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
