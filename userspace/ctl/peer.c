/* SPDX-License-Identifier: MIT */
#include "ctl/peer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ctl/enrol.h"
#include "kern/cgroup.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

/* A pid whose process has gone may be somebody else's by now. Before 6.5 nobody can tell. */
static bool has_gone(int fd)
{
	struct pollfd p = {.fd = -1, .events = POLLIN};
	socklen_t n = sizeof(p.fd);
	bool gone;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &p.fd, &n) < 0)
		return errno != ENOPROTOOPT;
	gone = poll(&p, 1, 0) != 0;
	close(p.fd);
	return gone;
}

int peer_check(int fd, struct enrol *en, pid_t *pid, struct err *e)
{
	struct ucred who;
	socklen_t n = sizeof(who);
	char cgroup[PATH_MAX];

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
		return err_set(e, -EACCES, "the peer's credentials cannot be read: %m");
	if (who.uid != 0 && who.uid != geteuid())
		return err_set(e, -EACCES, "uid %u may not give orders to pgveild", who.uid);
	if (cgroup_of_pid(who.pid, cgroup, sizeof(cgroup), e))
		return -EACCES;
	if (enrol_guards(en, cgroup, who.uid))
		return err_set(e, -EACCES, "a process in %s is one of those that pgveil guards", cgroup);
	if (has_gone(fd))
		return err_set(e, -EACCES, "the process that asked has gone");
	*pid = who.pid;
	return 0;
}
