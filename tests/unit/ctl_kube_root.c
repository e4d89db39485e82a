/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "base/attr.h"
#include "ctl/kube_root.h"

#define UID "cc1f800f-00d3-4c27-a123-4fd670a1973a"

static char top[] = "/tmp/pgveil-kube-root-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(top) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void make(const char *mount, const char *below)
{
	char path[PATH_MAX];

	for (size_t i = 1; i <= strlen(below); i++) {
		if (below[i] != '/' && below[i])
			continue;
		snprintf(path, sizeof(path), "%s%.*s", mount, (int)i, below);
		assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
	}
}

/* What of a tree with these directories is found; own: where the daemon is. expect: below the mount, or NULL.
 */
static void found(int r, const char *const *dirs, const char *own, const char *expect)
{
	static unsigned n;
	char mount[64], out[PATH_MAX], path[PATH_MAX];
	struct err e = {0};

	snprintf(mount, sizeof(mount), "%s/%u", top, n++);
	assert_int_equal(mkdir(mount, 0700), 0);
	for (; *dirs; dirs++)
		make(mount, *dirs);
	assert_int_equal(kube_root_find(mount, own, out, sizeof(out), &e), r);
	if (r) {
		assert_non_null(strstr(e.msg, "--cgroup-root"));
		return;
	}
	snprintf(path, sizeof(path), "%s%s", mount, expect);
	assert_string_equal(out, path);
}

static void found_by_name(void **state)
{
	static const char service[] = "/system.slice/pgveild.service";

	(void)state;
	found(0, (const char *const[]){"/system.slice", "/kubepods.slice/kubepods-burstable.slice", NULL},
		service, "/kubepods.slice");
	found(0, (const char *const[]){"/kubepods/burstable/pod" UID, NULL}, service, "/kubepods");
	found(0, (const char *const[]){"/kubelet.slice/kubelet-kubepods.slice/x", "/init.scope", NULL},
		service, "/kubelet.slice/kubelet-kubepods.slice");
	/* What is nearer is the kubelet's of this machine, and not that of a container on it. */
	found(0, (const char *const[]){"/docker/0/kubelet/kubepods", "/kubepods/pod" UID "/x/kubepods", NULL},
		service, "/kubepods");
	found(-ENOENT, (const char *const[]){"/system.slice/kubepods.service", "/user.slice/kubepodsx", NULL},
		service, NULL);
	found(-ENOENT, (const char *const[]){"/1/2/3/4/kubepods", NULL}, service, NULL);
	found(-EBUSY, (const char *const[]){"/kubepods", "/kubepods.slice", NULL}, service, NULL);
	found(-EBUSY, (const char *const[]){"/docker/0/kubepods", "/docker/1/kubepods", NULL}, service, NULL);
}

/* A daemon in a pod knows without a look: also where there are others. */
static void found_by_where_we_are(void **state)
{
	static const char *const two[] = {"/kubepods", "/kubepods.slice", NULL};

	(void)state;
	found(0, two, "/kubepods.slice/kubepods-pod" UID ".slice/cri-containerd-0.scope", "/kubepods.slice");
	found(0, two, "/kubepods/pod" UID "/0", "/kubepods");
	found(-EBUSY, two, "/pods/pod" UID "/0", NULL);
}

static void what_does_not_fit(void **state)
{
	char out[8];
	struct err e = {0};

	(void)state;
	assert_int_equal(
		kube_root_find("/sys/fs/cgroup", "/kubepods/pod" UID, out, sizeof(out), &e), -ENAMETOOLONG);
	assert_int_equal(kube_root_find("/nowhere", "/", out, sizeof(out), &e), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_by_name),
		cmocka_unit_test(found_by_where_we_are),
		cmocka_unit_test(what_does_not_fit),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
