/* SPDX-License-Identifier: MIT */
#include "policy/glob.h"
#include "policy/pattern.h"
#include "test.h"

static void paths(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{"/agents.slice/claude-*.scope", "/agents.slice/claude-1.scope", true},
		{"/agents.slice/claude-*.scope", "/agents.slice/claude-.scope", true},
		{"/agents.slice/claude-*.scope", "/agents.slice/claude-1.scope/x", false},
		{"/agents.slice/*", "/agents.slice/a/b", false},
		{"/agents.slice/**", "/agents.slice/a/b", true},
		{"/agents.slice/**", "/agents.slice", false},
		{"/**/x", "/a/b/x", true},
		{"**/a*b", "/a/ab", true},
		{"**", "/anything", true},
		{"**", "", true},
		{"/a?c", "/abc", true},
		{"/a?c", "/a/c", false},
		{"/a[!x]c", "/a/c", false},
		{"/a[b-d]c", "/acc", true},
		{"/a[b-d]c", "/aec", false},
		{"/a[!b-d]c", "/aec", true},
		{"/a[]x]c", "/a]c", true},
		{"/a[a-]c", "/a-c", true},
		{"/a\\*c", "/a*c", true},
		{"/a\\*c", "/abc", false},
		{"/a[\\]]c", "/a]c", true},
		{"", "", true},
		{"", "a", false},
		{"a", "", false},
		{"/A", "/a", false},
		{"/a[", "/a[", false},
		{"/caf?", "/caf\xc3\xa9", true},
		{"/caf??", "/caf\xc3\xa9", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (glob_match(GLOB_PATH, cases[i].pattern, cases[i].text) != cases[i].match)
			fail_msg("%s over %s", cases[i].pattern, cases[i].text);
}

static void names(void **state)
{
	(void)state;
	assert_true(glob_match(GLOB_NAME, "a*c", "a/b/c"));
	assert_false(glob_match(GLOB_NAME, "a*c", "A/b/c"));
	assert_true(glob_match(GLOB_FOLD, "customers", "Customers"));
	assert_true(glob_match(GLOB_FOLD, "CUSTOMERS", "cuStomers"));
	assert_true(glob_match(GLOB_FOLD, "[A-C]*", "banana"));
	assert_true(glob_match(GLOB_FOLD, "[a-c]*", "Banana"));
	assert_false(glob_match(GLOB_FOLD, "[!a-c]*", "Banana"));
}

static void problems(void **state)
{
	static const char *const bad[] = {"a[", "a[]", "a[!]", "a\\", "[z-a]", "[a\\", "[\xc3\xa9]"};
	static const char *const good[] = {"", "*", "\\[", "[]]", "[a-z]", "[-a]", "[!-]", "x[\\]]"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (!glob_problem(bad[i]))
			fail_msg("%s is accepted", bad[i]);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (glob_problem(good[i]))
			fail_msg("%s %s", good[i], glob_problem(good[i]));
	assert_true(glob_literal("a.b-c"));
	assert_false(glob_literal("a\\*"));
}

/* What the words mean, without any cleverness; exponential. */
static bool plainly(const char *p, const char *t)
{
	if (!*p)
		return !*t;
	if (p[0] == '*' && p[1] == '*') {
		while (*p == '*')
			p++;
		for (;; t++) {
			if (plainly(p, t))
				return true;
			if (!*t)
				return false;
		}
	}
	if (*p == '*') {
		for (p++;; t++) {
			if (plainly(p, t))
				return true;
			if (!*t || *t == '/')
				return false;
		}
	}
	if (!*t)
		return false;
	return (*p == '?' ? *t != '/' : *p == *t) && plainly(p + 1, t + 1);
}

static void every_short_pattern(void **state)
{
	static const char in_pattern[] = "a/*?", in_text[] = "ab/";
	char p[7] = "", t[6] = "";
	unsigned seed = 1, matched = 0;

	(void)state;
	for (unsigned round = 0; round < 400000; round++) {
		unsigned np = rand_r(&seed) % 7, nt = rand_r(&seed) % 6;

		for (unsigned i = 0; i < np; i++)
			p[i] = in_pattern[rand_r(&seed) % 4];
		for (unsigned i = 0; i < nt; i++)
			t[i] = in_text[rand_r(&seed) % 3];
		p[np] = t[nt] = '\0';
		if (glob_match(GLOB_PATH, p, t) != plainly(p, t))
			fail_msg("%s over %s", p, t);
		matched += plainly(p, t);
	}
	assert_true(matched > 10000);
}

static struct pattern parsed(struct arena *a, const char *text)
{
	struct pattern p;
	const char *why;

	if (pattern_parse(&p, text, a, &why))
		fail_msg("%s %s", text, why);
	return p;
}

static void patterns(void **state)
{
	static const char *const bad[] = {"email", "users.email", "a.b.c.d", "", ".b.c", "a..c", "a.b.",
		"a.b c.d", "a.\"b.c", "a.b.\"c\"x", "a.b.x\"c\"", "\"\".b.c", "a.b.[", "a.b.\"c\"\"",
		"a.b.c.", "a.b.0123456789012345678901234567890123456789012345678901234567890123"};
	struct arena a = {0};
	struct pattern p;
	const char *why;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (pattern_parse(&p, bad[i], &a, &why) != -EINVAL)
			fail_msg("%s is accepted", bad[i]);
		assert_non_null(why);
	}
	p = parsed(&a, "Public.*.\"Mixed.\"\"Case\"");
	assert_string_equal(p.schema.text, "public");
	assert_string_equal(p.column.text, "Mixed.\"Case");
	assert_true(pattern_has_relation(&p, "public", "t", false));
	assert_true(pattern_has_relation(&p, "PUBLIC", "t", false));
	assert_true(pattern_has_column(&p, "Mixed.\"Case"));
	assert_false(pattern_has_column(&p, "mixed.\"case"));
	p = parsed(&a, "*.*.ssn");
	assert_true(pattern_has_relation(&p, "any", "t", false));
	assert_false(pattern_has_relation(&p, "pg_catalog", "pg_class", true));
	p = parsed(&a, "pg_*.pg_roles.rolname");
	assert_false(pattern_has_relation(&p, "pg_catalog", "pg_roles", true));
	p = parsed(&a, "pg_catalog.pg_roles.rolname");
	assert_true(pattern_has_relation(&p, "pg_catalog", "pg_roles", true));
	arena_fini(&a);
}

static void covering(void **state)
{
	static const struct {
		const char *a, *b;
		bool covers;
	} cases[] = {
		{"*.*.ssn", "public.t.ssn", true},
		{"*.*.ssn", "public.t.SSN", true},
		{"*.*.ssn", "public.t.\"SSN\"", true},
		{"public.t.ssn", "*.*.ssn", false},
		{"public.t.\"ssn\"", "public.t.ssn", false},
		{"*.*.*", "a.b.c*", true},
		{"*.*.c*", "a.b.cd*", false},
		{"a.b.c*", "A.B.C*", true},
		{"*.*.*", "pg_catalog.pg_roles.rolname", false},
		{"*.*.*", "information_schema.columns.column_name", false},
	};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct pattern x = parsed(&a, cases[i].a), y = parsed(&a, cases[i].b);

		if (pattern_covers(&x, &y) != cases[i].covers)
			fail_msg("%s covers %s", cases[i].a, cases[i].b);
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(names),
		cmocka_unit_test(problems),
		cmocka_unit_test(every_short_pattern),
		cmocka_unit_test(patterns),
		cmocka_unit_test(covering),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
