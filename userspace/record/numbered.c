/* SPDX-License-Identifier: MIT */
#include "record/numbered.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int numbered_list(int dir_fd, bool (*number_of)(const char *name, uint64_t *number), const char *what,
	uint64_t **out, size_t *n, struct err *e)
{
	/* Of its own: where it reads on is not shared with whoever has the directory. */
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	uint64_t *all = NULL, number;
	struct dirent *ent;
	size_t cap = 0;

	*n = 0;
	*out = NULL;
	if (!d) {
		r = err_set(e, -errno, "%s cannot be listed: %m", what);
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (!r && (errno = 0, ent = readdir(d))) {
		if (!number_of(ent->d_name, &number))
			continue;
		if (*n == cap) {
			uint64_t *more = reallocarray(all, cap = cap ? cap * 2 : 64, sizeof(*all));

			if (!more) {
				r = err_set(e, -ENOMEM, "out of memory");
				break;
			}
			all = more;
		}
		all[(*n)++] = number;
	}
	if (!r && errno)
		r = err_set(e, -errno, "%s cannot be listed: %m", what);
	closedir(d);
	if (r) {
		free(all);
		*n = 0;
		return r;
	}
	if (*n)
		qsort(all, *n, sizeof(*all), by_number);
	*out = all;
	return 0;
}
