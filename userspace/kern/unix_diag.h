/* SPDX-License-Identifier: MIT */
/* unix_diag: the connected unix sockets of a network namespace, as the kernel's unix_diag tells of them. What
 * a server accepts has the name that it listens on, whatever path led there. */
#ifndef PGVEIL_KERN_UNIX_DIAG_H
#define PGVEIL_KERN_UNIX_DIAG_H

#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "bpf/abi.h"

struct unix_end {
	uint32_t inode; /* of the descriptor: /proc/PID/fd says "socket:[inode]"; 0: not accepted yet */
	uint32_t peer;  /* of the other end */
	struct unix_name name; /* len 0: it has none */
};

/* Calls fn for each that has a peer and a name that is a PostgreSQL server's. diag_fd: a NETLINK_SOCK_DIAG
 * socket of the namespace. -E2BIG: there are more than max. -ENOENT: the kernel has no unix_diag. After a
 * failure diag_fd is of no more use. */
MUSTCHECK int unix_diag_each(
	int diag_fd, unsigned max, void (*fn)(void *arg, const struct unix_end *s), void *arg);

/* Shuts both directions of the socket with that inode that pid has as fd: the other end sees it closed.
 * -ESTALE: that is another one now. */
MUSTCHECK int unix_diag_shut(pid_t pid, int fd, uint32_t inode, struct err *e);

#endif
