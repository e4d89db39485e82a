/* SPDX-License-Identifier: MIT */
/* Reads tests/golden/lineage.txt: statements at the left margin (a line that starts with "| " goes on with
 * the statement), and under each what must be found out, indented. LINEAGE_WRITE=FILE writes the table as it
 * would be now. */
#include "sql/analyze.h"

#include "test.h"
#include "sql_golden.h"

static struct catalog *clinic;
static const char *const path[] = {"clinic", "public"};

static struct name_scope scope_of(void)
{
	return (struct name_scope){clinic, path, ARRAY_LEN(path)};
}

static int setup(void **state)
{
	struct err e = {0};
	size_t n;
	char *ddl = golden_file("tests/golden/clinic.sql", &n);

	(void)state;
	if (!ddl)
		return -1;
	if (catalog_from_ddl(&clinic, span_of(ddl, n), &e) < 0) {
		print_error("clinic.sql: %s\n", e.msg);
		return -1;
	}
	free(ddl);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	catalog_unref(clinic);
	return 0;
}

struct table {
	FILE *in, *copy;
	char *line;
	size_t cap;
	unsigned number, cases, wrong;
	char statement[65536], expected[65536];
};

static void judge(struct table *t)
{
	struct name_scope scope = scope_of();
	char *actual;

	if (!t->statement[0])
		return;
	t->statement[strlen(t->statement) - 1] = '\0';
	actual = golden_text(&scope, t->statement, strlen(t->statement));
	if (t->copy)
		fputs(actual, t->copy);
	if (strcmp(actual, t->expected) != 0) {
		print_error("lineage.txt, before line %u:\n%s\nexpected\n%sfound\n%s\n", t->number,
			t->statement, t->expected, actual);
		t->wrong++;
	}
	free(actual);
	t->cases++;
	t->statement[0] = t->expected[0] = '\0';
}

static void line(struct table *t)
{
	bool more = !strncmp(t->line, "| ", 2);

	if (!strncmp(t->line, "  ", 2)) {
		strncat(t->expected, t->line, sizeof(t->expected) - strlen(t->expected) - 1);
		return;
	}
	if (!more)
		judge(t);
	if (t->copy)
		fputs(t->line, t->copy);
	if (t->line[0] != '#' && t->line[0] != '\n')
		strncat(t->statement, t->line + (more ? 2 : 0),
			sizeof(t->statement) - strlen(t->statement) - 1);
}

static void test_golden(void **state)
{
	struct table t = {.in = fopen("tests/golden/lineage.txt", "r")};
	const char *write = getenv("LINEAGE_WRITE");

	(void)state;
	assert_non_null(t.in);
	t.copy = write ? fopen(write, "w") : NULL;
	while (getline(&t.line, &t.cap, t.in) >= 0) {
		t.number++;
		line(&t);
	}
	judge(&t);
	free(t.line);
	fclose(t.in);
	if (t.copy)
		fclose(t.copy);
	print_message("%u statements\n", t.cases);
	assert_true(t.cases >= 250);
	assert_int_equal(t.wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
