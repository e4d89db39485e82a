/* SPDX-License-Identifier: MIT */
/* An ExportBudget comes back as what was put into it, and what is not understood is nothing to spend of. */
#include "test.h"

#include <errno.h>

#include "base/attr.h"
#include "ctl/budget_object.h"

static const char key[] = "agents: pods ns/app=claude";

static json_t *object_of(const char *status)
{
	char name[BUDGET_NAME_LEN];
	struct err e = {0};
	json_t *o;

	assert_int_equal(budget_object_name(key, name, &e), 0);
	o = budget_object_make(name, "pgveil-system", key);
	assert_non_null(o);
	if (status)
		json_object_set_new(o, "status", json_loads(status, 0, NULL));
	return o;
}

static void names(void **state)
{
	static char much[BUDGET_KEY_MAX + 2];
	char one[BUDGET_NAME_LEN], other[BUDGET_NAME_LEN];
	struct err e = {0};
	json_t *o = object_of(NULL), *spec = json_object_get(o, "spec");

	(void)state;
	assert_int_equal(budget_object_name("a: b", one, &e), 0);
	assert_int_equal(strlen(one), BUDGET_NAME_LEN - 1);
	assert_int_equal(budget_object_name("a: c", other, &e), 0);
	assert_string_not_equal(one, other);
	memset(much, 'x', sizeof(much) - 1);
	assert_int_equal(budget_object_name(much, one, &e), -ENAMETOOLONG);
	assert_string_equal(json_string_value(json_object_get(spec, "policy")), "agents");
	assert_string_equal(json_string_value(json_object_get(spec, "subject")), "pods ns/app=claude");
	assert_string_equal(json_string_value(json_object_get(spec, "key")), key);
	json_decref(o);
}

static void there_and_back(void **state)
{
	const uint64_t limit[MEASURES] = {3000, LIMIT_NONE, 7};
	struct pool_share v[2] = {
		{.holder = 0xabcdef0123456789u, .number = 3, .node = "n1", .until_ms = 77, .n = {1, 2, 3}},
		{.until_ms = 55, .n = {UINT64_MAX, 0, 1}}};
	struct pool p = {.period_s = 3600, .written_ms = 1700000000123u, .writes = 9, .v = v, .n = 2}, q;
	struct err e = {0};
	json_t *bare = object_of(NULL), *o = budget_object_put(bare, &p, limit), *status;

	(void)state;
	assert_non_null(o);
	assert_null(json_object_get(bare, "status"));
	assert_int_equal(budget_object_take(o, key, &q, &e), 0);
	assert_int_equal(q.period_s, 3600);
	assert_int_equal(q.written_ms, p.written_ms);
	assert_int_equal(q.writes, 9);
	assert_int_equal(q.n, 2);
	assert_true(q.v[0].holder == v[0].holder && q.v[0].number == 3 && q.v[0].until_ms == 77);
	assert_string_equal(q.v[0].node, "n1");
	assert_memory_equal(q.v[0].n, v[0].n, sizeof(v[0].n));
	assert_true(q.v[1].holder == 0 && !q.v[1].node && q.v[1].n[MEASURE_ROWS] == INT64_MAX);
	budget_object_fini(&q);
	status = json_object_get(o, "status");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(status, "limit"), "rows")), 3000);
	assert_null(json_object_get(json_object_get(status, "limit"), "bytes"));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(status, "spent"), "statements")), 4);
	assert_string_equal(json_string_value(json_object_get(status, "at")), "2023-11-14T22:13:20Z");
	assert_int_equal(budget_object_take(o, "agents: pods ns/app=other", &q, &e), -EBADMSG);
	json_decref(o);
	json_decref(bare);
}

#define STATUS(leases) "{\"periodSeconds\": 60, \"written\": 1, \"writes\": 1, \"leases\": " leases "}"

static void not_understood(void **state)
{
	static const char *const wrong[] = {
		"[]",
		"{\"leases\": []}",
		"{\"periodSeconds\": 0, \"written\": 1, \"writes\": 1, \"leases\": []}",
		"{\"periodSeconds\": 4000000, \"written\": 1, \"writes\": 1, \"leases\": []}",
		"{\"periodSeconds\": 60, \"written\": -1, \"writes\": 1, \"leases\": []}",
		"{\"periodSeconds\": 60, \"written\": 1, \"leases\": []}",
		STATUS("7"),
		STATUS("[7]"),
		STATUS("[{\"until\": 1, \"rows\": -1, \"bytes\": 0, \"statements\": 0}]"),
		STATUS("[{\"until\": 1, \"rows\": 1.5, \"bytes\": 0, \"statements\": 0}]"),
		STATUS("[{\"until\": 1, \"rows\": 1, \"bytes\": 0}]"),
		STATUS("[{\"rows\": 1, \"bytes\": 0, \"statements\": 0}]"),
		STATUS("[{\"holder\": \"0123456789abcdef\", \"until\": 1, \"rows\": 1, \"bytes\": 0, "
		       "\"statements\": 0}]"),
		STATUS("[{\"holder\": \"0000000000000000\", \"number\": 1, \"until\": 1, \"rows\": 1, "
		       "\"bytes\": 0, \"statements\": 0}]"),
		STATUS("[{\"holder\": \"-123456789abcdef\", \"number\": 1, \"until\": 1, \"rows\": 1, "
		       "\"bytes\": 0, \"statements\": 0}]"),
		STATUS("[{\"holder\": 7, \"number\": 1, \"until\": 1, \"rows\": 1, \"bytes\": 0, "
		       "\"statements\": 0}]"),
	};
	struct err e = {0};
	struct pool p;
	json_t *o;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(wrong); i++) {
		o = object_of(wrong[i]);
		/* an empty one is no object at all */
		json_object_set_new(json_object_get(o, "spec"), "more", json_true());
		if (budget_object_take(o, key, &p, &e) != -EBADMSG)
			fail_msg("taken: %s", wrong[i]);
		assert_null(p.v);
		json_decref(o);
	}
	o = object_of("{}");
	assert_int_equal(budget_object_take(o, key, &p, &e), 0);
	assert_int_equal(p.n, 0);
	budget_object_fini(&p);
	json_decref(o);
}

static void too_many(void **state)
{
	json_t *leases = json_array(), *o = object_of(STATUS("[]"));
	struct err e = {0};
	struct pool p;

	(void)state;
	for (unsigned i = 0; i <= POOL_SHARES_MAX; i++)
		json_array_append_new(leases, json_pack("{s:i, s:i, s:i, s:i}", "until", 1, "rows", 1,
						      "bytes", 0, "statements", 0));
	json_object_set_new(json_object_get(o, "status"), "leases", leases);
	assert_int_equal(budget_object_take(o, key, &p, &e), -EBADMSG);
	json_array_remove(leases, 0);
	assert_int_equal(budget_object_take(o, key, &p, &e), 0);
	assert_int_equal(p.n, POOL_SHARES_MAX);
	budget_object_fini(&p);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(not_understood),
		cmocka_unit_test(too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
