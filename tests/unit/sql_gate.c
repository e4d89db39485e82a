/* SPDX-License-Identifier: MIT */
#include "sql/gate.h"

#include "test.h"

static const uint32_t t = 16385, u = 16388;
static const uint64_t of_t = 16385, of_u = 16388;

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
	assert_true(gate_change(g, &c, &of_u, 1, false));
	assert_true(gate_read(g, &c, &u, 1)); /* its own */
	assert_false(gate_read(g, &a, &u, 1));
	assert_false(gate_change(g, &a, &of_u, 1, false));
	assert_false(gate_changes(&a));

	/* who wants to change what others read keeps nobody from it, and keeps what it had */
	assert_false(gate_change(g, &c, (const uint64_t[]){99, of_t}, 2, false));
	assert_int_equal(c.nchanges, 1);
	gate_end_reading(g, &b);
	assert_true(gate_read(g, &b, &t, 1));
	assert_true(gate_read(g, &b, (const uint32_t[]){99}, 1));
	gate_end_reading(g, &b);
	gate_end_reading(g, &a);
	assert_true(gate_change(g, &c, &of_t, 1, false));

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
	assert_true(gate_change(g, &a, &of_t, 1, false));
	assert_false(gate_read(g, &b, &t, 1));
	gate_end_changing(g, &a, 0); /* came to nothing */
	assert_int_equal(gate_since_ms(g), 0);
	assert_true(gate_read(g, &b, &t, 1));
	assert_false(gate_change(g, &a, &of_t, 1, false));
	gate_end_reading(g, &b);
	assert_true(gate_change(g, &a, &of_t, 1, false));
	gate_end_reading(g, &a);
	gate_end_changing(g, &a, 1);
	gate_unref(g);
}

/* What a failed statement asked for goes back, what its transaction changed before does not. */
static void test_shorten(void **state)
{
	struct gate_pass a = {0}, b = {0};
	struct gate *g = new_gate();

	(void)state;
	assert_true(gate_change(g, &a, &of_t, 1, false));
	assert_true(gate_change(g, &a, (const uint64_t[]){of_t, of_u}, 2, false));
	gate_shorten(g, &a, 1);
	assert_true(gate_read(g, &b, &u, 1));
	assert_false(gate_read(g, &b, &t, 1));
	gate_shorten(g, &a, 0);
	assert_false(gate_changes(&a));
	assert_true(gate_read(g, &b, &t, 1));
	gate_end_reading(g, &b);
	assert_true(gate_change(g, &a, NULL, 0, true));
	gate_shorten(g, &a, 0); /* any is any */
	assert_false(gate_read(g, &b, &t, 1));
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
	assert_false(gate_change(g, &c, &of_u, 1, false));
	assert_false(gate_change(g, &c, NULL, 0, true));
	assert_true(gate_read(g, &a, NULL, 0)); /* that names nothing */
	gate_end_changing(g, &b, 5);
	assert_true(gate_change(g, &c, &of_u, 1, false));
	assert_true(gate_change(g, &c, NULL, 0, true));
	assert_false(gate_change(g, &b, NULL, 0, true));
	gate_end_changing(g, &c, 6);
	assert_false(gate_holds(&a) || gate_holds(&b) || gate_holds(&c));
	assert_true(gate_change(g, &b, &of_t, 1, false));
	gate_end_changing(g, &b, 7);
	gate_unref(g);
}

/* One at a time has a name; nobody reads by it. */
static void test_names(void **state)
{
	struct gate_pass a = {0}, b = {0}, c = {0};
	struct gate *g = new_gate();
	const uint64_t name = gate_name("t"), other = gate_name("u");

	(void)state;
	assert_true(name != other);
	assert_true(gate_change(g, &a, &name, 1, false));
	assert_false(gate_change(g, &b, &name, 1, false));
	assert_true(gate_change(g, &b, &other, 1, false));
	assert_true(gate_read(g, &c, &t, 1));
	gate_end_reading(g, &c);
	gate_end_changing(g, &a, 1);
	assert_true(gate_change(g, &b, &name, 1, false));
	gate_end_changing(g, &b, 1);
	gate_unref(g);
}

/* More than a pass has room for is all there is. */
static void test_many(void **state)
{
	struct gate_pass a = {0}, b = {0};
	struct gate *g = new_gate();
	uint32_t many[2 * GATE_PASS_MAX];
	uint64_t keys[2 * GATE_PASS_MAX];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(many); i++)
		keys[i] = many[i] = 20000 + i;
	assert_true(gate_read(g, &a, many, ARRAY_LEN(many)));
	assert_true(a.reads_all);
	assert_false(gate_change(g, &b, &of_t, 1, false));
	gate_end_reading(g, &a);
	assert_true(gate_change(g, &b, &of_t, 1, false));
	assert_false(gate_read(g, &a, many, ARRAY_LEN(many)));
	assert_false(gate_holds(&a));
	assert_true(gate_change(g, &b, keys, ARRAY_LEN(keys), false));
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
		cmocka_unit_test(test_shorten),
		cmocka_unit_test(test_any_relation),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
