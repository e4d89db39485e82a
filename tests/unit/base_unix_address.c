/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <netinet/in.h>
#include <string.h>
#include "base/unix_address.h"

#define AT offsetof(struct sockaddr_un, sun_path)

static const char *dialled(const char *bytes, size_t n)
{
	static char text[UNIX_PATH_CAP];
	struct sockaddr_storage a;

	unix_address_dialled(&a, bytes, n);
	unix_address_text((struct sockaddr *)&a, text);
	return text;
}

#define DIALLED(literal, want) assert_string_equal(dialled(literal, sizeof(literal) - 1), want)

static void test_paths_that_mean_the_same_are_written_the_same(void **state)
{
	(void)state;
	DIALLED("/run/pg/.s.PGSQL.5432", "/run/pg/.s.PGSQL.5432");
	DIALLED("//run///pg/./.s.PGSQL.5432", "/run/pg/.s.PGSQL.5432");
	DIALLED("/./run/pg/.//.s.PGSQL.5432", "/run/pg/.s.PGSQL.5432");
	DIALLED("/run/.pg/..x/.s.PGSQL.5432", "/run/.pg/..x/.s.PGSQL.5432");
}

static void test_paths_that_may_mean_anything_stay(void **state)
{
	(void)state;
	DIALLED("/run/x/../pg/.s.PGSQL.5432", "/run/x/../pg/.s.PGSQL.5432");
	DIALLED("pg/./.s.PGSQL.5432", "pg/./.s.PGSQL.5432");
	DIALLED(".s.PGSQL.5432", ".s.PGSQL.5432");
}

static void test_abstract_names(void **state)
{
	(void)state;
	DIALLED("\0pg/.s.PGSQL.5432", "@pg/.s.PGSQL.5432");
	DIALLED("\0pg//.s.PGSQL.5432", "@pg//.s.PGSQL.5432"); /* not a path: every byte counts */
	DIALLED("\0pg/.s.PGSQL.5432\0", "@");
	DIALLED("\0pg\0/.s.PGSQL.5432", "@");
	DIALLED("", "@");
}

static bool same(const char *bytes, size_t n, const char *directory)
{
	struct sockaddr_storage a, b;

	unix_address_dialled(&a, bytes, n);
	assert_null(unix_address_of_server(&b, directory, 5432));
	return unix_address_same((struct sockaddr *)&a, (struct sockaddr *)&b);
}

#define SAME(literal, directory) same(literal, sizeof(literal) - 1, directory)

static void test_what_is_a_servers(void **state)
{
	(void)state;
	assert_true(SAME("/run/pg/.s.PGSQL.5432", "/run/pg"));
	assert_true(SAME("/run//pg/./.s.PGSQL.5432", "/run/pg/"));
	assert_true(SAME("/.s.PGSQL.5432", "/"));
	assert_true(SAME("\0pg/.s.PGSQL.5432", "@pg"));
	assert_false(SAME("/run/pg/.s.PGSQL.5433", "/run/pg"));
	assert_false(SAME("run/pg/.s.PGSQL.5432", "/run/pg"));
	assert_false(SAME("/x/../run/pg/.s.PGSQL.5432", "/run/pg"));
	assert_false(SAME("@pg/.s.PGSQL.5432", "@pg")); /* a file that begins with @ */
	assert_false(SAME("\0pg/.s.PGSQL.5432\0x", "@pg"));
	assert_false(SAME("\0/run/pg/.s.PGSQL.5432", "/run/pg"));
	assert_false(SAME("/run/pg/.s.PGSQL.5432", "@/run/pg"));
}

static void test_no_name_is_like_no_other(void **state)
{
	struct sockaddr_storage a;

	(void)state;
	unix_address_dialled(&a, "\0x\0", 3);
	assert_false(unix_address_same((struct sockaddr *)&a, (struct sockaddr *)&a));
}

static void test_directories(void **state)
{
	char longest[UNIX_PATH_CAP] = "/";
	struct sockaddr_storage a;

	(void)state;
	assert_non_null(unix_address_of_server(&a, "run", 5432));
	assert_non_null(unix_address_of_server(&a, "", 5432));
	assert_non_null(unix_address_of_server(&a, "@", 5432));
	assert_non_null(unix_address_of_server(&a, "/run/../pg", 5432));
	memset(longest + 1, 'd', 92);
	assert_null(unix_address_of_server(&a, longest, 5432));
	longest[93] = 'd';
	assert_non_null(unix_address_of_server(&a, longest, 5432));
}

static void test_lengths(void **state)
{
	struct sockaddr_storage a = {.ss_family = AF_INET};
	char path[108];

	(void)state;
	assert_int_equal(address_length((struct sockaddr *)&a), sizeof(struct sockaddr_in));
	a.ss_family = AF_INET6;
	assert_int_equal(address_length((struct sockaddr *)&a), sizeof(struct sockaddr_in6));
	unix_address_dialled(&a, "/a/.s.PGSQL.1", 13);
	assert_int_equal(address_length((struct sockaddr *)&a), AT + 13);
	unix_address_dialled(&a, "\0a/.s.PGSQL.1", 13);
	assert_int_equal(address_length((struct sockaddr *)&a), AT + 13);
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	unix_address_dialled(&a, path, sizeof(path));
	assert_int_equal(address_length((struct sockaddr *)&a), AT + 108);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths_that_mean_the_same_are_written_the_same),
		cmocka_unit_test(test_paths_that_may_mean_anything_stay),
		cmocka_unit_test(test_abstract_names),
		cmocka_unit_test(test_what_is_a_servers),
		cmocka_unit_test(test_no_name_is_like_no_other),
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
