/* SPDX-License-Identifier: MIT */
/* The golden table tests/golden/effects/effects.txt: statement → what it does, and to what. A line is
 *   SQL => EFFECT,EFFECT(schema.relation) EFFECT …
 * with a ! where no condition says which rows, a ~ in front where it comes by another, and EFFECT(?) for
 * whatever there is; *: every effect; f() is a function. Under a policy that lets code do anything, so that
 * as much as possible passes. */
#include "test.h"

#include "sql/analyze.h"

static char *slurp(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	char *all = calloc(1, 262144);

	assert_non_null(f);
	assert_non_null(all);
	*n = fread(all, 1, 262143, f);
	fclose(f);
	return all;
}

static void tell_effects(FILE *f, uint64_t effects)
{
	const char *comma = "";

	if (effects == DOES_ALL) {
		fputc('*', f);
		return;
	}
	for (unsigned i = 0; i < EFFECT_COUNT; i++)
		if (effects >> i & 1) {
			fprintf(f, "%s%s", comma, effect_name(i));
			comma = ",";
		}
}

static void tell(FILE *f, const struct statement *s)
{
	if (s->problem)
		fprintf(f, "%s ", s->sqlstate);
	for (unsigned i = 0; i < s->ndeeds; i++) {
		const struct deed *d = &s->deeds[i];
		const char *schema = d->relation ? d->relation->schema : d->schema;
		const char *name = d->relation ? d->relation->name : d->name;

		if (d->escapes)
			fputs("escapes", f);
		else if (d->derived)
			fputc('~', f);
		if (!d->escapes)
			tell_effects(f, d->effects);
		if (d->whole && !d->unknown && !d->escapes)
			fputc('!', f);
		if (d->unknown && !name)
			fputs("(?)", f);
		else if (schema || name)
			fprintf(f, "(%s.%s%s)", schema ? schema : "?", name ? name : "*",
				d->function ? "()" : "");
		if (d->setting)
			fprintf(f, ":%s", d->setting);
		fputc(i + 1 < s->ndeeds ? ' ' : '\n', f);
	}
	if (!s->ndeeds)
		fputs("nothing\n", f);
	if (s->inner && s->kind == STATEMENT_PREPARE)
		tell(f, s->inner);
}

static unsigned check(char *lines, const struct catalog *c, FILE *out)
{
	static const char *const path[] = {"public"};
	unsigned wrong = 0;

	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
		struct name_scope names = {
			.catalog = c, .path = path, .npath = 1, .unfollowed = true, .own_settings = true};
		struct arena a = {0};
		struct analysis an;
		char *arrow = strstr(line, " => "), *text = NULL;
		size_t n = 0;
		struct err e = {0};
		int position;
		FILE *f;

		if (*line == '#' || !arrow) {
			fprintf(out, "%s\n", line);
			continue;
		}
		*arrow = '\0';
		f = open_memstream(&text, &n);
		assert_non_null(f);
		if (analyze(&names, span_of(line, strlen(line)), &a, &an, &position, &e))
			fprintf(f, "%s\n", e.sqlstate);
		else
			for (unsigned i = 0; i < an.n; i++)
				tell(f, &an.statements[i]);
		fclose(f);
		for (char *p = text; p[0]; p++)
			if (*p == '\n' && p[1])
				*p = ';';
		text[strcspn(text, "\n")] = '\0';
		fprintf(out, "%s => %s\n", line, text);
		if (strcmp(text, arrow + 4) != 0) {
			print_error("%s\n  is  %s\n  not %s\n", line, text, arrow + 4);
			wrong++;
		}
		free(text);
		arena_fini(&a);
	}
	return wrong;
}

/* GOLDEN_OUT=FILE writes what is the case: to be read before it is believed. */
static void golden(void **state)
{
	const char *to = getenv("GOLDEN_OUT");
	struct catalog *c;
	struct err e = {0};
	size_t n;
	char *ddl = slurp("tests/golden/effects/schema.sql", &n), *lines;
	FILE *out = fopen(to ? to : "/dev/null", "we");
	unsigned wrong;

	(void)state;
	assert_non_null(out);
	assert_int_equal(catalog_from_ddl(&c, span_of(ddl, n), &e), 0);
	lines = slurp("tests/golden/effects/effects.txt", &n);
	wrong = check(lines, c, out);
	fclose(out);
	catalog_unref(c);
	free(ddl);
	free(lines);
	assert_int_equal(wrong, 0);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(effect_name(EFFECT_NUMBER_READ), "read");
	assert_string_equal(effect_name(EFFECT_NUMBER_PROCESS), "process");
	assert_null(effect_name(EFFECT_COUNT));
	assert_int_equal(DOES_ALL >> EFFECT_COUNT, 0);
	assert_int_equal(DOES_ALL & DOES_WRITE, DOES_WRITE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden), cmocka_unit_test(names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
