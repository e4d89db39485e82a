/* SPDX-License-Identifier: MIT */
#include "ctl/kube_root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "kube/pod_path.h"

#define DEPTH_MAX 4 /* kubelet.slice/kubelet-kubepods.slice, and a container that is a node */

struct search {
	char path[PATH_MAX];
	char found[PATH_MAX];
	unsigned n;
};

static DIR *children(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* Those that are exactly so many levels below d, which it closes. */
static void look(struct search *s, DIR *d, size_t len, int levels)
{
	struct dirent *x;

	while ((x = readdir(d))) {
		size_t n = strlen(x->d_name);
		DIR *below;

		if (x->d_type != DT_DIR || x->d_name[0] == '.' || len + n + 2 > sizeof(s->path))
			continue;
		s->path[len] = '/';
		memcpy(s->path + len + 1, x->d_name, n + 1);
		if (levels == 1 && pod_root_name(x->d_name, n)) {
			if (!s->n++)
				memcpy(s->found, s->path, len + n + 2);
		}
		below = levels > 1 ? children(dirfd(d), x->d_name) : NULL;
		if (below)
			look(s, below, len + 1 + n, levels - 1);
		s->path[len] = '\0';
	}
	closedir(d);
}

static int search(const char *mount, char *out, size_t cap, struct err *e)
{
	struct search s = {0};
	size_t len = strlen(mount);
	DIR *d;

	if (len + 1 > sizeof(s.path))
		return err_set(e, -ENAMETOOLONG, "%s: too long", mount);
	memcpy(s.path, mount, len + 1);
	for (int depth = 1; depth <= DEPTH_MAX && !s.n; depth++) {
		d = children(AT_FDCWD, mount);
		if (!d)
			return err_set(e, -errno, "%s: %m", mount);
		look(&s, d, len, depth);
	}
	if (!s.n)
		return err_set(e, -ENOENT,
			"no kubepods below %s: the kubelet does not keep its pods in cgroup v2, or runs "
			"elsewhere; --cgroup-root names it",
			mount);
	if (s.n > 1)
		return err_set(e, -EBUSY,
			"%s is one of %u that could be the kubelet's: --cgroup-root says which it is",
			s.found, s.n);
	if (strlen(s.found) >= cap)
		return err_set(e, -ENAMETOOLONG, "%s: too long", s.found);
	memcpy(out, s.found, strlen(s.found) + 1);
	return 0;
}

int kube_root_find(const char *mount, const char *own, char *out, size_t cap, struct err *e)
{
	size_t n = pod_root_length(own);
	int len;

	if (!n)
		return search(mount, out, cap, e);
	len = snprintf(out, cap, "%s%.*s", mount, (int)n, own);
	return len < 0 || (size_t)len >= cap ? err_set(e, -ENAMETOOLONG, "%s: too long", own) : 0;
}
