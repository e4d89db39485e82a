/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/shelf.h"

static unsigned told;

static uint64_t wall(void)
{
	return 1234;
}

static void on_changed(void *arg)
{
	(void)arg;
	told++;
}

static struct shelf *make(void)
{
	struct shelf *s;

	told = 0;
	assert_int_equal(shelf_new(&s, &(struct shelf_config){wall, on_changed, NULL}, &(struct err){0}), 0);
	return s;
}

static bool put(struct shelf *s, const char *name, int generation, const char *spec)
{
	json_t *o = json_pack("{s:{s:s, s:s, s:i, s:s}, s:{s:s}, s:{s:s}}", "metadata", "name", name, "uid",
		"u", "generation", generation, "resourceVersion", "7", "spec", "say", spec, "status", "x",
		"y");
	bool ok = shelf_put(s, o);

	json_decref(o);
	return ok;
}

static void gone(struct shelf *s, const char *name)
{
	json_t *o = json_pack("{s:{s:s}}", "metadata", "name", name);

	shelf_gone(s, o);
	json_decref(o);
}

/* "a b!": names, with ! behind one that cannot be loaded; "?" where it is not known which there are. */
static const char *names(struct shelf *s)
{
	static char out[200];
	struct shelf_copy c;
	size_t n = 0;

	assert_int_equal(shelf_take(s, &c), 0);
	n = (size_t)snprintf(out, sizeof(out), "%s", c.known ? "" : "?");
	for (unsigned i = 0; i < c.n && n < sizeof(out); i++)
		n += (size_t)snprintf(out + n, sizeof(out) - n, "%s%s%s", i ? " " : "", c.v[i].name,
			c.v[i].fault ? "!" : "");
	shelf_copy_fini(&c);
	return out;
}

static void test_lists(void **state)
{
	struct shelf *s = make();

	(void)state;
	assert_string_equal(names(s), "?");
	shelf_begin(s);
	assert_true(put(s, "b", 1, "x") && put(s, "a", 1, "x"));
	assert_int_equal(told, 0); /* half a list */
	assert_string_equal(names(s), "?a b");
	shelf_listed(s);
	assert_int_equal(told, 1);
	assert_string_equal(names(s), "a b");
	assert_true(put(s, "a", 1, "x")); /* its status */
	assert_int_equal(told, 1);
	assert_true(put(s, "a", 2, "y"));
	assert_int_equal(told, 2);
	gone(s, "b");
	gone(s, "nobody");
	assert_int_equal(told, 3);
	assert_string_equal(names(s), "a");
	shelf_begin(s);
	assert_true(put(s, "c", 1, "x"));
	assert_string_equal(names(s), "a c");
	shelf_listed(s);
	assert_int_equal(told, 4);
	assert_string_equal(names(s), "c");
	shelf_begin(s);
	shelf_listed(s);
	assert_string_equal(names(s), "");
	assert_false(shelf_put(s, json_true()));
	shelf_free(s);
}

static void test_only_the_document(void **state)
{
	struct shelf *s = make();
	struct shelf_copy c;
	json_t *doc;

	(void)state;
	assert_true(put(s, "a", 3, "x\n- y"));
	assert_int_equal(shelf_take(s, &c), 0);
	doc = json_loads(c.v[0].text, 0, NULL);
	assert_int_equal(json_object_size(doc), 4);
	assert_int_equal(json_object_size(json_object_get(doc, "metadata")), 1);
	assert_string_equal(json_string_value(json_object_get(doc, "kind")), "MaskingPolicy");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(doc, "spec"), "say")), "x\n- y");
	json_decref(doc);
	shelf_copy_fini(&c);
	shelf_free(s);
}

static void test_too_much(void **state)
{
	char *big = malloc((2u << 20) + 1), name[32];
	struct shelf *s = make();
	struct shelf_copy c;
	unsigned bad = 0, n = 0;

	(void)state;
	memset(big, 'x', 2u << 20);
	big[2u << 20] = '\0';
	assert_true(put(s, "big", 1, big));
	assert_string_equal(names(s), "?big!");
	gone(s, "big");
	big[900 << 10] = '\0';
	for (; n < 40; n++) {
		snprintf(name, sizeof(name), "m-%03u", n);
		assert_true(put(s, name, 1, big));
	}
	assert_int_equal(shelf_take(s, &c), 0);
	for (unsigned i = 0; i < c.n; i++)
		bad += c.v[i].fault != NULL;
	assert_in_range(bad, 3, 5);
	shelf_copy_fini(&c);
	for (; n < 2000 && put(s, name, 1, big); n++)
		snprintf(name, sizeof(name), "m-%03u", n);
	assert_true(n < 80); /* the list fails then, and what was known stays */
	shelf_free(s);
	s = make();
	for (n = 0; n < 1001; n++) {
		snprintf(name, sizeof(name), "n-%04u", n);
		assert_true(put(s, name, 1, "x"));
	}
	assert_int_equal(shelf_take(s, &c), 0);
	assert_null(c.v[999].fault);
	assert_non_null(c.v[1000].fault);
	assert_null(shelf_save(&c));
	shelf_copy_fini(&c);
	gone(s, "n-0500");
	assert_int_equal(shelf_take(s, &c), 0);
	assert_null(c.v[999].fault);
	shelf_copy_fini(&c);
	for (; n < 10000 && put(s, name, 1, "x"); n++)
		snprintf(name, sizeof(name), "n-%04u", n);
	assert_in_range(n, 4000, 4002);
	shelf_free(s);
	free(big);
}

static void test_kept(void **state)
{
	static const char *const bad[] = {"{}", "{\"objects\":[{}]}",
		"{\"objects\":[{\"name\":\"a\",\"uid\":\"u\",\"text\":\"x\"},{\"name\":\"b\"}]}",
		"{\"objects\":{}}", "[]"};
	struct shelf *s = make();
	struct shelf_copy c;
	struct err e;
	json_t *doc;

	(void)state;
	assert_true(put(s, "a", 1, "x") && put(s, "b", 2, "y"));
	shelf_heard(s);
	assert_int_equal(shelf_take(s, &c), 0);
	doc = shelf_save(&c);
	shelf_copy_fini(&c);
	shelf_free(s);
	s = make();
	assert_int_equal(shelf_load(s, doc, &e), 0);
	json_decref(doc);
	assert_string_equal(names(s), "a b");
	assert_int_equal(shelf_take(s, &c), 0);
	assert_int_equal(c.as_of_ms, 1234);
	assert_int_equal(c.v[1].generation, 2);
	shelf_copy_fini(&c);
	/* The first list is told of though it says the same. */
	shelf_begin(s);
	assert_true(put(s, "a", 1, "x") && put(s, "b", 2, "y"));
	shelf_listed(s);
	assert_int_equal(told, 1);
	shelf_free(s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s = make();
		doc = json_loads(bad[i], 0, NULL);
		assert_int_equal(shelf_load(s, doc, &e), -EINVAL);
		json_decref(doc);
		assert_string_equal(names(s), "?");
		shelf_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_only_the_document),
		cmocka_unit_test(test_too_much),
		cmocka_unit_test(test_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
