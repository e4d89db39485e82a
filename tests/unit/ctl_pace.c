/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "ctl/pace.h"

static void key_of(uint8_t key[PACE_KEY], unsigned n)
{
	memset(key, 0, PACE_KEY);
	memcpy(key + 1, &n, sizeof(n));
}

static void burst_and_then_one_each(void **state)
{
	static struct pace p;
	uint8_t a[PACE_KEY], b[PACE_KEY];
	uint64_t now = 1000;

	(void)state;
	p = (struct pace){.burst = 3, .each_ms = 100};
	key_of(a, 1);
	key_of(b, 2);
	for (int i = 0; i < 3; i++) {
		assert_true(pace_may(&p, a, now));
		pace_count(&p, a, now);
	}
	assert_false(pace_may(&p, a, now));
	assert_true(pace_may(&p, b, now));
	assert_false(pace_may(&p, a, now + 99));
	assert_true(pace_may(&p, a, now + 100));
	pace_count(&p, a, now + 100);
	assert_false(pace_may(&p, a, now + 199));
	/* in the end nothing is against him */
	for (int i = 0; i < 3; i++) {
		assert_true(pace_may(&p, a, now + 10000));
		pace_count(&p, a, now + 10000);
	}
	assert_false(pace_may(&p, a, now + 10000));
}

/* However many come: he who has most against him is remembered. */
static void many(void **state)
{
	static struct pace p;
	uint8_t bad[PACE_KEY], other[PACE_KEY];

	(void)state;
	p = (struct pace){.burst = 5, .each_ms = 60000};
	key_of(bad, 0);
	for (int i = 0; i < 5; i++)
		pace_count(&p, bad, 1000);
	for (unsigned i = 1; i < 5 * PACE_PEERS; i++) {
		key_of(other, i);
		assert_true(pace_may(&p, other, 1000));
		pace_count(&p, other, 1000);
	}
	assert_false(pace_may(&p, bad, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(burst_and_then_one_each),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
