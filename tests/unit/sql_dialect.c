/* SPDX-License-Identifier: MIT */
#include "sql/dialect.h"

#include "sql/analyze.h"
#include "sql/parse.h"
#include "test.h"

struct reading {
	const char *text;
	unsigned before; /* refused for servers older than this; 0: for none */
};

static const struct reading readings[] = {
	{"SELECT 0x1F", 16},
	{"SELECT a FROM t WHERE a = 0B101", 16},
	{"SELECT 0o17 + 1", 16},
	{"SELECT 1_000", 16},
	{"SELECT 1.5_0", 16},
	{"SELECT a FROM t LIMIT 1_0", 16},
	{"SELECT U&'d!0061t' UESCAPE '!'", 13},
	{"SELECT u&\"d!0061t\" uEscape '!' FROM t", 13},
	/* what only looks so */
	{"SELECT '0x1F 1_000 uescape'", 0},
	{"SELECT t1_x, \"1_0\" FROM t1_0 /* 0x1 */ -- 2_0", 0},
	{"SELECT $1, 10, 1.5e3, x'1F', b'01'", 0},
	{"SELECT blue, queue FROM rescue", 0},
	{"SELECT $$ 1_0 uescape $$", 0},
};

static void test_each_version(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(readings); i++) {
		const struct reading *r = &readings[i];

		for (unsigned server = 0; server <= 18; server = server ? server + 1 : 12) {
			struct span text = span_of(r->text, strlen(r->text));
			struct PgQuery__ParseResult *tree;
			struct arena a = {0};
			struct err e = {0};
			int position, rc = parse(text, server, &a, &tree, &position, &e);

			if (server >= r->before) {
				assert_int_equal(rc, 0);
			} else {
				assert_int_equal(rc, -EINVAL);
				assert_string_equal(e.sqlstate, "0A000");
				assert_true(position > 0 && (size_t)position <= text.n);
			}
			arena_fini(&a);
		}
	}
}

static void test_position_is_in_characters(void **state)
{
	struct PgQuery__ParseResult *tree;
	struct arena a = {0};
	struct err e = {0};
	int position;

	(void)state;
	assert_int_equal(parse(SPAN_LIT("SELECT 'é', 0x1F"), 15, &a, &tree, &position, &e), -EINVAL);
	assert_int_equal(position, 13);
	arena_fini(&a);
}

static void test_functions(void **state)
{
	(void)state;
	assert_true(dialect_function("normalize", 0));
	assert_true(dialect_function("normalize", 12));
	assert_false(dialect_function("normalize", 13));
	assert_true(dialect_function("system_user", 15));
	assert_false(dialect_function("system_user", 16));
	assert_false(dialect_function("btrim", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_version),
		cmocka_unit_test(test_position_is_in_characters),
		cmocka_unit_test(test_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
