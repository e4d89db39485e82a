/* SPDX-License-Identifier: MIT */
/* The golden table tests/golden/rows/rows.txt: statement → the text that is sent by row filters ("same": the
 * client's), or what the client is told. Over tests/golden/rows/schema.sql and policy.yaml. */
#include "test.h"

#include "policy/plan.h"

static const char *const path[] = {"public"};

struct bound {
	struct catalog *c;
	struct policy *policy;
	struct binding *b;
	struct arena mem;
};

static char *slurp(const char *file)
{
	FILE *f = fopen(file, "re");
	char *all = calloc(1, 131072);

	assert_non_null(f);
	assert_non_null(all);
	assert_true(fread(all, 1, 131071, f) > 0);
	fclose(f);
	return all;
}

static enum coverage covers_all(void *arg, unsigned i)
{
	(void)arg, (void)i;
	return COVERS_YES;
}

static void unbind(struct bound *x)
{
	binding_unref(x->b);
	policy_unref(x->policy);
	catalog_unref(x->c);
	arena_fini(&x->mem);
	*x = (struct bound){0};
}

static void bind_to(struct bound *x, const char *ddl, struct place *place)
{
	static const char *const files[] = {"tests/golden/rows/policy.yaml"};
	struct caller who = {.cgroup = "/agents/one"};
	struct complaints bad = {0};
	struct err e = {0};
	struct grant g;

	assert_int_equal(catalog_from_ddl(&x->c, span_of(ddl, strlen(ddl)), &e), 0);
	if (policy_load(&x->policy, files, 1, &bad))
		fail_msg("%s", bad.n ? bad.line[0] : "out of memory");
	assert_int_equal(policy_grant(x->policy, &who, covers_all, NULL, "d", &x->mem, &g, &e), 0);
	assert_true(grant_judges(&g));
	assert_int_equal(binding_new(&x->b, x->policy, &g, x->c, place, false, NULL, &e), 0);
	complaints_fini(&bad);
}

static void judge(const struct bound *x, const char *sql, struct arena *a, struct judged *js)
{
	const struct name_scope scope = {.catalog = x->c, .path = path, .npath = 1, .own_settings = true};
	struct err e = {0};

	assert_int_equal(plan_judge(x->b, &scope, span_of(sql, strlen(sql)), a, js, &e), 0);
}

static void tell(FILE *f, const struct judged *js)
{
	for (unsigned i = 0; i < js->n; i++)
		if (js->plans[i]->verdict != ALLOW) {
			fprintf(f, "%s %s %s", verdict_name(js->plans[i]->verdict), js->plans[i]->sqlstate,
				js->plans[i]->reason);
			return;
		}
	fputs(js->wrapped ? js->wrapped->text : "same", f);
}

static unsigned check(char *lines, const struct bound *x, FILE *out)
{
	unsigned wrong = 0;

	for (char *line = strtok(lines, "\n"); line; line = strtok(NULL, "\n")) {
		char *arrow = strstr(line, " => "), *text = NULL;
		struct arena a = {0};
		struct judged js;
		size_t n = 0;
		FILE *f;

		if (*line == '#' || !arrow) {
			fprintf(out, "%s\n", line);
			continue;
		}
		*arrow = '\0';
		f = open_memstream(&text, &n);
		assert_non_null(f);
		judge(x, line, &a, &js);
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
	return wrong;
}

/* GOLDEN_OUT=FILE writes what is the case: to be read before it is believed. */
static void golden(void **state)
{
	const char *to = getenv("GOLDEN_OUT");
	char *ddl = slurp("tests/golden/rows/schema.sql"), *lines = slurp("tests/golden/rows/rows.txt");
	FILE *out = fopen(to ? to : "/dev/null", "we");
	struct bound x = {0};
	unsigned wrong;

	(void)state;
	assert_non_null(out);
	bind_to(&x, ddl, NULL);
	wrong = check(lines, &x, out);
	fclose(out);
	unbind(&x);
	free(ddl);
	free(lines);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(golden)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
