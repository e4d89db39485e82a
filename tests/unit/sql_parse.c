/* SPDX-License-Identifier: MIT */
#include "sql/parse.h"

#include "test.h"
#include "sql_golden.h"

static const char *const path[] = {"public"};
static struct catalog *empty;

static int setup(void **state)
{
	struct err e;

	(void)state;
	return catalog_from_ddl(&empty, SPAN_LIT("CREATE TABLE t (a int, b text)"), &e);
}

static int teardown(void **state)
{
	(void)state;
	catalog_unref(empty);
	return 0;
}

/* The SQLSTATE of analysing the text as a whole: "" where it was taken. A copy at a guard page is what is
 * read. */
static char *state_of(const char *text, size_t n)
{
	static struct err e;
	struct name_scope scope = {empty, path, 1};
	struct guarded g = guard_copy(text, n);
	struct arena a = {0};
	struct analysis out;
	int position;

	e = (struct err){0};
	if (analyze(&scope, span_of(g.p, g.n), &a, &out, &position, &e) == 0)
		assert_true(out.n > 0);
	else
		assert_string_not_equal(e.sqlstate, "");
	arena_fini(&a);
	guard_free(&g);
	return e.sqlstate;
}

#define assert_state(text, state) assert_string_equal(state_of(text, strlen(text)), state)

/* head, n times a piece, then tail. */
static char *chain(const char *head, const char *piece, unsigned n, const char *tail)
{
	char *s = malloc(strlen(head) + n * strlen(piece) + strlen(tail) + 1), *p = s;

	p = stpcpy(p, head);
	for (unsigned i = 0; i < n; i++)
		p = stpcpy(p, piece);
	strcpy(p, tail);
	return s;
}

static void assert_chain(const char *head, const char *piece, unsigned n, const char *tail, const char *state)
{
	char *s = chain(head, piece, n, tail);

	assert_state(s, state);
	free(s);
}

/* Brackets around a core. */
static void assert_nest(const char *head, const char *open, unsigned n, const char *core, const char *close,
	const char *state)
{
	char *left = chain(head, open, n, core), *s = chain(left, close, n, "");

	assert_state(s, state);
	free(left);
	free(s);
}

static void test_length(void **state)
{
	char *s = malloc(1 << 20);

	(void)state;
	memset(s, ' ', 1 << 20);
	memcpy(s, "SELECT 1", 8);
	assert_string_equal(state_of(s, 1 << 20), "54000");
	assert_string_equal(state_of(s, ANALYZE_TEXT_MAX + 1), "54000");
	assert_string_equal(state_of(s, ANALYZE_TEXT_MAX), "");
	free(s);
	assert_string_equal(state_of("", 0), "");
}

static void test_encoding(void **state)
{
	static const char *const bad[] = {"SELECT '\xff'", "SELECT '\xc0\x80'", "SELECT '\xe0\x80\x80'",
		"SELECT '\xed\xa0\x80'", "SELECT '\xf4\x90\x80\x80'", "SELECT '\xf8\x88\x80\x80\x80'",
		"SELECT '\xc3", "SELECT '\xe2\x82", "\x80", "SELECT '\xe8\x5c'"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		assert_state(bad[i], "22021");
	assert_string_equal(state_of("SELECT 1\0; SELECT 2", 19), "22021");
	assert_state("SELECT '\xf0\x9f\x92\x89', '\xc3\xa9'", "");
}

static void test_syntax_errors(void **state)
{
	struct arena a = {0};
	struct PgQuery__ParseResult *tree;
	struct err e = {0};
	int position;

	(void)state;
	assert_int_equal(parse(SPAN_LIT("SELECT 'é', FROM"), 17, &a, &tree, &position, &e), -EINVAL);
	assert_string_equal(e.sqlstate, "42601");
	assert_string_equal(e.msg, "syntax error at or near \"FROM\"");
	assert_int_equal(position, 13); /* characters, from 1 */
	arena_fini(&a);
}

/* What nests by one for each piece: taken while small, refused in a flat pass when large. */
static void test_chains(void **state)
{
	static const char *const pieces[][3] = {{"SELECT 1", "+1", ""}, {"SELECT a", "||b", " FROM t"},
		{"SELECT ", "NOT ", "true"}, {"SELECT ", "- ", "1"}, {"SELECT 1", "::int", ""},
		{"SELECT 1", " UNION SELECT 1", ""}, {"SELECT 1,2", " UNION SELECT 1,2", ""},
		{"SELECT 1 FROM t", " CROSS JOIN t", ""}, {"SELECT a", " COLLATE \"C\"", " FROM t"},
		{"SELECT a", " AT TIME ZONE 'x'", " FROM t"}, {"SELECT a", " IS DISTINCT FROM NULL", ""},
		{"SELECT CASE WHEN a", "+b.when", " THEN 1 END FROM b"},
		{"SELECT CASE WHEN a", "+b./*.*/then", " THEN 1 END FROM b"}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(pieces); i++) {
		char *s = chain(pieces[i][0], pieces[i][1], 100, pieces[i][2]);

		assert_string_not_equal(state_of(s, strlen(s)), "54001");
		free(s);
		assert_chain(pieces[i][0], pieces[i][1], 10000, pieces[i][2], "54001");
	}
	assert_chain("SELECT 1", "+1", 30000, "", "54001");
	assert_chain("SELECT 1", "+1", ANALYZE_DEPTH_MAX - 1, "", "");
}

static void test_nests(void **state)
{
	static const char *const pairs[][4] = {{"SELECT ", "(", "1", ")"}, {"SELECT ", "(SELECT ", "1", ")"},
		{"SELECT ARRAY", "[", "1", "]"}, {"SELECT ", "upper(", "'x'", ")"},
		{"SELECT ", "CASE WHEN true THEN ", "1", " END"}, {"SELECT ", "ROW(1,", "1", ")"},
		{"", "(", "SELECT 1", ")"}, {"SELECT 1 FROM ", "(SELECT 1 FROM ", "t", ") x"},
		{"SELECT 1 FROM ", "(t CROSS JOIN ", "t", ")"}, {"SELECT ", "EXISTS(SELECT ", "1", ")"},
		{"SELECT ", "coalesce(1,", "1", ")"}, {"SELECT ", "ARRAY(VALUES(", "1", "))"},
		{"", "WITH x AS (", "SELECT 1", ") SELECT 1"},
		{"SELECT ", "(CASE (", "1", ") WHEN 1 THEN 1 END)"}, {"SELECT ", "(b.end+", "1", ")"},
		{"SELECT ", "(b.case+b.end+", "1", ")"}, {"SELECT ", "(SELECT 1 end, ", "1", ")"},
		{"SELECT ", "CASE WHEN b./**/end THEN ", "1", " END"},
		{"SELECT ", "(SELECT 1 case, 2 end,", "1", ")"}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++) {
		assert_nest(pairs[i][0], pairs[i][1], 30, pairs[i][2], pairs[i][3], "");
		assert_nest(pairs[i][0], pairs[i][1], 9000, pairs[i][2], pairs[i][3], "54001");
	}
}

/* Just below the bound, so that the library, the unpacker and the walker run as deep as they ever may. */
static void test_deepest(void **state)
{
	static const char *const pairs[][4] = {{"SELECT ", "(SELECT ", "1", ")"},
		{"SELECT ", "(SELECT(", "1", "))"}, {"SELECT ARRAY", "[", "1", "]"},
		{"SELECT ", "CASE WHEN true THEN ", "1", " END"},
		{"SELECT 1 FROM ", "(SELECT 1 FROM ", "t", ")"}, {"SELECT ", "ARRAY(SELECT ", "1", ")"},
		{"SELECT ", "ARRAY(VALUES(", "1", "))"}, {"", "WITH x AS (", "SELECT 1", ") SELECT 1"},
		{"SELECT ", "f(", "1", ")"}, {"SELECT ", "EXISTS(SELECT ", "1", ")"}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++)
		for (unsigned n = 100; n <= ANALYZE_DEPTH_MAX; n += 50) {
			char *left = chain(pairs[i][0], pairs[i][1], n, pairs[i][2]),
			     *s = chain(left, pairs[i][3], n, "");
			bool refused = !strcmp(state_of(s, strlen(s)), "54001");

			free(left);
			free(s);
			if (refused)
				break;
		}
}

/* Long but flat is fine. */
static void test_flat(void **state)
{
	(void)state;
	assert_chain("SELECT a FROM t WHERE a IN (0", ",1", 20000, ")", "");
	assert_chain("INSERT INTO t VALUES (0,'x')", ",(1,'y')", 10000, "", "");
	assert_chain("SELECT a FROM t WHERE a = 0", " OR a = 1", 900, "", "");
	assert_chain("SELECT 1", ";SELECT 1", 5000, "", "");
	assert_chain("SELECT CASE", " WHEN a THEN 1", 5000, " ELSE 2 END FROM t", "");
	assert_chain("SELECT 1", " /* comment */ ", 5000, "", "");
	assert_chain("SELECT a FROM t WHERE b = '", "long ", 20000, "'", "");
}

/* Every statement is cut off somewhere by the n-th allocation: never a crash, never "understood". */
static void test_no_memory(void **state)
{
	static const char text[] =
		"WITH q AS (SELECT a, b FROM t) SELECT upper(b), (SELECT max(a) FROM q) FROM q WHERE a > 1";
	struct name_scope scope = {empty, path, 1};
	bool enough = false;

	(void)state;
	for (size_t limit = 1; limit < 200000; limit += 997) {
		struct arena a;
		struct analysis out;
		struct err e = {0};
		int position, rc;

		arena_init(&a, limit);
		rc = analyze(&scope, SPAN_LIT(text), &a, &out, &position, &e);
		assert_true(rc == 0 || !strcmp(e.sqlstate, "53200"));
		assert_true(rc == 0 || !enough);
		enough = rc == 0;
		arena_fini(&a);
	}
	assert_true(enough);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_encoding),
		cmocka_unit_test(test_syntax_errors),
		cmocka_unit_test(test_chains),
		cmocka_unit_test(test_nests),
		cmocka_unit_test(test_deepest),
		cmocka_unit_test(test_flat),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
