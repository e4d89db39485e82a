/* SPDX-License-Identifier: MIT */
#include "ctl/flood.h"

#include <stdio.h>

#include "test.h"

#define T0              1000000
#define FLOOD_PERIOD_MS 60000

static struct flood *begin(void)
{
	struct flood *f = NULL;
	struct err e = {0};

	assert_int_equal(flood_new(&f, FLOOD_PERIOD_MS, &e), 0);
	return f;
}

static unsigned told(struct flood *f, const char *event, const char *who, unsigned n, uint64_t now_ms)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++)
		k += flood_admits(f, event, who, now_ms);
	return k;
}

static void few_at_once(void **state)
{
	struct flood *f = begin();
	struct flooded of;

	(void)state;
	assert_int_equal(told(f, "statement.refused", "/a", 1000, T0), FLOOD_AT_ONCE);
	/* neither what another does nor what else he does is hidden by it */
	assert_int_equal(told(f, "statement.refused", "/b", 3, T0), 3);
	assert_int_equal(told(f, "connect.refused", "/a", 3, T0), 3);
	assert_int_equal(flood_next_ms(f), T0 + FLOOD_PERIOD_MS);
	assert_false(flood_over(f, T0 + FLOOD_PERIOD_MS - 1, &of));
	assert_true(flood_over(f, T0 + FLOOD_PERIOD_MS, &of));
	assert_string_equal(of.event, "statement.refused");
	assert_string_equal(of.who, "/a");
	assert_int_equal(of.events, 1000 - FLOOD_AT_ONCE);
	assert_false(flood_over(f, T0 + FLOOD_PERIOD_MS, &of));
	assert_true(flood_next_ms(f) == UINT64_MAX);
	flood_free(f);
}

static void goes_on(void **state)
{
	struct flood *f = begin();
	struct flooded of;

	(void)state;
	assert_int_equal(told(f, "x", "/a", 20, T0), FLOOD_AT_ONCE);
	/* what is not told of yet is not forgotten, also where it goes on behind the while */
	assert_int_equal(told(f, "x", "/a", 5, T0 + FLOOD_PERIOD_MS + 1), 0);
	assert_true(flood_over(f, T0 + FLOOD_PERIOD_MS + 1, &of));
	assert_int_equal(of.events, 20 - FLOOD_AT_ONCE + 5);
	assert_int_equal(told(f, "x", "/a", 5, T0 + FLOOD_PERIOD_MS + 2), 5);
	/* a quiet while, and it begins anew */
	assert_int_equal(told(f, "x", "/a", 20, T0 + 3 * FLOOD_PERIOD_MS), FLOOD_AT_ONCE);
	flood_free(f);
}

/* As many names as somebody can think of: bounded, all counted, and others of that kind are still told of. */
static void many_names(void **state)
{
	struct flood *f = begin();
	uint64_t n = 0, sum = 0;
	struct flooded of;
	char who[64];

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(who, sizeof(who), "/agents/%u", i);
		n += told(f, "statement.refused", who, 3, T0);
	}
	assert_in_range(n, 256 * 3, 256 * 3 + FLOOD_AT_ONCE);
	assert_int_equal(told(f, "foreign.denied", "/agents/9999", 1, T0), 1);
	while (flood_over(f, T0 + FLOOD_PERIOD_MS, &of))
		sum += of.events;
	assert_int_equal(n + sum, 30000);
	flood_free(f);
}

static void names_are_cut(void **state)
{
	struct flood *f = begin();
	struct flooded of;
	char who[4096];

	(void)state;
	memset(who, 'x', sizeof(who) - 1);
	who[sizeof(who) - 1] = '\0';
	assert_int_equal(told(f, who, who, 20, T0), FLOOD_AT_ONCE);
	assert_true(flood_over(f, T0 + FLOOD_PERIOD_MS, &of));
	assert_int_equal(of.events, 20 - FLOOD_AT_ONCE);
	assert_int_equal(strlen(of.who), FLOOD_WHO - 1);
	flood_free(f);
}

static void left_out_before(void **state)
{
	struct flood *f = begin();
	struct flooded of;

	(void)state;
	flood_count(f, "statement.refused", 700, T0);
	flood_count(f, "statement.refused", 7, T0 + 5);
	assert_true(flood_over(f, T0 + FLOOD_PERIOD_MS, &of));
	assert_int_equal(of.events, 707);
	assert_string_equal(of.who, "");
	flood_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(few_at_once),
		cmocka_unit_test(goes_on),
		cmocka_unit_test(many_names),
		cmocka_unit_test(names_are_cut),
		cmocka_unit_test(left_out_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
