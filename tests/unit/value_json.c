/* SPDX-License-Identifier: MIT */
#include "value/json.h"

#include "test.h"

static bool valid(const char *text)
{
	struct guarded g = guard_copy(text, strlen(text));
	bool ok = json_valid(span_of(g.p, g.n));

	guard_free(&g);
	return ok;
}

static void grammar(void **state)
{
	static const char *const good[] = {"0", "-0", "-1.5e+10", "1E5", "true", "false", "null", "\"\"",
		"\"\\u00e9\\n\\\"\"", "[]", "{}", " [ 1 , 2 ] ", "{\"a\":{\"b\":[{}]}}", "[[[]],{}]",
		"\t{\"a\" : null}\r\n", "{\"\":\"\"}"};
	static const char *const bad[] = {"", " ", "-", "01", "1.", ".5", "1e", "1e+", "+1", "tru", "truex",
		"nul", "True", "\"", "\"a", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\n\"", "[", "]", "[1",
		"[1,]", "[,1]", "[1 2]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:2}",
		"{\"a\":1 \"b\":2}", "[}", "{]", "1 2", "[]]", "{\"a\"::1}", "\"\\", "NaN"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!valid(good[i]))
			fail_msg("is JSON: %s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (valid(bad[i]))
			fail_msg("is no JSON: %s", bad[i]);
}

static void depth(void **state)
{
	char text[2 * JSON_DEPTH_MAX + 3];

	(void)state;
	for (size_t n = JSON_DEPTH_MAX; n <= JSON_DEPTH_MAX + 1; n++) {
		memset(text, '[', n);
		memset(text + n, ']', n);
		assert_int_equal(json_valid(span_of(text, 2 * n)), n == JSON_DEPTH_MAX);
	}
}

static void tokens(void **state)
{
	static const struct {
		enum json_token t;
		const char *text;
	} want[] = {{JSON_KEY, "\"a\""}, {JSON_NUMBER, "1.50"}, {JSON_TRUE, "true"}, {JSON_KEY, "\"b\""},
		{JSON_NULL, "null"}, {JSON_STRING, "\"x\""}, {JSON_FALSE, "false"}};
	struct span token;
	struct json j;

	(void)state;
	json_start(&j, SPAN_LIT("{\"a\": [1.50, true, {\"b\": null}, \"x\", false]}"));
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(json_next(&j, &token), want[i].t);
		assert_true(span_is(token, want[i].text));
	}
	assert_int_equal(json_next(&j, &token), JSON_END);
}

static void strings(void **state)
{
	static const struct {
		const char *token, *text;
	} good[] = {{"\"\"", ""}, {"\"a\"", "a"},
		{"\"\\u00e9\\u20ac\\ud83d\\ude00\"", "\u00e9\u20ac\U0001f600"},
		{"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"}, {"\"\\u0001x\"", "\x01x"}};
	static const char *const bad[] = {"\"\\u0000\"", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83d\\u0041\"",
		"\"\\ud83dx\"", "\"\\ud83d\\n\""};
	struct arena a = {0};
	struct span text;
	uint8_t again[64];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct guarded g = guard_copy(good[i].token, strlen(good[i].token));
		size_t n;

		assert_true(json_string_get(&a, span_of(g.p, g.n), &text));
		assert_true(span_is(text, good[i].text));
		n = (size_t)(json_string_put(again, text) - again);
		assert_int_equal(n, json_string_len(text));
		assert_true(json_valid(span_of(again, n)));
		assert_true(json_string_get(&a, span_of(again, n), &text) && span_is(text, good[i].text));
		guard_free(&g);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guarded g = guard_copy(bad[i], strlen(bad[i]));

		assert_false(json_string_get(&a, span_of(g.p, g.n), &text));
		guard_free(&g);
	}
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grammar),
		cmocka_unit_test(depth),
		cmocka_unit_test(tokens),
		cmocka_unit_test(strings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
