/* SPDX-License-Identifier: MIT */
/* netns: one thread that enters other network namespaces, so that no worker ever does. It opens listeners and
 * upstream sockets there; a socket keeps its namespace for life. Never reads or writes one. */
#ifndef PGVEIL_NET_NETNS_H
#define PGVEIL_NET_NETNS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "bpf/abi.h"

struct netns_thread;

/* What the engine holds in one namespace. Owned by the caller of netns_listen; netns_close closes it all. */
struct netns {
	uint64_t cookie; /* SO_NETNS_COOKIE */
	uint64_t inode;  /* of /proc/PID/ns/net */
	int ns_fd;
	int listen4, listen6;  /* non-blocking, on 127.0.0.1 and ::1; listen6 -1 without IPv6 */
	uint16_t port4, port6; /* chosen by the kernel */
	int diag_fd;           /* NETLINK_SOCK_DIAG in that namespace */
	/* Where unix sockets are captured: a listener with an abstract name of our choice; else -1. */
	int listen_unix, unix_diag_fd;
	struct unix_listener_value unix_name;
};

MUSTCHECK int netns_thread_start(struct netns_thread **out, struct err *e);
void netns_thread_stop(struct netns_thread *t);
/* Blocking (microseconds): from any thread but a worker's data path. ns_fd is duplicated. */
MUSTCHECK int netns_listen(
	struct netns_thread *t, int ns_fd, bool with_unix, struct netns *out, struct err *e);
/* The same out of descriptors that another daemon handed over: of the namespace, and its listeners, in any
 * order. What they are is asked of the kernel; -EINVAL: not what we listen with, or not all in that
 * namespace. They are out's, or on failure the caller's. */
MUSTCHECK int netns_adopt(
	struct netns_thread *t, int ns_fd, const int *fds, unsigned n, struct netns *out, struct err *e);
#define NETNS_LISTENERS 4
/* The listeners, borrowed; their number. */
unsigned netns_listeners(const struct netns *n, int fds[NETNS_LISTENERS]);
void netns_close(struct netns *n);
/* A non-blocking, close-on-exec stream socket (explicit IPPROTO_TCP, or AF_UNIX) in n's namespace: the fd or
 * a negative errno. Safe from any thread; takes one hand-over to the netns thread and back. */
MUSTCHECK int netns_socket(struct netns_thread *t, const struct netns *n, int family);
/* A NETLINK_SOCK_DIAG socket of the namespace behind ns_fd: the fd or a negative errno. Blocks as
 * netns_listen. */
MUSTCHECK int netns_diag(struct netns_thread *t, int ns_fd);
/* ns_fd of a process or of a path (/run/netns/NAME); -ENOENT: gone. */
MUSTCHECK int netns_open_pid(int pid, struct err *e);
MUSTCHECK int netns_open_path(const char *path, struct err *e);

#endif
