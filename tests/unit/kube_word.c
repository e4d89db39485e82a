/* SPDX-License-Identifier: MIT */
/* When a node's word is written again: what a late watch shows, what was not written at all, and two that
 * speak for one node. */
#include "test.h"

#include "kube/word.h"

#define T0    1000000u
#define NEVER UINT64_MAX

static uint64_t due(const struct word *w, uint64_t now)
{
	uint64_t at = NEVER;

	return word_due(w, now, &at) ? now : at;
}

static struct word told(void)
{
	struct word w = {0};

	assert_int_equal(due(&w, T0), T0);
	word_send(&w);
	assert_int_equal(due(&w, T0), NEVER);
	word_sent(&w, true, T0);
	assert_true(w.told);
	assert_int_equal(due(&w, T0), NEVER);
	return w;
}

static void test_somebody_else_s(void **state)
{
	struct word w = told();

	(void)state;
	assert_false(word_seen(&w, true, T0));
	assert_true(word_seen(&w, false, T0));
	assert_false(w.told);
	assert_false(word_seen(&w, false, T0 + 500));
	assert_int_equal(due(&w, T0 + 999), T0 + 1000);
	assert_int_equal(due(&w, T0 + 1000), T0 + 1000);
	/* it was what had been before */
	assert_false(word_seen(&w, true, T0 + 500));
	assert_true(w.told);
}

static void test_is_to_be_written_whatever_is_seen(void **state)
{
	struct word w = {0};

	(void)state;
	assert_false(word_seen(&w, false, T0));
	assert_int_equal(due(&w, T0), T0);
	assert_false(word_seen(&w, true, T0));
	assert_int_equal(due(&w, T0), T0);
}

/* The node's word was written and the condition was not: what the watch shows is the first only. */
static void test_a_failure_is_not_cleared(void **state)
{
	struct word w = {0};

	(void)state;
	word_send(&w);
	assert_true(word_seen(&w, false, T0));
	word_sent(&w, false, T0);
	assert_int_equal(due(&w, T0), T0);
	assert_false(word_seen(&w, true, T0));
	assert_false(w.told);
	assert_false(word_seen(&w, false, T0));
	assert_false(word_seen(&w, true, T0));
	assert_false(w.told);
	assert_int_equal(due(&w, T0), T0);
	/* nor while it is written again */
	word_send(&w);
	assert_true(word_seen(&w, false, T0));
	assert_false(word_seen(&w, true, T0));
	assert_false(w.told);
	word_sent(&w, false, T0);
	assert_int_equal(due(&w, T0), T0);
	word_send(&w);
	word_sent(&w, true, T0);
	assert_true(w.told);
}

/* Events of other nodes in which this one has not written yet. */
static void test_many_beside_a_write(void **state)
{
	struct word w = {0}, failed;
	unsigned n = 0;

	(void)state;
	word_send(&w);
	for (unsigned i = 0; i < 50; i++)
		n += word_seen(&w, false, T0 + i);
	assert_int_equal(n, 1);
	failed = w;
	word_sent(&failed, false, T0 + 5000);
	assert_int_equal(due(&failed, T0 + 5000), T0 + 5000);
	word_sent(&w, true, T0 + 5000); /* a slow one: the watch has its while all the same */
	assert_int_equal(due(&w, T0 + 5000), T0 + 6000);
	assert_false(word_seen(&w, true, T0 + 5100));
	assert_true(w.told);
	/* and neither is the next one answered late */
	assert_true(word_seen(&w, false, T0 + 6000));
	assert_int_equal(due(&w, T0 + 6000), T0 + 7000);
}

/* Each sees the other's a while after it was written, and then its own when that is. */
static void fight(unsigned late_ms, unsigned write_ms)
{
	struct word two[2] = {told(), told()};
	uint64_t now = T0, last = 0;

	assert_true(word_seen(&two[0], false, now));
	for (unsigned i = 0; i < 60; i++) {
		struct word *w = &two[i % 2], *other = &two[(i + 1) % 2];
		uint64_t at = due(w, now);

		assert_true(at - now >= last || at - now + late_ms >= WORD_AGAIN_MAX);
		last = at - now;
		word_send(w);
		now = at + write_ms;
		word_sent(w, true, now);
		now += late_ms;
		assert_false(word_seen(w, true, now));
		assert_true(word_seen(other, false, now));
	}
	assert_int_equal(last, WORD_AGAIN_MAX);
}

static void test_two_that_never_agree(void **state)
{
	(void)state;
	fight(0, 0);
	fight(50, 0);
	fight(50, 30);
	fight(5000, 25000);
}

static void test_peace(void **state)
{
	struct word w = told();
	uint64_t now = T0;

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		assert_true(word_seen(&w, false, now));
		now = due(&w, now);
		word_send(&w);
		word_sent(&w, true, now);
	}
	assert_int_equal(w.wait_ms, WORD_AGAIN_MAX);
	now += 2 * WORD_AGAIN_MAX + 1;
	assert_true(word_seen(&w, false, now));
	assert_int_equal(due(&w, now), now + WORD_AGAIN_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_somebody_else_s),
		cmocka_unit_test(test_is_to_be_written_whatever_is_seen),
		cmocka_unit_test(test_a_failure_is_not_cleared),
		cmocka_unit_test(test_many_beside_a_write),
		cmocka_unit_test(test_two_that_never_agree),
		cmocka_unit_test(test_peace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
