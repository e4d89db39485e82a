/* SPDX-License-Identifier: MIT */
#include "kern/unix_diag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bpf/unix_name.h"

#define REPLY_MAX 32768 /* what the kernel fills at most for a dump's reader that asks for no more */

struct request {
	struct nlmsghdr h;
	struct unix_diag_req r;
};

union reply {
	struct nlmsghdr h;
	char bytes[REPLY_MAX];
};

struct dump {
	uint32_t seq;
	unsigned left;
	bool done;
	void (*fn)(void *arg, const struct unix_end *s);
	void *arg;
};

static void end_of(const struct nlmsghdr *h, struct unix_end *out)
{
	int left = (int)(h->nlmsg_len - NLMSG_LENGTH(sizeof(struct unix_diag_msg)));
	const struct rtattr *a =
		(const struct rtattr *)((const char *)h + NLMSG_LENGTH(sizeof(struct unix_diag_msg)));
	struct unix_diag_msg m;

	memcpy(&m, NLMSG_DATA(h), sizeof(m));
	memset(out, 0, sizeof(*out));
	out->inode = m.udiag_ino;
	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		size_t n = RTA_PAYLOAD(a);

		if (a->rta_type == UNIX_DIAG_PEER && n == sizeof(out->peer))
			memcpy(&out->peer, RTA_DATA(a), n);
		if (a->rta_type != UNIX_DIAG_NAME)
			continue;
		/* A path may have one byte more than fits: its zero. */
		out->name.len = (uint16_t)(n < UNIX_NAME_MAX ? n : UNIX_NAME_MAX);
		memcpy(out->name.bytes, RTA_DATA(a), out->name.len);
	}
}

static int dump_message(struct dump *d, const struct nlmsghdr *h)
{
	struct unix_end s;
	int failed = 0;

	if (h->nlmsg_seq != d->seq)
		return 0;
	if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR) {
		if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(failed)))
			memcpy(&failed, NLMSG_DATA(h), sizeof(failed));
		d->done = true;
		return failed > 0 ? -EPROTO : failed;
	}
	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY || h->nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg)))
		return -EPROTO;
	end_of(h, &s);
	if (!s.name.len || !s.peer || !unix_name_is_postgres(&s.name))
		return 0;
	if (!d->left)
		return -E2BIG;
	d->left--;
	d->fn(d->arg, &s);
	return 0;
}

static int dump_datagram(struct dump *d, const union reply *reply, size_t n)
{
	size_t at = 0;
	int r = 0;

	while (!r && !d->done && n - at >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(reply->bytes + at);

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > n - at)
			return -EPROTO;
		r = dump_message(d, h);
		if (NLMSG_ALIGN(h->nlmsg_len) >= n - at)
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return r;
}

/* The next datagram of the kernel: its length, or -errno. */
static int hear(int diag_fd, union reply *reply)
{
	for (;;) {
		struct sockaddr_nl from;
		struct iovec iov = {reply, sizeof(*reply)};
		struct msghdr m = {
			.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(diag_fd, &m, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (m.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		if (m.msg_namelen == sizeof(from) && from.nl_pid == 0)
			return (int)n;
	}
}

int unix_diag_each(int diag_fd, unsigned max, void (*fn)(void *arg, const struct unix_end *s), void *arg)
{
	static _Atomic uint32_t seq = 0x40000000; /* diag.c's numbers are others */
	struct dump d = {.seq = atomic_fetch_add(&seq, 1), .left = max, .fn = fn, .arg = arg};
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct request q = {.h = {.nlmsg_len = sizeof(q),
				    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
				    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				    .nlmsg_seq = d.seq},
		.r = {.sdiag_family = AF_UNIX,
			.udiag_states = 1U << TCP_ESTABLISHED,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER}};
	union reply reply;
	ssize_t n = sendto(diag_fd, &q, sizeof(q), 0, (struct sockaddr *)&kernel, sizeof(kernel));
	int r = n == (ssize_t)sizeof(q) ? 0 : n < 0 ? -errno : -EIO;

	while (!r && !d.done) {
		r = hear(diag_fd, &reply);
		if (r >= 0)
			r = dump_datagram(&d, &reply, (size_t)r);
	}
	return r;
}

int unix_diag_shut(pid_t pid, int fd, uint32_t inode, struct err *e)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0), r = 0;
	int ours = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	struct stat st;

	if (ours < 0)
		r = err_set(e, -errno, "process %d's socket %d: %m", (int)pid, fd);
	else if (fstat(ours, &st) < 0 || !S_ISSOCK(st.st_mode) || (uint32_t)st.st_ino != inode)
		r = err_set(e, -ESTALE, "process %d's socket %d is another one now", (int)pid, fd);
	else if (shutdown(ours, SHUT_RDWR) < 0 && errno != ENOTCONN)
		r = err_set(e, -errno, "shutdown: %m");
	if (ours >= 0)
		close(ours);
	if (process >= 0)
		close(process);
	return r;
}
