/* SPDX-License-Identifier: MIT */
/* guard: packets that leave for a database without the engine between are dropped, by whatever way the socket
 * came to be there: connections older than the programs, raw sockets, what connect did not see. Connect
 * refuses with an errno; this is the net below it.
 *
 * The packets of the engine itself are of its own cgroup, in whatever network namespace. */
#include "bpf/subject.bpf.h"
#include <bpf/bpf_endian.h>
#include "bpf/guard.h"

#define PACKET_IPV4 0x0800 /* ETH_P_IP and ETH_P_IPV6: macros */
#define PACKET_IPV6 0x86dd

static __always_inline enum packet_kind read_packet(struct __sk_buff *skb, struct packet *p)
{
	if (skb->protocol == bpf_htons(PACKET_IPV4))
		return packet_v4(skb, skb->len, p);
	if (skb->protocol == bpf_htons(PACKET_IPV6))
		return packet_v6(skb, skb->len, p);
	return PACKET_UNREADABLE;
}

/* Turned to the engine by connect, and still going there. */
static __always_inline int goes_through_engine(const struct note *note, const struct packet *p)
{
	return note && note->has_flow && note->flow.remote_port == p->port &&
	       addr_same(note->flow.remote_ip, p->ip);
}

/* The socket's cgroup never changes, so for one with a note this is the note's. */
static __always_inline struct cgroup_value *sender_of(struct __sk_buff *skb, const struct note *note)
{
	struct place place;
	__u64 subject;

	place.cgroup_id = bpf_skb_cgroup_id(skb);
	for (int level = 0; level < ANCESTORS; level++)
		place.ancestors[level] = bpf_skb_ancestor_cgroup_id(skb, level);
	return subject_of(&place, note ? note->uid : bpf_get_socket_uid(skb), &subject);
}

/* One event for a socket, however many packets; where that cannot be remembered, one for each. */
static __always_inline void tell(struct __sk_buff *skb, struct bpf_sock *sk, const struct note *note,
	const struct packet *p, enum counter why)
{
	struct stream *stream = bpf_sk_storage_get(&streams, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	struct refusal_event *ev;

	if (stream && stream->told)
		return;
	ev = event_open(why, p->ip, p->port);
	if (!ev)
		return;
	if (stream)
		stream->told = 1;
	ev->socket_cookie = bpf_get_socket_cookie(skb);
	if (note) {
		event_of_note(ev, note);
	} else {
		ev->cgroup_id = bpf_skb_cgroup_id(skb);
		ev->uid = bpf_get_socket_uid(skb);
	}
	bpf_ringbuf_submit(ev, 0);
}

SEC("cgroup_skb/egress")
int pgveil_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct packet p = {};
	enum packet_kind kind;
	enum counter why;
	struct note *note;

	if (sk)
		sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1; /* no socket, no cgroup: this hook does not run for such */
	kind = read_packet(skb, &p);
	why = packet_suspect(kind, sk->type, kind == PACKET_TCP && bpf_map_lookup_elem(&ports, &p.port));
	if (why == COUNTER_MAX)
		return 1;
	note = bpf_sk_storage_get(&notes, sk, 0, 0);
	if (why == COUNTER_DROPPED_DATABASE && goes_through_engine(note, &p))
		return 1;
	if (state_of(sender_of(skb, note)) == CGROUP_EXEMPT)
		return 1;
	count(why);
	tell(skb, sk, note, &p, why);
	return 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
