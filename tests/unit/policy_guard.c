/* SPDX-License-Identifier: MIT */
/* The golden table tests/golden/guard/verdicts.txt: below "policy FILE …", statement → verdict, the line of
 * the rule that decided (default: no rule), and what the client is told. Over
 * tests/golden/effects/schema.sql. */
#include "test.h"

#include "policy/plan.h"

static char *slurp(const char *path)
{
	FILE *f = fopen(path, "re");
	char *all = calloc(1, 65536);

	assert_non_null(f);
	assert_non_null(all);
	assert_true(fread(all, 1, 65535, f) > 0);
	fclose(f);
	return all;
}

static enum coverage covers_all(void *arg, unsigned i)
{
	(void)arg, (void)i;
	return COVERS_YES;
}

struct bound {
	struct policy *policy;
	struct binding *b;
	struct arena mem;
};

static void unbind(struct bound *x)
{
	binding_unref(x->b);
	policy_unref(x->policy);
	arena_fini(&x->mem);
	*x = (struct bound){0};
}

/* files: names separated by blanks. */
static void bind_files(struct bound *x, char *files, struct catalog *c)
{
	struct caller who = {.cgroup = "/agents/one"};
	struct complaints bad = {0};
	const char *paths[4];
	struct err e = {0};
	struct grant g;
	char *rest = NULL;
	unsigned n = 0;

	unbind(x);
	for (char *f = strtok_r(files, " ", &rest); f && n < 4; f = strtok_r(NULL, " ", &rest))
		paths[n++] = arena_printf(&x->mem, "tests/golden/guard/%s", f);
	if (policy_load(&x->policy, paths, n, &bad))
		fail_msg("%s", bad.n ? bad.line[0] : "out of memory");
	assert_int_equal(policy_grant(x->policy, &who, covers_all, NULL, "d", &x->mem, &g, &e), 0);
	assert_true(grant_judges(&g));
	assert_int_equal(binding_new(&x->b, x->policy, &g, c, NULL, false, NULL, &e), 0);
	complaints_fini(&bad);
}

static void tell(FILE *f, const struct judged *js)
{
	for (unsigned i = 0; i < js->n; i++) {
		const struct plan *p = js->plans[i];
		const char *line = p->guard ? strrchr(p->guard->where, ':') : NULL;

		fprintf(f, "%s%s", i ? "; " : "", verdict_name(p->verdict));
		if (p->verdict != ALLOW)
			fprintf(f, " %s %s", line ? line + 1 : "default", p->reason);
		for (unsigned k = 0; k < p->nthresholds; k++)
			fprintf(f, ", %s %s above %llu", verdict_name(p->thresholds[k].verdict),
				strrchr(p->thresholds[k].rule->where, ':') + 1,
				(unsigned long long)p->thresholds[k].rows);
		if (p->inner && p->kind == STATEMENT_PREPARE)
			fprintf(f, ", inner %s", verdict_name(p->inner->verdict));
		for (unsigned k = 0; p->kind == STATEMENT_PREPARE && p->inner && k < p->inner->nthresholds;
			k++)
			fprintf(f, " above %llu", (unsigned long long)p->inner->thresholds[k].rows);
	}
}

static unsigned check(char *lines, struct catalog *c, FILE *out)
{
	static const char *const path[] = {"public"};
	const struct name_scope scope = {.catalog = c, .path = path, .npath = 1, .own_settings = true};
	struct bound x = {0};
	unsigned wrong = 0;

	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
		char *arrow = strstr(line, " => "), *text = NULL;
		struct arena a = {0};
		struct judged js;
		struct err e = {0};
		size_t n = 0;
		FILE *f;

		if (*line == '#' || !arrow) {
			fprintf(out, "%s\n", line);
			if (!strncmp(line, "policy ", 7))
				bind_files(&x, line + 7, c);
			continue;
		}
		*arrow = '\0';
		f = open_memstream(&text, &n);
		assert_non_null(f);
		assert_int_equal(plan_judge(x.b, &scope, span_of(line, strlen(line)), &a, &js, &e), 0);
		tell(f, &js);
		fclose(f);
		fprintf(out, "%s => %s\n", line, text);
		if (strcmp(text, arrow + 4) != 0) {
			print_error("%s\n  is  %s\n  not %s\n", line, text, arrow + 4);
			wrong++;
		}
		free(text);
		arena_fini(&a);
	}
	unbind(&x);
	return wrong;
}

/* GOLDEN_OUT=FILE writes what is the case: to be read before it is believed. */
static void golden(void **state)
{
	const char *to = getenv("GOLDEN_OUT");
	struct catalog *c;
	struct err e = {0};
	char *ddl = slurp("tests/golden/effects/schema.sql"), *lines;
	FILE *out = fopen(to ? to : "/dev/null", "we");
	unsigned wrong;

	(void)state;
	assert_non_null(out);
	assert_int_equal(catalog_from_ddl(&c, span_of(ddl, strlen(ddl)), &e), 0);
	lines = slurp("tests/golden/guard/verdicts.txt");
	wrong = check(lines, c, out);
	fclose(out);
	catalog_unref(c);
	free(ddl);
	free(lines);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
