/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "sql/stencil.h"

static bool fits(const char *shape, const char *statement)
{
	struct arena a = {0};
	struct stencil x, y;
	const char *why;
	bool yes;

	assert_int_equal(stencil_parse(&x, shape, &a, &why), 0);
	assert_int_equal(stencil_of(&y, span_of(statement, strlen(statement)), &a), 0);
	yes = stencil_fits(&x, &y);
	arena_fini(&a);
	return yes;
}

static void same_statement(void **state)
{
	static const char shape[] = "SELECT id, \"Name\" FROM shop.orders WHERE id = $1 AND region = 'EU'";

	(void)state;
	assert_true(fits(shape,
		"select ID,\"Name\"\n\tFROM /* x */ shop . orders -- y\nWHERE id=7 AND region='EU' ;"));
	assert_true(fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = $9 AND region = 'EU'"));
	assert_true(fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = -7 AND region = 'EU'"));
	assert_true(fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = E'x\\'' AND region = 'EU'"));
	assert_true(fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = NULL AND region = 'EU'"));
	assert_true(fits("COMMIT", "commit;;"));
	assert_true(fits("SELECT $1", "SELECT -1.5"));
	assert_true(fits("SET work_mem = '1MB'", "set WORK_MEM = '1MB'"));
}

static void another_statement(void **state)
{
	static const char shape[] = "SELECT id, \"Name\" FROM shop.orders WHERE id = $1 AND region = 'EU'";

	(void)state;
	assert_false(fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = 7 AND region = 'US'"));
	assert_false(fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = 7 AND region = $1"));
	assert_false(fits(shape, "SELECT id, \"name\" FROM shop.orders WHERE id = 7 AND region = 'EU'"));
	assert_false(fits(shape, "SELECT id, Name FROM shop.orders WHERE id = 7 AND region = 'EU'"));
	assert_false(fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = id AND region = 'EU'"));
	assert_false(
		fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = 7 AND region = 'EU' OR true"));
	assert_false(fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = 7"));
	assert_false(
		fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = 7 AND region = 'EU'; SELECT 1"));
	assert_false(fits(shape, "SELECT id, \"Name\" FROM shop.orders2024 WHERE id = 7 AND region = 'EU'"));
	assert_false(fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = - 'x' AND region = 'EU'"));
	assert_false(fits(shape, "SELECT id, \"Name\" FROM shop.orders WHERE id = (7) AND region = 'EU'"));
	assert_false(fits("SELECT 1", "SELECT 2"));
	assert_false(fits("SELECT 'a'", "SELECT a"));
	assert_false(fits("SELECT a", "SELECT 'a'"));
	assert_false(fits("SELECT $1", "SELECT"));
	assert_false(fits("SELECT $1", ""));
	assert_false(fits("SELECT \"a\"", "SELECT a"));
}

static void wrong(void **state)
{
	static const char *const texts[] = {"", "SELECT 1; SELECT 2", "SELEC", "SELECT 'x"};
	struct arena a = {0};
	struct stencil x;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(stencil_parse(&x, texts[i], &a, &why), -EINVAL);
		assert_non_null(strstr(why, "statement"));
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(same_statement),
		cmocka_unit_test(another_statement), cmocka_unit_test(wrong)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
