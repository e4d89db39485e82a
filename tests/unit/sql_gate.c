/* SPDX-License-Identifier: MIT */
#include "sql/gate.h"

#include "test.h"

static const uint32_t t = 16385, u = 16388;

static struct gate *new_gate(void)
{
	struct err e = {0};
	struct gate *g;

	assert_int_equal(gate_new(&g, &e), 0);
	return g;
}

static void test_readers_or_one_that_changes(void **state)
{
	struct gate_pass a = {0}, b = {0}, c = {0};
	struct gate *g = new_gate();

	(void)state;
	assert_true(gate_read(g, &a, &t, 1));
	assert_true(gate_read(g, &b, &t, 1));
	assert_true(gate_change(g, &c, &u, 1, false));
	assert_true(gate_read(g, &c, &u, 1)); /* its own */
	assert_false(gate_read(g, &a, &u, 1));
	assert_false(gate_change(g, &a, &u, 1, false));
	assert_false(a.waits); /* others change: nothing is kept of it */
	assert_false(a.nchanges);

	/* one that only waits keeps new readers away, and those who read may go on */
	assert_false(gate_change(g, &c, &t, 1, false));
	assert_true(c.waits);
	gate_end_reading(g, &b);
	assert_false(gate_read(g, &b, &t, 1));
	assert_true(gate_read(g, &a, &t, 1));
	assert_false(gate_change(g, &c, &t, 1, false));
	gate_end_reading(g, &a);
	assert_true(gate_change(g, &c, &t, 1, false));
	assert_false(c.waits);

	gate_end_reading(g, &c);
	assert_int_equal(gate_since_ms(g), 0);
	gate_end_changing(g, &c, 70);
	assert_int_equal(gate_since_ms(g), 71);
	assert_false(gate_holds(&a) || gate_holds(&b) || gate_holds(&c));
	assert_true(gate_read(g, &b, &t, 1));
	gate_end_reading(g, &b);
	gate_unref(g);
}

static void test_own_reading_is_no_hindrance(void **state)
{
	struct gate_pass a = {0}, b = {0};
	struct gate *g = new_gate();

	(void)state;
	assert_true(gate_read(g, &a, &t, 1));
	assert_true(gate_change(g, &a, &t, 1, false));
	assert_false(gate_read(g, &b, &t, 1));
	gate_end_changing(g, &a, 0); /* came to nothing */
	assert_int_equal(gate_since_ms(g), 0);
	assert_true(gate_read(g, &b, &t, 1));
	assert_false(gate_change(g, &a, &t, 1, false));
	gate_end_reading(g, &b);
	assert_true(gate_change(g, &a, &t, 1, false));
	gate_end_reading(g, &a);
	gate_end_changing(g, &a, 1);
	gate_unref(g);
}

static void test_any_relation(void **state)
{
	struct gate_pass a = {0}, b = {0}, c = {0};
	struct gate *g = new_gate();

	(void)state;
	assert_true(gate_read(g, &a, &t, 1));
	assert_false(gate_change(g, &b, NULL, 0, true));
	gate_end_reading(g, &a);
	assert_true(gate_change(g, &b, NULL, 0, true));
	assert_false(gate_read(g, &a, &u, 1));
	assert_false(gate_change(g, &c, &u, 1, false));
	assert_false(gate_change(g, &c, NULL, 0, true));
	assert_true(gate_read(g, &a, NULL, 0)); /* that names nothing */
	gate_end_changing(g, &b, 5);
	assert_true(gate_change(g, &c, &u, 1, false));
	assert_false(gate_change(g, &b, NULL, 0, true));
	gate_end_changing(g, &c, 6);
	assert_false(gate_holds(&a) || gate_holds(&b) || gate_holds(&c));
	gate_unref(g);
}

/* More than a pass has room for is all there is. */
static void test_many(void **state)
{
	struct gate_pass a = {0}, b = {0};
	struct gate *g = new_gate();
	uint32_t many[2 * GATE_PASS_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(many); i++)
		many[i] = 20000 + i;
	assert_true(gate_read(g, &a, many, ARRAY_LEN(many)));
	assert_true(a.reads_all);
	assert_false(gate_change(g, &b, &t, 1, false));
	gate_end_reading(g, &a);
	assert_true(gate_change(g, &b, &t, 1, false));
	assert_false(gate_read(g, &a, many, ARRAY_LEN(many)));
	assert_false(gate_holds(&a));
	assert_true(gate_change(g, &b, many, ARRAY_LEN(many), false));
	assert_true(b.changes_all);
	assert_false(gate_read(g, &a, &u, 1));
	gate_end_changing(g, &b, 1);
	assert_true(gate_read(g, &a, &u, 1));
	gate_end_reading(g, &a);
	gate_unref(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_or_one_that_changes),
		cmocka_unit_test(test_own_reading_is_no_hindrance),
		cmocka_unit_test(test_any_relation),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
