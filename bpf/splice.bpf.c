/* SPDX-License-Identifier: MIT */
/* splice: rows that nothing looks at go from a server's socket to its client's without coming up to the
 * daemon. Both are the daemon's own. It runs for each piece that comes in on either of them, and passes it up
 * unless a window is open (splice.h): a window is opened by the daemon, and ended here.
 *
 * Nothing of the kernel holds a client back who does not read: what goes on waits in memory that nobody
 * counts. So a window is for so many bytes, and the daemon opens the next when all of them are with TCP.
 *
 * The state is found by the socket's cookie: programs of this type are not given a socket's storage. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "bpf/splice.h"

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
	__type(value, struct splice_window);
} windows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct splice_count);
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

static __always_inline int pass(struct splice_count *c, enum splice_end end, __u32 len)
{
	if (c->end == SPLICE_END_OPEN)
		c->end = end;
	c->passed += len;
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

SEC("sk_skb")
int pgveil_splice(struct __sk_buff *skb)
{
	__u64 cookie = bpf_get_socket_cookie(skb), target;
	struct splice_count *c = bpf_map_lookup_elem(&counts, &cookie);
	const struct splice_window *w = bpf_map_lookup_elem(&windows, &cookie);
	struct look l = {.skb = skb, .len = skb->len, .end = SPLICE_END_OPEN};

	if (!c || !w)
		return SK_PASS;
	if (w->generation != c->generation)
		see(c, w);
	if (c->end != SPLICE_END_OPEN)
		return pass(c, SPLICE_END_OPEN, l.len);
	/* The end of the stream comes as a piece without bytes; sent on, it would break the other socket. */
	if (!l.len)
		return pass(c, SPLICE_END_END, 0);
	if (turned_off())
		return pass(c, SPLICE_END_SWITCH, l.len);
	if (c->credit < l.len)
		return pass(c, SPLICE_END_CREDIT, l.len);
	l.track = c->track;
	bpf_loop(SPLICE_PIECE_STEPS, look_at, &l, 0);
	if (l.end != SPLICE_END_OPEN || !l.done)
		return pass(c, l.end != SPLICE_END_OPEN ? l.end : SPLICE_END_PIECE, l.len);
	/* Counted before it goes: the daemon compares this with what TCP has, and must not find more there.
	 */
	target = w->target;
	c->bytes += l.len;
	if (bpf_sk_redirect_hash(skb, &sockets, &target, 0) != SK_PASS) {
		c->bytes -= l.len;
		return pass(c, SPLICE_END_TARGET, l.len);
	}
	c->rows += l.rows;
	c->credit -= l.len;
	c->track = l.track;
	return SK_PASS;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
