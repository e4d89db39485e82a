/* SPDX-License-Identifier: MIT */
#include "mask/regex.h"

#include "test.h"

#include "mask/work.h"

#include <pthread.h>
#include <time.h>
#include "mask/mask.h"

static struct regex *make(const char *pattern, const char *template, enum regex_match match)
{
	enum regex_part part;
	struct err e = {0};
	struct regex *r;

	if (regex_new(&r, pattern, template, match, &part, &e))
		fail_msg("%s: %s", pattern, e.msg);
	return r;
}

/* NULL: nothing may be shown. */
static void becomes(const char *pattern, const char *template, enum regex_match match, const char *text,
	const char *expected)
{
	struct regex *r = make(pattern, template, match);
	struct guarded g = guard_copy(text, strlen(text));
	struct arena a = {0};
	struct span out = regex_apply(r, span_of(g.p, g.n), &(uint32_t){WORK_STEPS}, &a);

	if (expected ? !out.p || !span_is(out, expected) : out.p != NULL)
		fail_msg("%s on \"%s\" gave %s%.*s", pattern, text, out.p ? "" : "nothing", (int)out.n,
			out.p ? (const char *)out.p : "");
	guard_free(&g);
	arena_fini(&a);
	regex_free(r);
}

static void whole(void **state)
{
	(void)state;
	becomes("(\\+\\d{1,3}) .*", "\\1 …", REGEX_WHOLE, "+44 20 7946 0958", "+44 …");
	becomes("(.).*@(.*)", "\\1***@\\2", REGEX_WHOLE, "alice@example.org", "a***@example.org");
	/* all of it, or nothing */
	becomes("\\d{3}-\\d{2}-(\\d{4})", "***-**-\\1", REGEX_WHOLE, "123-45-6789", "***-**-6789");
	becomes("\\d{3}-\\d{2}-(\\d{4})", "***-**-\\1", REGEX_WHOLE, "123-45-6789 ", NULL);
	becomes("\\d{3}-\\d{2}-(\\d{4})", "***-**-\\1", REGEX_WHOLE, "x123-45-6789", NULL);
	becomes("\\d{3}-\\d{2}-(\\d{4})", "***-**-\\1", REGEX_WHOLE, "123-45-6789\n", NULL);
	becomes("\\d{3}-\\d{2}-(\\d{4})$", "***-**-\\1", REGEX_WHOLE, "123-45-6789\n", NULL);
	becomes("a|ab", "x", REGEX_WHOLE, "ab", "x");
	becomes("", "x", REGEX_WHOLE, "", "x");
	becomes(".*", "", REGEX_WHOLE, "secret", "");
	becomes("(a)|(b)", "<\\1\\2>", REGEX_WHOLE, "b", "<b>");
	becomes(".*", "\\\\ $ $x \\\\1", REGEX_WHOLE, "x", "\\ $ $x \\1");
	becomes("(.*)\n(.*)", "\\2", REGEX_WHOLE, "one\ntwo", "two");
	/* the value itself is never the result */
	becomes("(.*)", "\\1", REGEX_WHOLE, "secret", NULL);
	becomes("(?i)SECRET", "x", REGEX_WHOLE, "secret", "x");
	/* characters, not bytes; digits of any script */
	becomes("(.).", "\\1*", REGEX_WHOLE, "é€", "é*");
	becomes("\\d+", "#", REGEX_WHOLE, "\u0664\u0661", "#");
}

static void each(void **state)
{
	(void)state;
	becomes("\\d", "#", REGEX_EACH, "room 12, floor 3", "room ##, floor #");
	becomes("\\d", "#", REGEX_EACH, "\u0664\u0661 ways", "## ways");
	becomes("\\d", "#", REGEX_EACH, "none", NULL);
	becomes("\\d", "#", REGEX_EACH, "", NULL);
	becomes("(\\w)\\w*", "\\1.", REGEX_EACH, "Ann Maria Lee", "A. M. L.");
	becomes("\\w+", "<\\0>", REGEX_EACH, "a b", "<a> <b>");
	becomes("^a", "x", REGEX_EACH, "aa", "xa");
	becomes("[0-9#]", "#", REGEX_EACH, "##", NULL);
	becomes("a\\K", "x", REGEX_EACH, "aaa", NULL); /* empty by \K */
	becomes("a\\Kb", "x", REGEX_EACH, "abab", "axax");
}

static void limits(void **state)
{
	static const char *const slow[] = {"(.*)(.*)(.*)[yz]", "(a+)+[bc]", "a*[bc]", "(a|aa)*[bc]",
		"(?:a?){50}a{50}[bc]", "(a*)*[bc]", "(?=(a+))\\1[bc]", "([a-z]+)*\\d", "((a|b)*)*[cd]",
		"[a-z]+[a-z]+[a-z]+[0-9]", "(?<=[ab])[bc]|a{1,900}[cd]", "(a++[bc]|a)+[de]", "(a(?1)?)[bc]"};
	char text[REGEX_WHOLE_MAX + 2];
	struct arena a = {0};
	struct regex *r;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(slow) * 2; i++) {
		size_t n = i & 1 ? REGEX_EACH_MAX : REGEX_WHOLE_MAX;
		clock_t before = clock();

		r = make(slow[i / 2], "x", i & 1 ? REGEX_EACH : REGEX_WHOLE);
		assert_null(regex_apply(r, span_of(text, n), &(uint32_t){WORK_STEPS}, &a).p);
		/* no measure of speed: without limits these take longer than anybody waits */
		assert_true(clock() - before < 60 * CLOCKS_PER_SEC);
		regex_free(r);
		arena_reset(&a);
	}
	/* longer than is looked at */
	r = make(".*", "x", REGEX_WHOLE);
	assert_true(
		span_is(regex_apply(r, span_of(text, REGEX_WHOLE_MAX), &(uint32_t){WORK_STEPS}, &a), "x"));
	assert_null(regex_apply(r, span_of(text, REGEX_WHOLE_MAX + 1), &(uint32_t){WORK_STEPS}, &a).p);
	regex_free(r);
	r = make("a", "x", REGEX_EACH);
	assert_int_equal(
		regex_apply(r, span_of(text, REGEX_EACH_MAX), &(uint32_t){WORK_STEPS}, &a).n, REGEX_EACH_MAX);
	assert_null(regex_apply(r, span_of(text, REGEX_EACH_MAX + 1), &(uint32_t){WORK_STEPS}, &a).p);
	regex_free(r);
	/* a result that grows */
	r = make("a", "0123456789abcdef0123456789abcdef", REGEX_EACH);
	assert_int_equal(regex_apply(r, span_of(text, 512), &(uint32_t){WORK_STEPS}, &a).n, REGEX_RESULT_MAX);
	assert_null(regex_apply(r, span_of(text, 513), &(uint32_t){WORK_STEPS}, &a).p);
	regex_free(r);
	/* more than the JIT compiler's stack: the interpreter ends it */
	r = make("(?:(a)|(b)|(c))*(z?)", "\\1\\2\\3", REGEX_WHOLE);
	assert_true(span_is(regex_apply(r, span_of(text, 2000), &(uint32_t){WORK_STEPS}, &a), "a"));
	regex_free(r);
	arena_fini(&a);
}

static void wrong(const char *pattern, const char *template, enum regex_match match, enum regex_part expected,
	const char *why)
{
	enum regex_part part;
	struct err e = {0};
	struct regex *r;

	assert_int_equal(regex_new(&r, pattern, template, match, &part, &e), -EINVAL);
	assert_null(r);
	assert_int_equal(part, expected);
	if (strcmp(e.msg, why) != 0)
		fail_msg("%s, %s: \"%s\"", pattern, template, e.msg);
}

static void mistakes(void **state)
{
	(void)state;
	wrong("(a", "", REGEX_WHOLE, REGEX_PATTERN, "at character 3: missing closing parenthesis");
	wrong("[z-a]", "", REGEX_WHOLE, REGEX_PATTERN,
		"at character 4: range out of order in character class");
	wrong("a\\C", "", REGEX_WHOLE, REGEX_PATTERN,
		"at character 4: using \\C is disabled by the application");
	wrong("a*", "", REGEX_EACH, REGEX_PATTERN, "matches an empty text, which is everywhere");
	wrong("a", "\\1", REGEX_WHOLE, REGEX_TEMPLATE, "has \\1, but the pattern has 0 groups");
	wrong("(a)", "\\1\\2", REGEX_WHOLE, REGEX_TEMPLATE, "has \\2, but the pattern has 1 group");
	wrong("(a)", "$1", REGEX_WHOLE, REGEX_TEMPLATE, "has $1; a group is written \\1");
	wrong("a", "\\0", REGEX_WHOLE, REGEX_TEMPLATE, "has \\0, which would show the whole value");
	wrong("a", "x\\", REGEX_WHOLE, REGEX_TEMPLATE,
		"has a \\ without a digit behind it; \\\\ is a backslash");
	wrong("a", "\\n", REGEX_EACH, REGEX_TEMPLATE,
		"has a \\ without a digit behind it; \\\\ is a backslash");
}

static void cells(void **state)
{
	struct mask m = {.kind = MASK_REGEX};
	const struct value_shape text = {.type = VALUE_TEXT, .typmod = -1},
				 three = {.type = VALUE_VARCHAR, .typmod = 7};
	struct arena a = {0};

	(void)state;
	assert_null(mask_apply(&m, &text, SPAN_LIT("a"), &a).p); /* zero shows nothing */
	m.regex = make("(a+)b", "<\\1>", REGEX_WHOLE);
	assert_true(span_is(mask_apply(&m, &text, SPAN_LIT("aab"), &a), "<aa>"));
	assert_true(span_is(mask_apply(&m, &text, SPAN_LIT("aa"), &a), "****"));
	assert_true(span_is(mask_apply(&m, &text, SPAN_LIT("aab\xff"), &a), "****"));
	assert_true(span_is(mask_apply(&m, &three, SPAN_LIT("ab"), &a), "<a>"));
	assert_true(span_is(mask_apply(&m, &three, SPAN_LIT("aab"), &a), "***"));
	mask_fini(&m);
	assert_null(m.regex);
	arena_fini(&a);
}

static void *many(void *arg)
{
	struct arena a = {0};

	for (unsigned i = 0; i < 5000; i++) {
		if (!span_is(regex_apply(arg, SPAN_LIT("aaaab"), &(uint32_t){WORK_STEPS}, &a), "<aaaa>"))
			return arg;
		arena_reset(&a);
	}
	arena_fini(&a);
	return NULL;
}

static void threads(void **state)
{
	struct regex *r = make("(a+)b", "<\\1>", REGEX_WHOLE);
	pthread_t t[4];
	void *failed;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, many, r), 0);
	for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
		assert_int_equal(pthread_join(t[i], &failed), 0);
		assert_null(failed);
	}
	regex_free(r);
	regex_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(each),
		cmocka_unit_test(limits),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(cells),
		cmocka_unit_test(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
