/* SPDX-License-Identifier: MIT */
/* What EXPLAIN gives, read: what comes of a statement, and what is written anywhere in it. */
#include "test.h"

#include "session/estimate.h"

static void check(const char *json, bool known, uint64_t rows, uint64_t given)
{
	struct estimated out = {.known = true};
	struct arena a = {0};

	assert_int_equal(estimate_read(span_of(json, strlen(json)), &a, &out), known);
	assert_int_equal(out.known, known);
	if (known) {
		assert_int_equal(out.rows, rows);
		assert_int_equal(out.given, given);
	}
	arena_fini(&a);
}

#define SCAN(rows) "\"Node Type\": \"Seq Scan\", \"Parent Relationship\": \"Outer\", \"Plan Rows\": " rows

static void given(void **state)
{
	(void)state;
	check("[{\"Plan\": {\"Node Type\": \"Seq Scan\", \"Plan Rows\": 12, \"Plan Width\": 4}}]", true, 12,
		12);
	/* the topmost node counts, not what it reads */
	check("[{\"Plan\": {\"Node Type\": \"Aggregate\", \"Plan Rows\": 1, \"Plans\": [{" SCAN(
		      "20000") "}]}}]",
		true, 1, 1);
	/* strings are strings, whatever stands in them */
	check("[{\"Plan\": {\"Node Type\": \"Seq Scan\", \"Filter\": \"(note = '\\\"Plan Rows\\\": "
	      "1'::text)\","
	      " \"Plan Rows\": 500}}]",
		true, 500, 500);
	check("[{\"Plan\": {\"Node Type\": \"X\", \"Plan Rows\": 1e30}}]", true, ESTIMATE_ROWS_MAX,
		ESTIMATE_ROWS_MAX);
	/* what a rule makes of it */
	check("[{\"Plan\": {\"Node Type\": \"X\", \"Plan Rows\": 2}}, {\"Plan\": {\"Node Type\": \"X\", "
	      "\"Plan "
	      "Rows\": 3}}]",
		true, 5, 5);
}

static void written(void **state)
{
	(void)state;
	check("[{\"Plan\": {\"Node Type\": \"ModifyTable\", \"Operation\": \"Delete\", \"Plan Rows\": 0, "
	      "\"Target Tables\": [{\"Relation Name\": \"a\", \"Plan Rows\": 9}], \"Plans\": [{" SCAN(
		      "77") "}]}}]",
		true, 77, 0);
	/* before version 14 each table has its own; a subquery is none of them */
	check("[{\"Plan\": {\"Node Type\": \"ModifyTable\", \"Plan Rows\": 30, \"Plans\": ["
	      "{\"Node Type\": \"Result\", \"Parent Relationship\": \"InitPlan\", \"Plan Rows\": 1000},"
	      "{\"Node Type\": \"Seq Scan\", \"Parent Relationship\": \"Member\", \"Plan Rows\": 10},"
	      "{\"Node Type\": \"Seq Scan\", \"Parent Relationship\": \"Member\", \"Plan Rows\": 20}]}}]",
		true, 30, 30);
	/* two WITH queries that write, and one row of them */
	check("[{\"Plan\": {\"Node Type\": \"Aggregate\", \"Plan Rows\": 1, \"Plans\": ["
	      "{\"Node Type\": \"ModifyTable\", \"Parent Relationship\": \"InitPlan\", \"Plan Rows\": 0, "
	      "\"Plans\": "
	      "[{" SCAN("40") "}]},"
			      "{\"Node Type\": \"ModifyTable\", \"Parent Relationship\": \"InitPlan\", "
			      "\"Plan Rows\": 0, \"Plans\": "
			      "[{" SCAN("41") ", \"Plans\": [{" SCAN("5000") "}]}]}]}}]",
		true, 81, 1);
}

static void odd(void **state)
{
	char deep[4096] = "[{\"Plan\": ";

	(void)state;
	check("", false, 0, 0);
	check("[]", false, 0, 0);
	check("[\"Utility Statement\"]", false, 0, 0);
	check("[{\"Plan\": 1}]", false, 0, 0);
	check("{\"Plan\": {\"Plan Rows\": 1}}", false, 0, 0);
	check("[{\"Plan\": {\"Node Type\": \"X\", \"Plan Rows\": 2}}", false, 0, 0);
	check("[{\"Plan\": {\"Node Type\": \"X\", \"Plan Rows\": -5}}]", true, 0, 0);
	memset(deep + strlen(deep), '[', 2000);
	check(deep, false, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(given), cmocka_unit_test(written), cmocka_unit_test(odd)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
