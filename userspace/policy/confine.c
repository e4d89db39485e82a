/* SPDX-License-Identifier: MIT */
/* Twice: as it is written, so that nothing is asked of the filesystem about other places (whether a file is
 * there is told in a message), and where its links lead, since a volume's own are what rotation is made with.
 * Who may put a link into such a directory is root on the node. */
#include "policy/confine.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return n > 1 && strncmp(path, dir, n) == 0 && path[n] == '/' && path[n + 1];
}

/* No part of it is empty, "." or "..". */
static bool straight(const char *path)
{
	if (path[0] != '/')
		return false;
	while (*path) {
		size_t n = strcspn(path + 1, "/");

		if (!n || (n == 1 && path[1] == '.') || (n == 2 && path[1] == '.' && path[2] == '.'))
			return false;
		path += n + 1;
	}
	return true;
}

static bool below_any(const char *path, const char *const *dirs, unsigned n, bool real)
{
	char dir[PATH_MAX];

	for (unsigned i = 0; i < n; i++) {
		if (real && !realpath(dirs[i], dir))
			continue;
		if (below(path, real ? dir : dirs[i]))
			return true;
	}
	return false;
}

int confine_check(const char *path, const char *const *dirs, unsigned n, struct err *e)
{
	char real[PATH_MAX];

	if (!straight(path))
		return err_set(e, -EACCES, "an object writes paths in full, without \".\" and \"..\"");
	if (!below_any(path, dirs, n, false))
		return err_set(e, -EACCES, "an object may name files below %.60s%s only, not %.60s",
			n ? dirs[0] : "(nothing)", n > 1 ? " and the like" : "", path);
	if (!realpath(path, real))
		return err_set(e, -errno, "%.100s: %s", path, strerror(errno));
	if (!below_any(real, dirs, n, true))
		return err_set(
			e, -EACCES, "%.100s is a link that leads out of where objects may name files", path);
	return 0;
}
