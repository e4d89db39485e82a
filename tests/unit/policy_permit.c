/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "policy/permit.h"

#define BIT(via) (1u << VIA_##via)

static void meet(void **state)
{
	const struct permit deny = {0}, allow = {.predicates = PREDICATES_ALLOW};
	const struct permit few = {PREDICATES_EQUALITY, 10, 60, BIT(COUNT), 5};
	const struct permit slow = {PREDICATES_EQUALITY, 50, 3600, BIT(COUNT) | BIT(AVG), 20};
	struct permit m = permit_meet(&few, &slow);

	(void)state;
	assert_int_equal(m.predicates, PREDICATES_EQUALITY);
	assert_int_equal(m.constants, 10);
	assert_int_equal(m.period_s, 3600);
	assert_int_equal(m.aggregates, BIT(COUNT));
	assert_int_equal(m.min_group, 20);
	assert_true(permit_covers(&m, &few) && permit_covers(&m, &slow));
	assert_false(permit_covers(&few, &slow) || permit_covers(&slow, &few));
	m = permit_meet(&allow, &slow);
	assert_int_equal(m.predicates, PREDICATES_EQUALITY);
	assert_int_equal(m.constants, 50);
	assert_int_equal(m.aggregates, 0);
	m = permit_meet(&slow, &deny);
	assert_int_equal(m.predicates, PREDICATES_DENY);
	assert_true(permit_covers(&deny, &slow) && permit_covers(&deny, &allow));
	assert_false(permit_covers(&allow, &deny) || permit_covers(&slow, &deny));
}

static void shows(void **state)
{
	const struct permit p = {.aggregates = BIT(COUNT) | BIT(AVG), .min_group = 5}, none = {0};
	const struct permit all = {.predicates = PREDICATES_ALLOW, .aggregates = ~0u};

	(void)state;
	assert_false(permit_shows(&p, (struct colref){1, 1, VIA_VALUE, 255}));
	assert_false(permit_shows(&all, (struct colref){1, 1, VIA_VALUE, 255}));
	assert_false(permit_shows(&all, (struct colref){1, 1, VIA_AVG, 1}));
	assert_false(permit_shows(&all, (struct colref){1, 1, VIA_MAX + 1, 255}));
	assert_true(permit_shows(&all, (struct colref){1, 1, VIA_DECISION, 0}));
	assert_false(permit_shows(&p, (struct colref){1, 1, VIA_DECISION, 255}));
	assert_true(permit_shows(&p, (struct colref){1, 1, VIA_COUNT, 0}));
	assert_true(permit_shows(&p, (struct colref){1, 1, VIA_AVG, 5}));
	assert_false(permit_shows(&p, (struct colref){1, 1, VIA_AVG, 4}));
	assert_true(permit_wants_group(&p, (struct colref){1, 1, VIA_AVG, 4}));
	assert_false(permit_shows(&p, (struct colref){1, 1, VIA_SUM, 5}));
	assert_false(permit_wants_group(&p, (struct colref){1, 1, VIA_SUM, 5}));
	assert_false(permit_shows(&none, (struct colref){1, 1, VIA_COUNT, 255}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(meet), cmocka_unit_test(shows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
