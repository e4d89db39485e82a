/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <errno.h>
#include "sql/opening.h"

static void shape_is(const char *text, const char *shape, const char *kinds)
{
	struct arena a = {0};
	struct openings o;
	const char *why;
	char got[256] = "";

	if (openings_of(&o, span_of(text, strlen(text)), &a, &why)) {
		fprintf(stderr, "%s: %s\n", text, why);
		fail();
	}
	for (unsigned i = 0; i < o.n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s$%u %s", i ? ", " : "",
			o.v[i].number, o.v[i].kind);
	assert_string_equal(o.text, shape);
	assert_string_equal(got, kinds);
	arena_fini(&a);
}

static void none(const char *text)
{
	struct arena a = {0};
	struct openings o;
	const char *why;

	if (openings_of(&o, span_of(text, strlen(text)), &a, &why) != -EINVAL) {
		fprintf(stderr, "%s: %s\n", text, o.text);
		fail();
	}
	assert_true(*why);
	arena_fini(&a);
}

static bool same(const char *x, const char *y)
{
	struct openings o, p;
	struct arena a = {0};
	const char *why;
	bool yes;

	assert_int_equal(openings_of(&o, span_of(x, strlen(x)), &a, &why), 0);
	yes = openings_of(&p, span_of(y, strlen(y)), &a, &why) == 0 && o.form.n == p.form.n &&
	      memcmp(o.form.p, p.form.p, o.form.n) == 0;
	arena_fini(&a);
	return yes;
}

static void open_places(void **state)
{
	(void)state;
	shape_is("DELETE FROM t WHERE id = 5", "DELETE FROM t WHERE id = $1", "$1 integer");
	shape_is("DELETE FROM t WHERE 5 = id AND a='x' OR b IN (1, 2)",
		"DELETE FROM t WHERE $1 = id AND a=$2 OR b IN ($3, $4)",
		"$1 integer, $2 text, $3 integer, $4 integer");
	shape_is(
		"INSERT INTO t (a, b) VALUES (1, 'x'), (now(), f('y')) ON CONFLICT (a) DO UPDATE SET b = 'z'",
		"INSERT INTO t (a, b) VALUES ($1, $2), (now(), f('y')) ON CONFLICT (a) DO UPDATE SET b = $3",
		"$1 integer, $2 text, $3 text");
	shape_is("UPDATE t SET a = -1.5, b = b + 1 FROM u JOIN v ON v.k = 3000000000 WHERE t.d = date "
		 "'2020-01-01'",
		"UPDATE t SET a = -$1, b = b + 1 FROM u JOIN v ON v.k = $2 WHERE t.d = date $3",
		"$1 number, $2 bigint, $3 text");
	shape_is("SELECT f(7) FROM t WHERE a = '1'::int4 AND b > 2 LIMIT 10",
		"SELECT f(7) FROM t WHERE a = $1::int4 AND b > 2 LIMIT 10", "$1 text");
	shape_is("WITH d AS (DELETE FROM t WHERE id = 1 RETURNING *) SELECT * FROM d WHERE EXISTS "
		 "(SELECT FROM u WHERE u.a = d.a AND u.b = 2)",
		"WITH d AS (DELETE FROM t WHERE id = $1 RETURNING *) SELECT * FROM d WHERE EXISTS "
		"(SELECT FROM u WHERE u.a = d.a AND u.b = $2)",
		"$1 integer, $2 integer");
	/* numbers go on behind the parameters; one that is in another place too is none */
	shape_is("UPDATE t SET a = $2, b = 'x' WHERE id = $1 AND c < $3",
		"UPDATE t SET a = $2, b = $4 WHERE id = $1 AND c < $3",
		"$1 value of its type, $2 value of its type, $4 text");
	shape_is("SELECT 1 FROM t WHERE id = $1 AND a = $2 LIMIT $2",
		"SELECT 1 FROM t WHERE id = $1 AND a = $2 LIMIT $2", "$1 value of its type");
	/* comments are not of the shape */
	shape_is("DELETE /* a */ FROM t -- b\nWHERE id = 5;", "DELETE   FROM t  \nWHERE id = $1",
		"$1 integer");
}

static void fixed_places(void **state)
{
	static const char *const texts[] = {
		"DELETE FROM t WHERE id > 5",
		"DELETE FROM t WHERE id <> 5",
		"DELETE FROM t WHERE NOT id = 5",
		"DELETE FROM t WHERE id NOT IN (1, 2)",
		"DELETE FROM t WHERE name LIKE 'x'",
		"DELETE FROM t WHERE id BETWEEN 1 AND 2",
		"DELETE FROM t WHERE id = ANY ('{1,2}')",
		"DELETE FROM t WHERE id = ANY (ARRAY[1])",
		"DELETE FROM t WHERE id = 5 + 1",
		"DELETE FROM t WHERE id + 0 = 5",
		"DELETE FROM t WHERE 5 = 5",
		"DELETE FROM t WHERE id OPERATOR(s.=) 5",
		"DELETE FROM t WHERE id = 5::regclass",
		"DELETE FROM t WHERE id = 'x'::regclass",
		"DELETE FROM t WHERE id = 'x'::s.int4",
		"DELETE FROM t WHERE id = '{1}'::int4[]",
		"DELETE FROM t WHERE id = 'x'::my_type",
		"DELETE FROM t WHERE id = NULL",
		"DELETE FROM t WHERE flag = true",
		"DELETE FROM t WHERE id = E'x'",
		"DELETE FROM t WHERE id = U&'x'",
		"DELETE FROM t WHERE id = $$x$$",
		"DELETE FROM t WHERE id = B'1'",
		"DELETE FROM t WHERE id = X'1'",
		"DELETE FROM t WHERE id = 0x10",
		"DELETE FROM t WHERE id = 1_0",
		"DELETE FROM t WHERE id = -2147483648",
		"DELETE FROM t WHERE id = - - 5",
		"DELETE FROM t WHERE id = 12345678901234567890",
		"DELETE FROM t WHERE id = (SELECT n FROM u WHERE k = 1)",
		"DELETE FROM t WHERE f(id = 5)",
		"DELETE FROM t WHERE NOT EXISTS (SELECT FROM u WHERE k = 1)",
		"DELETE FROM t WHERE id <> ALL (SELECT n FROM u WHERE k = 1)",
		"SELECT id = 5 FROM t",
		"SELECT 'x'",
		"SELECT * FROM t LIMIT 5",
		"SELECT * FROM t LIMIT (SELECT n FROM u WHERE k = 1)",
		"SELECT * FROM generate_series(1, (SELECT n FROM u WHERE k = 1))",
		"SELECT (SELECT n FROM u WHERE k = 1)",
		"SELECT CASE WHEN id = 5 THEN 1 END FROM t",
		"SELECT a FROM t GROUP BY a HAVING a = 5",
		"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r, t WHERE t.n = 5) SELECT * "
		"FROM r",
		"SELECT * FROM (VALUES (1)) v",
		"INSERT INTO t SELECT 1, 'x'",
		"INSERT INTO t VALUES (nextval('s'))",
		"UPDATE t SET a[1] = 2",
		"UPDATE t SET (a, b) = ROW(1, 2)",
		"UPDATE t SET a = a + 1",
		"TRUNCATE t",
		"COPY t FROM STDIN",
		"DO 'x'",
		"EXPLAIN DELETE FROM t WHERE id = 5",
		"PREPARE p AS DELETE FROM t WHERE id = 5",
		"EXECUTE p(5)",
		"DELETE FROM t WHERE id = 5; DELETE FROM t WHERE id = 6",
		"",
		"not SQL",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		none(texts[i]);
}

static void same_shape(void **state)
{
	static const char x[] = "DELETE FROM t WHERE id = 5 AND a = 'x' AND n > 3";

	(void)state;
	assert_true(same(x, "delete from T where ID=6 and A='y''z' and N>3 -- c"));
	assert_true(same("DELETE FROM t WHERE id = -5", "DELETE FROM t WHERE id = - 7"));
	assert_false(same("DELETE FROM t WHERE id = $1", "DELETE /*+x*/ FROM t WHERE id = $1"));
	assert_true(same("UPDATE t SET a = 1", "UPDATE t SET a = 2;"));
	assert_false(same(x, "DELETE FROM t WHERE id = 5 AND a = 'x' AND n > 2"));
	assert_false(same(x, "DELETE FROM t WHERE id = 5 AND a = 'x'"));
	assert_false(same(x, "DELETE FROM t WHERE id = 5 AND a = 'x' AND n > 3 OR a = 'y'"));
	assert_false(same(x, "DELETE FROM t WHERE id = '5' AND a = 'x' AND n > 3"));
	assert_false(same(x, "DELETE FROM t WHERE id = 5 AND a = E'x' AND n > 3"));
	assert_false(same(x, "DELETE FROM t WHERE id = 5 AND a = b AND n > 3"));
	assert_false(same(x, "DELETE FROM t WHERE id = 5 AND a = NULL AND n > 3"));
	assert_false(same(x, "DELETE FROM t WHERE id = -5 AND a = 'x' AND n > 3"));
	assert_false(same(x, "DELETE FROM t WHERE id = 3000000000 AND a = 'x' AND n > 3"));
	assert_false(same(x, "DELETE FROM t WHERE id = 5.0 AND a = 'x' AND n > 3"));
	assert_false(same(x, "DELETE FROM t WHERE id = (SELECT 5) AND a = 'x' AND n > 3"));
	assert_false(same(x, "DELETE FROM \"T\" WHERE id = 5 AND a = 'x' AND n > 3"));
	assert_false(same(x, "DELETE FROM t WHERE id = $1 AND a = 'x' AND n > 3"));
	assert_false(same(x, "DELETE FROM t WHERE id = 5 AND a = 'x' AND n > 3; SELECT 1"));
	assert_false(same("DELETE FROM t WHERE id IN (1, 2)", "DELETE FROM t WHERE id IN (1, 2, 3)"));
	assert_false(same("INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1), (2)"));
	assert_false(same("DELETE FROM t WHERE a = 'x'", "DELETE FROM t WHERE a = 'x' 'y'"));
	assert_true(same("DELETE FROM t WHERE a = 'x'", "DELETE FROM t WHERE a = 'x'\n'y'"));
	assert_false(same("SELECT 1 FROM t WHERE a = 1 LIMIT 10", "SELECT 1 FROM t WHERE a = 1 LIMIT 11"));
	assert_false(
		same("DELETE FROM t WHERE a = 1 AND b = \"x\"", "DELETE FROM t WHERE a = 1 AND b = 'x'"));
	assert_false(same(
		"DELETE FROM t WHERE a = 'x' AND b = f('y')", "DELETE FROM t WHERE a = 'x' AND b = f('z')"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_places),
		cmocka_unit_test(fixed_places),
		cmocka_unit_test(same_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
