/* SPDX-License-Identifier: MIT */
/* peer: who is at the other end of the admin socket, as the kernel says, and whether he may give orders. */
#ifndef PGVEIL_CTL_PEER_H
#define PGVEIL_CTL_PEER_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"

struct enrol;

/* Root or the daemon's own user, and not in a cgroup that we guard: an agent with root's uid is an agent.
 * -EACCES with the reason. *pid: of the peer when it connected. */
MUSTCHECK int peer_check(int fd, struct enrol *en, pid_t *pid, struct err *e);
/* Whoever he is, but for those that we guard and what they started: who, and his groups, of which there is
 * room for one more than max. */
MUSTCHECK int peer_person(
	int fd, struct enrol *en, uid_t *uid, gid_t *gids, unsigned max, unsigned *ngids, struct err *e);

uid_t peer_uid(int fd); /* nobody's: it cannot be read */
/* Whether it is one of those. Whoever cannot be looked at is. */
bool peer_is_guarded(int fd, struct enrol *en);
/* Whether a process, or what it was started from, is guarded: -EACCES. */
MUSTCHECK int peer_place(struct enrol *en, pid_t pid, uid_t uid, struct err *e);

#endif
