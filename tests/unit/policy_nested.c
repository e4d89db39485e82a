/* SPDX-License-Identifier: MIT */
/* Runs tests/golden/nested.txt, whose head says how its lines are written, over the schema beside it: each
 * line in text, and in binary where the value can be written so. */
#include "policy/form.h"

#include "test.h"

#define TABLE  "tests/golden/nested.txt"
#define SCHEMA "tests/golden/nested.sql"

enum field { SPEC, COLUMN, INPUT, EXPECTED, FIELDS };

static void split(char *line, char *field[FIELDS])
{
	unsigned n = 0;

	for (char *p = line; p; n++) {
		char *bar = strstr(p, " | ");

		assert_true(n < FIELDS);
		field[n] = p;
		p = bar ? bar + 3 : NULL;
		if (bar)
			*bar = '\0';
	}
	assert_int_equal(n, FIELDS);
}

/* In place. */
static struct span value_of(char *field)
{
	size_t n = strlen(field);

	if (!strcmp(field, "NULL"))
		return (struct span){0};
	if (n >= 2 && field[0] == '\'' && field[n - 1] == '\'')
		return span_of(field + 1, n - 2);
	return span_of(field, n);
}

static struct mask mask_of(const char *spec)
{
	static const char *const names[] = MASK_NAMES;
	struct mask m = {.domain = "golden", .fill = "*"};
	size_t len = strcspn(spec, ":");
	const char *args = spec[len] ? spec + len + 1 : "";
	uint8_t key[HMAC_KEY_LEN];
	unsigned kind = 0;

	while (kind < ARRAY_LEN(names) &&
		(strlen(names[kind]) != len || strncmp(names[kind], spec, len) != 0))
		kind++;
	if (kind == ARRAY_LEN(names))
		fail_msg("no such mask: %s", spec);
	m.kind = (enum mask_kind)kind;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	mask_key_init(&m, key);
	if (m.kind == MASK_FIXED)
		m.fixed = strdup(args);
	else if (m.kind == MASK_EMAIL)
		m.keep_domain = !strcmp(args, "keep");
	else if (m.kind == MASK_PARTIAL)
		assert_true(sscanf(args, "%u,%u,%4s", &m.first, &m.last, m.fill) >= 2);
	return m;
}

static void show(const char *what, struct span s)
{
	fprintf(stderr, "  %s: ", what);
	if (!s.p)
		fprintf(stderr, "NULL");
	for (size_t i = 0; i < s.n; i++)
		fprintf(stderr, s.p[i] >= ' ' && s.p[i] != 0x7f ? "%c" : "\\x%02x", s.p[i]);
	fprintf(stderr, "\n");
}

static bool gives(const struct mask *m, bool blind, const struct value_shape *s, struct span cell,
	struct span expected, struct arena *a)
{
	struct guarded g = guard_copy(cell.p, cell.n);
	struct span out = blind ? mask_blind(m, s, a) : mask_apply(m, s, span_of(g.p, g.n), a);
	bool ok;

	/* The cell is gone: what was borrowed from it would crash below. */
	guard_free(&g);
	ok = (out.p != NULL) == (expected.p != NULL) && span_eq(out, expected);
	if (!ok) {
		show("expected", expected);
		show("was", out);
	}
	return ok;
}

static bool line_holds(const struct catalog *c, char *line, unsigned *binary)
{
	const struct relation *r = catalog_relation(c, "made", "thing");
	const struct column *col;
	struct span in, expected, in_binary, expected_binary;
	struct value_shape s;
	struct arena a = {0};
	char *field[FIELDS];
	struct mask m;
	bool blind, ok;

	split(line, field);
	col = relation_column(r, field[COLUMN]);
	if (!col)
		fail_msg("no column %s", field[COLUMN]);
	s = form_of(c, col->type_oid, col->typmod, VALUE_TEXT_FORMAT, &a);
	blind = !strncmp(field[SPEC], "blind:", 6);
	m = mask_of(field[SPEC] + (blind ? 6 : 0));
	in = value_of(field[INPUT]);
	expected = value_of(field[EXPECTED]);
	ok = gives(&m, blind, &s, in, expected, &a);

	s.format = VALUE_BINARY_FORMAT;
	in_binary = value_put_literal(&a, &s, in);
	expected_binary = expected.p ? value_put_literal(&a, &s, expected) : expected;
	if (in_binary.p && (expected_binary.p || !expected.p)) {
		++*binary;
		ok = gives(&m, blind, &s, in_binary, expected_binary, &a) && ok;
	}
	mask_fini(&m);
	arena_fini(&a);
	return ok;
}

static struct catalog *schema(void)
{
	static char text[65536];
	FILE *f = fopen(SCHEMA, "r");
	struct catalog *c = NULL;
	struct err e = {0};
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (catalog_from_ddl(&c, span_of(text, n), &e))
		fail_msg("%s: %s", SCHEMA, e.msg);
	return c;
}

static void table(void **state)
{
	unsigned number = 0, lines = 0, binary = 0, wrong = 0;
	struct catalog *c = schema();
	FILE *f = fopen(TABLE, "r");
	char *line = NULL, *l;
	size_t cap = 0;

	(void)state;
	assert_non_null(f);
	while ((l = golden_line(f, &line, &cap, &number))) {
		lines++;
		if (!line_holds(c, l, &binary)) {
			wrong++;
			fprintf(stderr, "%s:%u does not hold\n", TABLE, number);
		}
	}
	free(line);
	fclose(f);
	catalog_unref(c);
	assert_true(lines > 120 && binary > 90);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
