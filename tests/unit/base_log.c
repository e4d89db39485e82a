/* SPDX-License-Identifier: MIT */
#include "base/log.h"

#include <fcntl.h>
#include "test.h"

static char tapped[16384];
static int lines;

static void tap(void *arg, const char *event, const char *line, size_t len)
{
	assert_true(*event == 'e' || *event == 'x');
	assert_ptr_equal(arg, tapped);
	assert_true(len < sizeof(tapped));
	memcpy(tapped, line, len);
	tapped[len] = '\0';
	lines++;
}

/* The line from its event on: what comes before is the time and the level. */
static const char *rest(void)
{
	const char *p = strstr(tapped, "\"event\"");

	assert_non_null(p);
	return p;
}

static void fields(void **state)
{
	(void)state;
	log_with(LOG_WARN, "x.y",
		LOG_FIELDS(LOG_TEXT("cgroup", "/a"), LOG_NUMBER("uid", 7), LOG_TEXT("none", "")), "%d of %d",
		1, 2);
	assert_string_equal(rest(), "\"event\":\"x.y\",\"cgroup\":\"/a\",\"uid\":7,\"msg\":\"1 of 2\"}");
	assert_memory_equal(tapped, "{\"ts\":\"20", 9);
	assert_non_null(strstr(tapped, "Z\",\"level\":\"warn\","));
}

static void escaped(void **state)
{
	(void)state;
	log_with(LOG_INFO, "e", LOG_FIELDS(LOG_TEXT("a", "\"\\\n\x01\x7f")), "x");
	assert_string_equal(rest(), "\"event\":\"e\",\"a\":\"\\\"\\\\\\u000a\\u0001\\u007f\",\"msg\":\"x\"}");
}

static void not_utf8(void **state)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{"\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98"},
		{"\xff", "\xef\xbf\xbd"}, {"\xc0\xafx", "\xef\xbf\xbd\xef\xbf\xbdx"}, /* overlong */
		{"\xe0\x80\xaf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},             /* overlong */
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},             /* a surrogate */
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},                             /* cut */
		{"\xf4\x90\x80\x80",
			"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* beyond the last */
	};
	char want[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		log_with(LOG_INFO, "e", LOG_FIELDS(LOG_TEXT("a", table[i].in)), "x");
		snprintf(want, sizeof(want), "\"event\":\"e\",\"a\":\"%s\",\"msg\":\"x\"}", table[i].out);
		assert_string_equal(rest(), want);
	}
}

/* However much is said, the line ends as a line of JSON ends. */
static void long_ones(void **state)
{
	char text[20000];

	(void)state;
	for (size_t n = 7000; n < sizeof(text) - 1; n += 1) {
		if (n > 9000 && n % 997)
			continue;
		memset(text, n % 2 ? '"' : 'a', n);
		text[n] = '\0';
		log_with(LOG_INFO, "e", LOG_FIELDS(LOG_TEXT("a", text), LOG_NUMBER("b", UINT64_MAX)), "%s",
			text);
		assert_true(strlen(tapped) < 8192);
		assert_string_equal(tapped + strlen(tapped) - 1, "}");
		assert_true(tapped[strlen(tapped) - 2] == '"' || tapped[strlen(tapped) - 2] == '5');
	}
}

static void levels(void **state)
{
	int before = lines;

	(void)state;
	log_event(LOG_DEBUG, "e", "not kept");
	assert_int_equal(lines, before);
	log_event(LOG_INFO, "e", "kept, and not written");
	assert_int_equal(lines, before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(escaped),
		cmocka_unit_test(not_utf8),
		cmocka_unit_test(long_ones),
		cmocka_unit_test(levels),
	};

	log_set_level(LOG_ERROR);
	log_set_tap(tap, tapped);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
