/* SPDX-License-Identifier: MIT */
/* Which relations a definition makes another thing of (statement.listed, redefined), and which ones a
 * statement names (statement.named): between them stands sql/gate.h. */
#include "sql/analyze.h"

#include "test.h"

#define SCHEMA                                                                                               \
	"CREATE SCHEMA w; CREATE SCHEMA o; CREATE TABLE w.t (a int, b text); CREATE TABLE w.u (z int);"      \
	"CREATE TABLE o.twice (z int); CREATE TABLE w.part (k int) PARTITION BY RANGE (k);"                  \
	"CREATE TABLE w.part1 PARTITION OF w.part FOR VALUES FROM (1) TO (2);"                               \
	"CREATE VIEW w.v AS SELECT a, b FROM w.t; CREATE MATERIALIZED VIEW w.m AS SELECT z FROM w.u;"        \
	"CREATE TABLE w.nested (n w.t)"

static const char *relation_of(const struct catalog *c, uint32_t oid)
{
	const struct relation *r = catalog_relation_by_oid(c, oid);

	return r ? r->name : "?";
}

static void analyse(
	const struct catalog *c, bool unfollowed, const char *sql, struct arena *a, struct analysis *an)
{
	static const char *const path[] = {"w", "o"};
	const struct name_scope scope = {.catalog = c, .path = path, .npath = 2, .unfollowed = unfollowed};
	struct err e = {0};
	int position = 0;

	assert_int_equal(analyze(&scope, span_of(sql, strlen(sql)), a, an, &position, &e), 0);
	assert_int_equal(an->n, 1);
}

static const char *redefines(const struct statement *s, const struct catalog *c, struct arena *a)
{
	const char *out = "";

	if (!s->defines)
		return "nothing";
	if (s->temporary)
		return "temporary";
	if (!s->listed)
		return "any";
	for (unsigned i = 0; i < s->redefined.n; i++)
		out = arena_printf(a, "%s%s%s", out, i ? " " : "", relation_of(c, s->redefined.v[i].relid));
	for (unsigned i = 0; i < s->nclaimed; i++)
		out = arena_printf(a, "%s%s+%s", out, *out ? " " : "", s->claimed[i]);
	return out;
}

static void test_redefines(void **state)
{
	static const struct {
		const char *sql, *want;
	} cases[] = {
		{"SELECT * FROM w.t", "nothing"},
		{"TRUNCATE w.t", "nothing"},
		{"CREATE TABLE w.n (a int)", "+n"},
		{"CREATE TABLE w.n AS SELECT a FROM w.t", "+n"},
		{"CREATE TEMP TABLE n (a int)", "temporary"},
		{"CREATE INDEX ON w.t (a)", ""},
		{"CREATE VIEW w.n AS SELECT a FROM w.t", "+n"},
		{"CREATE MATERIALIZED VIEW w.n AS SELECT a FROM w.t", "+n"},
		{"CREATE OR REPLACE VIEW w.v AS SELECT a, b, 1 AS c FROM w.t", "v +v"},
		{"CREATE OR REPLACE VIEW v AS SELECT a, b, 1 AS c FROM w.u, w.t", "v +v"},
		{"ALTER TABLE w.t DROP COLUMN b", "t"},
		{"ALTER TABLE t ADD COLUMN c int", "t"},
		{"ALTER TABLE w.part ADD COLUMN c int", "part part1"},
		{"CREATE TABLE w.part2 PARTITION OF w.part FOR VALUES FROM (2) TO (3)", "part part1 +part2"},
		{"CREATE TABLE w.child () INHERITS (w.u)", "u +child"},
		{"DROP TABLE w.u, t", "t u"},
		{"DROP TABLE w.u CASCADE", "u m"},                 /* columns of its row type */
		{"DROP TABLE IF EXISTS w.there, w.u", "u +there"}, /* it may be there by now */
		{"ALTER TABLE IF EXISTS w.there ADD c int", "+there"},
		{"DROP VIEW w.v", "v"},
		{"DROP VIEW w.v CASCADE", "v"},
		{"DROP MATERIALIZED VIEW w.m", "m"},
		{"DROP INDEX w.some", ""},
		{"DROP TABLE w.t CASCADE", "t v nested"}, /* a column of its row type goes with it */
		{"ALTER TABLE w.t DROP COLUMN b CASCADE", "t v nested"},
		{"DROP VIEW IF EXISTS w.there", "+there"},
		{"CREATE TABLE w.twice (z int)",
			"twice +twice"}, /* what stood for the name stands behind it */
		{"ALTER TABLE w.t RENAME TO u2", "any"},
		{"ALTER TABLE w.t RENAME COLUMN b TO c", "any"},
		{"ALTER TABLE w.t SET SCHEMA o", "any"},
		{"ALTER TABLE w.t INHERIT w.u", "any"},
		{"ALTER TYPE w.t ADD ATTRIBUTE c int", "any"},
		{"DROP SCHEMA o CASCADE", "any"},
		{"DROP OWNED BY CURRENT_USER", "any"},
		{"CREATE TYPE w.ty AS (a int)", "any"},
	};
	struct catalog *c;
	struct err e = {0};
	unsigned failed = 0;

	(void)state;
	assert_int_equal(catalog_from_ddl(&c, SPAN_LIT(SCHEMA), &e), 0);
	for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
		struct arena a = {0};
		struct analysis an;
		const char *got;

		analyse(c, true, cases[i].sql, &a, &an);
		got = redefines(&an.statements[0], c, &a);
		if (strcmp(got, cases[i].want) != 0) {
			print_error("%s: %s, not %s\n", cases[i].sql, got, cases[i].want);
			failed++;
		}
		arena_fini(&a);
	}
	assert_int_equal(failed, 0);
	catalog_unref(c);
}

/* A star over a row type is what the type is when it runs. */
static void test_row_types_are_named(void **state)
{
	static const char *const texts[] = {
		"SELECT * FROM w.t",
		"SELECT (SELECT a FROM t)",
		"SELECT a FROM w.v",
		"SELECT (NULL::w.t).*",
		"SELECT (NULL::w.t[])[1]",
		"SELECT (n).* FROM w.nested",
		"SELECT (n).b FROM w.nested",
		"SELECT * FROM jsonb_populate_record(NULL::w.t, '{}')",
		"SELECT CAST(ROW(1, 'x') AS w.t)",
	};
	struct catalog *c;
	struct err e = {0};

	(void)state;
	assert_int_equal(catalog_from_ddl(&c, SPAN_LIT(SCHEMA), &e), 0);
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
		struct arena a = {0};
		struct analysis an;
		bool found = false;

		analyse(c, false, texts[i], &a, &an);
		for (unsigned k = 0; k < an.statements[0].named.n; k++)
			found |= !strcmp(relation_of(c, an.statements[0].named.v[k].relid), "t");
		if (!found)
			fail_msg("%s", texts[i]);
		arena_fini(&a);
	}
	catalog_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redefines),
		cmocka_unit_test(test_row_types_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
