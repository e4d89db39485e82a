/* SPDX-License-Identifier: MIT */
/* What a daemon seals another one takes, and nothing else. */
#include "test.h"

#include "ctl/cluster_object.h"

static struct cluster_home home, other;

static int open_homes(void **state)
{
	char path[] = "/tmp/pgveil-key-XXXXXX";
	int fd = mkstemp(path);
	struct err e = {0};

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "too short", 9), 9);
	assert_int_equal(cluster_home_open(&home, "ns", "n1", path, &e), -EINVAL);
	assert_int_equal(write(fd, "a secret that all nodes of it have", 34), 34);
	assert_int_equal(cluster_home_open(&home, "ns", "n1", path, &e), 0);
	assert_int_equal(write(fd, "!", 1), 1);
	assert_int_equal(cluster_home_open(&other, "ns", "n2", path, &e), 0);
	close(fd);
	unlink(path);
	assert_int_equal(cluster_home_open(&other, "ns", "n2", "/nowhere", &e), -ENOENT);
	return 0;
}

static struct bond bond_like(uint8_t byte)
{
	struct bond b;

	memset(&b, byte, sizeof(b));
	return b;
}

/* As the API server gives it back. */
static json_t *stored(json_t *object)
{
	assert_non_null(object);
	json_object_set_new(json_object_get(object, "metadata"), "uid", json_string("u-1"));
	return object;
}

static json_t *an_approval(void)
{
	const struct bond b = bond_like(7);
	json_t *shown = json_pack("{s:s, s:s, s:s, s:s, s:[s,s], s:b, s:i, s:{s:s, s:s, s:s}, s:n, s:n}",
		"identity", "pods", "database", "shop", "kind", "delete", "statement", "DELETE <é> FROM t",
		"parameters", "'1'", "NULL", "in_transaction", 1, "uid", 7, "pod", "namespace", "agents",
		"name", "p", "service_account", "default", "reason", "lift");
	json_t *o = stored(cluster_approval_make(&home, "held-1", shown, &b, 1767265200, 2));

	json_decref(shown);
	return o;
}

static void test_approval(void **state)
{
	json_t *o = an_approval(), *spec = json_object_get(o, "spec"), *again;
	const struct bond b = bond_like(7);
	struct cluster_approval a;
	char *text;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(spec, "expires")), "2026-01-01T11:00:00Z");
	assert_true(cluster_approval_take(&home, o, &a));
	assert_true(a.mine && !a.decided && a.expires == 1767265200);
	assert_int_equal(bond_moved(&a.bond, &b), BOND_MAX);
	assert_memory_equal(a.bond.shape, b.shape, BOND_LEN);
	/* through the server: other order, other blanks, a status, what it adds */
	text = json_dumps(o, JSON_INDENT(3) | JSON_ENSURE_ASCII);
	again = json_loads(text, 0, NULL);
	json_object_set_new(again, "status",
		json_pack("{s:s, s:s, s:i, s:b}", "decision", "approve", "approver", "ann", "uses", 3,
			"shape", 1));
	assert_true(cluster_approval_take(&home, again, &a));
	assert_true(a.decided && a.approved && a.uses == 3 && a.shape);
	assert_string_equal(a.approver, "ann");
	json_object_del(json_object_get(again, "status"), "approver");
	assert_true(cluster_approval_take(&home, again, &a));
	assert_false(a.decided);
	assert_false(cluster_approval_take(&other, again, &a));
	free(text);
	json_decref(again);
	json_decref(o);
}

static json_t *changed(json_t *o, const char *in, const char *key, json_t *value)
{
	json_t *copy = json_deep_copy(o);

	assert_int_equal(json_object_set_new(json_object_get(copy, in), key, value), 0);
	return copy;
}

static void test_seal(void **state)
{
	json_t *o = an_approval(), *bad;
	const char *key;
	json_t *value;
	struct cluster_approval a;

	(void)state;
	/* whichever part of it is another one, or is gone */
	json_object_foreach(json_object_get(o, "spec"), key, value)
	{
		bad = changed(o, "spec", key, json_string("x"));
		assert_false(cluster_approval_take(&home, bad, &a));
		json_object_del(json_object_get(bad, "spec"), key);
		assert_false(cluster_approval_take(&home, bad, &a));
		json_decref(bad);
	}
	bad = changed(o, "spec", "more", json_true());
	assert_false(cluster_approval_take(&home, bad, &a));
	json_decref(bad);
	bad = changed(o, "metadata", "name", json_string("held-2"));
	assert_false(cluster_approval_take(&home, bad, &a));
	json_decref(bad);
	bad = changed(o, "metadata", "namespace", json_string("other"));
	assert_false(cluster_approval_take(&home, bad, &a));
	json_decref(bad);
	assert_false(cluster_approval_take(&home, NULL, &a));
	json_decref(o);
}

static void test_grant(void **state)
{
	const struct cluster_terms t = {.uses = 2, .expires = 1767265200, .shaped = true, .rows = 7};
	const struct bond b = bond_like(9);
	json_t *who = json_pack("[s, s]", "user:ann", "uid 7"), *one, *two, *bad;
	json_t *o = stored(cluster_grant_make(&home, "held-1", "u-9", &b, &t, who));
	struct cluster_approval a;
	struct cluster_grant g;

	(void)state;
	json_decref(who);
	assert_true(cluster_grant_take(&home, o, &g));
	assert_true(g.terms.uses == 2 && g.terms.rows == 7 && g.terms.shaped && !g.terms.ends && !g.used);
	assert_string_equal(g.approval, "u-9");
	assert_string_equal(g.approvers, "user:ann, uid 7");
	assert_true(cluster_grant_lives(&g, 1767265199));
	assert_false(cluster_grant_lives(&g, 1767265200));
	/* a grant is no approval */
	assert_false(cluster_approval_take(&home, o, &a));
	one = cluster_grant_use(&home, o, 1767265000);
	assert_true(cluster_grant_take(&home, one, &g));
	assert_true(g.used == 1 && cluster_grant_lives(&g, 0));
	two = cluster_grant_use(&home, one, 1767265000);
	assert_true(cluster_grant_take(&home, two, &g));
	assert_true(g.used == 2 && !cluster_grant_lives(&g, 0));
	assert_int_equal(json_array_size(json_object_get(json_object_get(two, "status"), "uses")), 2);
	/* what was used is a number, or nothing is known of it */
	bad = changed(two, "status", "used", json_string("0"));
	assert_false(cluster_grant_take(&home, bad, &g));
	json_decref(bad);
	bad = changed(two, "status", "used", json_integer(-1));
	assert_false(cluster_grant_take(&home, bad, &g));
	json_decref(bad);
	bad = changed(one, "status", "state", json_string("revoked"));
	assert_true(cluster_grant_take(&home, bad, &g));
	assert_false(cluster_grant_lives(&g, 0));
	json_decref(bad);
	json_decref(two);
	json_decref(one);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_approval), cmocka_unit_test(test_seal), cmocka_unit_test(test_grant)};

	return cmocka_run_group_tests(tests, open_homes, NULL);
}
