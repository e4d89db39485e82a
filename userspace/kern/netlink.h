/* SPDX-License-Identifier: MIT */
/* netlink: asking the kernel by netlink, and its answers message by message (netlink(7)). Knows no family. */
#ifndef PGVEIL_KERN_NETLINK_H
#define PGVEIL_KERN_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

/* What the kernel fills at most for a dump's reader that asks for no more. */
#define NETLINK_REPLY_MAX 32768

union netlink_reply {
	struct nlmsghdr h;
	char bytes[NETLINK_REPLY_MAX];
};

/* A number that no reply still on its way has: descriptors may be used by one thread after another. */
uint32_t netlink_seq(void);
/* The whole request, h.nlmsg_len bytes. 0, or -errno. */
MUSTCHECK int netlink_ask(int fd, const struct nlmsghdr *h);
/* The next datagram of the kernel and of nobody else, without waiting: its length, or -errno. */
MUSTCHECK int netlink_hear(int fd, union netlink_reply *reply);
/* What an NLMSG_ERROR says: 0 (an acknowledgement) or -errno; -EPROTO: it is none. */
MUSTCHECK int netlink_error(const struct nlmsghdr *h);

/* The answers to a dump that was asked for as seq: fn for each, an NLMSG_ERROR too; what it returns other
 * than 0 ends it. 0: all of them. */
MUSTCHECK int netlink_dump(int fd, uint32_t seq, int (*fn)(void *arg, const struct nlmsghdr *h), void *arg);

#endif
