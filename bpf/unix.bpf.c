/* SPDX-License-Identifier: MIT */
/* unix: a connect to a PostgreSQL server's unix socket, a path or an abstract name, is refused, left alone,
 * or turned to the engine's abstract listener of the same network namespace; a record says who and where to.
 * getpeername answers with what was dialled.
 *
 * No hook sees a unix socket's birth. Who it belongs to is read from the socket: the kernel keeps the cgroup
 * of its birth there, and runs these programs by it. The task that connects may be in another; the stricter
 * of the two counts. */
#include "bpf/subject.bpf.h"
#include <asm-generic/errno.h>
#include <bpf/bpf_core_read.h>
#include "bpf/unix_name.h"

/* Of the kernel's types what is read here, by name: libbpf finds where the running kernel has it. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct kernfs_node___pgveil {
	__u64 id;
};
struct cgroup___pgveil {
	int level;
	struct kernfs_node___pgveil *kn;
	struct cgroup___pgveil *ancestors[];
};
struct sock_cgroup_data___pgveil {
	struct cgroup___pgveil *cgroup;
};
struct sock_common___pgveil {
	struct {
		__u64 counter;
	} skc_cookie;
};
struct sock___pgveil {
	struct sock_common___pgveil __sk_common;
	struct sock_cgroup_data___pgveil sk_cgrp_data;
	struct {
		__u32 val;
	} sk_uid;
};
struct sockaddr_un___pgveil {
	__u16 sun_family;
};
struct unix_address___pgveil {
	int len;                            /* of the whole sockaddr_un */
	struct sockaddr_un___pgveil name[]; /* an array of anything else is not found */
};
struct unix_sock___pgveil {
	struct unix_address___pgveil *addr;
	struct sock___pgveil *peer;
};
struct bpf_sock_addr_kern___pgveil {
	struct sock___pgveil *sk;
	char *uaddr;
	__u32 uaddrlen;
};
#pragma clang attribute pop

extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym __weak;
extern int bpf_sock_addr_set_sun_path(
	struct bpf_sock_addr_kern___pgveil *ctx, const __u8 *path, __u32 path__sz) __ksym __weak;

#define SUN_PATH 2 /* offset in struct sockaddr_un */

/* Whose a dial is. */
struct dialler {
	__u64 cgroup_id;
	__u64 subject; /* nearest classified cgroup; 0: by uid */
	__u32 uid;
	__u32 state;
};

static __always_inline void find_subject(struct dialler *d, const struct place *place)
{
	d->cgroup_id = place->cgroup_id;
	d->state = state_of(subject_of(place, d->uid, &d->subject));
}

static __always_inline void of_socket(struct dialler *d, struct sock___pgveil *sk)
{
	struct cgroup___pgveil *cg = BPF_CORE_READ(sk, sk_cgrp_data.cgroup), *up;
	int deepest = BPF_CORE_READ(cg, level);
	struct place place = {.cgroup_id = BPF_CORE_READ(cg, kn, id)};

	for (int level = 0; level < ANCESTORS; level++) {
		if (level > deepest)
			break;
		up = NULL;
		bpf_probe_read_kernel(&up, sizeof(up), (void *)&cg->ancestors + level * sizeof(up));
		place.ancestors[level] = BPF_CORE_READ(up, kn, id);
	}
	d->uid = BPF_CORE_READ(sk, sk_uid.val);
	find_subject(d, &place);
}

static __always_inline void of_task(struct dialler *d)
{
	struct place place;

	place_of_current(&place);
	d->uid = (__u32)bpf_get_current_uid_gid();
	find_subject(d, &place);
}

/* Functions of their own, so that the verifier looks at each once and not on every way that leads there. It
 * does not know that their arguments are never NULL.
 *
 * The socket's, unless only the task is one to be captured. */
__weak int pgveil_dialler(struct dialler *d, __u64 sk)
{
	struct dialler task = {};
	__u32 state;

	if (!d)
		return 0;
	of_socket(d, (struct sock___pgveil *)sk);
	of_task(&task);
	state = state_stricter(d->state, task.state);
	if (state == CGROUP_ENROLLED && d->state != CGROUP_ENROLLED)
		*d = task;
	d->state = state;
	return 0;
}

/* Whether it is a PostgreSQL server's name; then it is trimmed. */
__weak int pgveil_unix_name(struct unix_name *n)
{
	if (!n || !unix_name_is_postgres(n))
		return 0;
	unix_name_trim(n);
	return 1;
}

/* Reads the name in a struct sockaddr_un of that length; false: it has none that is a PostgreSQL server's. */
static __always_inline int read_name(struct unix_name *n, const void *addr, __u32 len, int *failed)
{
	if (len <= SUN_PATH)
		return 0;
	len -= SUN_PATH;
	if (len > UNIX_NAME_MAX)
		len = UNIX_NAME_MAX;
	n->len = (__u16)len;
	*failed = bpf_probe_read_kernel(n->bytes, len, addr + SUN_PATH) != 0;
	return !*failed && pgveil_unix_name(n);
}

static __always_inline void report(
	const struct dialler *d, __u64 netns_cookie, const struct unix_name *name, enum counter why)
{
	struct refusal_event *ev = event_open(why, NULL, 0);

	if (!ev)
		return;
	event_of_current(ev, netns_cookie);
	ev->cgroup_id = d->cgroup_id;
	ev->uid = d->uid;
	ev->dialled_name = *name;
	bpf_ringbuf_submit(ev, 0);
}

static __always_inline __u64 *share_of(const struct dialler *d)
{
	__u32 key = unix_share(d->subject, d->uid);

	return bpf_map_lookup_elem(&unix_shares, &key);
}

/* COUNTER_CAPTURED: there is a record of this dial. A socket that dials again keeps its place. */
static __always_inline enum counter make_flow(
	const struct dialler *d, __u64 cookie, const struct unix_flow_value *v)
{
	struct unix_flow_value *old = bpf_map_lookup_elem(&unix_flows, &cookie);
	__u64 *share;

	if (old) {
		/* CLAIMED: it is connected, and the kernel is about to say so. */
		if (old->state == FLOW_CLAIMED)
			return COUNTER_CAPTURED;
		return bpf_map_update_elem(&unix_flows, &cookie, v, BPF_EXIST) ? COUNTER_UNIX_FLOW_FAILED
									       : COUNTER_CAPTURED;
	}
	share = share_of(d);
	if (!share || *share >= UNIX_SHARE_MAX)
		return COUNTER_REFUSED_UNIX_SHARE;
	__sync_fetch_and_add(share, 1);
	if (!bpf_map_update_elem(&unix_flows, &cookie, v, BPF_NOEXIST))
		return COUNTER_CAPTURED;
	__sync_fetch_and_add(share, -1);
	return COUNTER_UNIX_FLOW_FAILED;
}

/* The dial is ENROLLED: a record, then the address. */
static __always_inline enum counter turn(
	struct bpf_sock_addr *ctx, const struct dialler *d, struct unix_flow_value *v)
{
	struct unix_listener_value *l = bpf_map_lookup_elem(&unix_listeners, &v->netns_cookie);
	enum counter made;

	if (!l)
		return COUNTER_REFUSED_NO_LISTENER;
	v->cgroup_id = d->cgroup_id;
	v->subject_cgroup_id = d->subject;
	v->uid = d->uid;
	v->tgid = bpf_get_current_pid_tgid() >> 32;
	v->since_ns = bpf_ktime_get_ns();
	v->state = FLOW_PENDING;
	bpf_get_current_comm(v->comm, sizeof(v->comm));
	made = make_flow(d, bpf_get_socket_cookie(ctx), v);
	if (made != COUNTER_CAPTURED)
		return made;
	/* The record of a dial that goes nowhere is the daemon's to collect. */
	if (bpf_sock_addr_set_sun_path(bpf_cast_to_kern_ctx(ctx), (const __u8 *)l->name, UNIX_LISTENER_NAME))
		return COUNTER_UNIX_FLOW_FAILED;
	return COUNTER_CAPTURED;
}

/* A pointer as a number: a function of its own takes no pointer into the kernel. */
static __always_inline __u64 scalar(const void *pointer)
{
	__u64 n = 0;

	bpf_probe_read_kernel(&n, sizeof(n), pointer);
	return n;
}

static __always_inline int refuse(int error)
{
	bpf_set_retval(error);
	return 0;
}

SEC("unix/connect")
int pgveil_unix_connect(struct bpf_sock_addr *ctx)
{
	struct bpf_sock_addr_kern___pgveil *kern = bpf_cast_to_kern_ctx(ctx);
	struct unix_flow_value v = {};
	struct dialler d = {};
	enum counter counter;
	int failed = 0;

	if (!read_name(&v.dialled, kern->uaddr, kern->uaddrlen, &failed))
		return failed ? refuse(-EACCES) : 1;
	v.netns_cookie = bpf_get_netns_cookie(ctx);
	pgveil_dialler(&d, scalar(&kern->sk));
	switch (d.state) {
	case CGROUP_EXEMPT: return 1;
	case CGROUP_ENROLLED:
		counter = ctx->type == SOCK_STREAM ? turn(ctx, &d, &v) : COUNTER_REFUSED_UNIX_TYPE;
		break;
	case CGROUP_DENIED: counter = COUNTER_REFUSED_DENIED; break;
	default: counter = COUNTER_REFUSED_UNKNOWN;
	}
	count(counter);
	if (counter == COUNTER_CAPTURED)
		return 1;
	report(&d, v.netns_cookie, &v.dialled, counter);
	return refuse(counter == COUNTER_REFUSED_DENIED || counter == COUNTER_REFUSED_UNIX_TYPE
			      ? -EACCES
			      : -ECONNREFUSED);
}

/* The kernel calls it for the socket at the other end, which belongs to the cgroup of who connected. */
SEC("unix/getpeername")
int pgveil_unix_peer(struct bpf_sock_addr *ctx)
{
	struct bpf_sock_addr_kern___pgveil *kern = bpf_cast_to_kern_ctx(ctx);
	struct unix_sock___pgveil *ours = (void *)kern->sk;
	__u64 cookie = BPF_CORE_READ(ours, peer, __sk_common.skc_cookie.counter);
	struct unix_flow_value *v = cookie ? bpf_map_lookup_elem(&unix_flows, &cookie) : NULL;
	__u32 len = v ? v->dialled.len : 0;

	if (!v || !len)
		return 1;
	/* A comparison of its own: of the two a compiler makes one, of len - 1, from which kernels
	 * before 6.18 learn nothing of len. */
	barrier_var(len);
	if (len <= UNIX_NAME_MAX)
		bpf_sock_addr_set_sun_path(bpf_cast_to_kern_ctx(ctx), (const __u8 *)v->dialled.bytes, len);
	return 1;
}

/* Where the BPF LSM is on: the socket that was reached, whatever the path to it was called. Its name is the
 * one that the server gave it: a symbolic link, a hard link or a bind mount does not change that. */
SEC("lsm_cgroup/unix_stream_connect")
int pgveil_unix_reach(__u64 *args)
{
	struct unix_sock___pgveil *other = (void *)args[1];
	struct unix_address___pgveil *addr = BPF_CORE_READ(other, addr);
	enum counter counter = COUNTER_REFUSED_UNIX_REACH;
	struct unix_name name = {};
	struct dialler d = {};
	int failed = 0;

	if (!addr)
		return 1;
	if (!read_name(&name, &addr->name, BPF_CORE_READ(addr, len), &failed))
		return failed ? refuse(-EACCES) : 1;
	pgveil_dialler(&d, scalar(&args[0]));
	switch (d.state) {
	case CGROUP_EXEMPT: return 1;
	case CGROUP_ENROLLED: break;
	case CGROUP_DENIED: counter = COUNTER_REFUSED_DENIED; break;
	default: counter = COUNTER_REFUSED_UNKNOWN;
	}
	count(counter);
	report(&d, 0, &name, counter);
	return refuse(counter == COUNTER_REFUSED_UNKNOWN ? -ECONNREFUSED : -EACCES);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
