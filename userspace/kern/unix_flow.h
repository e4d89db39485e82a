/* SPDX-License-Identifier: MIT */
/* unix_flow: who is behind an accepted unix connection, as the kernel recorded it when it was dialled. A unix
 * socket has no address of its own to look for: its peer is asked of unix_diag, and the record is found by
 * the cookie of that socket. */
#ifndef PGVEIL_KERN_UNIX_FLOW_H
#define PGVEIL_KERN_UNIX_FLOW_H

#include <stdbool.h>
#include <sys/socket.h>
#include "kern/loader.h"

/* Takes the record of the connection that was accepted as fd. diag_fd: a NETLINK_SOCK_DIAG socket of the
 * listener's network namespace, of nobody else. A record is given once. -ENOENT: nobody was redirected here;
 * -ESTALE: the peer is gone or cannot be asked for; -EALREADY: claimed before. The caller closes fd on every
 * failure. */
MUSTCHECK int unix_flow_claim(struct kern *k, uint64_t netns_cookie, int diag_fd, int fd, uint64_t *cookie,
	struct unix_flow_value *out, struct err *e);
/* The connection is over. */
void unix_flow_end(struct kern *k, uint64_t cookie);
/* Takes away the records of dials that nobody accepted: older than age_ns, or all that an earlier daemon
 * claimed. Returns how many. */
unsigned unix_flow_collect(struct kern *k, uint64_t now_ns, uint64_t age_ns, bool claimed);
/* Whether the kernel has unix_diag: asks for fd, a socket of diag_fd's namespace. */
bool unix_flow_possible(int diag_fd, int fd);

#endif
