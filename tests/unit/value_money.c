/* SPDX-License-Identifier: MIT */
#include "value/money.h"

#include "test.h"
#include "value_styles.h"

static void there_and_back(void **state)
{
	static const int64_t amounts[] = {0, 1, -1, 9, 10, 99, 100, 101, 12345, -12345, 99999, 100000,
		1000000, 123456789012345, INT64_MAX, INT64_MIN, INT64_MIN + 1};
	char text[MONEY_TEXT_MAX];

	(void)state;
	for (size_t k = 0; k < STYLES; k++) {
		struct value_style s = style_at(k);

		assert_true(s.money.known);
		for (size_t i = 0; i < sizeof(amounts) / sizeof(amounts[0]); i++) {
			size_t n = money_put(&s.money, text, amounts[i]);
			struct guarded g = guard_copy(text, n);
			int64_t back;

			assert_true(n > 0 && money_get(&s.money, span_of(g.p, n), &back));
			assert_true(back == amounts[i]);
			guard_free(&g);
		}
	}
}

/* What PostgreSQL 15 writes, with lc_monetary en_US.utf8, de_DE.utf8 and ja_JP.utf8. */
static void known_texts(void **state)
{
	static const struct {
		size_t style;
		int64_t amount;
		const char *text;
	} known[] = {
		{0, 0, "$0.00"},
		{0, 5, "$0.05"},
		{0, -123456, "-$1,234.56"},
		{0, INT64_MAX, "$92,233,720,368,547,758.07"},
		{0, INT64_MIN, "-$92,233,720,368,547,758.08"},
		{1, 123456, "1.234,56 \u20ac"},
		{2, 123456, "\u00a5123,456"},
		{3, -100, "($1.00)"},
		{7, 1234567, "KD 1234.567"},
	};
	char text[MONEY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct value_style s = style_at(known[i].style);
		size_t n = money_put(&s.money, text, known[i].amount);

		assert_true(span_is(span_of(text, n), known[i].text));
	}
}

static void not_read(void **state)
{
	static const char *const bad[] = {"", "$", "0", "1.00", "$1", "$1.0", "$1234.00", "$1,23.00",
		"$01.00", "1,00 \u20ac", "$1.00 ", "$92,233,720,368,547,758.08", "$1.0\x30\x30", "-$0.00"};
	struct value_style s = style_at(0);
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct guarded g = guard_copy(bad[i], strlen(bad[i]));

		assert_false(money_get(&s.money, span_of(g.p, g.n), &v));
		guard_free(&g);
	}
	assert_false(money_get(&(struct money_format){0}, SPAN_LIT("$1.00"), &v));
}

/* Samples that are no format that this can write again. */
static void not_learnt(void **state)
{
	static const char *const bad[][2] = {{"", ""}, {"$1,234,567.00", "$1,234,567.00"},
		{"$1,234,567.00", ""}, {"$12,34,567.00", "-$12,34,567.00"},
		{"$1234567.00.00", "-$1234567.00.00"}, {"$123456.00", "-$123456.00"},
		{"$7654321.00", "-$7654321.00"},
		{"a very long currency 1234567", "-a very long currency 1234567"},
		{"$1,234,567.0000000000", "-$1,234,567.0000000000"}, {"$1,234.567,00", "-$1,234.567,00"}};
	struct money_format f;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(money_format_learn(&f, style_span(bad[i][0]), style_span(bad[i][1])));
		assert_false(f.known);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(known_texts),
		cmocka_unit_test(not_read),
		cmocka_unit_test(not_learnt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
