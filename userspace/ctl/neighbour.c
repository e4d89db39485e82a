/* SPDX-License-Identifier: MIT */
#include "ctl/neighbour.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ctl/enrol.h"
#include "ctl/peer.h"
#include "kern/cgroup.h"
#include "kern/diag.h"
#include "kern/netlink.h"

/* ---- which socket ---- */

static int find(const struct diag_four *four, struct diag_socket *out)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), r;

	if (fd < 0)
		return -errno;
	r = diag_find(fd, four, 0, out);
	close(fd);
	return r;
}

/* ---- who has it ---- */

static bool links_to(int dir, const char *name, const char *want)
{
	char link[64];
	ssize_t n = readlinkat(dir, name, link, sizeof(link) - 1);

	if (n < 0)
		return false;
	link[n] = '\0';
	return strcmp(link, want) == 0;
}

static bool holds(const char *pid, const char *want)
{
	char path[PATH_MAX];
	const struct dirent *x;
	bool yes = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && !yes && (x = readdir(d)))
		yes = links_to(dirfd(d), x->d_name, want);
	if (d)
		closedir(d);
	return yes;
}

/* Everybody who has it must be somebody else than who we guard. */
static int check_holders(const struct diag_socket *s, struct enrol *en, struct err *e)
{
	const struct dirent *x;
	char want[64];
	unsigned n = 0;
	int r = 0;
	DIR *d = opendir("/proc");

	snprintf(want, sizeof(want), "socket:[%llu]", (unsigned long long)s->inode);
	while (d && !r && (x = readdir(d))) {
		long pid = strtol(x->d_name, NULL, 10);

		if (pid <= 0 || !holds(x->d_name, want))
			continue;
		n++;
		r = peer_place(en, (pid_t)pid, s->uid, e);
	}
	if (d)
		closedir(d);
	return r ? r : n ? 0 : err_set(e, -EACCES, "no process is seen to have the connection");
}

static int check_maker(const struct diag_socket *s, struct enrol *en, const char *mount, struct err *e)
{
	char path[PATH_MAX];
	struct err why;

	if (!s->cgroup_id)
		return 0; /* an old kernel; who has it is looked at */
	if (cgroup_path(mount, mount, s->cgroup_id, path, sizeof(path), &why))
		return err_set(e, -EACCES, "the connection was made in a cgroup that is gone");
	return enrol_guards(en, path, s->uid)
		       ? err_set(e, -EACCES, "the connection was made in %s, which pgveil guards", path)
		       : 0;
}

int neighbour_check(int fd, struct enrol *en, const char *mount, struct err *e)
{
	struct sockaddr_storage own = {0}, peer = {0};
	socklen_t n = sizeof(own), m = sizeof(peer);
	struct diag_socket s = {0};
	struct diag_four four;
	int r;

	/* as he sees it */
	if (getsockname(fd, (struct sockaddr *)&own, &n) < 0 ||
		getpeername(fd, (struct sockaddr *)&peer, &m) < 0 ||
		!diag_four_init(&four, (struct sockaddr *)&peer, (struct sockaddr *)&own))
		return err_set(e, -EACCES, "the peer's address cannot be read");
	r = find(&four, &s);
	if (r == -ENOENT && memcmp(four.local_ip, four.remote_ip, 16) != 0)
		return 0;
	if (r)
		return err_set(e, -EACCES, "who has the other end cannot be seen: %s", strerror(-r));
	r = check_maker(&s, en, mount, e);
	return r ? r : check_holders(&s, en, e);
}
