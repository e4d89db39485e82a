/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "net/registry.h"

static struct registry *make(unsigned max, unsigned per_cgroup)
{
	struct registry *r = NULL;

	assert_int_equal(registry_new(&r, max, per_cgroup, NULL), 0);
	return r;
}

static void admits_so_many_of_all_and_of_one_cgroup(void **state)
{
	struct registry *r = make(4, 2);

	(void)state;
	assert_int_equal(registry_admit(r, 1), 0);
	assert_int_equal(registry_admit(r, 1), 0);
	assert_int_equal(registry_admit(r, 1), -EUSERS);
	assert_int_equal(registry_admit(r, 2), 0);
	/* Of the same bucket as 1, and still somebody else. */
	assert_int_equal(registry_admit(r, 1 + 4096), 0);
	assert_int_equal(registry_admit(r, 3), -EMFILE);
	assert_int_equal(registry_count(r), 4);
	registry_leave(r, 1);
	assert_int_equal(registry_admit(r, 1), 0);
	for (int i = 0; i < 2; i++)
		registry_leave(r, 1);
	registry_leave(r, 2);
	registry_leave(r, 1 + 4096);
	assert_int_equal(registry_count(r), 0);
	registry_free(r);
}

static void a_key_is_good_for_the_same_identity_only(void **state)
{
	static const struct caller who = {.cgroup_id = 7, .netns_cookie = 8, .uid = 9, .tgid = 1};
	struct worker *owner = (struct worker *)0x10, *other = (struct worker *)0x20;
	struct conn *conn = (struct conn *)0x30;
	struct registration reg = {.conn = conn, .owner = owner, .who = &who};
	struct registry *r = make(10, 10);
	struct caller asks = who;
	uint8_t wrong[4];

	(void)state;
	assert_int_equal(registry_add(r, &reg, NULL), 0);
	assert_in_range(reg.pid, 1, INT32_MAX);
	asks.tgid = 2; /* a cancel comes from another process */
	assert_ptr_equal(registry_owner(r, reg.pid, span_of(reg.secret, 4), &asks), owner);
	for (size_t i = 0; i < 32; i++) {
		memcpy(wrong, reg.secret, 4);
		wrong[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_null(registry_owner(r, reg.pid, span_of(wrong, 4), &asks));
	}
	assert_null(registry_owner(r, reg.pid, span_of(reg.secret, 3), &asks));
	assert_null(registry_owner(r, reg.pid, span_of(NULL, 0), &asks));
	assert_null(registry_owner(r, reg.pid ^ 1, span_of(reg.secret, 4), &asks));
	assert_null(registry_owner(r, 0, span_of(reg.secret, 4), &asks));
	asks.cgroup_id++;
	assert_null(registry_owner(r, reg.pid, span_of(reg.secret, 4), &asks));
	asks = who;
	asks.netns_cookie++;
	assert_null(registry_owner(r, reg.pid, span_of(reg.secret, 4), &asks));
	asks = who;
	asks.uid++;
	assert_null(registry_owner(r, reg.pid, span_of(reg.secret, 4), &asks));

	assert_ptr_equal(registry_conn(r, reg.pid, owner), conn);
	assert_null(registry_conn(r, reg.pid, other));
	uint32_t pid = reg.pid;
	registry_remove(r, &reg);
	assert_null(registry_conn(r, pid, owner));
	registry_remove(r, &reg);
	registry_free(r);
}

static void keys_do_not_repeat(void **state)
{
	enum { N = 9000 }; /* more than buckets */
	static const struct caller who;
	struct registration *reg = calloc(N, sizeof(*reg));
	struct registry *r = make(10, 10);

	(void)state;
	for (size_t i = 0; i < N; i++) {
		reg[i].who = &who;
		reg[i].conn = (struct conn *)(i + 1);
		assert_int_equal(registry_add(r, &reg[i], NULL), 0);
	}
	for (size_t i = 0; i < N; i++)
		assert_ptr_equal(registry_conn(r, reg[i].pid, NULL), reg[i].conn);
	for (size_t i = 0; i < N; i++)
		registry_remove(r, &reg[i]);
	registry_free(r);
	free(reg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(admits_so_many_of_all_and_of_one_cgroup),
		cmocka_unit_test(a_key_is_good_for_the_same_identity_only),
		cmocka_unit_test(keys_do_not_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
