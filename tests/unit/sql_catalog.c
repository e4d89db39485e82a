/* SPDX-License-Identifier: MIT */
#include "sql/catalog.h"

#include "sql/function.h"
#include "test.h"
#include "sql_golden.h"

static struct catalog *from_text(const char *ddl)
{
	struct catalog *c = NULL;
	struct err e = {0};

	if (catalog_from_ddl(&c, span_of(ddl, strlen(ddl)), &e) < 0)
		print_error("%s\n", e.msg);
	assert_non_null(c);
	return c;
}

static const struct column *col(const struct catalog *c, const char *relation, const char *name)
{
	const struct relation *r = catalog_relation(c, "public", relation);

	assert_non_null(r);
	assert_non_null(relation_column(r, name));
	return relation_column(r, name);
}

static struct colref ref(const struct catalog *c, const char *relation, const char *name)
{
	return (struct colref){catalog_relation(c, "public", relation)->oid, col(c, relation, name)->attnum};
}

static bool held(
	const struct catalog *c, const char *r, const char *name, const char *other_r, const char *other)
{
	return colset_has(&col(c, r, name)->against, ref(c, other_r, other));
}

static void test_ddl_columns(void **state)
{
	struct catalog *c = from_text(
		"CREATE DOMAIN d AS varchar(5); CREATE DOMAIN dd AS d CHECK (VALUE <> ''); CREATE TYPE e AS "
		"ENUM ('a');"
		"CREATE TABLE t (a serial PRIMARY KEY, b varchar(10) UNIQUE, c numeric(8,2), d dd, e e, f "
		"text[],"
		" g text GENERATED ALWAYS AS (b || c::text) STORED);"
		"CREATE TABLE u (x int REFERENCES t (a), y int, z int, FOREIGN KEY (y) REFERENCES t);"
		"CREATE UNIQUE INDEX ON u (z);"
		"CREATE FUNCTION f(text) RETURNS bool LANGUAGE plpgsql AS ''; CREATE DOMAIN o AS text CHECK "
		"(f(VALUE));"
		"CREATE TABLE v (o o)");

	(void)state;
	assert_int_equal(col(c, "t", "a")->type_oid, 23);
	assert_true(held(c, "t", "a", "t", "a"));
	assert_true(held(c, "t", "b", "t", "b"));
	assert_int_equal(col(c, "t", "b")->typmod, 14);
	assert_int_equal(col(c, "t", "c")->typmod, ((8 << 16) | 2) + 4);
	assert_false(held(c, "t", "c", "t", "c"));
	assert_int_equal(col(c, "t", "d")->base_type, 1043);
	assert_null(col(c, "t", "d")->foreign); /* checked, one level below, by built-in code */
	assert_non_null(col(c, "v", "o")->foreign);
	assert_true(col(c, "t", "e")->simple);
	assert_int_equal(col(c, "t", "f")->type_oid, 1009);
	assert_false(col(c, "t", "f")->simple);
	assert_int_equal(col(c, "t", "g")->from.n, 2);
	assert_int_equal(col(c, "t", "g")->read.n, 3);
	assert_true(held(c, "u", "x", "u", "x"));
	assert_true(held(c, "u", "y", "u", "y"));
	assert_true(held(c, "u", "z", "u", "z"));
	assert_int_equal(catalog_type(c, "public", "dd")->base, 1043);
	assert_int_equal(catalog_type(c, "public", "dd")->typmod, 9); /* two levels below */
	assert_int_equal(catalog_type(c, "public", "e")->nlabels, 1);
	assert_string_equal(catalog_type(c, "public", "e")->labels[0], "a");
	assert_int_equal(catalog_type_element(c, catalog_type(c, "public", "_e")->oid),
		catalog_type(c, "public", "e")->oid);
	assert_int_equal(catalog_type_element(c, 1009), 25);
	assert_int_equal(catalog_type_element(c, 25), 0);
	assert_int_equal(catalog_type_element(c, 2287), 0); /* record[] */
	assert_true(catalog_type(c, "public", "dd")->checked);
	assert_true(catalog_schema_exists(c, "public"));
	assert_false(catalog_schema_exists(c, "nowhere"));
	catalog_unref(c);
}

static void test_ddl_inheritance(void **state)
{
	struct catalog *c =
		from_text("CREATE TABLE a (x int, y text); CREATE TABLE b (z int) INHERITS (a);"
			  "CREATE TABLE c () INHERITS (b); CREATE TABLE p (x int) PARTITION BY LIST (x);"
			  "CREATE TABLE q (x int); ALTER TABLE p ATTACH PARTITION q FOR VALUES IN (1)");
	const struct relation *a = catalog_relation(c, "public", "a"),
			      *leaf = catalog_relation(c, "public", "c");

	(void)state;
	assert_int_equal(a->nchildren, 2);
	assert_int_equal(leaf->nparents, 2);
	assert_int_equal(leaf->ncols, 3);
	assert_int_equal(col(c, "a", "y")->read.n, 3);
	assert_int_equal(col(c, "b", "z")->read.n, 2);
	assert_int_equal(col(c, "p", "x")->read.n, 2);
	assert_ptr_equal(catalog_relation_by_oid(c, a->oid), a);
	catalog_unref(c);
}

static void test_ddl_views(void **state)
{
	struct catalog *c =
		from_text("CREATE TABLE t (a int, b text, c text); CREATE FUNCTION f(text) RETURNS text "
			  "LANGUAGE sql AS '';"
			  "CREATE VIEW v AS SELECT a, upper(b) AS up, b FROM t WHERE c = 'x';"
			  "CREATE VIEW w (one, two) AS SELECT v.b, f(v.up) FROM v ORDER BY a;"
			  "CREATE VIEW lost AS SELECT * FROM nowhere; CREATE VIEW over AS SELECT * FROM lost;"
			  "CREATE VIEW j AS SELECT x FROM unnest(ARRAY[NULL::t]) q(x, y)");
	const struct relation *v = catalog_relation(c, "public", "v"),
			      *w = catalog_relation(c, "public", "w");

	(void)state;
	assert_int_equal(v->ncols, 3);
	assert_int_equal(v->uses.n, 1);
	assert_true(col(c, "v", "a")->direct);
	assert_false(col(c, "v", "up")->direct);
	assert_int_equal(col(c, "v", "up")->from.n, 1);
	assert_true(col(c, "w", "one")->direct);
	assert_int_equal(col(c, "w", "one")->from.n, 2); /* v.b and t.b */
	assert_int_equal(w->nbelow, 2);
	assert_int_equal(w->nopaque, 1);
	assert_string_equal(w->opaque[0].name, "public.f");
	assert_non_null(catalog_relation(c, "public", "lost")->problem);
	assert_non_null(catalog_relation(c, "public", "over")->problem);
	assert_non_null(catalog_relation(c, "public", "j")->problem);
	catalog_unref(c);
}

static void test_ddl_refuses(void **state)
{
	static const char *const bad[] = {"CREATE TABLE t (a nowhere)", "DROP TABLE t",
		"CREATE TABLE t (a int); ALTER TABLE t DROP a", "CREATE TABLE t () INHERITS (nowhere)",
		"CREATE TABLE t AS SELECT 1", "ALTER TABLE nowhere ADD a int", "CREATE TABLE t (",
		"CREATE TABLE t (a int); ALTER TABLE t RENAME a TO b"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
		struct catalog *c;
		struct err e = {0};

		assert_true(catalog_from_ddl(&c, span_of(bad[i], strlen(bad[i])), &e) < 0);
		assert_null(c);
		assert_true(e.msg[0]);
	}
}

static void row(struct catalog_builder *b, unsigned i, unsigned n, const char *const *v)
{
	struct span cells[16];
	struct err e = {0};

	for (unsigned k = 0; k < n; k++)
		cells[k] = v[k] ? span_of(v[k], strlen(v[k])) : (struct span){NULL, 0};
	assert_int_equal(catalog_builder_row(b, i, cells, n, &e), 0);
}

#define ROW(b, i, ...)                                                                                       \
	row(b, i, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), (const char *[]){__VA_ARGS__})

static struct catalog *from_rows(void (*fill)(struct catalog_builder *))
{
	struct catalog_builder *b;
	struct catalog *c = NULL;
	struct err e = {0};

	assert_int_equal(catalog_builder_new(&b, &e), 0);
	fill(b);
	assert_int_equal(catalog_builder_finish(b, &c, &e), 0);
	return c;
}

static void fill_system(struct catalog_builder *b)
{
	ROW(b, 0, "pg_catalog");
	ROW(b, 1, "1259", "pg_catalog", "pg_class", "r", "f", "f", "f", NULL, "f", "f");
	ROW(b, 2, "1259", "relname", "2", "19", "-1", NULL, "t");
	ROW(b, 2, "1259", "relpartbound", "33", "194", "-1", NULL, "f");
	ROW(b, 1, "12000", "pg_catalog", "pg_stats", "v", "f", "f", "f", NULL, "f", "f");
	ROW(b, 2, "12000", "most_common_vals", "10", "2277", "-1", NULL, "f");
	ROW(b, 1, "12001", "information_schema", "user_mapping_options", "v", "f", "f", "f", NULL, "f", "f");
	ROW(b, 2, "12001", "option_value", "1", "1043", "-1", NULL, "f");
	ROW(b, 1, "16400", "public", "pg_class", "r", "f", "f", "f", NULL, "f", "f");
	ROW(b, 2, "16400", "secret", "1", "25", "-1", NULL, "f");
	ROW(b, 1, "16401", "public", "parts", "p", "f", "f", "f", NULL, "f", "f");
	ROW(b, 2, "16401", "key", "1", "25", "-1", NULL, "f");
	ROW(b, 2, "16401", "other", "2", "25", "-1", NULL, "f");
	ROW(b, 8, "16401", "1");
	ROW(b, 6, "16500", "public", "upper", NULL, "f", "f", "f", "25", "0", "f", "f", "v", NULL, NULL,
		NULL);
	ROW(b, 6, "16501", "ext", "similarity", "pg_trgm", "f", "f", "f", "700", "0", "t", "f", "i", NULL,
		NULL, NULL);
	ROW(b, 15, "16500", "", "i", "25");
	ROW(b, 15, "16501", "", "i", "25");
	ROW(b, 15, "16501", "", "i", "25");
	ROW(b, 7, "ext", "%", "pg_trgm", "0", "0");
	ROW(b, 7, "public", "=", NULL, "0", "0");
}

static void assert_analysis(
	const struct catalog *c, const char *const *path, unsigned npath, const char *text, const char *want)
{
	struct name_scope scope = {c, path, npath};
	char *got = golden_text(&scope, text, strlen(text));

	assert_string_equal(got, want);
	free(got);
}

static void test_system_and_path(void **state)
{
	static const char *const path[] = {"public", "ext"}, *const ext[] = {"ext"};
	struct catalog *c = from_rows(fill_system);
	const struct column *bound;

	(void)state;
	assert_false(relation_column(catalog_relation(c, "pg_catalog", "pg_class"), "relname")->sensitive);
	assert_false(relation_column(catalog_relation(c, "pg_catalog", "pg_class"), "relname")->simple);
	assert_true(relation_column(catalog_relation(c, "public", "parts"), "other")->simple);
	/* bounds of partitions show what the keys show */
	bound = relation_column(catalog_relation(c, "pg_catalog", "pg_class"), "relpartbound");
	assert_false(bound->sensitive);
	assert_true(colset_has(&bound->from, (struct colref){16401, 1}));
	assert_int_equal(bound->from.n, 1);
	assert_true(relation_column(catalog_relation(c, "pg_catalog", "pg_stats"), "most_common_vals")
			    ->sensitive);
	assert_true(relation_column(
		catalog_relation(c, "information_schema", "user_mapping_options"), "option_value")
			    ->sensitive);
	assert_false(relation_column(catalog_relation(c, "public", "pg_class"), "secret")->sensitive);
	/* pg_catalog comes first, whatever the path says */
	assert_analysis(c, path, 2, "SELECT relname FROM pg_class",
		"  relname = direct pg_catalog.pg_class.relname\n");
	assert_analysis(c, path, 2, "SELECT secret FROM public.pg_class",
		"  secret = direct public.pg_class.secret\n");
	/* a user's function or operator of the same name takes part where its schema is in the path, only
	 * there */
	assert_analysis(
		c, path, 2, "SELECT upper('x')", "  upper = derived (anything)\n  opaque public.upper\n");
	assert_analysis(c, ext, 1, "SELECT upper('x')", "  upper = nothing\n");
	assert_analysis(c, path, 2, "SELECT pg_catalog.upper('x')", "  upper = nothing\n");
	assert_analysis(c, path, 2, "SELECT 1 = 2", "  ?column? = nothing\n  opaque public.=\n");
	assert_analysis(c, path, 2, "SELECT 1 IN (2)", "  ?column? = nothing\n  opaque public.=\n");
	assert_analysis(
		c, path, 2, "SELECT CASE 1 WHEN 2 THEN 3 END", "  case = nothing\n  opaque public.=\n");
	assert_analysis(c, ext, 1, "SELECT similarity('a', 'b'), 'a' % 'b', 1 = 1",
		"  similarity = nothing\n  ?column? = nothing\n  ?column? = nothing\n");
	assert_analysis(c, NULL, 0, "SELECT ext.similarity('a', 'b'), 'a' OPERATOR(ext.%) 'b'",
		"  similarity = nothing\n  ?column? = nothing\n");
	catalog_unref(c);
}

static void fill_cycle(struct catalog_builder *b)
{
	char def[64], name[16], oid[16];

	ROW(b, 1, "20000", "public", "a", "v", "f", "f", "f", "SELECT b.x FROM public.b", "f", "f");
	ROW(b, 2, "20000", "x", "1", "23", "-1", NULL, "f");
	ROW(b, 1, "20001", "public", "b", "v", "f", "f", "f", "SELECT a.x FROM public.a", "f", "f");
	ROW(b, 2, "20001", "x", "1", "23", "-1", NULL, "f");
	ROW(b, 1, "20002", "public", "unread", "v", "f", "f", "f", NULL, "f", "f");
	ROW(b, 1, "20003", "public", "other", "v", "f", "f", "f", "SELECT 1, 2", "f", "f");
	ROW(b, 2, "20003", "x", "1", "23", "-1", NULL, "f");
	ROW(b, 1, "21000", "public", "v0", "v", "f", "f", "f", "SELECT 1 AS x", "f", "f");
	ROW(b, 2, "21000", "x", "1", "23", "-1", NULL, "f");
	for (int i = 150; i > 0; i--) {
		snprintf(def, sizeof(def), "SELECT v.x FROM public.v%d v", i - 1);
		snprintf(name, sizeof(name), "v%d", i);
		snprintf(oid, sizeof(oid), "%d", 21000 + i);
		ROW(b, 1, oid, "public", name, "v", "f", "f", "f", def, "f", "f");
		ROW(b, 2, oid, "x", "1", "23", "-1", NULL, "f");
	}
}

static void test_bad_views(void **state)
{
	struct catalog *c = from_rows(fill_cycle);

	(void)state;
	assert_non_null(catalog_relation(c, "public", "a")->problem);
	assert_non_null(catalog_relation(c, "public", "b")->problem);
	assert_non_null(catalog_relation(c, "public", "unread")->problem);
	assert_non_null(catalog_relation(c, "public", "other")->problem);
	assert_null(catalog_relation(c, "public", "v0")->problem);
	assert_non_null(catalog_relation(c, "public", "v150")->problem);
	catalog_unref(c);
}

static void fill_table(struct catalog_builder *b, const char *oid, const char *name)
{
	static const char *const columns[] = {"a", "b", "c"};
	static const char *const attnums[] = {"1", "2", "3"};

	ROW(b, 1, oid, "public", name, "r", "f", "f", "f", NULL, "f", "f");
	for (unsigned i = 0; i < 3; i++)
		ROW(b, 2, oid, columns[i], attnums[i], i == 2 ? "16500" : "23", "-1", NULL, "f");
}

static void fill_constraints(struct catalog_builder *b)
{
	fill_table(b, "16400", "t");
	fill_table(b, "16401", "kid");
	fill_table(b, "16402", "made");
	ROW(b, 5, "16500", "public", "dom", "d", "0", "23", "t", NULL, "-1", ",");
	ROW(b, 5, "16501", "public", "mood", "e", "0", "0", "f", NULL, "-1", ",");
	ROW(b, 5, "25", "pg_catalog", "text", "b", "0", "0", "f", NULL, "-1", ",");
	ROW(b, 5, "23", "pg_catalog", "int4", "b", "0", "0", "f", NULL, "-1", ",");
	/* one id in two catalogues is two constraints */
	ROW(b, 3, "u", "16600", "16400", "1");
	ROW(b, 3, "c", "16600", "16400", "0");
	ROW(b, 3, "u", "16601", "16402", "3");
	ROW(b, 3, "g", "16602", "16402", "3");
	ROW(b, 3, "s", "16602", "16402", "1");
	ROW(b, 3, "s", "16602", "16402", "2");
	fill_table(b, "16404", "far");
	ROW(b, 16, "16404", "app", "people", "2", "ssn");
	/* policies: in force on one, switched off on the other */
	ROW(b, 1, "16403", "public", "shy", "r", "t", "f", "f", NULL, "f", "f");
	ROW(b, 3, "p", "16403", "16402", "3");
	ROW(b, 3, "p", "16403", "16401", "0");
	ROW(b, 3, "p", "16400", "16402", "3");
	ROW(b, 9, "16700", "16401", "1", "16400", "1", "c", "n");
	ROW(b, 9, "16700", "16401", "2", "16400", "2", "c", "n");
	ROW(b, 10, "d", "16400", NULL);
	ROW(b, 10, "c", "16401", "citext");
	ROW(b, 10, "t", "16500", "postgis");
	ROW(b, 11, "25", "16501", "e", NULL);
	ROW(b, 11, "25", "23", "a", NULL);
	ROW(b, 12, "16501", "sad");
	ROW(b, 12, "16501", "ok");
	ROW(b, 12, "16501", "");
	ROW(b, 12, "16999", "of no type");
}

static void test_constraints(void **state)
{
	struct catalog *c = from_rows(fill_constraints);
	const struct relation *t = catalog_relation(c, "public", "t");

	(void)state;
	assert_true(held(c, "t", "a", "t", "a"));
	assert_int_equal(col(c, "t", "a")->against.n, 1);
	assert_int_equal(col(c, "t", "a")->beside.n, 2);
	assert_int_equal(col(c, "t", "b")->against.n, 0);
	assert_int_equal(t->nreferences, 1);
	assert_int_equal(t->references[0].to.n, 2);
	assert_int_equal(t->references[0].from.n, 2);
	assert_int_equal(t->references[0].on_delete, 'c');
	assert_int_equal(t->references[0].on_update, 'n');
	assert_int_equal(col(c, "kid", "a")->against.n, 4);
	assert_int_equal(col(c, "kid", "c")->against.n, 0);
	assert_int_equal(col(c, "made", "c")->from.n, 2);
	assert_true(held(c, "made", "a", "made", "c"));
	assert_true(colset_has(&col(c, "made", "a")->beside, ref(c, "made", "b")));
	assert_int_equal(
		catalog_relation(c, "public", "shy")->uses.n, 6); /* made.c and its sources, all of kid */
	assert_int_equal(t->uses.n, 0);
	assert_null(t->remote_name);
	assert_string_equal(catalog_relation(c, "public", "far")->remote_schema, "app");
	assert_string_equal(catalog_relation(c, "public", "far")->remote_name, "people");
	assert_string_equal(col(c, "far", "b")->remote, "ssn");
	assert_null(col(c, "far", "a")->remote);
	assert_true(t->computes);
	assert_true(catalog_relation(c, "public", "kid")->code); /* for its domain */
	assert_true(col(c, "kid", "c")->code);
	assert_false(col(c, "kid", "a")->code);
	assert_true(catalog_type(c, "public", "mood")->cast);
	assert_false(catalog_type(c, "public", "mood")->stores);
	assert_int_equal(catalog_type(c, "public", "mood")->nlabels, 3);
	assert_string_equal(catalog_type(c, "public", "mood")->labels[1], "ok");
	assert_string_equal(catalog_type(c, "public", "mood")->labels[2], "");
	assert_true(catalog_type(c, "pg_catalog", "int4")->stores);
	assert_false(catalog_type(c, "pg_catalog", "text")->cast);
	assert_true(catalog_type(c, "pg_catalog", "int4")->recast);
	catalog_unref(c);
}

static void test_bad_rows(void **state)
{
	static const char *const relation[] = {"1", "s", "n", "r", "f", "f", "f", NULL, "f"};
	struct catalog_builder *b;
	struct span cells[9];
	struct err e = {0};

	(void)state;
	assert_int_equal(catalog_builder_new(&b, &e), 0);
	for (unsigned k = 0; k < 9; k++)
		cells[k] = relation[k] ? span_of(relation[k], strlen(relation[k])) : (struct span){NULL, 0};
	assert_int_equal(catalog_builder_row(b, 1, cells, 8, &e), -EPROTO);
	assert_int_equal(catalog_builder_row(b, 99, cells, 9, &e), -EPROTO);
	cells[0] = SPAN_LIT("4294967296");
	assert_int_equal(catalog_builder_row(b, 1, cells, 9, &e), -EPROTO);
	cells[0] = SPAN_LIT("12x");
	assert_int_equal(catalog_builder_row(b, 1, cells, 9, &e), -EPROTO);
	cells[0] = SPAN_LIT("1");
	cells[4] = SPAN_LIT("yes");
	assert_int_equal(catalog_builder_row(b, 1, cells, 9, &e), -EPROTO);
	cells[4] = SPAN_LIT("f");
	cells[1] = (struct span){NULL, 0};
	assert_true(catalog_builder_row(b, 1, cells, 9, &e) < 0);
	catalog_builder_free(b);
}

static void test_queries(void **state)
{
	(void)state;
	assert_true(catalog_query_count() > 13);
	for (unsigned i = 0; i < catalog_query_count(); i++)
		assert_non_null(strstr(catalog_query(i), "SELECT"));
	assert_null(catalog_query(catalog_query_count()));
	assert_non_null(strstr(catalog_fingerprint_query(), "pg_rewrite"));
	assert_non_null(strstr(catalog_fingerprint_query(), "pg_constraint"));
	assert_non_null(strstr(catalog_fingerprint_query(), "pg_cast"));
}

static int role_row(struct catalog_builder *b, const char *oid, const char *name, const char *power,
	const char *schema, struct err *e)
{
	const char *v[] = {oid, name, power, schema};
	struct span cells[4];

	for (int i = 0; i < 4; i++)
		cells[i] = v[i] ? span_of(v[i], strlen(v[i])) : (struct span){0};
	return catalog_builder_role(b, cells, 4, e);
}

static void test_roles(void **state)
{
	static const uint32_t roles[] = {7, 4294967295, 9, 10};
	struct catalog_builder *b;
	struct catalog *c;
	struct err e = {0};

	(void)state;
	assert_int_equal(catalog_builder_new(&b, &e), 0);
	assert_int_equal(catalog_builder_roles(b, roles, 4, &e), 0);
	assert_int_equal(role_row(b, "7", "ann", "f", "public", &e), 0);
	assert_int_equal(role_row(b, "7", "ann", "f", "hr", &e), 0);
	assert_int_equal(role_row(b, "4294967295", "boss", "t", "public", &e), 0);
	assert_int_equal(role_row(b, "9", "poor", "f", NULL, &e), 0);
	assert_int_equal(role_row(b, "8", "eve", "f", "hr", &e), -EPROTO);
	assert_int_equal(role_row(b, "99999999999", "eve", "f", "hr", &e), -EPROTO);
	assert_int_equal(role_row(b, "", "eve", "f", "hr", &e), -EPROTO);
	assert_int_equal(role_row(b, "7", "ann", NULL, "hr", &e), -EPROTO);
	assert_int_equal(catalog_builder_finish(b, &c, &e), 0);
	assert_int_equal(catalog_role(c, 7, "ann"), ROLE_PLAIN);
	assert_int_equal(catalog_role(c, 7, "bob"), ROLE_GONE);
	assert_int_equal(catalog_role(c, UINT32_MAX, "boss"), ROLE_POWERFUL);
	assert_int_equal(catalog_role(c, 10, "was dropped"), ROLE_GONE);
	assert_int_equal(catalog_role(c, 11, "late"), ROLE_UNKNOWN);
	assert_true(catalog_schema_usable(c, 7, "hr") && catalog_schema_usable(c, 7, "public"));
	assert_false(catalog_schema_usable(c, UINT32_MAX, "hr"));
	assert_false(catalog_schema_usable(c, 9, "hr") || catalog_schema_usable(c, 10, "hr"));
	assert_false(catalog_schema_usable(c, 11, "hr"));
	catalog_unref(c);
}

static void test_functions(void **state)
{
	static const char *const opaque[] = {"set_config", "pg_read_file", "pg_ls_dir", "lo_get", "lo_import",
		"query_to_xml", "table_to_xml", "schema_to_xml", "database_to_xml", "cursor_to_xml",
		"ts_stat", "ts_rewrite", "pg_logical_slot_get_changes", "pg_current_logfile",
		"pg_stat_get_activity", "pg_stat_file", "pg_show_all_settings", "pg_config",
		"pg_hba_file_rules", "pg_cursor", "pg_prepared_statement", "pg_prepared_xact",
		"pg_get_backend_memory_contexts", "pg_mcv_list_items", "pg_reload_conf",
		"pg_replication_origin_create", "pg_get_replication_slots", "plpgsql_call_handler", "loread",
		"no_such_function"};
	static const char *const total[] = {"upper", "count", "md5", "row_number"};
	static const char *const pure[] = {"substr", "sum", "now", "to_char", "json_agg", "generate_series",
		"pg_get_viewdef", "has_table_privilege", "current_setting", "random", "nextval", "setval",
		"pg_sleep", "pg_notify", "pg_try_advisory_lock", "txid_current", "pg_cancel_backend",
		"pg_terminate_backend"};
	const char *const *names;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(opaque); i++)
		if (function_class(opaque[i]) != FUNCTION_OPAQUE)
			fail_msg("%s must be opaque", opaque[i]);
	for (unsigned i = 0; i < ARRAY_LEN(total); i++)
		assert_int_equal(function_class(total[i]), FUNCTION_TOTAL);
	for (unsigned i = 0; i < ARRAY_LEN(pure); i++)
		assert_int_equal(function_class(pure[i]), FUNCTION_PURE);
	assert_int_equal(operator_class("="), FUNCTION_TOTAL);
	assert_int_equal(operator_class("/"), FUNCTION_PURE);
	assert_int_equal(operator_class("<+>"), FUNCTION_OPAQUE);
	assert_true(function_known("pg_sleep"));
	assert_false(function_known("no_such_function"));
	assert_int_equal(function_columns("jsonb_each", &names), 2);
	assert_string_equal(names[1], "value");
	assert_int_equal(function_columns("generate_series", &names), 1);
	assert_int_equal(function_columns("json_populate_record", &names), 0);
	assert_true(function_extension_pure("pg_trgm"));
	assert_false(function_extension_pure("dblink"));
	assert_false(function_extension_pure("tablefunc"));
}

static void test_colset(void **state)
{
	struct colset s = {0}, t = {0};
	struct arena a = {0};

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		assert_true(colset_add(&a, &s, (struct colref){i * 7 % 10, (int16_t)(i % 9)}));
		assert_true(colset_add(&a, &t, (struct colref){i * 3 % 10, (int16_t)(i % 4)}));
	}
	assert_int_equal(s.n, 90);
	assert_true(colset_union(&a, &t, &s));
	assert_int_equal(t.n, 90);
	for (unsigned i = 1; i < t.n; i++)
		assert_true(t.v[i - 1].relid < t.v[i].relid ||
			    (t.v[i - 1].relid == t.v[i].relid && t.v[i - 1].attnum < t.v[i].attnum));
	assert_true(colset_has(&t, (struct colref){3, 8}));
	assert_false(colset_has(&t, (struct colref){3, 9}));
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ddl_columns),
		cmocka_unit_test(test_ddl_inheritance),
		cmocka_unit_test(test_ddl_views),
		cmocka_unit_test(test_ddl_refuses),
		cmocka_unit_test(test_system_and_path),
		cmocka_unit_test(test_bad_views),
		cmocka_unit_test(test_constraints),
		cmocka_unit_test(test_bad_rows),
		cmocka_unit_test(test_queries),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_colset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
