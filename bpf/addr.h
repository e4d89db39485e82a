/* SPDX-License-Identifier: MIT */
/* addr: addresses, the key of a flow, and the decision about a connect. Pure: no helper, no map, no context,
 * because sock_addr and sockops programs have no test run; the unit tests compile this for the host instead.
 */
#ifndef PGVEIL_BPF_ADDR_H
#define PGVEIL_BPF_ADDR_H

#include "bpf/abi.h"

#define ADDR_INLINE static inline __attribute__((always_inline, unused))

/* All addresses are 16 bytes: IPv6 as it is, IPv4 as ::ffff:a.b.c.d. A v4-mapped IPv6 address so is the IPv4
 * address, and one key serves an IPv4 socket and an IPv6 socket that speaks IPv4. */
ADDR_INLINE void addr_from_v4(__u8 ip[16], __be32 v4)
{
	__builtin_memset(ip, 0, 10);
	ip[10] = 0xff;
	ip[11] = 0xff;
	__builtin_memcpy(ip + 12, &v4, 4);
}

ADDR_INLINE void addr_from_v6(__u8 ip[16], __be32 w0, __be32 w1, __be32 w2, __be32 w3)
{
	__builtin_memcpy(ip, &w0, 4);
	__builtin_memcpy(ip + 4, &w1, 4);
	__builtin_memcpy(ip + 8, &w2, 4);
	__builtin_memcpy(ip + 12, &w3, 4);
}

ADDR_INLINE __be32 addr_word(const __u8 ip[16], int i)
{
	__be32 w;

	__builtin_memcpy(&w, ip + 4 * i, 4);
	return w;
}

ADDR_INLINE int addr_same(const __u8 a[16], const __u8 b[16])
{
	return addr_word(a, 0) == addr_word(b, 0) && addr_word(a, 1) == addr_word(b, 1) &&
	       addr_word(a, 2) == addr_word(b, 2) && addr_word(a, 3) == addr_word(b, 3);
}

ADDR_INLINE int addr_is_v4(const __u8 ip[16])
{
	return addr_word(ip, 0) == 0 && addr_word(ip, 1) == 0 && ip[8] == 0 && ip[9] == 0 && ip[10] == 0xff &&
	       ip[11] == 0xff;
}

/* The loopback address of the family of ip: ::ffff:127.0.0.1 or ::1. */
ADDR_INLINE void addr_loopback(const __u8 ip[16], __u8 out[16])
{
	int v4 = addr_is_v4(ip);

	__builtin_memset(out, 0, 16);
	if (v4) {
		out[10] = 0xff;
		out[11] = 0xff;
		out[12] = 127;
	}
	out[15] = 1;
}

/* local is the application's side. Every byte is set: the map compares padding too. */
ADDR_INLINE void flow_key_init(struct flow_key *k, __u64 netns_cookie, const __u8 local_ip[16],
	__u16 local_port, const __u8 remote_ip[16], __u16 remote_port)
{
	k->netns_cookie = netns_cookie;
	__builtin_memcpy(k->local_ip, local_ip, 16);
	__builtin_memcpy(k->remote_ip, remote_ip, 16);
	k->local_port = local_port;
	k->remote_port = remote_port;
	k->pad = 0;
}

ADDR_INLINE void quota_key_init(struct quota_key *k, __u64 subject_cgroup_id, __u32 uid)
{
	k->subject_cgroup_id = subject_cgroup_id;
	k->uid = subject_cgroup_id ? 0 : uid;
	k->pad = 0;
}

ADDR_INLINE __u16 listener_port(const struct listener_value *l, const __u8 dialled_ip[16])
{
	return addr_is_v4(dialled_ip) ? l->port4 : l->port6;
}

/* What happens to a TCP connect to a PostgreSQL port. Zero refuses. */
enum connect_verdict {
	CONNECT_REFUSE = 0, /* ECONNREFUSED: may work later */
	CONNECT_DENY,       /* EACCES: it will not */
	CONNECT_CAPTURE,
	CONNECT_ALLOW,
};

struct connect_facts {
	__u32 has_birth; /* the socket has a record of its creation */
	__u32 state;     /* enum cgroup_state of that record's nearest classified ancestor, as it is now */
	__u32 port;      /* the engine's listener in this netns, for this family; 0: none */
	__u32 in_quota;  /* the subject may have one more flow */
	__u32 in_table;  /* there is room for one more */
};

/* counter: what to count. For CONNECT_ALLOW nothing is counted and it is COUNTER_MAX. */
ADDR_INLINE enum connect_verdict decide_connect(const struct connect_facts *f, enum counter *counter)
{
	if (!f->has_birth) {
		*counter = COUNTER_REFUSED_NO_BIRTH;
		return CONNECT_REFUSE;
	}
	if (f->state == CGROUP_EXEMPT) {
		*counter = COUNTER_MAX;
		return CONNECT_ALLOW;
	}
	if (f->state == CGROUP_DENIED) {
		*counter = COUNTER_REFUSED_DENIED;
		return CONNECT_DENY;
	}
	if (f->state != CGROUP_ENROLLED) {
		*counter = COUNTER_REFUSED_UNKNOWN;
		return CONNECT_REFUSE;
	}
	if (!f->port) {
		*counter = COUNTER_REFUSED_NO_LISTENER;
		return CONNECT_REFUSE;
	}
	if (!f->in_quota) {
		*counter = COUNTER_REFUSED_QUOTA;
		return CONNECT_REFUSE;
	}
	if (!f->in_table) {
		*counter = COUNTER_REFUSED_FULL;
		return CONNECT_REFUSE;
	}
	*counter = COUNTER_CAPTURED;
	return CONNECT_CAPTURE;
}

#endif
