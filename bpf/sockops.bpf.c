/* SPDX-License-Identifier: MIT */
/* sockops: the record of a redirected connection for the engine, made before its SYN leaves and taken away
 * when the socket closes. A connection whose record could not be made is closed by the engine: it finds none.
 */
#include "bpf/maps.bpf.h"
#include <bpf/bpf_endian.h>
#include "bpf/quota.bpf.h"

#define FAMILY_INET 2 /* AF_INET is a macro and so is not in the kernel's type information */

/* A word of the context, now: two loads in two branches would become one load at a computed offset, which the
 * verifier does not take from a context. */
static __always_inline __u32 loaded(__u32 word)
{
	barrier_var(word);
	return word;
}

/* An IPv6 socket that speaks IPv4 has v4-mapped addresses here, which is the form that the key wants. */
static __always_inline void key_of(struct flow_key *key, struct bpf_sock_ops *ctx)
{
	__u8 local[16], remote[16];

	if (ctx->family == FAMILY_INET) {
		addr_from_v4(local, loaded(ctx->local_ip4));
		addr_from_v4(remote, loaded(ctx->remote_ip4));
	} else {
		addr_from_v6(local, loaded(ctx->local_ip6[0]), loaded(ctx->local_ip6[1]),
			loaded(ctx->local_ip6[2]), loaded(ctx->local_ip6[3]));
		addr_from_v6(remote, loaded(ctx->remote_ip6[0]), loaded(ctx->remote_ip6[1]),
			loaded(ctx->remote_ip6[2]), loaded(ctx->remote_ip6[3]));
	}
	flow_key_init(key, bpf_get_netns_cookie(ctx), local, (__u16)ctx->local_port, remote,
		(__u16)bpf_ntohl(ctx->remote_port));
}

/* The record, if it is this socket's still. */
static __always_inline void take_flow(const struct flow_key *key, __u64 cookie)
{
	struct flow_value *v = bpf_map_lookup_elem(&flows, key), old;

	if (!v || v->socket_cookie != cookie)
		return;
	old = *v;
	if (!bpf_map_delete_elem(&flows, key))
		quota_add(&old, -1);
}

static __always_inline void make_flow(struct bpf_sock_ops *ctx, struct note *note)
{
	struct flow_value v = {
		.cgroup_id = note->place.cgroup_id,
		.subject_cgroup_id = note->subject_cgroup_id,
		.socket_cookie = bpf_get_socket_cookie(ctx),
		.since_ns = bpf_ktime_get_ns(),
		.tgid = note->tgid,
		.uid = note->uid,
		.dialled_port = note->dialled_port,
		.state = FLOW_PENDING,
	};
	const struct flow_value *old;

	__builtin_memcpy(v.dialled_ip, note->dialled_ip, 16);
	__builtin_memcpy(v.comm, note->comm, 16);
	key_of(&note->flow, ctx);
	/* BPF_ANY: an entry of these four is most often a dead socket's. A live one that was bound to a
	 * device after it connected can have them too: then the engine sees that the socket behind the record
	 * is in SYN_SENT (kern/flow.c). */
	old = bpf_map_lookup_elem(&flows, &note->flow);
	if (old)
		quota_add(old, -1);
	if (bpf_map_update_elem(&flows, &note->flow, &v, BPF_ANY)) {
		if (old)
			quota_add(old, 1);
		count(COUNTER_FLOW_INSERT_FAILED);
		return;
	}
	quota_add(&v, 1);
	/* The flags of other programs on this socket stay. */
	if (bpf_sock_ops_cb_flags_set(ctx, (int)(ctx->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG))) {
		take_flow(&note->flow, v.socket_cookie);
		count(COUNTER_FLOW_INSERT_FAILED);
		return;
	}
	note->has_flow = 1;
}

static __always_inline void drop_flow(struct bpf_sock_ops *ctx, struct note *note)
{
	note->has_flow = 0;
	take_flow(&note->flow, bpf_get_socket_cookie(ctx));
}

SEC("sockops")
int pgveil_sockops(struct bpf_sock_ops *ctx)
{
	int dials = ctx->op == BPF_SOCK_OPS_TCP_CONNECT_CB;
	int closes = ctx->op == BPF_SOCK_OPS_STATE_CB && ctx->args[1] == BPF_TCP_CLOSE;
	struct bpf_sock *sk;
	struct note *note;

	if (!dials && !closes)
		return 1;
	sk = ctx->sk;
	if (!sk)
		return 1;
	note = bpf_sk_storage_get(&notes, sk, 0, 0);
	if (!note)
		return 1;
	if (dials && note->dialled)
		make_flow(ctx, note);
	else if (closes && note->has_flow)
		drop_flow(ctx, note);
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
