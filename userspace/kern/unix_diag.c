/* SPDX-License-Identifier: MIT */
#include "kern/unix_diag.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bpf/unix_name.h"
#include "kern/netlink.h"

struct request {
	struct nlmsghdr h;
	struct unix_diag_req r;
};

struct dump {
	unsigned left;
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

static int on_end(void *arg, const struct nlmsghdr *h)
{
	struct dump *d = arg;
	struct unix_end s;

	if (h->nlmsg_type == NLMSG_ERROR)
		return netlink_error(h) < 0 ? netlink_error(h) : -EPROTO;
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

int unix_diag_each(int diag_fd, unsigned max, void (*fn)(void *arg, const struct unix_end *s), void *arg)
{
	struct dump d = {.left = max, .fn = fn, .arg = arg};
	struct request q = {.h = {.nlmsg_len = sizeof(q),
				    .nlmsg_type = SOCK_DIAG_BY_FAMILY,
				    .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
				    .nlmsg_seq = netlink_seq()},
		.r = {.sdiag_family = AF_UNIX,
			.udiag_states = 1U << TCP_ESTABLISHED,
			.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER}};
	int r = netlink_ask(diag_fd, &q.h);

	return r ? r : netlink_dump(diag_fd, q.h.nlmsg_seq, on_end, &d);
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
