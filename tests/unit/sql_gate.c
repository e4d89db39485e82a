/* SPDX-License-Identifier: MIT */
#include "sql/gate.h"

#include <errno.h>

#include "test.h"

static const uint64_t t = 16385, u = 16388;

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
	assert_int_equal(gate_read(g, &a, &t, 1), 0);
	assert_int_equal(gate_read(g, &b, &t, 1), 0);
	assert_int_equal(gate_change(g, &c, &u, 1, false), 0);
	assert_int_equal(gate_read(g, &c, &u, 1), 0); /* its own */
	assert_int_equal(gate_read(g, &a, &u, 1), -EAGAIN);
	assert_int_equal(gate_change(g, &a, &u, 1, false), -EAGAIN);
	assert_false(gate_changes(&a));

	/* who wants to change what others read keeps nobody from it, and keeps what it had */
	assert_int_equal(gate_change(g, &c, (const uint64_t[]){99, t}, 2, false), -EAGAIN);
	assert_int_equal(c.changes.n, 1);
	gate_end_reading(g, &b);
	assert_int_equal(gate_read(g, &b, &t, 1), 0);
	assert_int_equal(gate_read(g, &b, (const uint64_t[]){99}, 1), 0);
	gate_end_reading(g, &b);
	gate_end_reading(g, &a);
	assert_int_equal(gate_change(g, &c, &t, 1, false), 0);

	gate_end_reading(g, &c);
	assert_int_equal(gate_since_ms(g), 0);
	gate_end_changing(g, &c, 70);
	assert_int_equal(gate_since_ms(g), 71);
	assert_false(gate_holds(&a) || gate_holds(&b) || gate_holds(&c));
	assert_int_equal(gate_read(g, &b, &t, 1), 0);
	gate_end_reading(g, &b);
	gate_unref(g);
}

static void test_own_reading_is_no_hindrance(void **state)
{
	struct gate_pass a = {0}, b = {0};
	struct gate *g = new_gate();

	(void)state;
	assert_int_equal(gate_read(g, &a, &t, 1), 0);
	assert_int_equal(gate_change(g, &a, &t, 1, false), 0);
	assert_int_equal(gate_read(g, &b, &t, 1), -EAGAIN);
	gate_end_changing(g, &a, 0); /* came to nothing */
	assert_int_equal(gate_since_ms(g), 0);
	assert_int_equal(gate_read(g, &b, &t, 1), 0);
	assert_int_equal(gate_change(g, &a, &t, 1, false), -EAGAIN);
	gate_end_reading(g, &b);
	assert_int_equal(gate_change(g, &a, &t, 1, false), 0);
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
	assert_int_equal(gate_change(g, &a, &t, 1, false), 0);
	assert_int_equal(gate_change(g, &a, (const uint64_t[]){t, u}, 2, false), 0);
	gate_shorten(g, &a, 1);
	assert_int_equal(gate_read(g, &b, &u, 1), 0);
	assert_int_equal(gate_read(g, &b, &t, 1), -EAGAIN);
	gate_shorten(g, &a, 0);
	assert_false(gate_changes(&a));
	assert_int_equal(gate_read(g, &b, &t, 1), 0);
	gate_end_reading(g, &b);
	assert_int_equal(gate_change(g, &a, NULL, 0, true), 0);
	gate_shorten(g, &a, 0); /* any is any */
	assert_int_equal(gate_read(g, &b, &t, 1), -EAGAIN);
	gate_end_changing(g, &a, 1);
	gate_unref(g);
}

static void test_any_relation(void **state)
{
	struct gate_pass a = {0}, b = {0}, c = {0};
	struct gate *g = new_gate();

	(void)state;
	assert_int_equal(gate_read(g, &a, &t, 1), 0);
	assert_int_equal(gate_change(g, &b, NULL, 0, true), -EAGAIN);
	gate_end_reading(g, &a);
	assert_int_equal(gate_change(g, &b, NULL, 0, true), 0);
	assert_int_equal(gate_read(g, &a, &u, 1), -EAGAIN);
	assert_int_equal(gate_change(g, &c, &u, 1, false), -EAGAIN);
	assert_int_equal(gate_change(g, &c, NULL, 0, true), -EAGAIN);
	assert_int_equal(gate_read(g, &a, NULL, 0), 0); /* that names nothing */
	gate_end_changing(g, &b, 5);
	assert_int_equal(gate_change(g, &c, &u, 1, false), 0);
	assert_int_equal(gate_change(g, &c, NULL, 0, true), 0);
	assert_int_equal(gate_change(g, &b, NULL, 0, true), -EAGAIN);
	gate_end_changing(g, &c, 6);
	assert_false(gate_holds(&a) || gate_holds(&b) || gate_holds(&c));
	assert_int_equal(gate_change(g, &b, &t, 1, false), 0);
	gate_end_changing(g, &b, 7);
	gate_unref(g);
}

/* One at a time makes a name; who found something by it may not find another now. Sequences' names are chosen
 * by the server, and not one by one. */
static void test_names(void **state)
{
	struct gate_pass a = {0}, b = {0}, c = {0};
	struct gate *g = new_gate();
	const uint64_t name = gate_name("t"), other = gate_name("u"), sequences = GATE_SEQUENCES;

	(void)state;
	assert_true(name != other);
	assert_int_equal(gate_change(g, &a, &name, 1, false), 0);
	assert_int_equal(gate_change(g, &b, &name, 1, false), -EAGAIN);
	assert_int_equal(gate_change(g, &b, &other, 1, false), 0);
	assert_int_equal(gate_read(g, &c, &t, 1), 0);
	gate_end_reading(g, &c);
	gate_end_changing(g, &a, 1);
	assert_int_equal(gate_change(g, &b, &name, 1, false), 0);
	assert_int_equal(gate_read(g, &c, (const uint64_t[]){t, name}, 2), -EAGAIN);
	assert_false(gate_holds(&c));
	gate_end_changing(g, &b, 1);

	assert_true(
		gate_of_sequence("t_id_seq") && gate_of_sequence("t_id_seq12") && gate_of_sequence("_seq"));
	assert_false(gate_of_sequence("seq1") || gate_of_sequence("t_seqs") || gate_of_sequence(""));
	assert_int_equal(gate_change(g, &a, &sequences, 1, false), 0);
	assert_int_equal(gate_change(g, &b, &sequences, 1, false), 0);
	assert_int_equal(gate_read(g, &c, &sequences, 1), -EAGAIN);
	gate_end_changing(g, &a, 1);
	assert_int_equal(gate_read(g, &c, &sequences, 1), -EAGAIN);
	gate_end_changing(g, &b, 1);
	assert_int_equal(gate_read(g, &c, &sequences, 1), 0);
	assert_int_equal(gate_change(g, &b, &sequences, 1, false), -EAGAIN);
	gate_end_reading(g, &c);
	gate_unref(g);
}

/* There is an end to what a session may hold, and it is no more than that. */
static void test_many(void **state)
{
	struct gate_pass a = {0}, b = {0};
	struct gate *g = new_gate();
	uint64_t many[GATE_KEYS_MAX + 1];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(many); i++)
		many[i] = 20000 + i;
	assert_int_equal(gate_read(g, &a, many, ARRAY_LEN(many)), -ENOSPC);
	assert_false(gate_holds(&a));
	assert_int_equal(gate_read(g, &a, many, GATE_KEYS_MAX), 0);
	assert_int_equal(gate_read(g, &a, many, 3), 0);
	assert_int_equal(gate_read(g, &a, &t, 1), -ENOSPC);
	assert_int_equal(a.reads.n, GATE_KEYS_MAX);
	assert_int_equal(gate_change(g, &b, &t, 1, false), 0);
	assert_int_equal(gate_change(g, &b, many, 1, false), -EAGAIN);
	gate_end_reading(g, &a);
	assert_int_equal(gate_change(g, &b, many, ARRAY_LEN(many), false), -ENOSPC);
	assert_int_equal(b.changes.n, 1);
	assert_int_equal(gate_change(g, &b, many, GATE_KEYS_MAX - 1, false), 0);
	assert_int_equal(gate_read(g, &a, &many[70], 1), -EAGAIN);
	gate_end_changing(g, &b, 1);
	assert_int_equal(gate_read(g, &a, &many[70], 1), 0);
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
