/* SPDX-License-Identifier: MIT */
#include "test.h"

#include "kube/splitter.h"

static const char stream[] = "{\"a\":{\"b\":\"}{\\\"\\\\\"}}\n{}  {\"c\":[{},{}]}\r\n";

/* Whatever the pieces are, the objects are these. */
static void any_pieces(void **state)
{
	(void)state;
	for (size_t piece = 1; piece <= sizeof(stream); piece++) {
		static const char *const want[] = {"{\"a\":{\"b\":\"}{\\\"\\\\\"}}", "{}", "{\"c\":[{},{}]}"};
		struct splitter s;
		struct span o;
		unsigned n = 0;

		splitter_init(&s, 64);
		for (size_t at = 0; at < sizeof(stream) - 1; at += piece) {
			size_t left = sizeof(stream) - 1 - at;
			enum wire w;

			assert_int_equal(splitter_put(&s, stream + at, left < piece ? left : piece), 0);
			while ((w = splitter_next(&s, &o)) == WIRE_OK) {
				assert_true(n < ARRAY_LEN(want));
				assert_true(span_is(o, want[n++]));
			}
			assert_int_equal(w, WIRE_MORE);
		}
		assert_int_equal(n, ARRAY_LEN(want));
		assert_true(splitter_between(&s));
		splitter_fini(&s);
	}
}

static void what_is_no_object(void **state)
{
	static const char *const bad[] = {"[]", "x{}", "\"{}\"", "}", "{} ]", "{}1", "{]", "{{", "{\"a\"}",
		"{\"a\":}", "{\"a\" 1}", "{\"a\":1 2}", "{\"a\":1,}", "{,}", "{\"a\":[1,]}", "{\"a\":[,1]}",
		"{\"a\":[1}", "{\"a\":1]", "{\"a\":\"\n\"}", "{\"a\":1{\"b\":2}}",
		"{\"a\":{\"b\":1\n{\"a\":", "{\"a\":\"x\n", "{a:1}", "{\"a\":1:2}", "{\"a\":\"b\"\"c\"}",
		"{\"a\":$}", "{\"a\":[[]{}]}"};
	struct splitter s;
	struct span o;
	enum wire w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		splitter_init(&s, 64);
		assert_int_equal(splitter_put(&s, bad[i], strlen(bad[i])), 0);
		while ((w = splitter_next(&s, &o)) == WIRE_OK)
			;
		assert_int_equal(w, WIRE_BAD);
		assert_int_equal(splitter_next(&s, &o), WIRE_BAD);
		assert_false(splitter_between(&s));
		splitter_fini(&s);
	}
}

static void depth(void **state)
{
	char text[3 * SPLITTER_DEPTH_MAX + 16];
	struct splitter s;
	struct span o;

	(void)state;
	for (unsigned n = SPLITTER_DEPTH_MAX - 1; n <= SPLITTER_DEPTH_MAX; n++) {
		size_t at = 0;

		at += (size_t)sprintf(text, "{\"a\":");
		memset(text + at, '[', n);
		memset(text + at + n, ']', n);
		strcpy(text + at + 2 * (size_t)n, "}");
		splitter_init(&s, sizeof(text));
		assert_int_equal(splitter_put(&s, text, strlen(text)), 0);
		assert_int_equal(splitter_next(&s, &o), n < SPLITTER_DEPTH_MAX ? WIRE_OK : WIRE_BAD);
		splitter_fini(&s);
	}
}

/* An end in the middle is none, and what is too long is not held. */
static void bounds(void **state)
{
	struct splitter s;
	struct span o;
	int rc = 0;
	size_t put = 0;

	(void)state;
	splitter_init(&s, 100);
	assert_int_equal(splitter_put(&s, "{\"a\":\"", 6), 0);
	assert_int_equal(splitter_next(&s, &o), WIRE_MORE);
	assert_false(splitter_between(&s));
	for (; !rc && put < 1000; put += 10) {
		rc = splitter_put(&s, "xxxxxxxxxx", 10);
		assert_int_equal(splitter_next(&s, &o), WIRE_MORE);
	}
	assert_int_equal(rc, -EMSGSIZE);
	assert_true(put <= 120);
	splitter_fini(&s);

	splitter_init(&s, 10);
	assert_int_equal(splitter_put(&s, "{\"a\":12345678}", 14), 0);
	assert_int_equal(splitter_next(&s, &o), WIRE_BAD);
	splitter_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_pieces),
		cmocka_unit_test(what_is_no_object),
		cmocka_unit_test(depth),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
