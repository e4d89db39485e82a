/* SPDX-License-Identifier: MIT */
/* Whatever text comes from elsewhere, it does nothing where it is shown. */
#include "test.h"

#include "cli/plain.h"
#include "cli/table.h"

static void shows(const char *in, size_t n, bool lines, const char *expected, size_t width)
{
	struct guarded g = guard_copy(in, n);
	struct plain t = {0};

	assert_int_equal(plain_terminal(&t, span_of(g.p, g.n), lines), width);
	assert_string_equal(t.p ? t.p : "", expected);
	plain_fini(&t);
	guard_free(&g);
}
#define SHOWS(in, lines, expected, width) shows(in, sizeof(in) - 1, lines, expected, width)

static void terminal(void **state)
{
	(void)state;
	SHOWS("", false, "", 0);
	SHOWS("plain \xc3\xa4\xe2\x82\xac", false, "plain \xc3\xa4\xe2\x82\xac", 8);
	SHOWS("\xe6\xbc\xa2\xe5\xad\x97", false, "\xe6\xbc\xa2\xe5\xad\x97", 4);
	SHOWS("e\xcc\x81", false, "e\xcc\x81", 1);
	SHOWS("a\nb\tc", false, "a\\nb\\tc", 7);
	SHOWS("a\nb\tc", true, "a\nb    c", 6);
	SHOWS("\x1b]0;x\x07\x08\r\x7f", true, "\\x1b]0;x\\x07\\x08\\r\\x7f", 22);
	SHOWS("\xc2\x9b"
	      "2J",
		false, "\\x9b2J", 6);
	/* What turns the direction of writing, hides, or ends a line. */
	SHOWS("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8f\xe2\x80\xa8\xef\xbb\xbf", false,
		"\\u202e\\u2066\\u200f\\u2028\\ufeff", 30);
	SHOWS("\xf3\xa0\x81\x81", false, "\\U000e0041", 10);
	/* No UTF-8: cut, too long, a surrogate, beyond the last. */
	SHOWS("\xe2\x82", false, "\\xe2\\x82", 8);
	SHOWS("\xc0\x9b", false, "\\xc0\\x9b", 8);
	SHOWS("\xe0\x82\x9b", false, "\\xe0\\x82\\x9b", 12);
	SHOWS("\xed\xa0\x80", false, "\\xed\\xa0\\x80", 12);
	SHOWS("\xf4\x90\x80\x80", false, "\\xf4\\x90\\x80\\x80", 16);
	SHOWS("a\0b", false, "a\\x00b", 6);
}

static void html(void **state)
{
	static const char in[] = "</script><img src=x onerror='a(1)'>&amp;\"`\x1b\xe2\x80\xae\xff\n";
	struct guarded g = guard_copy(in, sizeof(in) - 1);
	struct plain t = {0};

	(void)state;
	plain_html(&t, span_of(g.p, g.n));
	assert_string_equal(t.p,
		"&#60;/script&#62;&#60;img src&#61;x onerror&#61;&#39;a(1)&#39;&#62;&#38;amp;&#34;&#96;"
		"<i>\\x1b</i><i>\\u202e</i><i>\\xff</i>\n");
	plain_fini(&t);
	guard_free(&g);
}

/* Of every byte, alone and behind another, nothing active comes out. */
static void whatever_it_is(void **state)
{
	(void)state;
	for (unsigned a = 0; a < 256; a++) {
		for (unsigned b = 0; b < 256; b++) {
			const uint8_t in[] = {(uint8_t)a, (uint8_t)b};
			struct plain t = {0};

			plain_terminal(&t, span_of(in, 2), false);
			for (size_t i = 0; i < t.n; i++) {
				unsigned char c = (unsigned char)t.p[i];

				assert_true(c >= 0x20 && c != 0x7f);
				assert_false(c == 0xc2 && (unsigned char)t.p[i + 1] < 0xa0);
			}
			t.n = 0;
			plain_html(&t, span_of(in, 2));
			for (size_t i = 0; i < t.n; i++)
				assert_true(
					(unsigned char)t.p[i] >= 0x20 || t.p[i] == '\n' || t.p[i] == '\t');
			plain_fini(&t);
		}
	}
}

/* What is not seen is, where somebody is to decide by it; a table shows neither. */
static void reviewed(void **state)
{
	static const char *const unseen[] = {"\xe2\x80\x8b", "\xe3\x85\xa4", "\xc2\xa0", "\xef\xb8\x8f",
		"\xe1\x85\x9f", "\xf3\xa0\x84\x80", "\xe2\x80\xae", "\xc2\x9b", "\xd8\x9c"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(unseen); i++) {
		char word[16];
		struct plain t = {0};

		snprintf(word, sizeof(word), "a%sb", unseen[i]);
		plain_reviewed(&t, span_of(word, strlen(word)));
		assert_true(t.p[0] == 'a' && t.p[1] == '\\' && t.p[t.n - 1] == 'b');
		plain_fini(&t);
		table_tame(word);
		assert_true(word[0] == 'a' && word[strlen(word) - 1] == 'b' &&
			    strspn(word + 1, "?") == strlen(unseen[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terminal),
		cmocka_unit_test(html),
		cmocka_unit_test(whatever_it_is),
		cmocka_unit_test(reviewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
