/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "base/attr.h"
#include "kern/cgroup.h"

static char mount[PATH_MAX];

static bool have_mount(void)
{
	struct err e;

	if (cgroup_mount(mount, sizeof(mount), &e) == 0)
		return true;
	fprintf(stderr, "NOT RUN: %s\n", e.msg);
	return false;
}

static void test_mount_is_cgroup2(void **state)
{
	char path[PATH_MAX], tiny[4];
	struct err e;

	(void)state;
	if (!have_mount())
		skip();
	snprintf(path, sizeof(path), "%.4000s/cgroup.procs", mount);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(cgroup_mount(tiny, sizeof(tiny), &e), -ENAMETOOLONG);
}

static void test_own_path(void **state)
{
	char path[PATH_MAX], tiny[1];
	struct err e;

	(void)state;
	assert_int_equal(cgroup_of_pid(getpid(), path, sizeof(path), &e), 0);
	assert_int_equal(path[0], '/');
	assert_int_equal(cgroup_of_pid(getpid(), tiny, sizeof(tiny), &e), -ENAMETOOLONG);
	assert_int_equal(cgroup_of_pid(0x7ffffff0, path, sizeof(path), &e), -ENOENT);
}

static void test_id_is_the_directorys(void **state)
{
	struct stat st;
	struct err e;
	uint64_t id;

	(void)state;
	if (!have_mount())
		skip();
	assert_int_equal(cgroup_id(mount, &id, &e), 0);
	assert_int_equal(stat(mount, &st), 0);
	assert_int_equal(id, st.st_ino);
	assert_int_equal(cgroup_id("/proc", &id, &e), -EINVAL);
	assert_int_equal(cgroup_id("/no/such/directory", &id, &e), -ENOENT);
}

static bool is_pid(void *arg, pid_t pid)
{
	return *(const pid_t *)arg == pid;
}

/* One tree: path, processes, entering. */
static void test_a_private_tree(void **state)
{
	char top[PATH_MAX], leaf[PATH_MAX], path[PATH_MAX], want[64], small[24];
	struct err e = {0};
	uint64_t id;
	pid_t child, other = -1;

	(void)state;
	if (!have_mount())
		skip();
	snprintf(top, sizeof(top), "%.4000s/pgvu%d", mount, (int)getpid());
	if (mkdir(top, 0755) < 0) {
		fprintf(stderr, "NOT RUN: cannot make %s (root?)\n", top);
		skip();
	}
	snprintf(leaf, sizeof(leaf), "%.4050s/a.slice", top);
	assert_int_equal(mkdir(leaf, 0755), 0);
	snprintf(leaf, sizeof(leaf), "%.4050s/a.slice/b.scope", top);
	assert_int_equal(mkdir(leaf, 0755), 0);

	assert_int_equal(cgroup_id(leaf, &id, &e), 0);
	snprintf(want, sizeof(want), "/pgvu%d/a.slice/b.scope", (int)getpid());
	assert_int_equal(cgroup_path(mount, top, id, path, sizeof(path), &e), 0);
	assert_string_equal(path, want);
	assert_int_equal(cgroup_path(mount, leaf, id, path, sizeof(path), &e), 0);
	assert_string_equal(path, want);
	assert_int_equal(cgroup_path(mount, mount, id, path, sizeof(path), &e), 0);
	assert_string_equal(path, want);
	assert_int_equal(cgroup_path(mount, top, id, small, sizeof(small), &e), -ENAMETOOLONG);
	assert_int_equal(cgroup_path(mount, top, id + 0x100000000, path, sizeof(path), &e), -ENOENT);
	assert_int_equal(cgroup_path(mount, "/elsewhere", id, path, sizeof(path), &e), -EINVAL);
	assert_int_equal(cgroup_id(mount, &id, &e), 0);
	assert_int_equal(cgroup_path(mount, mount, id, path, sizeof(path), &e), 0);
	assert_string_equal(path, "/");

	assert_int_equal(cgroup_any_pid(top), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		pause();
		_exit(0);
	}
	assert_int_equal(cgroup_enter(leaf, child, &e), 0);
	assert_int_equal(cgroup_any_pid(top), child);
	assert_int_equal(cgroup_find_pid(top, is_pid, &child), child);
	assert_int_equal(cgroup_find_pid(top, is_pid, &other), 0);
	other = fork();
	assert_true(other >= 0);
	if (!other) {
		pause();
		_exit(0);
	}
	assert_int_equal(cgroup_enter(leaf, other, &e), 0);
	assert_int_equal(cgroup_find_pid(top, is_pid, &child), child);
	assert_int_equal(cgroup_find_pid(top, is_pid, &other), other);
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_int_equal(waitpid(other, NULL, 0), other);
	assert_int_equal(cgroup_of_pid(child, path, sizeof(path), &e), 0);
	assert_string_equal(path, want);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_true(cgroup_enter(leaf, child, &e) < 0);

	assert_int_equal(rmdir(leaf), 0);
	*strrchr(leaf, '/') = '\0';
	assert_int_equal(rmdir(leaf), 0);
	assert_int_equal(rmdir(top), 0);
	assert_int_equal(cgroup_any_pid(top), 0);
}

static void test_unit(void **state)
{
	static const struct {
		const char *path, *unit;
	} rows[] = {
		{"/system.slice/claude.service", "claude.service"},
		{"/agents.slice/claude-1.scope", "claude-1.scope"},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope", "user@1000.service"},
		{"/agents.slice/claude.service/finance.service", "claude.service"},
		{"/agents.slice/claude-1.scope/a/finance.service/b", "claude-1.scope"},
		{"/system.slice/docker.service/inner/deep", "docker.service"},
		{"/agents.slice", ""},
		{"/", ""},
		{"", ""},
		{"/.service", ""},
		{"/a.service/", "a.service"},
		{"/x.service.d/y", ""},
	};
	char out[64], tiny[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		cgroup_unit(rows[i].path, out, sizeof(out));
		assert_string_equal(out, rows[i].unit);
	}
	cgroup_unit("/claude.service", tiny, sizeof(tiny));
	assert_string_equal(tiny, "");
	cgroup_unit("/claude.service/a.scope", tiny, sizeof(tiny));
	assert_string_equal(tiny, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mount_is_cgroup2),
		cmocka_unit_test(test_own_path),
		cmocka_unit_test(test_id_is_the_directorys),
		cmocka_unit_test(test_a_private_tree),
		cmocka_unit_test(test_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
