/* SPDX-License-Identifier: MIT */
/* guard: which sockets may be made, and which packets may leave, where connect alone does not see. Pure, as
 * addr.h. */
#ifndef PGVEIL_BPF_GUARD_H
#define PGVEIL_BPF_GUARD_H

#include "bpf/packet.h"

enum {
	GUARD_STREAM = 1, /* SOCK_STREAM and SOCK_RAW, which the host has in another header than the kernel */
	GUARD_RAW = 3,
	GUARD_MPTCP = 262, /* IPPROTO_MPTCP */
};

/* What happens to a socket that is made. Zero refuses. */
enum birth_verdict {
	BIRTH_REFUSE = 0, /* EPERM */
	BIRTH_FALL_BACK,  /* ENOPROTOOPT: the application takes plain TCP */
	BIRTH_ALLOW,
};

/* Raw sockets: whatever is written through one never comes by connect, and TCP that is read from one is a
 * connection without a TCP socket. So only ICMP is left, of either family. An ICMP socket that writes its own
 * IP headers is judged by its packets. */
ADDR_INLINE enum birth_verdict decide_birth(__u32 type, __u32 protocol, __u32 state, enum counter *counter)
{
	*counter = COUNTER_MAX;
	if (state == CGROUP_EXEMPT)
		return BIRTH_ALLOW;
	if (protocol == GUARD_MPTCP) {
		*counter = COUNTER_REFUSED_MPTCP;
		return BIRTH_FALL_BACK;
	}
	if (type != GUARD_RAW || protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6)
		return BIRTH_ALLOW;
	*counter = COUNTER_REFUSED_RAW;
	return BIRTH_REFUSE;
}

/* Whether this is a question of who sends at all; the state is looked up only then. COUNTER_MAX: whoever it
 * is, it may leave. */
ADDR_INLINE enum counter packet_suspect(enum packet_kind kind, __u32 socket_type, int to_database)
{
	if (kind == PACKET_UNREADABLE)
		return COUNTER_DROPPED_UNREADABLE;
	if (kind == PACKET_TCP && to_database)
		return COUNTER_DROPPED_DATABASE;
	if (socket_type == GUARD_RAW && kind != PACKET_ICMP)
		return COUNTER_DROPPED_RAW;
	return COUNTER_MAX;
}

#endif
