/* SPDX-License-Identifier: MIT */
#include "value/utf8.h"

#include "test.h"

static bool valid(const void *bytes, size_t n)
{
	struct guarded g = guard_copy(bytes, n);
	bool r = utf8_valid(span_of(g.p, n));

	guard_free(&g);
	return r;
}
#define VALID(s) valid(s, sizeof(s) - 1)

static void accepted(void **state)
{
	(void)state;
	assert_true(VALID(""));
	assert_true(VALID("plain ASCII, longer than one word"));
	assert_true(VALID("\0"));
	assert_true(VALID("\x7f\xc2\x80\xdf\xbf"));                             /* both ends of two bytes */
	assert_true(VALID("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf")); /* round the surrogates */
	assert_true(VALID("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"));
	assert_true(VALID("12345678\xc3\xa9"));
}

static void refused(void **state)
{
	(void)state;
	assert_false(VALID("\x80"));
	assert_false(VALID("\xc0\x80")); /* overlong NUL */
	assert_false(VALID("\xc1\xbf"));
	assert_false(VALID("\xe0\x9f\xbf"));
	assert_false(VALID("\xed\xa0\x80")); /* surrogate */
	assert_false(VALID("\xf0\x8f\xbf\xbf"));
	assert_false(VALID("\xf4\x90\x80\x80")); /* above U+10FFFF */
	assert_false(VALID("\xf5\x80\x80\x80"));
	assert_false(VALID("\xff"));
	assert_false(VALID("abcdefgh\xe9t\xe9")); /* Latin-1 */
	assert_false(VALID("\xe2\x82\x28"));
	assert_false(VALID("\xf0\x9f\x98\xc0"));
}

/* Every proper beginning of a sequence is refused and none is read past its end. */
static void cut_short(void **state)
{
	static const char smile[] = "a\xf0\x9f\x98\x80";
	size_t n;

	(void)state;
	for (n = 2; n < 5; n++)
		assert_false(valid(smile, n));
	assert_true(valid(smile, 5));
}

/* Against a decoder that knows only code points: each of them, encoded. */
static void all_code_points(void **state)
{
	uint32_t c;

	(void)state;
	for (c = 0; c < 0x120000; c++) {
		uint8_t b[4] = {0xf0 | c >> 18, 0x80 | (c >> 12 & 63), 0x80 | (c >> 6 & 63), 0x80 | (c & 63)};
		uint8_t *p = b;

		if (c < 0x80) {
			*(p = b + 3) = (uint8_t)c;
		} else if (c < 0x800) {
			p = b + 2;
			*p = 0xc0 | c >> 6;
		} else if (c < 0x10000) {
			p = b + 1;
			*p = 0xe0 | c >> 12;
		}
		assert_int_equal(utf8_valid(span_of(p, (size_t)(b + 4 - p))),
			c < 0x110000 && (c < 0xd800 || c > 0xdfff));
	}
}

static void parts(void **state)
{
	struct span s = SPAN_LIT("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"); /* a é € 😀 z */

	(void)state;
	assert_int_equal(utf8_chars(s), 5);
	assert_int_equal(utf8_chars((struct span){0}), 0);
	assert_true(span_is(utf8_first(s, 0), ""));
	assert_true(span_is(utf8_first(s, 2), "a\xc3\xa9"));
	assert_true(span_is(utf8_first(s, 4), "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
	assert_true(span_eq(utf8_first(s, 5), s));
	assert_true(span_eq(utf8_first(s, SIZE_MAX), s));
	assert_true(span_is(utf8_last(s, 0), ""));
	assert_true(span_is(utf8_last(s, 2), "\xf0\x9f\x98\x80z"));
	assert_true(span_is(utf8_last(s, 3), "\xe2\x82\xac\xf0\x9f\x98\x80z"));
	assert_true(span_eq(utf8_last(s, 5), s));
	assert_true(span_eq(utf8_last(s, SIZE_MAX), s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted),
		cmocka_unit_test(refused),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(all_code_points),
		cmocka_unit_test(parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
