/* SPDX-License-Identifier: MIT */
/* The table itself is looked at, so its source is included. */
#include "mask/words.c"

#include "test.h"

static struct detectors words_in(const char *text)
{
	struct detectors d = {0};

	words_of(&d, (const uint8_t *)text, 0, strlen(text));
	return d;
}

static bool speaks(const char *text, enum detector which)
{
	struct detectors d = words_in(text);

	return detectors_has(&d, which);
}

static void sorted(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (i && strcmp(words[i - 1].word, words[i].word) >= 0)
			fail_msg("%s stands before %s", words[i - 1].word, words[i].word);
		assert_true(strlen(words[i].word) <= WORD_MAX && words[i].for_whom[0] != NOBODY);
		assert_int_equal(words[i].word[strspn(words[i].word, "abcdefghijklmnopqrstuvwxyz")], 0);
		assert_true(speaks(words[i].word, words[i].for_whom[0]));
	}
}

static void where_words_end(void **state)
{
	struct detectors d = {0};

	(void)state;
	assert_true(speaks("SSN", DETECT_US_SSN) && speaks("customer_ssn2", DETECT_US_SSN) &&
		    speaks("customerSsn", DETECT_US_SSN) && speaks(" the ssn:", DETECT_US_SSN));
	assert_false(speaks("assn", DETECT_US_SSN) || speaks("ssnx", DETECT_US_SSN) ||
		     speaks("\x80ssn", DETECT_US_SSN) || speaks("", DETECT_US_SSN));
	/* the window begins within a word */
	words_of(&d, (const uint8_t *)"assn tel", 1, 8);
	assert_false(detectors_has(&d, DETECT_US_SSN));
	assert_true(detectors_has(&d, DETECT_PHONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(sorted), cmocka_unit_test(where_words_end)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
