/* SPDX-License-Identifier: MIT */
#include "sql/slot.h"

#include <pthread.h>
#include "test.h"

static struct catalog *new_catalog(void)
{
	struct catalog *c;
	struct err e;

	assert_int_equal(catalog_from_ddl(&c, SPAN_LIT("CREATE TABLE t (a int)"), &e), 0);
	return c;
}

static void test_put_get(void **state)
{
	struct catalog *a = new_catalog(), *b = new_catalog(), *got;
	struct err why = {0}, e = {0};
	uint64_t as_of = 7;
	struct slot *s;

	(void)state;
	assert_true(catalog_version(a) != catalog_version(b));
	assert_int_equal(slot_new(&s, NULL, &e), 0);
	assert_null(slot_get(s, &as_of, &why));
	assert_int_equal(as_of, 0);

	(void)err_sql(&e, -EIO, "08006", "no answer");
	slot_fail(s, &e, 5);
	assert_null(slot_get(s, &as_of, &why));
	assert_string_equal(why.msg, "no answer");
	assert_int_equal(slot_failed_ms(s), 5);

	slot_put(s, a, 10);
	got = slot_get(s, &as_of, &why);
	assert_ptr_equal(got, a);
	assert_int_equal(as_of, 10);
	assert_string_equal(why.msg, "");
	assert_int_equal(slot_failed_ms(s), 0);

	/* the same one again is only renewed; a session keeps what it has while another takes its place */
	slot_put(s, catalog_ref(a), 20);
	slot_put(s, b, 30);
	assert_non_null(catalog_relation(got, "public", "t"));
	catalog_unref(got);
	slot_free(s);
}

static void test_wait(void **state)
{
	struct err e = {0};
	struct slot *s;

	(void)state;
	assert_int_equal(slot_new(&s, NULL, &e), 0);
	slot_put(s, new_catalog(), 100);
	assert_true(slot_wait(s, 1)); /* times out */
	slot_ask(s, 100);
	assert_true(slot_wait(s, 1)); /* it is new enough */
	slot_ask(s, 101);
	assert_true(slot_wait(s, UINT64_MAX)); /* at once, or this test hangs */
	slot_put(s, new_catalog(), 200);
	slot_stop(s);
	assert_false(slot_wait(s, UINT64_MAX));
	slot_free(s);
}

static void *feeder(void *arg)
{
	uint64_t now = 1;

	while (slot_wait(arg, 1000))
		slot_put(arg, new_catalog(), ++now * 1000);
	return NULL;
}

static void *session(void *arg)
{
	for (unsigned i = 0; i < 200; i++) {
		uint64_t as_of;
		struct catalog *c = slot_get(arg, &as_of, NULL);

		slot_ask(arg, as_of + 1);
		if (c)
			assert_non_null(catalog_relation(c, "public", "t"));
		catalog_unref(c);
	}
	return NULL;
}

static void test_roles(void **state)
{
	uint32_t roles[SLOT_ROLES_MAX];
	uint64_t version, later;
	struct err e = {0};
	struct slot *s;

	(void)state;
	assert_int_equal(slot_new(&s, NULL, &e), 0);
	slot_put(s, new_catalog(), 100);
	assert_int_equal(slot_roles(s, roles, &version), 0);
	assert_int_equal(slot_role_add(s, 7, &e), 0);
	assert_true(slot_wait(s, 3600000)); /* woken: the catalogue does not know it */
	assert_int_equal(slot_roles(s, roles, &later), 1);
	assert_int_equal(roles[0], 7);
	assert_true(later != version);
	slot_put(s, new_catalog(), 101);
	assert_int_equal(slot_role_add(s, 7, &e), 0);
	slot_role_drop(s, 7);
	slot_role_drop(s, 7);
	slot_role_drop(s, 7);
	assert_int_equal(slot_roles(s, roles, &version), 1); /* kept, for the next session */
	assert_true(later == version);
	/* the places of roles that nobody uses are taken, those of others never */
	for (uint32_t i = 0; i < SLOT_ROLES_MAX; i++)
		assert_int_equal(slot_role_add(s, 1000 + i, &e), 0);
	assert_int_equal(slot_role_add(s, 7, &e), -ENOSPC);
	assert_string_equal(e.sqlstate, "53000");
	slot_role_drop(s, 1003);
	assert_int_equal(slot_role_add(s, 7, &e), 0);
	assert_int_equal(slot_roles(s, roles, &version), SLOT_ROLES_MAX);
	for (unsigned i = 0; i < SLOT_ROLES_MAX; i++)
		assert_int_not_equal(roles[i], 1003);
	slot_free(s);
}

static void test_threads(void **state)
{
	pthread_t feed, readers[3];
	struct err e = {0};
	struct slot *s;

	(void)state;
	assert_int_equal(slot_new(&s, NULL, &e), 0);
	assert_int_equal(pthread_create(&feed, NULL, feeder, s), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&readers[i], NULL, session, s), 0);
	for (unsigned i = 0; i < 3; i++)
		pthread_join(readers[i], NULL);
	slot_stop(s);
	pthread_join(feed, NULL);
	slot_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_get),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
