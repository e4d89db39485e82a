/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <sys/stat.h>
#include "ctl/credential.h"
#include "policy/policy.h"

static char path[64];

static int make_file(void **state)
{
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/tmp/credential.XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

static void put(const char *bytes, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, n, f), n);
	fclose(f);
}

static void the_newline_at_the_end_is_not_part_of_it(void **state)
{
	static const char *const row[][2] = {
		{"secret", "secret"},
		{"secret\n", "secret"},
		{"secret\r\n", "secret"},
		{" se cret \n", " se cret "},
		{"two\nlines\n", "two\nlines"},
		{"pässword\n", "pässword"},
	};
	const struct database d = {.password_file = path};
	char out[32];
	bool has;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		put(row[i][0], strlen(row[i][0]));
		assert_int_equal(credential_password(&d, out, sizeof(out), &has, NULL), 0);
		assert_true(has);
		assert_string_equal(out, row[i][1]);
	}
}

static void what_cannot_be_a_password_is_a_failure(void **state)
{
	static const struct {
		const char *p;
		size_t n;
	} row[] = {{"", 0}, {"\n", 1}, {"a\0b", 3}, {"0123456789abcdef", 16}, {"0123456789abcdef0123", 20}};
	const struct database d = {.password_file = path};
	char out[16];
	struct err e;
	bool has;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(row); i++) {
		put(row[i].p, row[i].n);
		memset(out, 'x', sizeof(out));
		assert_int_not_equal(credential_password(&d, out, sizeof(out), &has, &e), 0);
		assert_false(has);
		/* Nothing of it is left behind, nor said. */
		for (size_t k = 0; k < sizeof(out); k++)
			assert_int_equal(out[k], 0);
		assert_null(strstr(e.msg, "0123"));
	}
}

static void no_file_named_is_no_password_and_a_missing_one_a_failure(void **state)
{
	struct database d = {0};
	char out[16];
	bool has = true;

	(void)state;
	assert_int_equal(credential_password(&d, out, sizeof(out), &has, NULL), 0);
	assert_false(has);
	d.password_file = "/nonexistent/pgveil";
	assert_int_equal(credential_password(&d, out, sizeof(out), &has, NULL), -ENOENT);
	d.password_file = "/tmp";
	assert_int_equal(credential_password(&d, out, sizeof(out), &has, NULL), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_newline_at_the_end_is_not_part_of_it),
		cmocka_unit_test(what_cannot_be_a_password_is_a_failure),
		cmocka_unit_test(no_file_named_is_no_password_and_a_missing_one_a_failure),
	};

	return cmocka_run_group_tests(tests, make_file, remove_file);
}
