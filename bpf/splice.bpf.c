/* SPDX-License-Identifier: MIT */
/* splice: rows that nothing looks at go from a server's socket to its client's without coming up to the
 * daemon. Both are the daemon's own. It runs for each piece that comes in on either of them, and passes it up
 * unless a window is open (splice.h): a window is opened by the daemon, and ended here.
 *
 * Nothing of the kernel holds a client back who does not read: what goes on waits in memory that nobody
 * counts. So a window is for so many bytes, and the daemon opens the next when all of them are with TCP.
 *
 * The state is found by the socket's cookie: programs of this type are not given a socket's storage.
 *
 * The end of a stream comes as a piece without bytes, and goes no further: sent on, it would break the other
 * socket; passed up, it would stand behind the rows that wait to be sent on the same socket, and be taken
 * there for a failure of sending, with which they are all thrown away. recv(2) tells of the end without it.
 *
 * A piece is shown as it came, with bytes at its front that came before (tcp_read_skb does not look at
 * copied_seq as recv does): they are cut off here, by TCP's own numbers, or the stream is given up. */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "bpf/splice.h"

#define CUT      0xfffu /* what bpf_skb_adjust_room takes at once */
#define CUTS_MAX 32

/* Of the kernel's types what is read here, by name: libbpf finds where the running kernel has it. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct tcp_sock___pgveil {
	__u32 copied_seq;
};
struct sk_buff___pgveil {
	struct tcp_sock___pgveil *sk;
	struct {
		struct {
			int counter;
		} refs;
	} users;
};
#pragma clang attribute pop

struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, __u64);
} sockets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct splice_window_slot);
} windows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct splice_count_slot);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct splice_switch);
} off_switch SEC(".maps");

struct look {
	struct __sk_buff *skb;
	struct splice_track track;
	__u32 at, len;
	__u64 rows;
	enum splice_end end; /* OPEN: all of the piece may go on */
	__u32 done;
};

static long look_at(__u32 i, struct look *l)
{
	__u8 b[SPLICE_HEADER] = {0};
	__u32 n = splice_next(&l->track, &l->at, l->len);
	long r;

	(void)i;
	if (!n) {
		l->done = 1;
		return 1;
	}
	r = n == SPLICE_HEADER ? bpf_skb_load_bytes(l->skb, l->at, b, SPLICE_HEADER)
			       : bpf_skb_load_bytes(l->skb, l->at, b, 1);
	if (r || !splice_take(&l->track, b, n, &l->rows)) {
		l->end = SPLICE_END_MESSAGE;
		return 1;
	}
	l->at += n;
	return 0;
}

static __always_inline int turned_off(void)
{
	__u32 key = 0;
	const struct splice_switch *s = bpf_map_lookup_elem(&off_switch, &key);

	return !s || s->off;
}

static __always_inline void publish(struct splice_count_slot *to, const struct splice_count *c)
{
	bpf_spin_lock(&to->lock);
	to->count = *c;
	bpf_spin_unlock(&to->lock);
}

static __always_inline int pass(
	struct splice_count_slot *to, struct splice_count *c, enum splice_end end, __u32 len)
{
	if (c->end == SPLICE_END_OPEN)
		c->end = end;
	c->passed += len;
	publish(to, c);
	return SK_PASS;
}

/* A window that was not seen before. */
static __always_inline void see(struct splice_count *c, const struct splice_window *w)
{
	c->generation = w->generation;
	c->bytes = c->rows = 0;
	c->credit = w->credit;
	c->track = w->track;
	c->end = splice_opens(w, c) ? SPLICE_END_OPEN : SPLICE_END_LATE;
}

static __always_inline int cut(struct __sk_buff *skb, __u32 n)
{
	for (int i = 0; i < CUTS_MAX && n; i++) {
		__u32 k = n < CUT ? n : CUT;

		if (bpf_skb_adjust_room(skb, -(__s32)k, 0, 0))
			return 0;
		n -= k;
	}
	return !n;
}

/* Whether the piece, without what came before, is what comes next. Where the stream is lost it stays so. */
static __always_inline int in_place(struct __sk_buff *skb, struct splice_count *c)
{
	const struct sk_buff___pgveil *kernels = (const void *)skb;
	__u32 again, seq = skb->cb[0], end = skb->cb[1];

	if (c->lost)
		return 0;
	if (!c->begun) {
		/* All that came before was read, or the daemon opens no window. */
		c->next = BPF_CORE_READ(kernels, sk, copied_seq);
		c->begun = 1;
	}
	/* The kernel may not cut a piece that somebody else holds as well: some do, and end in a panic. */
	c->cuts = BPF_CORE_READ(kernels, users.refs.counter) == 1;
	if (!splice_fits(c->next, seq, end, skb->len, &again) || (again && (!c->cuts || !cut(skb, again)))) {
		c->lost = 1;
		return 0;
	}
	c->repeated += again;
	c->next = end;
	return 1;
}

SEC("sk_skb")
int pgveil_splice(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb), target;
	struct splice_count_slot *to = bpf_map_lookup_elem(&counts, &cookie);
	struct splice_window_slot *from = bpf_map_lookup_elem(&windows, &cookie);
	struct look l = {.skb = skb, .end = SPLICE_END_OPEN};
	struct splice_window w = {0};
	struct splice_count c;

	if (!to)
		return SK_PASS;
	/* Nobody else writes it, and the socket is locked. */
	c = to->count;
	if (!in_place(skb, &c))
		return pass(to, &c, SPLICE_END_LOST, skb->len);
	l.len = skb->len;
	if (!l.len) {
		pass(to, &c, SPLICE_END_END, 0);
		return SK_DROP;
	}
	if (!from)
		return pass(to, &c, SPLICE_END_OPEN, l.len);
	bpf_spin_lock(&from->lock);
	w = from->window;
	bpf_spin_unlock(&from->lock);
	if (w.generation != c.generation)
		see(&c, &w);
	if (c.end != SPLICE_END_OPEN)
		return pass(to, &c, SPLICE_END_OPEN, l.len);
	if (turned_off())
		return pass(to, &c, SPLICE_END_SWITCH, l.len);
	if (c.credit < l.len)
		return pass(to, &c, SPLICE_END_CREDIT, l.len);
	l.track = c.track;
	bpf_loop(SPLICE_PIECE_STEPS, look_at, &l, 0);
	if (l.end != SPLICE_END_OPEN || !l.done)
		return pass(to, &c, l.end != SPLICE_END_OPEN ? l.end : SPLICE_END_PIECE, l.len);
	/* Counted before it goes: the daemon compares this with what TCP has, and must not find more there.
	 */
	target = w.target;
	c.bytes += l.len;
	publish(to, &c);
	if (bpf_sk_redirect_hash(skb, &sockets, &target, 0) != SK_PASS) {
		c.bytes -= l.len;
		return pass(to, &c, SPLICE_END_TARGET, l.len);
	}
	c.rows += l.rows;
	c.credit -= l.len;
	c.track = l.track;
	publish(to, &c);
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
