/* SPDX-License-Identifier: MIT */
#include "policy/document.h"
#include "policy/limits.h"
#include "policy/policy.h"
#include "test.h"

#define DOCUMENT(name, subjects, rest)                                                                       \
	"---\napiVersion: pgveil.dev/v1\nkind: MaskingPolicy\nmetadata: {name: " name                        \
	"}\nspec:\n  subjects: " subjects "\n  databases: [{name: d, address: 'h:1', credential: {user: u, " \
	"passwordFile: /p}}]\n" rest

static int parse(const char *text, struct documents *d, struct complaints *c)
{
	return documents_parse(d, "f.yaml", span_of(text, strlen(text)), c);
}

/* One complaint for each line of want, which is what it ends in. */
static void wrong(const char *export, const char *const *want, unsigned n)
{
	struct documents d = {0};
	struct complaints c = {0};
	char text[1024];

	snprintf(text, sizeof(text), DOCUMENT("a", "[{cgroup: /a}]", "  export: %s\n"), export);
	assert_int_equal(parse(text, &d, &c), n ? -EINVAL : 0);
	for (unsigned i = 0; i < n || i < c.n; i++) {
		const char *got = i < c.n ? c.line[i] : "(nothing)";

		if (i >= n || !strstr(got, want[i]))
			fail_msg("%s: %s, expected %s", export, got, i < n ? want[i] : "(nothing)");
	}
	documents_fini(&d);
	complaints_fini(&c);
}
#define WRONG(export, ...)                                                                                   \
	do {                                                                                                 \
		static const char *const want_[] = {__VA_ARGS__};                                            \
		wrong(export, want_, ARRAY_LEN(want_));                                                      \
	} while (0)

static void mistakes(void **state)
{
	(void)state;
	wrong("{statement: {rows: 1, bytes: 16MiB}, session: {statements: 1}, window: {period: 31d, rows: "
	      "5}, "
	      "exceed: deny}",
		NULL, 0);
	WRONG("{}", "spec.export limits nothing: it needs statement, session or window");
	WRONG("{statement: {}}", "spec.export.statement limits nothing");
	WRONG("{window: {period: 1h}}", "spec.export.window limits nothing");
	WRONG("{session: {rows: 0}}", "spec.export.session.rows must be a number of 1 to 1000000000000");
	WRONG("{statement: {statements: 3, rows: 1}}", "spec.export.statement has no \"statements\"");
	WRONG("{window: {rows: 3}}", "spec.export.window lacks \"period\"");
	WRONG("{window: {rows: 3, period: 32d}}",
		"spec.export.window.period must be like 30s, 10m, 1h or 7d, and at most 31d");
	WRONG("{session: {bytes: 16MB}}",
		"spec.export.session.bytes must be a number of bytes, or like 64KiB");
	WRONG("{session: {bytes: 0KiB}}", "must be a number of bytes");
	WRONG("{session: {bytes: -1}}", "must be a number of bytes");
	WRONG("{session: {bytes: 1025TiB}}", "must be a number of bytes");
	WRONG("{session: {bytes: 1}, exceed: ask}",
		"spec.export.exceed: ask is about rows, and none are limited");
	WRONG("{session: {rows: 1}, exceed: warn}", "spec.export.exceed must be deny or ask");
	WRONG("{session: {rows: 1}}\n  statements: {unparsed: allow}",
		"spec.statements.unparsed: allow cannot stand beside spec.export");
	WRONG("{sesion: {rows: 1}, session: {rows: 2}}", "did you mean \"session\"");
}

static enum coverage covers(void *arg, unsigned i)
{
	(void)arg, (void)i;
	return COVERS_YES;
}

static struct grant ask(const struct policy *p, const char *cgroup, struct arena *a)
{
	struct caller who = {.uid = 7};
	struct err e = {0};
	struct grant g;

	snprintf(who.cgroup, sizeof(who.cgroup), "%s", cgroup);
	assert_int_equal(policy_grant(p, &who, covers, NULL, "crm", a, &g, &e), 0);
	return g;
}

static struct policy *load(const char *text)
{
	char path[] = "/tmp/pgveil-test-XXXXXX";
	const char *paths[] = {path};
	struct complaints c = {0};
	struct policy *p = NULL;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	if (policy_load(&p, paths, 1, &c))
		fail_msg("%s", c.n ? c.line[0] : "no complaint");
	unlink(path);
	complaints_fini(&c);
	return p;
}

static void meet(void **state)
{
	struct policy *p = load(DOCUMENT("one",
		"[{cgroup: '/agents/**'}, {cgroup: '/agents/x'}, {uid: 7}, {uid: 8}]",
		"  export:\n    statement: {rows: 10, bytes: 2KiB}\n    window: {period: 1h, rows: 5}\n")
			DOCUMENT("two", "[{cgroup: '/agents/*'}]",
				"  export:\n    statement: {rows: 9, bytes: 1MiB}\n    session: {statements: "
				"3}\n    window: {period: 1m, bytes: 6}\n")
				DOCUMENT("three", "[{cgroup: '/else'}]", ""));
	struct arena a = {0};
	struct grant g = ask(p, "/agents/x/y", &a);

	(void)state;
	assert_true(grant_judges(&g));
	assert_true(grant_lets_all(&g)); /* nothing is masked */
	assert_int_equal(g.limits.statement.most[MEASURE_ROWS], 9);
	assert_non_null(strstr(g.limits.statement.where[MEASURE_ROWS], ":19"));
	assert_int_equal(g.limits.statement.most[MEASURE_BYTES], 2048);
	assert_int_equal(g.limits.session.most[MEASURE_ROWS], LIMIT_NONE);
	assert_int_equal(g.limits.session.most[MEASURE_STATEMENTS], 3);
	/* Every subject that names it has a window, by its text: who moves down has more of them, not others.
	 */
	assert_int_equal(g.limits.nwindows, 4);
	assert_string_equal(g.limits.windows[0].key, "one: cgroup /agents/**");
	assert_string_equal(g.limits.windows[1].key, "one: cgroup /agents/x");
	assert_string_equal(g.limits.windows[2].key, "one: uid 7");
	assert_string_equal(g.limits.windows[3].key, "two: cgroup /agents/*");
	assert_int_equal(g.limits.windows[3].period_s, 60);
	assert_int_equal(g.limits.windows[3].set.most[MEASURE_BYTES], 6);
	assert_int_equal(g.limits.windows[3].set.most[MEASURE_ROWS], LIMIT_NONE);
	g = ask(p, "/agents/z", &a);
	assert_int_equal(g.limits.nwindows, 3);
	policy_unref(p);
	p = load(DOCUMENT("three", "[{cgroup: '/else'}]", ""));
	g = ask(p, "/else", &a);
	assert_false(g.limits.any);
	assert_false(grant_judges(&g));
	arena_fini(&a);
	policy_unref(p);
}

/* A second document with masks has a say in what code may do. */
static void beside_masks(void **state)
{
	struct policy *p = load(DOCUMENT("one", "[{cgroup: /a}]", "  export: {session: {rows: 1}}\n")
			DOCUMENT("two", "[{cgroup: /a}]", "  mask: [{columns: [a.b.c], with: null}]\n"));
	struct arena a = {0};
	struct grant g = ask(p, "/a", &a);

	(void)state;
	assert_int_equal(g.nopaque, 1);
	assert_false(grant_lets_all(&g));
	arena_fini(&a);
	policy_unref(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes), cmocka_unit_test(meet), cmocka_unit_test(beside_masks)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
