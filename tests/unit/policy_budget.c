/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "policy/budget.h"

#define HOUR_MS  3600000u
#define ONE(who) ((struct budget_payers){(const char *const[]){who}, 1})

static struct budget_item item(uint32_t relid, uint64_t count, unsigned constants, unsigned period_s)
{
	return (struct budget_item){{relid, 1, 0, 0}, count, constants, period_s};
}

static int spend(struct budget *b, const char *who, struct budget_item it, uint64_t now_ms, uint64_t *wait_ms)
{
	unsigned which;

	return budget_spend(b, (struct budget_payers){&who, 1}, &it, 1, now_ms, &which, wait_ms);
}

static struct budget *fresh(void)
{
	struct budget *b;
	struct err e = {0};

	assert_int_equal(budget_new(&b, &e), 0);
	return b;
}

static void limits(void **state)
{
	struct budget *b = fresh();
	uint64_t wait;

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(spend(b, "/a", item(1, 1, 100, 3600), 1000 * i, &wait), 0);
	assert_int_equal(spend(b, "/a", item(1, 1, 100, 3600), 100000, &wait), -EDQUOT);
	assert_true(wait > 3400000 && wait <= 3600000 + 3600000 / 32 + 100000);
	/* another column, another identity */
	assert_int_equal(spend(b, "/a", item(2, 100, 100, 3600), 100000, &wait), 0);
	assert_int_equal(spend(b, "/b", item(1, 100, 100, 3600), 100000, &wait), 0);
	assert_int_equal(spend(b, "/b", item(1, 1, 100, 3600), 100000, &wait), -EDQUOT);
	/* more than there ever is */
	assert_int_equal(spend(b, "/c", item(1, 101, 100, 3600), 0, &wait), -EDQUOT);
	assert_int_equal(wait, 0);
	assert_int_equal(spend(b, "/c", item(1, UINT64_MAX, 100, 3600), 0, &wait), -EDQUOT);
	assert_int_equal(spend(b, "/c", item(1, 100, 100, 3600), 0, &wait), 0);
	budget_free(b);
}

/* Of several each has a budget: all of them pay, or nobody. */
static void payers(void **state)
{
	static const char *const ab[] = {"/a", "/b"}, *const bc[] = {"/b", "/c"};
	struct budget *b = fresh();
	struct budget_item it = item(1, 60, 100, 3600);
	uint64_t wait;
	unsigned which;

	(void)state;
	assert_int_equal(budget_spend(b, (struct budget_payers){ab, 2}, &it, 1, 0, &which, &wait), 0);
	assert_int_equal(budget_spend(b, (struct budget_payers){bc, 2}, &it, 1, 0, &which, &wait), -EDQUOT);
	assert_true(wait > 0);
	/* What was refused cost nothing, whoever had room. */
	assert_int_equal(spend(b, "/c", item(1, 100, 100, 3600), 0, &wait), 0);
	assert_int_equal(spend(b, "/a", item(1, 41, 100, 3600), 0, &wait), -EDQUOT);
	assert_int_equal(spend(b, "/a", item(1, 40, 100, 3600), 0, &wait), 0);
	it.count = 40;
	budget_charge(b, (struct budget_payers){bc, 2}, &it, 1, 0);
	assert_int_equal(spend(b, "/b", item(1, 1, 100, 3600), 0, &wait), -EDQUOT);
	/* Nobody is nobody who may. */
	assert_int_equal(budget_spend(b, (struct budget_payers){ab, 0}, &it, 1, 0, &which, &wait), -ENOSPC);
	assert_int_equal(
		budget_spend(b, (struct budget_payers){ab, BUDGET_PAYERS_MAX + 1}, &it, 1, 0, &which, &wait),
		-ENOSPC);
	budget_free(b);
}

/* In no period of any beginning is more spent than the rule says. */
static void rolls(void **state)
{
	static uint64_t at[100000];
	struct budget *b = fresh();
	uint64_t wait;
	unsigned n = 0, oldest = 0;

	(void)state;
	for (uint64_t now = 12345; now < 12345 + 5 * HOUR_MS; now += 7919)
		if (spend(b, "/a", item(1, 1, 50, 3600), now, &wait) == 0) {
			at[n++] = now;
			while (at[oldest] + HOUR_MS <= now)
				oldest++;
			assert_true(n - oldest <= 50);
		} else {
			assert_true(wait > 0);
		}
	assert_true(n >= 200); /* and it does come back */
	budget_free(b);
}

static void wait_is_true(void **state)
{
	struct budget *b = fresh();
	uint64_t wait, now = 999;

	(void)state;
	assert_int_equal(spend(b, "/a", item(1, 3, 5, 60), now, &wait), 0);
	assert_int_equal(spend(b, "/a", item(1, 2, 5, 60), now + 30000, &wait), 0);
	assert_int_equal(spend(b, "/a", item(1, 2, 5, 60), now + 40000, &wait), -EDQUOT);
	assert_int_equal(spend(b, "/a", item(1, 2, 5, 60), now + 40000 + wait - 1, &wait), -EDQUOT);
	now += 40000 + wait + 60000;
	assert_int_equal(spend(b, "/a", item(1, 5, 5, 60), now + 60000, &wait), 0);
	assert_int_equal(spend(b, "/a", item(1, 5, 5, 60), now + 60000, &wait), -EDQUOT);
	assert_int_equal(spend(b, "/a", item(1, 5, 5, 60), now + 60000 + wait, &wait), 0);
	budget_free(b);
}

static void all_or_nothing(void **state)
{
	struct budget *b = fresh();
	struct budget_item v[] = {item(1, 2, 5, 60), item(2, 4, 5, 60), item(1, 2, 5, 60), item(2, 2, 5, 60)};
	unsigned which;
	uint64_t wait;

	(void)state;
	assert_int_equal(budget_spend(b, ONE("/a"), v, 4, 0, &which, &wait), -EDQUOT);
	assert_int_equal(which, 3);
	assert_int_equal(budget_spend(b, ONE("/a"), v, 3, 0, &which, &wait), 0);
	assert_int_equal(spend(b, "/a", item(1, 2, 5, 60), 0, &wait), -EDQUOT);
	assert_int_equal(spend(b, "/a", item(1, 1, 5, 60), 0, &wait), 0);
	/* what happened already counts beyond the limit */
	budget_charge(b, ONE("/a"), v, 2, 0);
	budget_charge(b, ONE("/nobody"), v, 2, 0);
	assert_int_equal(spend(b, "/a", item(2, 1, 5, 60), 0, &wait), -EDQUOT);
	assert_int_equal(spend(b, "/a", item(2, 1, 9, 60), 0, &wait), 0);
	assert_int_equal(spend(b, "/a", item(2, 1, 9, 60), 0, &wait), -EDQUOT);
	budget_free(b);
}

static void periods_that_change(void **state)
{
	struct budget *b = fresh();
	uint64_t wait;

	(void)state;
	assert_int_equal(spend(b, "/a", item(1, 5, 5, 60), 0, &wait), 0);
	/* longer: what was spent counts as if it were now */
	assert_int_equal(spend(b, "/a", item(1, 1, 5, 3600), 50000, &wait), -EDQUOT);
	assert_int_equal(spend(b, "/a", item(1, 1, 5, 3600), 120000, &wait), -EDQUOT);
	/* shorter: not before nothing counts */
	assert_int_equal(spend(b, "/a", item(1, 1, 5, 60), 200000, &wait), -EDQUOT);
	assert_int_equal(spend(b, "/a", item(1, 5, 5, 60), 2 * HOUR_MS, &wait), 0);
	assert_int_equal(spend(b, "/a", item(1, 5, 5, 60), 2 * HOUR_MS + 70000, &wait), 0);
	/* a clock that is behind */
	assert_int_equal(spend(b, "/a", item(1, 1, 5, 60), 1000, &wait), -EDQUOT);
	budget_free(b);
}

static void bounded(void **state)
{
	struct budget *b = fresh();
	uint64_t wait;
	char who[20];
	unsigned n = 0;

	(void)state;
	for (unsigned i = 0; i < BUDGET_COLUMNS_MAX; i++)
		assert_int_equal(spend(b, "/a", item(i, 1, 5, 60), 0, &wait), 0);
	assert_int_equal(spend(b, "/a", item(BUDGET_COLUMNS_MAX, 1, 5, 60), 0, &wait), -ENOSPC);
	assert_int_equal(spend(b, "/b", item(BUDGET_COLUMNS_MAX, 1, 5, 60), 0, &wait), 0);
	for (unsigned i = 0; i < 2 * BUDGET_ENTRIES_MAX; i++) {
		snprintf(who, sizeof(who), "/%u", i / 64);
		n += spend(b, who, item(i, 1, 5, 60), 1, &wait) == 0;
	}
	assert_int_equal(n, BUDGET_ENTRIES_MAX - BUDGET_COLUMNS_MAX - 1);
	assert_int_equal(spend(b, "/new", item(1, 1, 5, 60), 2, &wait), -ENOSPC);
	/* what does not count any more makes room, and is asked for by whoever needs it */
	for (n = 0; spend(b, "/new", item(1, 1, 5, 60), 100000, &wait) == -ENOSPC; n++)
		assert_true(n < 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(spend(b, "/a", item(i, 5, 5, 60), 100000, &wait), 0);
	budget_free(b);
}

static void restore(void *arg, const struct budget_saved *v)
{
	assert_int_equal(budget_restore(arg, v), 0);
	assert_int_equal(budget_restore(arg, v), -EINVAL); /* once only */
}

/* What was spent counts on in the budget of the daemon that takes over, and nothing is granted by both. */
static void given(void **state)
{
	struct budget *b = fresh(), *next = fresh();
	uint64_t wait;

	(void)state;
	assert_int_equal(spend(b, "/a", item(1, 60, 100, 3600), 1000, &wait), 0);
	assert_int_equal(spend(b, "/b", item(1, 100, 100, 3600), 1000, &wait), 0);
	budget_give(b, restore, next);
	assert_int_equal(spend(b, "/a", item(1, 1, 100, 3600), 2000, &wait), -ESHUTDOWN);
	assert_int_equal(spend(b, "/c", item(1, 1, 100, 3600), 2000, &wait), -ESHUTDOWN);
	assert_int_equal(spend(next, "/a", item(1, 41, 100, 3600), 2000, &wait), -EDQUOT);
	assert_int_equal(spend(next, "/a", item(1, 40, 100, 3600), 2000, &wait), 0);
	assert_int_equal(spend(next, "/b", item(1, 1, 100, 3600), 2000, &wait), -EDQUOT);
	assert_int_equal(spend(next, "/b", item(1, 100, 100, 3600), 2 * HOUR_MS, &wait), 0);
	/* it did not take over after all */
	budget_take_back(b);
	assert_int_equal(spend(b, "/a", item(1, 41, 100, 3600), 2000, &wait), -EDQUOT);
	assert_int_equal(spend(b, "/a", item(1, 40, 100, 3600), 2000, &wait), 0);
	assert_int_equal(budget_restore(next, &(struct budget_saved){.identity = "/x"}), -EINVAL);
	budget_free(b);
	budget_free(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(limits), cmocka_unit_test(payers),
		cmocka_unit_test(rolls), cmocka_unit_test(wait_is_true), cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(periods_that_change), cmocka_unit_test(bounded), cmocka_unit_test(given)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
