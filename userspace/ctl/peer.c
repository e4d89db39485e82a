/* SPDX-License-Identifier: MIT */
#include "ctl/peer.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "ctl/enrol.h"
#include "kern/cgroup.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

#define ANCESTORS_MAX 64

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

/* 0: nobody knows. */
static pid_t parent_of(pid_t pid)
{
	char path[64], text[512];
	const char *end;
	int parent = 0;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	/* a process chooses its name: what comes last is the bracket */
	end = strrchr(text, ')');
	return end && sscanf(end, ") %*c %d", &parent) == 1 && parent > 0 ? parent : 0;
}

/* What an agent starts is the agent's, also when it was moved to another cgroup; as far as its parents are
 * still there to tell. */
int peer_place(struct enrol *en, pid_t pid, uid_t uid, struct err *e)
{
	char cgroup[PATH_MAX];

	if (cgroup_of_pid(pid, cgroup, sizeof(cgroup), e))
		return -EACCES;
	for (int i = 0; i < ANCESTORS_MAX; i++) {
		if (enrol_guards(en, cgroup, uid))
			return err_set(e, -EACCES, "a process %s %s is one of those that pgveil guards",
				i ? "started from" : "in", cgroup);
		pid = parent_of(pid);
		if (pid <= 1 || cgroup_of_pid(pid, cgroup, sizeof(cgroup), e))
			return 0;
	}
	return err_set(e, -EACCES, "too many processes stand between it and who started them");
}

static int peer_of(int fd, struct ucred *who, struct err *e)
{
	socklen_t n = sizeof(*who);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, who, &n) < 0)
		return err_set(e, -EACCES, "the peer's credentials cannot be read: %m");
	return 0;
}

int peer_check(int fd, struct enrol *en, pid_t *pid, struct err *e)
{
	struct ucred who;
	int r = peer_of(fd, &who, e);

	if (r)
		return r;
	if (who.uid != 0 && who.uid != geteuid())
		return err_set(e, -EACCES, "uid %u may not give orders to pgveild", who.uid);
	r = peer_place(en, who.pid, who.uid, e);
	if (r)
		return r;
	if (has_gone(fd))
		return err_set(e, -EACCES, "the process that asked has gone");
	*pid = who.pid;
	return 0;
}

uid_t peer_uid(int fd)
{
	struct ucred who;
	struct err e;

	return peer_of(fd, &who, &e) ? (uid_t)-1 : who.uid;
}

bool peer_is_guarded(int fd, struct enrol *en)
{
	struct ucred who;
	struct err e;

	return peer_of(fd, &who, &e) || peer_place(en, who.pid, who.uid, &e);
}

int peer_person(
	int fd, struct enrol *en, uid_t *uid, gid_t *gids, unsigned max, unsigned *ngids, struct err *e)
{
	struct ucred who;
	socklen_t n = (socklen_t)(max * sizeof(*gids));
	int r = peer_of(fd, &who, e);

	if (!r)
		r = peer_place(en, who.pid, who.uid, e);
	if (r)
		return r;
	if (has_gone(fd))
		return err_set(e, -EACCES, "the process that asked has gone");
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, gids, &n) < 0)
		return err_set(e, -EACCES, "the peer's groups cannot be read: %m");
	*ngids = (unsigned)(n / sizeof(*gids));
	gids[(*ngids)++] = who.gid;
	*uid = who.uid;
	return 0;
}
