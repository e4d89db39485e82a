/* SPDX-License-Identifier: MIT */
/* guard: packets that leave for a database without the engine between are dropped, by whatever way the socket
 * came to be there: connections older than the programs, raw sockets, what connect did not see. Connect
 * refuses with an errno; this is the net below it.
 *
 * TCP to other ports is looked into until it is known whether its client speaks PostgreSQL (firstbytes.h).
 *
 * The packets of the engine itself are of its own cgroup, in whatever network namespace. */
#include "bpf/subject.bpf.h"
#include <bpf/bpf_endian.h>
#include "bpf/guard.h"

#define PACKET_IPV4 0x0800 /* ETH_P_IP and ETH_P_IPV6: macros */
#define PACKET_IPV6 0x86dd

/* The functions that are not static are verified by themselves, once and not on every path that leads to
 * them. */
__noinline int guard_read(struct __sk_buff *skb, struct packet *p)
{
	if (!p)
		return PACKET_UNREADABLE;
	if (skb->protocol == bpf_htons(PACKET_IPV4))
		return (int)packet_v4(skb, skb->len, p);
	if (skb->protocol == bpf_htons(PACKET_IPV6))
		return (int)packet_v6(skb, skb->len, p);
	return PACKET_UNREADABLE;
}

__noinline __u32 guard_step(struct __sk_buff *skb, struct firstbytes *first, __u32 at, __u32 len)
{
	return first ? firstbytes_step(first, skb, at, len) : 0;
}

/* Turned to the engine by connect, and still going there. */
static __always_inline int goes_through_engine(const struct note *note, const struct packet *p)
{
	return note && note->has_flow && note->flow.remote_port == p->port &&
	       addr_same(note->flow.remote_ip, p->ip);
}

/* Of the socket's cgroup, which never changes: for one with a note it is the note's. */
__noinline int guard_sender(struct __sk_buff *skb, __u32 uid, struct cgroup_value *out)
{
	struct cgroup_value *v;
	struct place place;
	__u64 subject;

	if (!out)
		return 0;
	place.cgroup_id = bpf_skb_cgroup_id(skb);
	for (int level = 0; level < ANCESTORS; level++)
		place.ancestors[level] = bpf_skb_ancestor_cgroup_id(skb, level);
	v = subject_of(&place, uid, &subject);
	out->state = state_of(v);
	out->foreign = v ? v->foreign : FOREIGN_DENY;
	return 0;
}

static __always_inline struct cgroup_value sender_of(struct __sk_buff *skb, const struct note *note)
{
	struct cgroup_value v = {};

	guard_sender(skb, note ? note->uid : bpf_get_socket_uid(skb), &v);
	return v;
}

static __always_inline void tell(
	struct __sk_buff *skb, const struct note *note, const struct packet *p, enum counter why)
{
	struct refusal_event *ev = event_open(why, p->ip, p->port);

	if (!ev)
		return;
	ev->socket_cookie = bpf_get_socket_cookie(skb);
	if (note) {
		event_of_note(ev, note);
	} else {
		ev->cgroup_id = bpf_skb_cgroup_id(skb);
		ev->uid = bpf_get_socket_uid(skb);
	}
	bpf_ringbuf_submit(ev, 0);
}

/* Whether it was not told before; where that cannot be remembered, it is told each time. */
static __always_inline int first_time(struct stream *stream, enum stream_told what)
{
	if (!stream)
		return 1;
	if (stream->told & what)
		return 0;
	stream->told |= what;
	return 1;
}

/* To a database, or unreadable. */
static __always_inline int drop_suspect(struct __sk_buff *skb, struct bpf_sock *sk, const struct note *note,
	const struct packet *p, enum counter why)
{
	struct stream *stream;

	if (sender_of(skb, note).state == CGROUP_EXEMPT)
		return 1;
	count(why);
	stream = bpf_sk_storage_get(&streams, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (first_time(stream, TOLD_DROPPED))
		tell(skb, note, p, why);
	return 0;
}

struct reading {
	struct firstbytes first;
	struct __sk_buff *skb;
	__u32 at;
	__u32 len;
};

static long read_step(__u32 i, void *ctx)
{
	struct reading *r = ctx;
	__u32 n = guard_step(r->skb, &r->first, r->at, r->len);

	(void)i;
	r->at += n;
	r->len -= n;
	return !n;
}

static __always_inline enum firstbytes_verdict read_stream(
	struct __sk_buff *skb, struct stream *stream, const struct packet *p)
{
	struct reading r = {.first = stream->first, .skb = skb};
	enum firstbytes_verdict verdict = firstbytes_begin(&r.first, p, &r.at, &r.len);
	__u32 from = r.at;

	if (r.len) {
		bpf_loop(FIRSTBYTES_LOOP, read_step, &r, 0);
		verdict = firstbytes_end(&r.first, r.at - from, r.len);
	}
	stream->first = r.first;
	return verdict;
}

/* Asked only of a packet that would be dropped. */
static __always_inline int judge_foreign(struct __sk_buff *skb, struct stream *stream,
	const struct note *note, const struct packet *p, enum firstbytes_verdict verdict)
{
	struct cgroup_value v = sender_of(skb, note);
	enum counter why;

	if (v.state == CGROUP_EXEMPT)
		return 1;
	if (v.state == CGROUP_ENROLLED && v.foreign == FOREIGN_REPORT) {
		if (verdict == FIRSTBYTES_REPORT && first_time(stream, TOLD_FOREIGN)) {
			count(COUNTER_FOREIGN_REPORTED);
			tell(skb, note, p, COUNTER_FOREIGN_REPORTED);
		}
		return 1;
	}
	if (verdict != FIRSTBYTES_REPORT) {
		count(COUNTER_DROPPED_GAP);
		return 0;
	}
	why = stream->first.phase == FIRSTBYTES_OPAQUE ? COUNTER_FOREIGN_OPAQUE : COUNTER_FOREIGN_DENIED;
	if (first_time(stream, TOLD_FOREIGN)) {
		count(why);
		tell(skb, note, p, why);
	}
	return (p->flags & PACKET_RST) != 0; /* the other end may know that it is over */
}

/* TCP to a port that is not captured: what it is carrying. A packet without data, and without a stream that
 * anything is known of, says nothing; nor does a SYN with ACK, whose socket is the listener. */
static __always_inline int look_inside(struct __sk_buff *skb, struct bpf_sock *sk, const struct packet *p)
{
	int opens = (p->flags & (PACKET_SYN | PACKET_ACK)) == PACKET_SYN;
	struct stream *stream = bpf_sk_storage_get(&streams, sk, 0, 0);
	enum firstbytes_verdict verdict;
	struct note *note;

	if (p->flags & PACKET_SYN && !opens)
		return 1;
	if (!stream && !opens && !p->payload_len)
		return 1;
	if (stream && stream->first.phase == FIRSTBYTES_OTHER && !opens)
		return 1;
	note = bpf_sk_storage_get(&notes, sk, 0, 0);
	if (goes_through_engine(note, p))
		return 1;
	if (!stream)
		stream = bpf_sk_storage_get(&streams, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!stream) {
		/* TCP sends it again. */
		count(COUNTER_STORAGE_FAILED);
		return sender_of(skb, note).state == CGROUP_EXEMPT;
	}
	if (firstbytes_is_new(&stream->first, p))
		__builtin_memset(stream, 0, sizeof(*stream));
	verdict = read_stream(skb, stream, p);
	return verdict == FIRSTBYTES_PASS || judge_foreign(skb, stream, note, p, verdict);
}

SEC("cgroup_skb/egress")
int pgveil_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;
	struct packet p = {};
	enum counter why;
	struct note *note;
	int kind;

	if (sk)
		sk = bpf_sk_fullsock(sk);
	if (!sk)
		return 1; /* no socket, no cgroup: this hook does not run for such */
	kind = guard_read(skb, &p);
	why = packet_suspect(
		(enum packet_kind)kind, sk->type, kind == PACKET_TCP && bpf_map_lookup_elem(&ports, &p.port));
	if (why == COUNTER_MAX)
		return kind == PACKET_TCP ? look_inside(skb, sk, &p) : 1;
	note = bpf_sk_storage_get(&notes, sk, 0, 0);
	if (why == COUNTER_DROPPED_DATABASE && goes_through_engine(note, &p))
		return 1;
	return drop_suspect(skb, sk, note, &p, why);
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
