/* SPDX-License-Identifier: MIT */
/* What an outline takes for a constant, and the claim that a judgement holds for texts that differ in free
 * ones only: for every statement of the golden tables and of the reviewers' corpus, with constants that
 * something might look at. */
#include "test.h"
#include "sql_outline.h"

static struct catalog *clinic, *replay;
static const char *const path[] = {"clinic", "public"};

static void load_one(struct catalog **c, const char *file)
{
	struct err e = {0};
	size_t n;
	char *ddl = golden_file(file, &n);

	assert_non_null(ddl);
	assert_int_equal(catalog_from_ddl(c, span_of(ddl, n), &e), 0);
	free(ddl);
}

static int load(void **state)
{
	(void)state;
	load_one(&clinic, "tests/golden/clinic.sql");
	load_one(&replay, "tests/golden/replay/clinic.sql");
	return 0;
}

static int unload(void **state)
{
	(void)state;
	catalog_unref(clinic);
	catalog_unref(replay);
	return 0;
}

/* The constants of a text, each in <>, or "-" where it is given up. */
static void expect(const char *text, const char *want)
{
	struct span s = span_of(text, strlen(text));
	struct guarded g = guard_copy(text, s.n);
	struct outline o;
	char got[400] = "-";
	size_t n = 0;

	if (outline_of(span_of(g.p, g.n), &o))
		for (unsigned i = 0; i < o.n; i++)
			n += (size_t)snprintf(
				got + n, sizeof(got) - n, "<%.*s>", o.c[i].len, text + o.c[i].at);
	if (strcmp(got, want) != 0)
		fail_msg("%s: %s, wanted %s", text, got, want);
	guard_free(&g);
}

static void tokens(void **state)
{
	(void)state;
	expect("SELECT a FROM t WHERE b = 5", "<5>");
	expect("SELECT a FROM t WHERE b=5;", "<5>");
	expect("SELECT a1 FROM t2 WHERE \"b 7 'x'\" = 'it' AND c IN (1, 2,3)", "<'it'><1><2><3>");
	expect("UPDATE t SET a = a + -17 WHERE b = $1", "<17>");
	expect("VALUES ('', 'a--b', '/*', '$$', '\"')", "<''><'a--b'><'/*'><'$$'><'\"'>");
	expect("SELECT 'a' 'b'", "-");
	expect("SELECT 'a'\n'b'", "-");
	expect("SELECT 'a''b'", "-");
	expect("SELECT 'a\\', 'b'", "-");
	expect("SELECT 'ä'", "-");
	expect("SELECT 'a\nb'", "-");
	expect("SELECT E'a', 1", "-");
	expect("SELECT e'a', 1", "-");
	expect("SELECT N'a', 1", "-");
	expect("SELECT B'1', 1", "-");
	expect("SELECT x'1', 1", "-");
	expect("SELECT U&'a', 1", "-");
	expect("SELECT U&\"a\", 1", "-");
	expect("SELECT date'2020-01-01'", "-");
	expect("SELECT 'a'::text, 5::int8", "<'a'><5>");
	expect("SELECT 'open", "-");
	expect("SELECT \"open, 5", "-");
	expect("SELECT 1 -- a comment, 'b'", "-");
	expect("SELECT 1 /* and another */", "-");
	expect("SELECT $$a$$, 1", "-");
	expect("SELECT $a$1$a$, 1", "-");
	expect("SELECT 1.5", "-");
	expect("SELECT .5", "-");
	expect("SELECT 5.", "-");
	expect("SELECT 1e5", "-");
	expect("SELECT 1_000", "-");
	expect("SELECT 0x1F", "-");
	expect("SELECT 5a", "-");
	expect("SELECT 5$1", "-");
	expect("SELECT 5'a'", "-");
	expect("SELECT 5\"a\"", "-");
	expect("SELECT 5\xc3\xa4", "-");
	expect("SELECT 999999999", "<999999999>");
	expect("SELECT 1000000000", "-");
	expect("SELECT a.5 FROM t", "-");
	expect("SELECT a\f = 5", "-");
	expect("SELECT a FROM t", "-");
	expect("", "-");
}

static void differences(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		{"SELECT name FROM patients WHERE id = 5", "SELECT name FROM patients WHERE id = 77", true},
		{"SELECT name FROM patients WHERE id = 5", "SELECT name FROM patients WHERE id = -5", false},
		{"SELECT name FROM patients WHERE id = -5", "SELECT name FROM patients WHERE id = -6", true},
		{"SELECT name FROM patients WHERE id = 5", "SELECT name FROM patients WHERE id = '5'", false},
		{"SELECT name FROM patients WHERE id = 5", "SELECT name FROM patients WHERE id  = 5", false},
		{"SELECT name FROM patients WHERE id IN (1, 2)",
			"SELECT name FROM patients WHERE id IN (3, 4)", true},
		{"SELECT name FROM patients WHERE id IN (1, 2)", "SELECT name FROM patients WHERE id IN (3)",
			false},
		{"SELECT name FROM patients WHERE name = 'a'", "SELECT name FROM patients WHERE name = ''",
			true},
		{"INSERT INTO visits (id, reason) VALUES (1, 'a')",
			"INSERT INTO visits (id, reason) VALUES (2, 'b')", true},
		{"UPDATE visits SET reason = 'a' WHERE id = 1", "UPDATE visits SET reason = 'b' WHERE id = 2",
			true},
		/* what is looked at, or could be */
		{"SELECT name FROM patients ORDER BY 1", "SELECT name FROM patients ORDER BY 2", false},
		{"SELECT id, name FROM patients GROUP BY 1, 2", "SELECT id, name FROM patients GROUP BY 2, 1",
			false},
		{"SELECT name FROM patients WHERE name LIKE 'a'",
			"SELECT name FROM patients WHERE name LIKE 'b'", false},
		{"SELECT current_setting('app')", "SELECT current_setting('apq')", false},
		{"SELECT id FROM patients WHERE name = left(name, 3)",
			"SELECT id FROM patients WHERE name = left(name, 4)", false},
		{"SELECT name FROM patients LIMIT 1", "SELECT name FROM patients LIMIT 2", false},
		{"SELECT 5 FROM patients", "SELECT 6 FROM patients", false},
		{"SELECT id / 5 FROM patients", "SELECT id / 0 FROM patients", false},
		{"SELECT name FROM patients WHERE id = CAST('1' AS int)",
			"SELECT name FROM patients WHERE id = CAST('2' AS int)", false},
	};
	struct name_scope scope = {clinic, path, 2};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span a = span_of(cases[i].a, strlen(cases[i].a)),
			    b = span_of(cases[i].b, strlen(cases[i].b));
		struct outline oa, ob;
		bool same =
			outline_marked(&scope, a, &oa) && outline_of(b, &ob) && outline_same(&oa, a, &ob, b);

		if (same != cases[i].same)
			fail_msg("%s and %s: %s", cases[i].a, cases[i].b, same ? "the same" : "not the same");
	}
}

static unsigned marked;

static void try(const struct catalog *c, const char *text)
{
	struct name_scope scope = {c, path, 2};
	struct span s = span_of(text, strlen(text));
	struct outline o;

	if (!outline_marked(&scope, s, &o))
		return;
	marked++;
	for (uint32_t seed = 0; seed < 12; seed++)
		assert_null(outline_broken(&scope, s, &o, seed));
}

/* Statements begin a line, "| " goes on with one, and what is indented or comes behind " => " is something
 * else. Several of one line are parted by " ;; ". */
static void whole_table(const struct catalog *c, const char *file)
{
	FILE *f = fopen(file, "re");
	char *line = NULL, *text = NULL, *end;
	unsigned number = 0;
	size_t cap = 0;

	assert_non_null(f);
	while (golden_line(f, &line, &cap, &number)) {
		if (strncmp(line, "| ", 2) == 0 && text) {
			char *longer = NULL;

			assert_true(asprintf(&longer, "%s\n%s", text, line + 2) > 0);
			free(text);
			text = longer;
			continue;
		}
		if (text)
			try(c, text);
		free(text);
		text = NULL;
		if (line[0] == ' ' || line[0] == '!' || strncmp(line, "--", 2) == 0)
			continue;
		if ((end = strstr(line, " => ")))
			*end = '\0';
		for (char *next = line; next;) {
			char *one = next;

			end = strstr(one, " ;; ");
			next = end ? end + 4 : NULL;
			if (end)
				*end = '\0';
			if (next)
				try(c, one);
			else
				text = strdup(one);
		}
	}
	if (text)
		try(c, text);
	free(text);
	free(line);
	fclose(f);
}

static void tables(void **state)
{
	(void)state;
	whole_table(clinic, "tests/golden/lineage.txt");
	whole_table(replay, "tests/golden/plan.txt");
	whole_table(clinic, "tests/leak/reviewers/statements.sql");
	assert_true(marked > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens), cmocka_unit_test(differences), cmocka_unit_test(tables)};

	return cmocka_run_group_tests(tests, load, unload);
}
