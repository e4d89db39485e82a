/* SPDX-License-Identifier: MIT */
#include "ctl/waiting.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ctl/shipped.h"
#include "record/runs.h"
#include "record/segment.h"

int waiting_run(int recordings_fd, uint32_t run)
{
	char name[RUN_NAME];

	run_name(run, name);
	return openat(recordings_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* Somebody writes there: as record/journal.c says so. Not to be asked before there is a file, or it would be
 * in the way of whoever is about to. */
static bool is_written(int run_fd)
{
	int fd = openat(run_fd, "lock", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	bool now = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;

	if (fd >= 0)
		close(fd);
	return now;
}

static int add(struct waiting *w, const struct waiting_file *one, struct err *e)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 64;
		struct waiting_file *more = reallocarray(w->v, cap, sizeof(*more));

		if (!more)
			return err_set(e, -ENOMEM, "out of memory");
		w->v = more;
		w->cap = cap;
	}
	w->v[w->n++] = *one;
	return 0;
}

static int add_run(struct waiting *w, int recordings_fd, uint32_t run, struct err *e)
{
	int fd = waiting_run(recordings_fd, run), r;
	uint64_t *numbers = NULL;
	size_t n = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "recording %u: %m", run);
	r = segment_list(fd, &numbers, &n, e);
	/* The last is closed when its writer is gone. */
	if (!r && n && is_written(fd))
		n--;
	for (size_t i = 0; i < n && !r; i++) {
		char name[SEGMENT_NAME];
		struct stat st;

		if (shipped_marked(fd, numbers[i]))
			continue;
		segment_name(numbers[i], name);
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
			continue;
		r = add(w,
			&(struct waiting_file){
				run, numbers[i], (uint64_t)st.st_size, (uint64_t)st.st_mtime, false},
			e);
	}
	free(numbers);
	close(fd);
	return r;
}

int waiting_list(struct waiting *w, int recordings_fd, struct err *e)
{
	uint32_t *runs = NULL;
	size_t n = 0;
	int r = runs_list(recordings_fd, &runs, &n, e);

	for (size_t i = 0; i < n && !r; i++)
		r = add_run(w, recordings_fd, runs[i], e);
	free(runs);
	return r;
}

void waiting_fini(struct waiting *w)
{
	free(w->v);
	*w = (struct waiting){.v = NULL};
}

struct waiting_sum waiting_sum(const struct waiting *w)
{
	struct waiting_sum sum = {0};

	for (size_t i = 0; i < w->n; i++) {
		if (w->v[i].done)
			continue;
		sum.files++;
		sum.bytes += w->v[i].bytes;
		if (!sum.oldest_s || w->v[i].written_s < sum.oldest_s)
			sum.oldest_s = w->v[i].written_s;
	}
	return sum;
}
