/* SPDX-License-Identifier: MIT */
#include "ctl/retention.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ctl/shipped.h"
#include "record/runs.h"
#include "record/segment.h"

#define LOCK "lock" /* as record/journal.c's */

static int open_run(int dir_fd, uint32_t run)
{
	char name[RUN_NAME];

	run_name(run, name);
	return openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

struct file {
	uint32_t run;
	uint64_t number, next; /* next: the file behind it; UINT64_MAX: it is the last of its run */
	uint64_t bytes, written_s;
	bool may_go, kept; /* kept: no store has it, and it is to have it */
};

struct files {
	struct file *v;
	size_t n, cap;
	uint64_t bytes;
};

/* Somebody writes it. */
static bool runs_now(int fd)
{
	int lock = openat(fd, LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool now = lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) < 0;

	if (lock >= 0)
		close(lock);
	return now;
}

static int add_file(struct files *f, const struct file *one, struct err *e)
{
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 64;
		struct file *more = reallocarray(f->v, cap, sizeof(*more));

		if (!more)
			return err_set(e, -ENOMEM, "out of memory");
		f->v = more;
		f->cap = cap;
	}
	f->v[f->n++] = *one;
	f->bytes += one->bytes;
	return 0;
}

static int add_run(struct files *f, int dir_fd, uint32_t run, const struct retention *l, struct err *e)
{
	int fd = open_run(dir_fd, run), r;
	bool kept = run != l->run && fd >= 0 && runs_now(fd);
	uint64_t *all = NULL;
	size_t n = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "recording %u: %m", run);
	r = segment_list(fd, &all, &n, e);
	for (size_t i = 0; i < n && !r; i++) {
		struct file one = {.run = run, .number = all[i], .next = i + 1 < n ? all[i + 1] : UINT64_MAX};
		char name[SEGMENT_NAME];
		struct stat st;

		segment_name(all[i], name);
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		one.bytes = (uint64_t)st.st_blocks * 512;
		one.written_s = (uint64_t)st.st_mtime;
		one.may_go = !kept && (run != l->run || one.next <= l->before);
		one.kept = l->ships && !shipped_marked(fd, all[i]);
		r = add_file(f, &one, e);
	}
	free(all);
	close(fd);
	return r;
}

static int remove_files(int dir_fd, const struct file *v, size_t n, struct err *e)
{
	int fd = open_run(dir_fd, v->run), r = 0;
	char name[SEGMENT_NAME], run[RUN_NAME];

	if (fd < 0)
		return err_set(e, -errno, "recording %u: %m", v->run);
	for (size_t i = 0; i < n && !r; i++) {
		segment_name(v[i].number, name);
		if (unlinkat(fd, name, 0) < 0 && errno != ENOENT)
			r = err_set(e, -errno, "recordings: %s: %m", name);
		if (!r)
			shipped_forget(fd, v[i].number);
	}
	run_name(v->run, run);
	if (!r && v[n - 1].next == UINT64_MAX) {
		unlinkat(fd, LOCK, 0);
		unlinkat(dir_fd, run, AT_REMOVEDIR); /* something else in it: it stays, empty of records */
	}
	close(fd);
	return r;
}

/* How many of v, beginning with the first, are of one run and must go. */
static size_t too_many(const struct files *f, const struct file *v, size_t n, const struct retention *l)
{
	uint64_t bytes = f->bytes;
	size_t k = 0;

	while (k < n && v[k].run == v->run && v[k].may_go) {
		bool much = l->bytes_most && bytes > l->bytes_most;

		if (v[k].kept ? !much || !l->quota_first : !much && v[k].written_s >= l->oldest_s)
			break;
		bytes -= v[k++].bytes;
	}
	return k;
}

static uint64_t lost_of(const struct file *v, size_t n)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += v[i].kept ? v[i].bytes : 0;
	return bytes;
}

int retention_run(int dir_fd, const struct retention *l,
	void (*gone)(void *arg, uint32_t run, uint64_t first, uint64_t last, uint64_t lost), void *arg,
	struct retained *out, struct err *e)
{
	uint32_t *all = NULL;
	struct files f = {0};
	size_t at = 0, n = 0, k;
	int r = runs_list(dir_fd, &all, &n, e);

	for (size_t i = 0; i < n && !r; i++)
		r = add_run(&f, dir_fd, all[i], l, e);
	/* From the front on, without a gap: what a run's files follow is then either there or known to be
	 * gone. */
	while (!r && at < f.n && (k = too_many(&f, &f.v[at], f.n - at, l)) > 0) {
		gone(arg, f.v[at].run, f.v[at].number, f.v[at + k - 1].number, lost_of(&f.v[at], k));
		r = remove_files(dir_fd, &f.v[at], k, e);
		for (size_t i = 0; i < k; i++)
			f.bytes -= f.v[at + i].bytes;
		at += k;
	}
	*out = (struct retained){f.bytes,
		l->bytes_most && f.bytes > l->bytes_most && at < f.n && f.v[at].may_go && f.v[at].kept};
	free(f.v);
	free(all);
	return r;
}
