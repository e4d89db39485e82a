/* SPDX-License-Identifier: MIT */
#include "kern/netlink.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

uint32_t netlink_seq(void)
{
	static _Atomic uint32_t seq;

	return atomic_fetch_add(&seq, 1) + 1;
}

int netlink_ask(int fd, const struct nlmsghdr *h)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n = sendto(fd, h, h->nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel));

	return n == (ssize_t)h->nlmsg_len ? 0 : n < 0 ? -errno : -EIO;
}

int netlink_hear(int fd, union netlink_reply *reply)
{
	for (;;) {
		struct sockaddr_nl from;
		struct iovec iov = {reply, sizeof(*reply)};
		struct msghdr m = {
			.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1};
		ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

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

int netlink_error(const struct nlmsghdr *h)
{
	struct nlmsgerr failed;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(failed)))
		return -EPROTO;
	memcpy(&failed, NLMSG_DATA(h), sizeof(failed));
	return failed.error > 0 ? -EPROTO : failed.error;
}

struct dump {
	uint32_t seq;
	bool done;
	int (*fn)(void *arg, const struct nlmsghdr *h);
	void *arg;
};

static int take_message(struct dump *d, const struct nlmsghdr *h)
{
	int r = 0;

	if (h->nlmsg_seq != d->seq)
		return 0;
	if (h->nlmsg_type != NLMSG_DONE)
		return d->fn(d->arg, h);
	if (h->nlmsg_len >= NLMSG_LENGTH(sizeof(r)))
		memcpy(&r, NLMSG_DATA(h), sizeof(r));
	d->done = true;
	return r;
}

static int take_datagram(struct dump *d, const union netlink_reply *reply, size_t n)
{
	size_t at = 0;
	int r = 0;

	while (!r && !d->done && n - at >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *h = (const struct nlmsghdr *)(reply->bytes + at);

		if (h->nlmsg_len < sizeof(*h) || h->nlmsg_len > n - at)
			return -EPROTO;
		r = take_message(d, h);
		if (NLMSG_ALIGN(h->nlmsg_len) >= n - at)
			break;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return r;
}

int netlink_dump(int fd, uint32_t seq, int (*fn)(void *arg, const struct nlmsghdr *h), void *arg)
{
	struct dump d = {.seq = seq, .fn = fn, .arg = arg};
	union netlink_reply reply;
	int r = 0;

	while (!r && !d.done) {
		r = netlink_hear(fd, &reply);
		if (r >= 0)
			r = take_datagram(&d, &reply, (size_t)r);
	}
	return r;
}
