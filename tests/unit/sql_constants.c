/* SPDX-License-Identifier: MIT */
#include "sql/constants.h"
#include "test.h"

/* The text with each constant as <…>. */
static void expect(const char *text, enum constants_which which, const char *is)
{
	struct arena a = {0};
	struct constant *v;
	char got[1024] = "";
	size_t at = 0, n = 0;
	unsigned count;

	assert_int_equal(constants_find(span_of(text, strlen(text)), which, &a, &v, &count), 0);
	for (unsigned i = 0; i < count; i++) {
		n += (size_t)snprintf(got + n, sizeof(got) - n, "%.*s<%.*s>", (int)(v[i].at - at), text + at,
			(int)v[i].len, text + v[i].at);
		at = v[i].at + v[i].len;
	}
	snprintf(got + n, sizeof(got) - n, "%s", text + at);
	assert_string_equal(got, is);
	arena_fini(&a);
}

static void all_kinds(void **state)
{
	(void)state;
	expect("", CONSTANTS_ALL, "");
	expect("SELECT 1", CONSTANTS_NOT_NAMES, "SELECT <1>");
	expect("SELECT a FROM t WHERE b = 'it''s' AND c > 1.5e3", CONSTANTS_NOT_NAMES,
		"SELECT a FROM t WHERE b = <'it''s'> AND c > <1.5e3>");
	expect("SELECT $$x$$, $a$'y'$a$, E'\\'z', U&'\\0061', B'01', X'1F', $1", CONSTANTS_NOT_NAMES,
		"SELECT <$$x$$>, <$a$'y'$a$>, <E'\\'z'>, <U&'\\0061'>, <B'01'>, <X'1F'>, $1");
	expect("SELECT 1 -- 'two'\n, 3 /* four /* 5 */ */", CONSTANTS_NOT_NAMES,
		"SELECT <1> <-- 'two'>\n, <3> </* four /* 5 */ */>");
	expect("SELECT \"a b\", U&\"x\", c FROM \"T\"", CONSTANTS_NOT_NAMES,
		"SELECT \"a b\", U&\"x\", c FROM \"T\"");
	expect("SELECT \"a b\", c FROM \"T\" WHERE d = 'e'", CONSTANTS_ALL,
		"SELECT <\"a b\">, c FROM <\"T\"> WHERE d = <'e'>");
	expect("SELECT 'é', 'ü' || x", CONSTANTS_NOT_NAMES, "SELECT <'é'>, <'ü'> || x");
}

static void comments_alone(void **state)
{
	(void)state;
	expect("SELECT 1 - -2, '--', a", CONSTANTS_COMMENTS, "SELECT 1 - -2, '--', a");
	expect("SELECT 1 --2\n", CONSTANTS_COMMENTS, "SELECT 1 <--2>\n");
	expect("/**/SELECT 'x'", CONSTANTS_COMMENTS, "</**/>SELECT 'x'");
}

/* What cannot be split is one constant, for nobody knows what in it is. */
static void not_split(void **state)
{
	static const char *const texts[] = {
		"SELECT 'open", "SELECT /* open", "SELECT \"open", "SELECT $$open", "SELECT '\xff'"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		char whole[64];

		snprintf(whole, sizeof(whole), "<%s>", texts[i]);
		expect(texts[i], CONSTANTS_ALL, whole);
		expect(texts[i], CONSTANTS_NOT_NAMES, whole);
	}
}

static void many(void **state)
{
	struct arena a = {0};
	struct constant *v;
	char *text = calloc(1, 200000);
	unsigned n;

	(void)state;
	assert_non_null(text);
	strcpy(text, "SELECT 0");
	for (unsigned i = 0; i < 30000; i++)
		strcat(text + 8 + 2 * (size_t)i, ",1");
	assert_int_equal(constants_find(span_of(text, strlen(text)), CONSTANTS_NOT_NAMES, &a, &v, &n), 0);
	assert_int_equal(n, CONSTANTS_MAX);
	assert_int_equal(v[n - 1].at + v[n - 1].len, strlen(text));
	arena_fini(&a);
	free(text);
}

static void values(void **state)
{
	static const char *const cases[][2] = {{"'x'", "x"}, {"''", ""}, {"'it''s'", "it's"}, {"''''", "'"},
		{"1", "1"}, {"E'x'", "E'x'"}, {"$$x$$", "$$x$$"}, {"'", "'"}};
	struct arena a = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(
			span_is(constants_value(span_of(cases[i][0], strlen(cases[i][0])), &a), cases[i][1]));
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds),
		cmocka_unit_test(comments_alone),
		cmocka_unit_test(not_split),
		cmocka_unit_test(many),
		cmocka_unit_test(values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
