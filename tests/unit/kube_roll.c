/* SPDX-License-Identifier: MIT */
/* Which nodes said something of which objects: whom to look for, who was missed twice, and what of it is
 * left. */
#include "test.h"

#include "kube/roll.h"

static void put(struct roll *r, const char *object, const char *nodes)
{
	json_t *doc = json_loads(nodes, 0, NULL);

	assert_non_null(doc);
	assert_true(roll_put(r, object, doc));
	json_decref(doc);
}

static void picks(struct roll *r, const char *own, unsigned fresh, const char *want)
{
	char out[8][ROLL_NAME], got[1024] = "";
	unsigned n = roll_pick(r, own, fresh, out, 8);

	for (unsigned i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i ? " " : "", out[i]);
	assert_string_equal(got, want);
}

static void test_by_turns(void **state)
{
	struct roll *r = roll_new();

	(void)state;
	picks(r, "a", 4, "");
	put(r, "one", "{\"a\": {}, \"b\": {}, \"c\": {}}");
	put(r, "two", "{\"d\": {}, \"b\": 1}");
	picks(r, "a", 2, "b c");
	picks(r, "a", 2, "d b");
	picks(r, "a", 8, "c d b");
	picks(r, "b", 1, "c");
	picks(r, "none", 0, "");
	roll_free(r);
}

static void test_twice_running(void **state)
{
	struct roll *r = roll_new();

	(void)state;
	put(r, "one", "{\"a\": {}, \"b\": {}, \"c\": {}}");
	assert_false(roll_found(r, "b", false));
	assert_false(roll_found(r, "b", true));
	assert_false(roll_found(r, "b", false));
	picks(r, "a", 0, "b");
	picks(r, "a", 4, "b c");
	assert_true(roll_found(r, "b", false));
	/* who goes and comes back is looked for anew */
	put(r, "one", "{\"a\": {}}");
	assert_false(roll_found(r, "b", false));
	put(r, "one", "{\"a\": {}, \"b\": {}}");
	assert_false(roll_found(r, "b", false));
	assert_false(roll_found(r, "nobody", false));
	assert_false(roll_found(r, "nobody", false));
	roll_free(r);
}

static void test_what_is_left(void **state)
{
	struct roll *r = roll_new();

	(void)state;
	put(r, "one", "{\"a\": {}, \"b\": {}}");
	put(r, "two", "{\"b\": {}}");
	put(r, "three", "{\"b\": {}, \"c\": {}}");
	assert_string_equal(roll_next(r, "b", NULL), "one");
	assert_string_equal(roll_next(r, "b", "one"), "three");
	assert_string_equal(roll_next(r, "b", "three"), "two");
	assert_null(roll_next(r, "b", "two"));
	assert_null(roll_next(r, "d", NULL));
	roll_drop(r, "three");
	roll_drop(r, "four");
	assert_null(roll_next(r, "c", NULL));
	picks(r, "a", 8, "b");
	assert_true(roll_put(r, "two", NULL));
	assert_null(roll_next(r, "b", "one"));
	roll_begin(r);
	put(r, "two", "{\"e\": {}}");
	roll_listed(r);
	assert_null(roll_next(r, "b", NULL));
	picks(r, "a", 8, "e");
	roll_free(r);
}

static void test_more_than_there_is_room_for(void **state)
{
	struct roll *r = roll_new();
	json_t *nodes = json_object();
	char name[400];

	(void)state;
	for (unsigned i = 0; i < ROLL_NODES + 100; i++) {
		snprintf(name, sizeof(name), "node-%u", i);
		json_object_set_new(nodes, name, json_null());
	}
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	json_object_set_new(nodes, name, json_null());
	assert_true(roll_put(r, "one", nodes));
	assert_true(roll_put(r, "two", nodes));
	assert_string_equal(roll_next(r, "node-5119", "one"), "two");
	assert_null(roll_next(r, "node-5120", NULL));
	assert_null(roll_next(r, name, NULL));
	/* places are had again */
	roll_drop(r, "one");
	roll_drop(r, "two");
	put(r, "three", "{\"node-6000\": {}}");
	assert_string_equal(roll_next(r, "node-6000", NULL), "three");
	json_decref(nodes);
	roll_free(r);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(roll_is_name("ip-10-0-0-1.eu.internal") && roll_is_name("n"));
	for (const char *const *v = (const char *const[]){"", ".", "..", "../pods", "a/b", "a?b", "a b", "A",
		     "-a", ".a", "a%2f", "a\n", "\xc3\xa9", NULL};
		*v; v++)
		assert_false(roll_is_name(*v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_turns),
		cmocka_unit_test(test_twice_running),
		cmocka_unit_test(test_what_is_left),
		cmocka_unit_test(test_more_than_there_is_room_for),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
