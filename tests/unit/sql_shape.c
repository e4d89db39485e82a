/* SPDX-License-Identifier: MIT */
/* What a statement is listed as, and that the list's own matcher lets the statement through by that. */
#include "test.h"

#include "sql/shape.h"
#include "sql/stencil.h"

#define TOK  "\xe2\x80\xb9tok:0123456789ab\xe2\x80\xba"
#define TOK2 "\xe2\x80\xb9tok:ba9876543210\xe2\x80\xba"

static void constants(void **state)
{
	static const char *const lines[][2] = {
		{"SELECT id FROM t WHERE id = 7", "SELECT id FROM t WHERE id = $1"},
		{"select  id\n from t -- why\n where a='x''y' and b>-1.5 and c - 1 = 2",
			"select id from t where a=$1 and b>$2 and c - $3 = $4"},
		{"SELECT * FROM t WHERE a IN (1, -2, 'x') AND b LIKE 'y%' LIMIT 10 OFFSET 20",
			"SELECT * FROM t WHERE a IN ($1, $2, $3) AND b LIKE $4 LIMIT $5 OFFSET $6"},
		{"SELECT a FROM t WHERE b = $3 AND c = $1 AND d = 5",
			"SELECT a FROM t WHERE b = $1 AND c = $2 AND d = $3"},
		{"INSERT INTO t (a, b) VALUES (1, 'x'), (2, NULL) RETURNING a",
			"INSERT INTO t (a, b) VALUES ($1, $2), ($3, NULL) RETURNING a"},
		{"UPDATE t SET a = true, b = E'\\\\' WHERE c = 1",
			"UPDATE t SET a = true, b = $1 WHERE c = $2"},
		/* what functions are called with, and what names something, is not just any value */
		{"SELECT pg_read_file('/etc/passwd')", "SELECT pg_read_file('/etc/passwd')"},
		{"SELECT round(a, 2), lower('X') FROM t WHERE a = 2",
			"SELECT round(a, 2), lower('X') FROM t WHERE a = $1"},
		{"SELECT f((1)), g(a = 2), h((SELECT 3)), coalesce(a, 0), left(b, 3) FROM t",
			"SELECT f((1)), g(a = 2), h((SELECT $1)), coalesce(a, 0), left(b, 3) FROM t"},
		{"SELECT 'shop.orders'::regclass, 'x'::pg_catalog.regproc, 'x'::text",
			"SELECT 'shop.orders'::regclass, 'x'::pg_catalog.regproc, $1::text"},
		{"SELECT CAST('x' AS regclass)", "SELECT CAST('x' AS regclass)"},
		{"SELECT a, b FROM t ORDER BY 2, 1 DESC LIMIT 3",
			"SELECT a, b FROM t ORDER BY 2, 1 DESC LIMIT $1"},
		{"SELECT a, count(*) FROM t WHERE b IN (4, 5) GROUP BY 1 HAVING count(*) > 5",
			"SELECT a, count(*) FROM t WHERE b IN ($1, $2) GROUP BY 1 HAVING count(*) > $3"},
		{"EXECUTE p(1, 'x')", "EXECUTE p($1, $2)"},
		{"CALL p(1)", "CALL p(1)"},
		{"SELECT regclass 'x', regr_slope('x', 1)", "SELECT regclass 'x', regr_slope('x', 1)"},
		/* where no parameter may stand, or what it does hangs on it */
		{"SET work_mem = '1MB'", "SET work_mem = '1MB'"},
		{"FETCH 10 FROM c", "FETCH 10 FROM c"},
		{"SELECT interval '1 day', date '2026-01-01', a::numeric(10, 2) FROM t WHERE b = 1",
			"SELECT interval $1, date $2, a::numeric(10, 2) FROM t WHERE b = $3"},
		{"COPY (SELECT a FROM t WHERE b = 1) TO STDOUT WITH (DELIMITER ',')",
			"COPY (SELECT a FROM t WHERE b = $1) TO STDOUT WITH (DELIMITER ',')"},
		{"DO $$ BEGIN PERFORM 1; END $$", "DO $$ BEGIN PERFORM 1; END $$"},
		{"NOTIFY c, 'x'", "NOTIFY c, 'x'"},
		{"BEGIN", "BEGIN"},
		{"SELECT \"A b\" FROM \"T\" WHERE \"A b\" = 'it'",
			"SELECT \"A b\" FROM \"T\" WHERE \"A b\" = $1"},
		/* what is not on record */
		{"SELECT id FROM t WHERE a = " TOK " AND b IN (" TOK "," TOK2 ")",
			"SELECT id FROM t WHERE a = $1 AND b IN ($2,$3)"},
		{"SELECT lower(" TOK ") FROM t /*" TOK "*/ WHERE a = 1 /*" TOK "*/",
			"SELECT lower($1) FROM t WHERE a = $2"},
		{"SELECT id FROM t WHERE a=" TOK "::text", "SELECT id FROM t WHERE a=$1::text"},
		{"SET work_mem = " TOK, "SET work_mem = $1"},
		{"SELECT'x'AS a,1 IN(2)AND a IN('y')", "SELECT $1 AS a,$2 IN($3)AND a IN($4)"},
		{"SELECT ';'; ", "SELECT $1"},
	};
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		struct arena a = {0};
		struct stencil listed;
		struct shape *v;
		unsigned n;
		char *text;

		if (shape_all(span_of(lines[i][0], strlen(lines[i][0])), &a, &v, &n, &why))
			fail_msg("%s: %s", lines[i][0], why);
		assert_int_equal(n, 1);
		text = shape_text(&v[0], NULL, &a);
		assert_string_equal(text, lines[i][1]);
		assert_int_equal(stencil_parse(&listed, text, &a, &why), 0);
		if (!strstr(lines[i][0], "tok:")) {
			struct stencil own;

			assert_int_equal(stencil_of(&own, span_of(lines[i][0], strlen(lines[i][0])), &a), 0);
			assert_true(stencil_fits(&listed, &own));
		}
		arena_fini(&a);
	}
}

static void several(void **state)
{
	static const char text[] = "BEGIN; SELECT 1 ;; SELECT a FROM t WHERE b = 'x'; COMMIT;";
	static const char *const all[] = {"BEGIN", "SELECT $1", "SELECT a FROM t WHERE b = $1", "COMMIT"};
	struct arena a = {0};
	const char *why;
	struct shape *v;
	unsigned n;

	(void)state;
	assert_int_equal(shape_all(span_of(text, strlen(text)), &a, &v, &n, &why), 0);
	assert_int_equal(n, 4);
	for (unsigned i = 0; i < n; i++)
		assert_string_equal(shape_text(&v[i], NULL, &a), all[i]);
	assert_int_equal(shape_all(span_of("", 0), &a, &v, &n, &why), 0);
	assert_int_equal(n, 0);
	arena_fini(&a);
}

static bool same(const char *x, const char *y)
{
	struct arena a = {0};
	struct shape *v, *w;
	unsigned n, m;
	const char *why;
	bool yes;

	assert_int_equal(shape_all(span_of(x, strlen(x)), &a, &v, &n, &why), 0);
	assert_int_equal(shape_all(span_of(y, strlen(y)), &a, &w, &m, &why), 0);
	yes = n == 1 && m == 1 && span_eq(v->key, w->key);
	arena_fini(&a);
	return yes;
}

static void keys(void **state)
{
	(void)state;
	assert_true(same("SELECT a FROM t WHERE b = 1", "select A /* x */ from T where B = 'y'"));
	assert_true(same("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = -1"));
	assert_true(same("SELECT a FROM t WHERE b = 1", "SELECT a FROM t WHERE b = " TOK));
	assert_true(same("SELECT f(1)", "SELECT f(2)"));
	assert_false(same("SELECT \"a\" FROM t", "SELECT \"A\" FROM t"));
	assert_false(same("SELECT \"a\" FROM t", "SELECT a FROM t"));
	assert_false(same("NOTIFY c, 'a'", "NOTIFY c, 'A'"));
	assert_false(same("SELECT a FROM t WHERE b IN (1)", "SELECT a FROM t WHERE b IN (1, 2)"));
	assert_false(same("SELECT a, b FROM t", "SELECT ab FROM t"));
}

static void varied(void **state)
{
	static const char text[] = "SELECT f(1, 'x') FROM t WHERE a = 2";
	struct arena a = {0};
	bool all[64] = {false};
	const char *why;
	struct shape *v;
	unsigned n;

	(void)state;
	assert_int_equal(shape_all(span_of(text, strlen(text)), &a, &v, &n, &why), 0);
	for (unsigned i = 0; i < v->n; i++)
		all[i] = v->v[i].is == SHAPE_TIGHT && v->v[i].text.n == 1;
	assert_string_equal(shape_text(v, all, &a), "SELECT f($1, 'x') FROM t WHERE a = $2");
	arena_fini(&a);
}

static void unreadable(void **state)
{
	static const char *const texts[] = {
		"SELEC 1", "SELECT 'x", "SELECT 1 " TOK " FROM t", TOK, "SELECT \xff", "SELECT '" TOK "'"};
	char *wide = malloc(SHAPE_TEXT_MAX + 16);
	struct arena a = {0};
	const char *why;
	struct shape *v;
	unsigned n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		why = "";
		assert_int_equal(shape_all(span_of(texts[i], strlen(texts[i])), &a, &v, &n, &why), -EINVAL);
		assert_string_not_equal(why, "");
	}
	memset(wide, ' ', SHAPE_TEXT_MAX + 16);
	memcpy(wide, "SELECT 1", 8);
	assert_int_equal(shape_all(span_of(wide, SHAPE_TEXT_MAX + 16), &a, &v, &n, &why), -EINVAL);
	assert_string_equal(why, "it is too long");
	free(wide);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(constants), cmocka_unit_test(several),
		cmocka_unit_test(keys), cmocka_unit_test(varied), cmocka_unit_test(unreadable)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
