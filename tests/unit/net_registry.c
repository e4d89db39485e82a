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
	uint64_t key = 0;

	(void)state;
	assert_int_equal(registry_add(r, &reg, NULL), 0);
	assert_in_range(reg.pid, 1, INT32_MAX);
	asks.tgid = 2; /* a cancel comes from another process */
	assert_ptr_equal(registry_owner(r, reg.pid, span_of(reg.secret, 4), &asks, &key), owner);
	for (size_t i = 0; i < 32; i++) {
		memcpy(wrong, reg.secret, 4);
		wrong[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_null(registry_owner(r, reg.pid, span_of(wrong, 4), &asks, &key));
	}
	assert_null(registry_owner(r, reg.pid, span_of(reg.secret, 3), &asks, &key));
	assert_null(registry_owner(r, reg.pid, span_of(NULL, 0), &asks, &key));
	assert_null(registry_owner(r, reg.pid ^ 1, span_of(reg.secret, 4), &asks, &key));
	assert_null(registry_owner(r, 0, span_of(reg.secret, 4), &asks, &key));
	asks.cgroup_id++;
	assert_null(registry_owner(r, reg.pid, span_of(reg.secret, 4), &asks, &key));
	asks = who;
	asks.netns_cookie++;
	assert_null(registry_owner(r, reg.pid, span_of(reg.secret, 4), &asks, &key));
	asks = who;
	asks.uid++;
	assert_null(registry_owner(r, reg.pid, span_of(reg.secret, 4), &asks, &key));

	assert_ptr_equal(registry_conn(r, key, owner), conn);
	assert_null(registry_conn(r, key, other));
	registry_remove(r, &reg);
	assert_null(registry_conn(r, key, owner));
	registry_remove(r, &reg);
	registry_free(r);
}

static void keys_do_not_repeat(void **state)
{
	enum { N = 9000 }; /* more than buckets */
	static const struct caller who;
	struct registration *reg = calloc(N, sizeof(*reg));
	struct registry *r = make(10, 10);
	uint64_t key = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		reg[i].who = &who;
		reg[i].conn = (struct conn *)(i + 1);
		assert_int_equal(registry_add(r, &reg[i], NULL), 0);
	}
	for (size_t i = 0; i < N; i++) {
		registry_owner(r, reg[i].pid, span_of(reg[i].secret, 4), &who, &key);
		assert_ptr_equal(registry_conn(r, key, NULL), reg[i].conn);
	}
	for (size_t i = 0; i < N; i++)
		registry_remove(r, &reg[i]);
	registry_free(r);
	free(reg);
}

static void servers_may_share_a_pid(void **state)
{
	static const struct caller who = {.cgroup_id = 7};
	struct worker *owner[3] = {(struct worker *)0x10, (struct worker *)0x20, (struct worker *)0x30};
	struct registration reg[3] = {{.owner = owner[0], .who = &who}, {.owner = owner[1], .who = &who},
		{.owner = owner[2], .who = &who}};
	struct registry *r = make(10, 10);
	uint32_t old;
	uint64_t key = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		reg[i].conn = (struct conn *)(i + 1);
		assert_int_equal(registry_add(r, &reg[i], NULL), 0);
		old = reg[i].pid;
		assert_int_equal(registry_set_pid(r, &reg[i], 4711), 0);
		assert_int_equal(registry_set_pid(r, &reg[i], 4711), 0);
		assert_null(registry_owner(r, old, span_of(reg[i].secret, 4), &who, &key));
	}
	for (size_t i = 0; i < 3; i++) {
		assert_ptr_equal(registry_owner(r, 4711, span_of(reg[i].secret, 4), &who, &key), owner[i]);
		assert_ptr_equal(registry_conn(r, key, owner[i]), reg[i].conn);
	}
	/* Whose secret is another's as well would be cancelled in his place. */
	assert_int_equal(registry_set_pid(r, &reg[1], 4712), 0);
	memcpy(reg[1].secret, reg[0].secret, 4);
	assert_int_equal(registry_set_pid(r, &reg[1], 4711), -EEXIST);
	assert_int_equal(reg[1].pid, 4712);
	for (size_t i = 0; i < 3; i++)
		registry_remove(r, &reg[i]);
	assert_null(registry_owner(r, 4711, span_of(reg[0].secret, 4), &who, &key));
	registry_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(admits_so_many_of_all_and_of_one_cgroup),
		cmocka_unit_test(a_key_is_good_for_the_same_identity_only),
		cmocka_unit_test(keys_do_not_repeat),
		cmocka_unit_test(servers_may_share_a_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
