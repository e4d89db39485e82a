/* SPDX-License-Identifier: MIT */
/* unix_name: the address of a unix socket, as far as a program must understand it. Pure, like addr.h: the
 * unit tests compile it for the host. */
#ifndef PGVEIL_BPF_UNIX_NAME_H
#define PGVEIL_BPF_UNIX_NAME_H

#include "bpf/addr.h"

/* What every PostgreSQL server, and every pooler for one, calls its sockets: DIR/.s.PGSQL.PORT. */
#define UNIX_NAME_MARK     ".s.PGSQL."
#define UNIX_NAME_MARK_LEN 9
/* Its first eight characters, the first one lowest: a constant table would be a map of its own. */
#define UNIX_NAME_MARK_WORD 0x4c515347502e732eULL

/* 1 where two bytes are the same, without a branch: of branches in a loop the verifier follows all
 * combinations. */
ADDR_INLINE __u32 unix_name_same(__u32 a, __u32 b)
{
	__u32 differ = a ^ b;

	/* Else the compiler makes a branch of it. */
	__asm__ volatile("" : "+r"(differ));
	return (differ - 1) >> 31;
}

/* n->bytes is what was dialled, n->len how long it said that is: now it is how much counts. A path ends at
 * its first zero, or at its length where it has none. */
ADDR_INLINE void unix_name_trim(struct unix_name *n)
{
	__u32 counts = 1, end = 0;

	if (!n->bytes[0])
		return;
	for (__u32 i = 0; i < UNIX_NAME_MAX; i++) {
		counts &= ~unix_name_same((__u8)n->bytes[i], 0);
		end += counts;
	}
	n->len = (__u16)end;
}

/* Whether the last component is a PostgreSQL server's: what stands before it is a directory, by whatever way
 * it is named. Behind the bytes that count the name is zero. */
ADDR_INLINE int unix_name_is_postgres(const struct unix_name *n)
{
	__u32 path = 1 - unix_name_same((__u8)n->bytes[0], 0), counts = 1;
	__u32 start = 1 - path; /* of the last component */
	int differ = 0;

	for (__u32 i = 0; i < UNIX_NAME_MAX; i++) {
		__u32 c = (__u8)n->bytes[i];

		counts &= ~(unix_name_same(c, 0) & path);
		start += (i + 1 - start) * (unix_name_same(c, '/') & counts);
	}
	if (start > UNIX_NAME_MAX - UNIX_NAME_MARK_LEN)
		return 0;
	for (__u32 i = 0; i < UNIX_NAME_MARK_LEN; i++)
		differ |= n->bytes[start + i] ^ (i < 8 ? (char)(UNIX_NAME_MARK_WORD >> i * 8) : '.');
	return !differ;
}

/* Where a subject's records are counted; subject 0: enrolled by uid. */
ADDR_INLINE __u32 unix_share(__u64 subject, __u32 uid)
{
	__u64 id = subject ? subject : uid;

	return (__u32)(id ^ id >> 10 ^ id >> 32) % UNIX_SHARES;
}

/* Of the states that two cgroups have, the one to go by. */
ADDR_INLINE __u32 state_stricter(__u32 a, __u32 b)
{
	if (a == CGROUP_DENIED || b == CGROUP_DENIED)
		return CGROUP_DENIED;
	if (a == CGROUP_EXEMPT)
		return b;
	if (b == CGROUP_EXEMPT)
		return a;
	return a == CGROUP_ENROLLED && b == CGROUP_ENROLLED ? CGROUP_ENROLLED : CGROUP_UNKNOWN;
}

#endif
