/* SPDX-License-Identifier: MIT */
/* maps: every map, once. Weak, so that the objects of all hooks link into one; pinned by name, so that they
 * outlive the daemon as the links do. Changing a type, a size or a meaning here raises PGVEIL_ABI_VERSION. */
#ifndef PGVEIL_BPF_MAPS_BPF_H
#define PGVEIL_BPF_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "bpf/firstbytes.h"

/* cgroup id -> what it may do. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u64);
	__type(value, struct cgroup_value);
} cgroups SEC(".maps") __weak;

/* uid -> what it may do, where no cgroup entry applies. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct cgroup_value);
} uids SEC(".maps") __weak;

/* PostgreSQL ports (host order); the value has no meaning. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u16);
	__type(value, __u8);
} ports SEC(".maps") __weak;

/* netns cookie -> the engine's listeners there. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u64);
	__type(value, struct listener_value);
} listeners SEC(".maps") __weak;

/* Who is behind a redirected connection. A plain hash: an LRU would forget somebody for somebody else's
 * flood, and a forgotten flow is a closed connection. Preallocated: the entry for a SYN must not depend on
 * the memory left. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FLOWS_MAX);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct flow_key);
	__type(value, struct flow_value);
} flows SEC(".maps") __weak;

/* How many of these are whose, and how many there are. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct quota_key);
	__type(value, struct quota_value);
} quotas SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct quota_value);
} usage SEC(".maps") __weak;

/* netns cookie -> the engine's unix listener there. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u64);
	__type(value, struct unix_listener_value);
} unix_listeners SEC(".maps") __weak;

/* Who is behind a redirected unix connection, by the cookie of the socket that dialled. No hook tells when a
 * unix socket closes: the daemon takes entries away. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UNIX_FLOWS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u64);
	__type(value, struct unix_flow_value);
} unix_flows SEC(".maps") __weak;

/* How many entries of unix_flows a subject has; both sides count in it, so the daemon maps it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UNIX_SHARES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} unix_shares SEC(".maps") __weak;

#define ANCESTORS 16 /* levels of the cgroup tree that a note keeps, from the root */

/* Where a process or a socket stands in the tree of cgroups. */
struct place {
	__u64 cgroup_id;
	__u64 ancestors[ANCESTORS]; /* ids by level, itself included; 0 below it */
};

/* What a socket remembers of the process that created it, and of its last dial. Only the kernel side knows
 * this. */
struct note {
	struct place place;
	__u64 netns_cookie;
	__u64 subject_cgroup_id; /* as of the last dial: the nearest classified one */
	__u32 tgid;
	__u32 uid;
	char comm[16];
	__u8 dialled_ip[16];
	__u16 dialled_port;
	__u16 dialled; /* 1: the last connect was turned to the engine */
	__u32 has_flow;
	struct flow_key flow;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, int);
	__type(value, struct note);
} notes SEC(".maps") __weak;

/* What the egress guard remembers of a socket, whenever it was made. */
struct stream {
	__u32 told; /* enum stream_told */
	struct firstbytes first;
};

enum stream_told { TOLD_DROPPED = 1, TOLD_FOREIGN = 2 }; /* what was reported; bits */

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, int);
	__type(value, struct stream);
} streams SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, COUNTER_MAX);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u32);
	__type(value, struct config_value);
} config SEC(".maps") __weak;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} events SEC(".maps") __weak;

static __always_inline void count(enum counter c)
{
	__u32 key = c;
	__u64 *n = bpf_map_lookup_elem(&counters, &key);

	if (n)
		__sync_fetch_and_add(n, 1); /* a packet's program interrupts a connect's */
}

#endif
