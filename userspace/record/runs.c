/* SPDX-License-Identifier: MIT */
#include "record/runs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "record/numbered.h"
#include "record/scan.h"

void run_name(uint32_t run, char name[static RUN_NAME])
{
	snprintf(name, RUN_NAME, "%08u", run <= RUN_MAX ? run : RUN_MAX);
}

static bool number_of(const char *name, uint64_t *out)
{
	char again[RUN_NAME];

	if (strlen(name) != RUN_NAME - 1 || strspn(name, "0123456789") != RUN_NAME - 1)
		return false;
	*out = strtoul(name, NULL, 10);
	run_name((uint32_t)*out, again);
	return *out && strcmp(name, again) == 0;
}

int runs_list(int dir_fd, uint32_t **out, size_t *n, struct err *e)
{
	uint64_t *all;
	int r = numbered_list(dir_fd, number_of, "the recordings", &all, n, e);

	*out = r ? NULL : calloc(*n + 1, sizeof(**out));
	for (size_t i = 0; *out && i < *n; i++)
		(*out)[i] = (uint32_t)all[i]; /* of eight digits */
	free(all);
	return r || *out ? r : err_set(e, -ENOMEM, "out of memory");
}

int runs_next(int dir_fd, uint32_t *run, struct err *e)
{
	char name[RUN_NAME];
	uint32_t *all;
	size_t n;
	int r = runs_list(dir_fd, &all, &n, e);

	if (r)
		return r;
	*run = n ? all[n - 1] : 0;
	free(all);
	do {
		if (*run >= RUN_MAX)
			return err_set(e, -ENOSPC, "there is no number left for a recording");
		run_name(++*run, name);
		r = mkdirat(dir_fd, name, 0700) < 0 ? -errno : 0;
	} while (r == -EEXIST);
	if (!r && fsync(dir_fd) < 0)
		r = -errno;
	return r ? err_set(e, r, "the recording's directory cannot be made: %s", strerror(-r)) : 0;
}

/* What is behind a fault is not counted: verify will say so. 0: it holds nothing but its beginning. */
static int head_of(int run_fd, struct run_head *out, bool *holds, struct err *e)
{
	uint64_t *segments = NULL;
	enum scan_result how;
	struct scan s;
	size_t n;
	int r = segment_list(run_fd, &segments, &n, e);

	*holds = false;
	if (r || !n) {
		free(segments);
		return r;
	}
	out->records = segments[n - 1];
	*holds = n > 1 || segments[0];
	r = scan_open(&s, run_fd, segments[n - 1], e);
	free(segments);
	if (r)
		return r;
	while ((how = scan_next(&s, e)) == SCAN_ENTRY) {
		out->records++;
		*holds |= s.entry.kind != RECORD_SEGMENT && s.entry.kind != RECORD_SEAL;
	}
	if (how == SCAN_FAILED)
		r = e && e->code ? e->code : -EIO;
	memcpy(out->hash, s.chain, ENTRY_HASH);
	scan_close(&s);
	return r;
}

int runs_before(int dir_fd, uint32_t run, struct run_head out[static RUNS_NAMED], size_t *n, struct err *e)
{
	char name[RUN_NAME];
	uint32_t *all;
	size_t nall;
	int r = runs_list(dir_fd, &all, &nall, e);

	*n = 0;
	if (r)
		return r;
	for (size_t i = nall; i-- > 0 && *n < RUNS_NAMED && !r;) {
		bool holds = false;
		int fd;

		if (all[i] >= run)
			continue;
		run_name(all[i], name);
		fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			r = err_set(e, -errno, "recording %s: %m", name);
			break;
		}
		out[*n] = (struct run_head){.run = all[i]};
		r = head_of(fd, &out[*n], &holds, e);
		close(fd);
		*n += holds;
	}
	free(all);
	return r;
}

void run_put(struct body *b, const struct run_head *before, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		body_put_number(b, BODY_RUN, before[i].run);
		body_put_number(b, BODY_RUN_RECORDS, before[i].records);
		body_put(b, BODY_RUN_HEAD, span_of(before[i].hash, ENTRY_HASH));
	}
}

enum wire run_get(struct span body, struct run_head out[static RUNS_NAMED], size_t *n)
{
	struct body_item it;
	bool whole = true;
	enum wire w;

	*n = 0;
	while ((w = body_next(&body, &it)) == WIRE_OK) {
		if (it.field == BODY_RUN) {
			if (!whole || *n == RUNS_NAMED || it.number > RUN_MAX)
				return WIRE_BAD;
			out[*n] = (struct run_head){.run = (uint32_t)it.number};
			whole = false;
		} else if (it.field == BODY_RUN_RECORDS && !whole) {
			out[*n].records = it.number;
		} else if (it.field == BODY_RUN_HEAD && !whole && it.v.n == ENTRY_HASH) {
			memcpy(out[(*n)++].hash, it.v.p, ENTRY_HASH);
			whole = true;
		}
	}
	return w == WIRE_MORE && whole ? WIRE_OK : WIRE_BAD;
}
