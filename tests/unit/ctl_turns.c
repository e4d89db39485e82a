/* SPDX-License-Identifier: MIT */
#include "ctl/turns.h"

#include "test.h"

#define T0 1000000

static unsigned taken(struct turns *t, uint64_t who, unsigned n, uint64_t now_ms)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++)
		k += turns_take(t, who, now_ms);
	return k;
}

static void one_leaves_some(void **state)
{
	struct turns t = {0};

	(void)state;
	assert_int_equal(taken(&t, 1, 100000, T0), TURNS_FOR_EACH);
	assert_int_equal(taken(&t, 2, 1, T0 + 500), 1);
	assert_int_equal(taken(&t, 1, 10, T0 + 999), 0);
	assert_int_equal(taken(&t, 1, 10, T0 + 1000), TURNS_FOR_EACH);
}

static void all_of_them(void **state)
{
	struct turns t = {0};
	unsigned n = 0;

	(void)state;
	for (uint64_t who = 0; who < 1000; who++)
		n += taken(&t, who, 1, T0);
	assert_int_equal(n, TURNS_A_SECOND);
	assert_int_equal(taken(&t, 0, 1, T0 + 999), 0);
	/* The clock's zero, and a clock that was set back: never more than a second's. */
	assert_int_equal(taken(&t, 0, 1, T0 - 1), 1);
	t = (struct turns){0};
	assert_int_equal(taken(&t, 7, 5, 0), TURNS_FOR_EACH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_leaves_some),
		cmocka_unit_test(all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
