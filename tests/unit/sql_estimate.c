/* SPDX-License-Identifier: MIT */
/* What the server is asked for an estimate, and of what it is not. */
#include "test.h"

#include "sql/estimate.h"

static void says(const char *text, const char *want)
{
	struct arena a = {0};
	const char *got = estimate_text(span_of(text, strlen(text)), &a);

	if (want)
		assert_non_null(got);
	else
		assert_null(got);
	if (want) {
		const char *prefix = "EXPLAIN (FORMAT JSON, COSTS ON) ";

		assert_int_equal(strncmp(got, prefix, strlen(prefix)), 0);
		assert_string_equal(got + strlen(prefix), want);
	}
	arena_fini(&a);
}

static void texts(void **state)
{
	(void)state;
	says("SELECT 1", "SELECT 1");
	says("(SELECT 1);", "(SELECT 1);");
	says("-- c\nDELETE FROM a WHERE b = $1", "-- c\nDELETE FROM a WHERE b = $1");
	says("DECLARE c CURSOR FOR SELECT 1", "DECLARE c CURSOR FOR SELECT 1");
	says("CREATE TABLE a AS SELECT 1", "CREATE TABLE a AS SELECT 1");
	says("SELECT 1 INTO a", "SELECT 1 INTO a");
	says("EXECUTE p (1, $1)", "EXECUTE p (1, $1)");
	says("COPY (SELECT ')' FROM a) TO STDOUT", "SELECT ')' FROM a");
	says("/* a */ COPY ((SELECT 1) UNION (SELECT 2)) TO STDOUT (FORMAT csv)",
		"(SELECT 1) UNION (SELECT 2)");
	says("COPY (DELETE FROM a RETURNING b) TO STDOUT", "DELETE FROM a RETURNING b");
	says("COPY s.\"T (\" TO STDOUT", "SELECT FROM ONLY s.\"T (\"");
	says("copy a (b, c) to stdout", "SELECT FROM ONLY a");
	/* what is no plan, or more than one */
	says("COPY BINARY a TO STDOUT", NULL);
	says("COPY a /* ( */ TO STDOUT", NULL);
	says("SELECT 1; SELECT 2", NULL);
	says("TRUNCATE a", NULL);
	says("EXPLAIN ANALYZE DELETE FROM a", NULL);
	says("ANALYZE a", NULL);
	says("CREATE TABLE a AS EXECUTE p", NULL);
	says("REFRESH MATERIALIZED VIEW a", NULL);
	says("", NULL);
	says("SELECT", "SELECT");
	says("SELECT FROM", NULL);
}

static const char schema[] =
	"CREATE TABLE t (id int PRIMARY KEY, n int);"
	"CREATE FUNCTION liar(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$BEGIN RETURN 1; END$$;"
	"CREATE FUNCTION inlined(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';"
	"CREATE VIEW v AS SELECT id FROM t;"
	"CREATE VIEW lying AS SELECT id FROM t WHERE id = liar(1);"
	"CREATE VIEW inlining AS SELECT id FROM t WHERE id = inlined(1);"
	"CREATE VIEW above AS SELECT id FROM inlining;"
	"CREATE TABLE checked (id int CHECK (id > liar(1)));"
	"CREATE TABLE made (id int, n int DEFAULT liar(1));"
	"CREATE DOMAIN odd AS int CHECK (liar(VALUE) = 1);"
	"CREATE TABLE of_odd (id odd);"
	"CREATE TABLE parent (id int) PARTITION BY RANGE (id);"
	"CREATE TABLE child PARTITION OF parent FOR VALUES FROM (1) TO (9);";

static bool harmless(const struct catalog *c, const char *text)
{
	static const char *const path[] = {"public"};
	const struct name_scope scope = {.catalog = c, .path = path, .npath = 1};
	struct analysis an = {0};
	struct arena a = {0};
	struct err e = {0};
	bool yes;
	int position;

	assert_int_equal(analyze(&scope, span_of(text, strlen(text)), &a, &an, &position, &e), 0);
	assert_int_equal(an.n, 1);
	yes = !estimate_obstacle(c, &an.statements[0]);
	arena_fini(&a);
	return yes;
}

static void obstacles(void **state)
{
	static const char *const good[] = {"SELECT * FROM t WHERE id < 5",
		"SELECT upper('x'), now(), n + 1 FROM t", "SELECT * FROM v", "DELETE FROM t",
		"INSERT INTO t SELECT * FROM t", "SELECT * FROM parent",
		"DECLARE c CURSOR FOR SELECT * FROM t", "COPY t TO STDOUT",
		"COPY (SELECT * FROM t) TO STDOUT", "EXECUTE p (1, 'x')", "SELECT * FROM t FOR UPDATE",
		"CREATE TEMP TABLE x AS SELECT * FROM t", "SELECT nextval('s') FROM t"};
	static const char *const bad[] = {"SELECT liar(1)", "SELECT inlined(1)",
		"SELECT * FROM t WHERE id = liar(1)", "SELECT * FROM lying", "SELECT * FROM inlining",
		"SELECT * FROM above", "SELECT * FROM checked", "DELETE FROM checked",
		"INSERT INTO made (id) VALUES (1)", "SELECT * FROM of_odd", "SELECT 1::odd",
		"EXECUTE p (liar(1))", "EXECUTE p (pg_sleep(9))", "EXECUTE p (nextval('s'))",
		"DECLARE c CURSOR FOR SELECT liar(1)", "COPY (SELECT liar(1)) TO STDOUT", "COPY t FROM STDIN",
		"BEGIN", "SELECT query_to_xml('SELECT 1', true, true, '')", "SELECT nothing FROM t",
		"TRUNCATE t", "EXPLAIN SELECT 1", "FETCH c", "SELECT * FROM t LIMIT liar(1)"};
	struct catalog *c;
	struct err e = {0};

	(void)state;
	assert_int_equal(catalog_from_ddl(&c, span_of(schema, strlen(schema)), &e), 0);
	for (unsigned i = 0; i < ARRAY_LEN(good); i++)
		if (!harmless(c, good[i]))
			fail_msg("%s has no estimate", good[i]);
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
		if (harmless(c, bad[i]))
			fail_msg("%s has an estimate", bad[i]);
	catalog_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(texts), cmocka_unit_test(obstacles)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
