/* SPDX-License-Identifier: MIT */
/* diag: TCP sockets as the inet_diag of a network namespace tells of them, and the end of one. An MPTCP
 * connection is told of as the TCP connections that carry it, with the inode, uid and cgroup of the socket
 * that the application has. diag_fd is a NETLINK_SOCK_DIAG socket of the namespace, which nobody else uses
 * during a call. Nothing waits: the kernel answers while it is asked. */
#ifndef PGVEIL_KERN_DIAG_H
#define PGVEIL_KERN_DIAG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include "base/err.h"

struct diag_four { /* the two ends as the socket sees them; IPv4 is v4-mapped, ports are in host order */
	uint8_t local_ip[16], remote_ip[16];
	uint16_t local_port, remote_port;
};

struct diag_socket {
	struct diag_four four;
	uint8_t family;     /* AF_INET, or AF_INET6, which may speak IPv4 */
	uint8_t state;      /* TCP_ESTABLISHED and so on */
	uint32_t interface; /* that it is bound to; 0: none */
	uint32_t uid;
	uint64_t inode;     /* of the descriptor: /proc/PID/fd says "socket:[inode]"; 0: none has it */
	uint64_t cookie;    /* SO_COOKIE */
	uint64_t cgroup_id; /* of the process that made it; 0: the kernel does not say */
};

/* False where one is neither IPv4 nor IPv6. */
MUSTCHECK bool diag_four_init(
	struct diag_four *four, const struct sockaddr *local, const struct sockaddr *remote);

/* Data may move, or may yet: not listening, not waiting for old packets to die, not closed. */
bool diag_alive(const struct diag_socket *s);

/* The socket of those four; one that is bound to an interface is found by that only. -ENOENT: there is none
 * (a listener of that port is not one), or the kernel has no tcp_diag. */
MUSTCHECK int diag_find(
	int diag_fd, const struct diag_four *four, uint32_t interface, struct diag_socket *out);

/* Calls fn for every socket that is alive, IPv4 and IPv6. -E2BIG: there are more than max, and fn was called
 * for max of them. After a failure diag_fd is of no more use. */
MUSTCHECK int diag_each(int diag_fd, unsigned max, void (*fn)(void *arg, const struct diag_socket *s),
	void *arg, struct err *e);

/* Ends this socket and no other (its cookie is compared): both ends learn of it at once, the application by
 * ECONNABORTED. -ENOENT: it is gone already. -EOPNOTSUPP: the kernel was built without
 * CONFIG_INET_DIAG_DESTROY. */
MUSTCHECK int diag_destroy(int diag_fd, const struct diag_socket *s, struct err *e);

#endif
