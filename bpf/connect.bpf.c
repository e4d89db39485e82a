/* SPDX-License-Identifier: MIT */
/* connect: a TCP connect to a PostgreSQL port is refused, left alone, or turned to the engine's listener on
 * the loopback of the same network namespace; the socket remembers what was dialled. getpeername answers with
 * that.
 *
 * The order in every connect is gather, decide (addr.h), act, count. Once the port is known to be
 * PostgreSQL's, whatever fails refuses. */
#include "bpf/subject.bpf.h"
#include <asm-generic/errno.h>
#include <bpf/bpf_endian.h>
#include "bpf/quota.bpf.h"

/* MPTCP too: where its outer socket comes by, it is a TCP connect like any other. */
static __always_inline int is_tcp(const struct bpf_sock_addr *ctx)
{
	return ctx->type == SOCK_STREAM && (ctx->protocol == IPPROTO_TCP || ctx->protocol == IPPROTO_MPTCP);
}

static __always_inline void report(
	const struct note *note, __u64 netns_cookie, const __u8 ip[16], __u16 port, enum counter why)
{
	struct refusal_event *ev = event_open(why, ip, port);

	if (!ev)
		return;
	if (note)
		event_of_note(ev, note);
	else
		event_of_current(ev, netns_cookie);
	bpf_ringbuf_submit(ev, 0);
}

/* Judges one dial. CONNECT_CAPTURE: *to is the listener's port; the refusals have set the errno. */
static __always_inline enum connect_verdict judge(struct bpf_sock_addr *ctx, const __u8 ip[16], __u16 *to)
{
	__u16 port = bpf_ntohs((__be16)ctx->user_port);
	struct bpf_sock *sk = ctx->sk;
	struct connect_facts facts = {};
	enum connect_verdict verdict;
	struct note *note = NULL;
	enum counter counter;
	__u64 cookie;

	if (!is_tcp(ctx))
		return CONNECT_ALLOW;
	if (sk)
		note = bpf_sk_storage_get(&notes, sk, 0, 0);
	if (note)
		note->dialled = 0;
	if (!bpf_map_lookup_elem(&ports, &port))
		return CONNECT_ALLOW;

	cookie = bpf_get_netns_cookie(ctx);
	if (note) {
		struct listener_value *l = bpf_map_lookup_elem(&listeners, &cookie);

		facts.has_birth = 1;
		facts.state = state_of(subject_of(&note->place, note->uid, &note->subject_cgroup_id));
		facts.port = l ? listener_port(l, ip) : 0;
		if (facts.state == CGROUP_ENROLLED)
			quota_ask(&facts, note->subject_cgroup_id, note->uid);
	}
	verdict = decide_connect(&facts, &counter);
	if (verdict == CONNECT_ALLOW)
		return verdict;
	count(counter);
	if (verdict == CONNECT_CAPTURE && note) {
		__builtin_memcpy(note->dialled_ip, ip, 16);
		note->dialled_port = port;
		note->dialled = 1;
		*to = facts.port;
		return verdict;
	}
	report(note, cookie, ip, port, counter);
	bpf_set_retval(verdict == CONNECT_DENY ? -EACCES : -ECONNREFUSED);
	return CONNECT_REFUSE;
}

SEC("cgroup/connect4")
int pgveil_connect4(struct bpf_sock_addr *ctx)
{
	__u8 ip[16];
	__u16 port = 0;

	addr_from_v4(ip, ctx->user_ip4);
	switch (judge(ctx, ip, &port)) {
	case CONNECT_REFUSE:
	case CONNECT_DENY: return 0;
	case CONNECT_ALLOW: return 1;
	case CONNECT_CAPTURE: break;
	}
	ctx->user_ip4 = bpf_htonl(0x7f000001);
	ctx->user_port = bpf_htons(port);
	return 1;
}

SEC("cgroup/connect6")
int pgveil_connect6(struct bpf_sock_addr *ctx)
{
	__u8 ip[16], to[16];
	__u16 port = 0;

	addr_from_v6(ip, ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3]);
	switch (judge(ctx, ip, &port)) {
	case CONNECT_REFUSE:
	case CONNECT_DENY: return 0;
	case CONNECT_ALLOW: return 1;
	case CONNECT_CAPTURE: break;
	}
	addr_loopback(ip, to);
	ctx->user_ip6[0] = addr_word(to, 0);
	ctx->user_ip6[1] = addr_word(to, 1);
	ctx->user_ip6[2] = addr_word(to, 2);
	ctx->user_ip6[3] = addr_word(to, 3);
	ctx->user_port = bpf_htons(port);
	return 1;
}

static __always_inline const struct note *dialled_note(struct bpf_sock_addr *ctx)
{
	struct bpf_sock *sk = ctx->sk;
	struct note *note = sk ? bpf_sk_storage_get(&notes, sk, 0, 0) : NULL;

	return note && note->dialled ? note : NULL;
}

SEC("cgroup/getpeername4")
int pgveil_peer4(struct bpf_sock_addr *ctx)
{
	const struct note *note = dialled_note(ctx);

	if (note) {
		ctx->user_ip4 = addr_word(note->dialled_ip, 3);
		ctx->user_port = bpf_htons(note->dialled_port);
	}
	return 1;
}

SEC("cgroup/getpeername6")
int pgveil_peer6(struct bpf_sock_addr *ctx)
{
	const struct note *note = dialled_note(ctx);

	if (note) {
		ctx->user_ip6[0] = addr_word(note->dialled_ip, 0);
		ctx->user_ip6[1] = addr_word(note->dialled_ip, 1);
		ctx->user_ip6[2] = addr_word(note->dialled_ip, 2);
		ctx->user_ip6[3] = addr_word(note->dialled_ip, 3);
		ctx->user_port = bpf_htons(note->dialled_port);
	}
	return 1;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
