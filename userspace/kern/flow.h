/* SPDX-License-Identifier: MIT */
/* flow: who is behind an accepted connection, as the kernel recorded it before the SYN left. */
#ifndef PGVEIL_KERN_FLOW_H
#define PGVEIL_KERN_FLOW_H

#include <sys/socket.h>
#include "kern/diag.h"
#include "kern/loader.h"

/* Takes the record of the connection whose application side is peer and whose engine side is local (accept's
 * addresses; v4 and v6), in the netns of that cookie. diag_fd: a NETLINK_SOCK_DIAG socket of that netns; it
 * is asked whether the peer's socket still is the one recorded. A record is given once. -ENOENT: nobody was
 * redirected here (somebody dialled the listener); -ESTALE: the socket behind the peer address is another
 * one; -EALREADY: already claimed. The caller closes the connection on every failure. After success the
 * caller asks getpeername(2) of the accepted socket once more and closes it on ENOTCONN: a connection that
 * was reset while it waited to be accepted may have left its address to another socket, whose record this
 * then is. */
MUSTCHECK int flow_claim(struct kern *k, uint64_t netns_cookie, int diag_fd, const struct sockaddr *local,
	const struct sockaddr *peer, struct flow_key *key, struct flow_value *out, struct err *e);
/* The record of a redirected connection as its application's side sees it, taken or not. -ENOENT: none. */
MUSTCHECK int flow_recorded(
	const struct kern *k, uint64_t netns_cookie, const struct diag_four *four, struct flow_value *out);
/* The dialled address as a sockaddr (AF_INET for IPv4-mapped). Returns its length. */
socklen_t flow_dialled(const struct flow_value *v, struct sockaddr_storage *out);
/* Kernel cookie of the TCP socket local->remote in the netns of diag_fd; 0 where there is none. */
uint64_t flow_socket_cookie(int diag_fd, const struct sockaddr *local, const struct sockaddr *remote);

#endif
