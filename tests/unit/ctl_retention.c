/* SPDX-License-Identifier: MIT */
/* Which files go, in which order, and that none goes that somebody needs. Files are made by name and age
 * alone: what is in them is not looked at. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "ctl/retention.h"
#include "ctl/shipped.h"
#include "record/runs.h"
#include "record/segment.h"

#define DAY   UINT64_C(86400)
#define NOW   (UINT64_C(20000) * DAY)
#define BLOCK 4096

static int unlink_error; /* in the place of libc's */

int unlinkat(int fd, const char *path, int flags)
{
	if (unlink_error && strstr(path, SEGMENT_SUFFIX)) {
		errno = unlink_error;
		return -1;
	}
	return (int)syscall(SYS_unlinkat, fd, path, flags);
}

static char dir[64];
static int dir_fd;

static void make(void)
{
	snprintf(dir, sizeof(dir), "%s/retention.XXXXXX",
		access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_true(dir_fd >= 0);
}

/* A file of one block, so many days old. */
static void file(uint32_t run, uint64_t number, unsigned days)
{
	char name[RUN_NAME], segment[SEGMENT_NAME], path[256], block[BLOCK];
	const struct timespec at = {.tv_sec = (time_t)(NOW - days * DAY)}, times[2] = {at, at};
	int fd;

	run_name(run, name);
	segment_name(number, segment);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	(void)mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/%s/lock", dir, name);
	close(open(path, O_CREAT | O_RDWR, 0600));
	snprintf(path, sizeof(path), "%s/%s/%s", dir, name, segment);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	memset(block, 'x', sizeof(block));
	assert_int_equal(write(fd, block, sizeof(block)), BLOCK);
	assert_int_equal(futimens(fd, times), 0);
	close(fd);
}

/* "1:0 1:5 2:0 " and, of a run without files, "3 " */
static const char *what_is_there(void)
{
	static char out[1024];
	uint32_t *runs;
	size_t n, at = 0;

	out[0] = '\0';
	assert_int_equal(runs_list(dir_fd, &runs, &n, NULL), 0);
	for (size_t i = 0; i < n; i++) {
		char name[RUN_NAME];
		uint64_t *files;
		size_t nfiles;
		int fd;

		run_name(runs[i], name);
		fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY);
		assert_int_equal(segment_list(fd, &files, &nfiles, NULL), 0);
		close(fd);
		if (!nfiles)
			at += (size_t)snprintf(out + at, sizeof(out) - at, "%u ", runs[i]);
		for (size_t k = 0; k < nfiles; k++)
			at += (size_t)snprintf(out + at, sizeof(out) - at, "%u:%llu ", runs[i],
				(unsigned long long)files[k]);
		free(files);
	}
	free(runs);
	return out;
}

static void unmake(void)
{
	char command[128];

	close(dir_fd);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static char told[1024];

static uint64_t lost;
static bool ships, quota_first, held;

static void gone(void *arg, uint32_t run, uint64_t first, uint64_t last, uint64_t bytes)
{
	size_t n = strlen(told);

	(void)arg;
	lost += bytes;
	snprintf(told + n, sizeof(told) - n, "%u:%llu-%llu ", run, (unsigned long long)first,
		(unsigned long long)last);
	/* before they go */
	assert_non_null(strstr(what_is_there(), ":"));
}

/* Run 9 is written by the caller. */
static int retain(uint64_t before, unsigned days, uint64_t files, uint64_t *bytes)
{
	const struct retention l = {.run = 9,
		.before = before,
		.oldest_s = days ? NOW - days * DAY : 0,
		.bytes_most = files * BLOCK,
		.ships = ships,
		.quota_first = quota_first};
	struct retained left = {0};
	struct err e = {0};
	int r;

	told[0] = '\0';
	lost = 0;
	r = retention_run(dir_fd, &l, gone, NULL, &left, &e);
	*bytes = left.bytes;
	held = left.held;
	assert_true(!r || e.msg[0]);
	return r;
}

static void some_runs(void)
{
	make();
	file(1, 0, 40);
	file(1, 50, 35);
	file(3, 0, 20); /* 2 is gone */
	file(3, 10, 10);
	file(9, 0, 40);
	file(9, 7, 3);
	file(9, 20, 1);
}

static void by_age(void **state)
{
	uint64_t bytes;

	(void)state;
	some_runs();
	assert_int_equal(retain(UINT64_MAX, 0, 0, &bytes), 0); /* forever */
	assert_int_equal(bytes, 7 * BLOCK);
	assert_string_equal(told, "");
	assert_int_equal(retain(UINT64_MAX, 30, 0, &bytes), 0);
	assert_string_equal(told, "1:0-50 ");
	assert_string_equal(what_is_there(), "3:0 3:10 9:0 9:7 9:20 ");
	/* 9:0 is older, and behind one that is not. */
	assert_int_equal(retain(UINT64_MAX, 15, 0, &bytes), 0);
	assert_string_equal(told, "3:0-0 ");
	assert_int_equal(bytes, 4 * BLOCK);
	assert_int_equal(retain(UINT64_MAX, 2, 0, &bytes), 0);
	assert_string_equal(told, "3:10-10 9:0-7 ");
	/* Never the file that is written. */
	assert_int_equal(retain(UINT64_MAX - 1, 0, 1, &bytes), 0);
	assert_string_equal(what_is_there(), "9:20 ");
	unmake();
}

static void by_size(void **state)
{
	uint64_t bytes;

	(void)state;
	some_runs();
	assert_int_equal(retain(UINT64_MAX - 1, 0, 7, &bytes), 0);
	assert_string_equal(told, "");
	assert_int_equal(retain(UINT64_MAX - 1, 0, 6, &bytes), 0);
	assert_string_equal(told, "1:0-0 ");
	assert_int_equal(retain(UINT64_MAX - 1, 0, 4, &bytes), 0);
	assert_string_equal(told, "1:50-50 3:0-0 ");
	assert_int_equal(bytes, 4 * BLOCK);
	unmake();
}

/* A session that runs began behind record 5: what ends before is not needed. */
static void not_what_a_session_is_in(void **state)
{
	uint64_t bytes;

	(void)state;
	some_runs();
	assert_int_equal(retain(5, 0, 1, &bytes), 0);
	assert_string_equal(what_is_there(), "9:0 9:7 9:20 ");
	assert_int_equal(bytes, 3 * BLOCK);
	assert_int_equal(retain(7, 0, 1, &bytes), 0);
	assert_string_equal(what_is_there(), "9:7 9:20 ");
	unmake();
}

static void not_what_another_daemon_writes(void **state)
{
	uint64_t bytes;
	char path[128];
	int lock;

	(void)state;
	some_runs();
	snprintf(path, sizeof(path), "%s/00000003/lock", dir);
	lock = open(path, O_RDWR);
	assert_int_equal(flock(lock, LOCK_EX), 0);
	assert_int_equal(retain(UINT64_MAX - 1, 1, 1, &bytes), 0);
	/* What is behind it stays too: there is no gap. */
	assert_string_equal(what_is_there(), "3:0 3:10 9:0 9:7 9:20 ");
	close(lock);
	assert_int_equal(retain(UINT64_MAX - 1, 1, 1, &bytes), 0);
	assert_string_equal(what_is_there(), "9:20 ");
	unmake();
}

static void what_else_is_there_stays(void **state)
{
	uint64_t bytes;
	char path[128];

	(void)state;
	some_runs();
	snprintf(path, sizeof(path), "%s/00000001/mine", dir);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	snprintf(path, sizeof(path), "%s/00000004", dir);
	assert_int_equal(symlink("/etc", path), 0); /* no run, wherever it leads */
	assert_true(retain(UINT64_MAX - 1, 30, 0, &bytes) < 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(retain(UINT64_MAX - 1, 30, 0, &bytes), 0);
	assert_string_equal(what_is_there(), "1 3:0 3:10 9:0 9:7 9:20 ");
	unmake();
}

static void a_disk_that_lets_nothing_go(void **state)
{
	static const int errors[] = {EROFS, EIO, EPERM};
	uint64_t bytes;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		some_runs();
		unlink_error = errors[i];
		assert_int_equal(retain(UINT64_MAX - 1, 30, 0, &bytes), -errors[i]);
		assert_string_equal(what_is_there(), "1:0 1:50 3:0 3:10 9:0 9:7 9:20 ");
		unlink_error = ENOENT; /* somebody else was faster */
		assert_int_equal(retain(UINT64_MAX - 1, 30, 0, &bytes), 0);
		unlink_error = 0;
		assert_int_equal(retain(UINT64_MAX - 1, 30, 0, &bytes), 0);
		assert_string_equal(what_is_there(), "3:0 3:10 9:0 9:7 9:20 ");
		unmake();
	}
}

static void acknowledge(uint32_t run, uint64_t number)
{
	char name[RUN_NAME];
	int fd;

	run_name(run, name);
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY);
	assert_int_equal(shipped_mark(fd, number, "", NULL), 0);
	close(fd);
}

/* Neither by age nor by size goes what no store has; nor what is behind it. */
static void not_what_no_store_has(void **state)
{
	uint64_t bytes;

	(void)state;
	some_runs();
	ships = true;
	assert_int_equal(retain(UINT64_MAX - 1, 2, 3, &bytes), 0);
	assert_string_equal(told, "");
	assert_true(held);
	acknowledge(1, 0);
	acknowledge(3, 0);
	assert_int_equal(retain(UINT64_MAX - 1, 2, 3, &bytes), 0);
	assert_string_equal(told, "1:0-0 ");
	assert_int_equal(lost, 0);
	assert_true(held);
	acknowledge(1, 50);
	acknowledge(3, 10);
	assert_int_equal(retain(UINT64_MAX - 1, 0, 3, &bytes), 0);
	assert_string_equal(what_is_there(), "9:0 9:7 9:20 ");
	assert_false(held);
	/* What another daemon writes, or a session is in, waits for no store. */
	assert_int_equal(retain(5, 0, 1, &bytes), 0);
	assert_false(held);
	ships = false;
	unmake();
}

/* Where the quota is what counts, the oldest goes, and it is said how much of it no store has. */
static void but_for_the_quota(void **state)
{
	uint64_t bytes;

	(void)state;
	some_runs();
	ships = quota_first = true;
	assert_int_equal(retain(UINT64_MAX - 1, 2, 0, &bytes), 0); /* age alone is no reason */
	assert_string_equal(told, "");
	acknowledge(1, 0);
	assert_int_equal(retain(UINT64_MAX - 1, 0, 5, &bytes), 0);
	assert_string_equal(told, "1:0-50 ");
	assert_int_equal(lost, BLOCK);
	assert_false(held);
	assert_int_equal(bytes, 5 * BLOCK);
	ships = quota_first = false;
	unmake();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(by_age), cmocka_unit_test(by_size),
		cmocka_unit_test(not_what_a_session_is_in), cmocka_unit_test(not_what_another_daemon_writes),
		cmocka_unit_test(what_else_is_there_stays), cmocka_unit_test(a_disk_that_lets_nothing_go),
		cmocka_unit_test(not_what_no_store_has), cmocka_unit_test(but_for_the_quota)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
