/* SPDX-License-Identifier: MIT */
#include "main/options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>
#include "test.h"

static int parse(struct options *o, const char *const *words)
{
	char *argv[16] = {(char *)"pgveild"};
	int n = 1, quiet = open("/dev/null", O_WRONLY | O_CLOEXEC), err = dup(STDERR_FILENO), r;

	for (; words[n - 1]; n++)
		argv[n] = (char *)words[n - 1];
	dup2(quiet, STDERR_FILENO);
	optind = 0;
	r = options_parse(o, n, argv);
	dup2(err, STDERR_FILENO);
	close(err);
	close(quiet);
	return r;
}

#define PARSE(o, ...) parse((o), (const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void defaults(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(&o), 0);
	assert_string_equal(o.run_dir, "/run/pgveil");
	assert_int_equal(o.max_age_ms, 5000);
	assert_int_equal(o.cell_max, 1 << 20);
	assert_int_equal(o.log_level, LOG_INFO);
	assert_int_equal(o.message_max, 16 << 20);
	assert_int_equal(o.ready_fd, -1);
	assert_int_equal(o.splice, SPLICE_AUTO);
	assert_true(o.workers >= 1);
	assert_null(o.cgroup_root);
}

static void taken(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(PARSE(&o, "--policy", "a", "--policy=b", "--workers", "3", "--catalog-max-age=250ms",
				 "--log-level", "debug", "--foreground", "--run-dir", "/x"),
		0);
	assert_int_equal(o.npolicies, 2);
	assert_string_equal(o.policies[1], "b");
	assert_int_equal(o.workers, 3);
	assert_int_equal(o.max_age_ms, 250);
	assert_int_equal(o.log_level, LOG_DEBUG);
	assert_string_equal(o.run_dir, "/x");
	assert_int_equal(PARSE(&o, "--splice", "off"), 0);
	assert_int_equal(o.splice, SPLICE_OFF);
	assert_int_equal(PARSE(&o, "--splice", "force"), 0);
	assert_int_equal(o.splice, SPLICE_FORCE);
	assert_int_equal(PARSE(&o, "--splice", "on"), -EINVAL);
	assert_int_equal(PARSE(&o, "--cell-max", "4096"), 0);
	assert_int_equal(o.cell_max, 4096);
	assert_int_equal(PARSE(&o, "--cell-max", "0"), -EINVAL);
	assert_int_equal(PARSE(&o, "--catalog-max-age", "0"), 0);
	assert_int_equal(o.max_age_ms, 0);
	assert_int_equal(PARSE(&o, "--message-max", "512KiB"), 0);
	assert_int_equal(o.message_max, 512 << 10);
	assert_int_equal(PARSE(&o, "--message-max", "1024MiB"), 0);
	assert_int_equal(PARSE(&o, "--catalog-max-age", "2s"), 0);
	assert_int_equal(o.max_age_ms, 2000);
	/* What comes after it is not looked at. */
	assert_int_equal(PARSE(&o, "--help", "--nonsense"), 0);
	assert_true(o.help);
}

static void refused(void **state)
{
	static const char *const bad[][2] = {
		{"--workers", "0"},
		{"--workers", "-1"},
		{"--workers", "257"},
		{"--workers", "2x"},
		{"--max-connections", "99999999999999999999"},
		{"--catalog-max-age", "5"},
		{"--catalog-max-age", "5m"},
		{"--catalog-max-age", "-1s"},
		{"--message-max", "16777216"},
		{"--message-max", "64KiB"},
		{"--message-max", "1025MiB"},
		{"--message-max", "-1MiB"},
		{"--message-max", "18014398509481985KiB"},
		{"--log-level", "loud"},
		{"--ready-fd", "1000000"},
		{"--ready-fd", "4294967296"},
		{"--nonsense", "1"},
		{"--foreground", "word"},
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(PARSE(&o, bad[i][0], bad[i][1]), -EINVAL);
	assert_int_equal(PARSE(&o, "--run-dir"), -EINVAL);
}

static void too_many_policies(void **state)
{
	char *argv[OPTIONS_POLICIES + 2] = {(char *)"pgveild"};
	struct options o;

	(void)state;
	for (int i = 1; i <= OPTIONS_POLICIES + 1; i++)
		argv[i] = (char *)"--policy=x";
	optind = 0;
	assert_int_equal(options_parse(&o, OPTIONS_POLICIES + 1, argv), 0);
	optind = 0;
	assert_int_equal(options_parse(&o, OPTIONS_POLICIES + 2, argv), -EINVAL);
}

static void ready_fd_is_not_inherited(void **state)
{
	struct options o;
	char number[16];
	int fd = open("/dev/null", O_WRONLY);

	(void)state;
	snprintf(number, sizeof(number), "%d", fd);
	assert_int_equal(PARSE(&o, "--ready-fd", number), 0);
	assert_int_equal(o.ready_fd, fd);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(taken),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_many_policies),
		cmocka_unit_test(ready_fd_is_not_inherited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
