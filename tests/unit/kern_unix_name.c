/* SPDX-License-Identifier: MIT */
/* bpf/unix_name.h on the host: what is a PostgreSQL server's socket. */
#include "test.h"

#include <string.h>
#include "base/attr.h"
#include "bpf/unix_name.h"

static struct unix_name name_of(const char *bytes, size_t n)
{
	struct unix_name name = {.len = (__u16)n};

	memcpy(name.bytes, bytes, n);
	return name;
}

#define NAME(literal) name_of(literal, sizeof(literal) - 1)

static void test_what_is_a_servers(void **state)
{
	struct unix_name yes[] = {
		NAME("/var/run/postgresql/.s.PGSQL.5432"),
		NAME("/var/run/postgresql/.s.PGSQL.5432\0"),
		NAME("/.s.PGSQL.1"),
		NAME(".s.PGSQL.5432"),
		NAME("./.s.PGSQL.5432"),
		NAME("../x/../.s.PGSQL.5432"),
		NAME("/tmp//.s.PGSQL.5432"),
		NAME("/a/.s.PGSQL.x/.s.PGSQL.6432"),
		NAME("/tmp/.s.PGSQL."),
		NAME("/tmp/.s.PGSQL.5432\0/behind/the/end"),
		NAME("\0pg/.s.PGSQL.5432"),
		NAME("\0.s.PGSQL.5432"),
		NAME("\0a\0b/.s.PGSQL.5432"),
		NAME("\0pg/.s.PGSQL.5432\0\0"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (!unix_name_is_postgres(&yes[i]))
			fail_msg("%zu: %s", i, yes[i].bytes + !yes[i].bytes[0]);
}

static void test_what_is_not(void **state)
{
	struct unix_name no[] = {
		NAME(""),
		NAME("/run/docker.sock"),
		NAME("/tmp/.s.PGSQL"),
		NAME("/tmp/s.PGSQL.5432"),
		NAME("/tmp/x.s.PGSQL.5432"),
		NAME("/tmp/.s.pgsql.5432"),
		NAME("/tmp/.s.PGSQL.5432/"),
		NAME("/tmp/.s.PGSQL.5432/x"),
		NAME("/tmp/.s.PGS\0QL.5432"),
		NAME("/tmp/x\0/.s.PGSQL.5432"),
		NAME("\0pg.s.PGSQL.5432"),
		NAME("\0pg/.s.PGSQ\0L.5432"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (unix_name_is_postgres(&no[i]))
			fail_msg("%zu: %s", i, no[i].bytes + !no[i].bytes[0]);
}

static void test_every_length_of_a_long_path(void **state)
{
	(void)state;
	for (size_t dir = 1; dir + 1 + 13 <= UNIX_NAME_MAX; dir++) {
		struct unix_name name = {.len = UNIX_NAME_MAX};

		memset(name.bytes, 'd', dir);
		memcpy(name.bytes + dir, "/.s.PGSQL.5432", 14 <= UNIX_NAME_MAX - dir ? 14 : 13);
		assert_true(unix_name_is_postgres(&name));
		unix_name_trim(&name);
		assert_int_equal(name.len, dir + (14 <= UNIX_NAME_MAX - dir ? 14 : 13));
	}
}

static void test_trim(void **state)
{
	struct unix_name path = NAME("/a/.s.PGSQL.1\0rest"), whole = {.len = UNIX_NAME_MAX},
			 abstract = NAME("\0a\0b/.s.PGSQL.1\0");

	(void)state;
	unix_name_trim(&path);
	assert_int_equal(path.len, 13);
	memset(whole.bytes, 'x', sizeof(whole.bytes));
	unix_name_trim(&whole);
	assert_int_equal(whole.len, UNIX_NAME_MAX);
	unix_name_trim(&abstract);
	assert_int_equal(abstract.len, 16);
}

static void test_the_stricter_state(void **state)
{
	static const struct {
		enum cgroup_state a, b, want;
	} cases[] = {
		{CGROUP_EXEMPT, CGROUP_EXEMPT, CGROUP_EXEMPT},
		{CGROUP_EXEMPT, CGROUP_ENROLLED, CGROUP_ENROLLED},
		{CGROUP_ENROLLED, CGROUP_ENROLLED, CGROUP_ENROLLED},
		{CGROUP_EXEMPT, CGROUP_UNKNOWN, CGROUP_UNKNOWN},
		{CGROUP_ENROLLED, CGROUP_UNKNOWN, CGROUP_UNKNOWN},
		{CGROUP_UNKNOWN, CGROUP_UNKNOWN, CGROUP_UNKNOWN},
		{CGROUP_EXEMPT, CGROUP_DENIED, CGROUP_DENIED},
		{CGROUP_ENROLLED, CGROUP_DENIED, CGROUP_DENIED},
		{CGROUP_UNKNOWN, CGROUP_DENIED, CGROUP_DENIED},
		{CGROUP_DENIED, CGROUP_DENIED, CGROUP_DENIED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(state_stricter(cases[i].a, cases[i].b), cases[i].want);
		assert_int_equal(state_stricter(cases[i].b, cases[i].a), cases[i].want);
	}
	assert_int_equal(state_stricter(CGROUP_EXEMPT, 99), 99);
	assert_int_equal(state_stricter(CGROUP_ENROLLED, 99), CGROUP_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_a_servers),
		cmocka_unit_test(test_what_is_not),
		cmocka_unit_test(test_every_length_of_a_long_path),
		cmocka_unit_test(test_trim),
		cmocka_unit_test(test_the_stricter_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
