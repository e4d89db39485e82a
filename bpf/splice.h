/* SPDX-License-Identifier: MIT */
/* splice: what the program of splice.bpf.c and the daemon tell each other, and how it follows the messages of
 * a server without holding them: pure inlines, tested on the host by tests/unit/kern_splice.c. Of the rows of
 * one clean result it may hand on what comes; at the first header that is not one of these rows it stops,
 * before the piece with that header, and what was before that piece is exactly known.
 *
 *        a piece of the stream, as the kernel has it
 *   ┌──────────────┬───────────────┬───────────────┬──────┐
 *   │ ..rest of a  │ D len, body   │ D len, body   │ D le │  all of it goes on; two bytes of a header are
 * kept └──────────────┴───────────────┴───────────────┴──────┘ ┌──────┬───────────────┬───────────────┐ │ n
 * .. │ D len, body   │ C ...         │                 nothing of it goes on: the daemon reads it all
 *   └──────┴───────────────┴───────────────┘
 */
#ifndef PGVEIL_BPF_SPLICE_H
#define PGVEIL_BPF_SPLICE_H

#ifndef __VMLINUX_H__
#include <linux/bpf.h>
#include <linux/types.h>
#endif

#define SPLICE_HEADER     5 /* type and length, as in pgwire/frame.h */
#define SPLICE_LENGTH_MIN 4 /* the length word counts itself */
#define SPLICE_LENGTH_MAX 0x3ffffffe
#define SPLICE_PIECE_STEPS                                                                                   \
	65536 /* headers, or single bytes of cut ones, that are looked for in one piece                      \
	       */

/* Where in a message the stream is. All zero: a header comes next, and none may. */
struct splice_track {
	__u32 to_next; /* bytes of the message under way that are still to come */
	__u8 type;     /* the only type of message that goes on: 'D' or 'd' */
	__u8 nhead;    /* bytes of the next header that came: 0 to 4 */
	__u8 head[4];
	__u8 pad[2];
};

/* Written by the daemon alone, whole, by a socket's cookie: from now on these rows may go on. */
struct splice_window {
	__u64 generation; /* one more than that of the window before; the first is 1 */
	__u64 read;       /* how many of the bytes that the program passed up the daemon had read then */
	__u64 credit;     /* bytes that may go on; 0: a window that is shut */
	__u64 target;     /* cookie of the socket that they go to */
	struct splice_track track;
	__u32 pad;
};

/* Why the last window ended. X(name, word) */
#define SPLICE_ENDS(X)                                                                                       \
	X(NEVER, "never")     /* there was none */                                                           \
	X(OPEN, "open")       /* it has not */                                                               \
	X(LATE, "late")       /* something had come before it was opened */                                  \
	X(MESSAGE, "message") /* a message that is no row of it */                                           \
	X(CREDIT, "credit")                                                                                  \
	X(SWITCH, "switch") /* turned off */                                                                 \
	X(TARGET, "target") /* the other socket is gone */                                                   \
	X(END, "end")       /* of the stream */                                                              \
	X(PIECE, "piece")   /* more in one piece than is looked at */                                        \
	X(LOST, "lost")     /* the stream itself: nothing of it can be believed any more */
#define X(name, word) SPLICE_END_##name,
enum splice_end { SPLICE_ENDS(X) SPLICE_END_MAX };
#undef X

/* Written by the program alone, by a socket's cookie: the server's, and for its place in the stream the
 * client's as well. */
struct splice_count {
	__u64 generation;          /* of the last window that the program has seen */
	__u64 passed;              /* bytes that went up to the daemon, ever */
	__u64 bytes;               /* of this window, that went on … */
	__u64 rows;                /* … and of how many rows the whole header was among them */
	__u64 credit;              /* of it that is left */
	__u64 repeated;            /* bytes that came once more, ever: cut off */
	__u32 end;                 /* enum splice_end */
	struct splice_track track; /* behind the last of bytes */
	__u32 next;                /* sequence number of what comes next, once something has come */
	__u8 begun;
	__u8 cuts; /* such bytes could be cut off, so far */
	__u8 lost; /* what went up since this was set is not what the other end said */
	__u8 pad;
};

/* Both ends hold the lock for as long as they copy, so that neither sees half of what the other writes, nor
 * what the kernel has since put into the memory of an element that was replaced. */
struct splice_window_slot {
	struct bpf_spin_lock lock;
	__u32 pad;
	struct splice_window window;
};
struct splice_count_slot {
	struct bpf_spin_lock lock;
	__u32 pad;
	struct splice_count count;
};

struct splice_switch {
	__u32 off; /* not 0: nothing goes on */
};

_Static_assert(sizeof(struct splice_track) == 12, "no hidden padding in a map value");
_Static_assert(sizeof(struct splice_window) == 48, "no hidden padding in a map value");
_Static_assert(sizeof(struct splice_count) == 72, "no hidden padding in a map value");

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* Of a piece of len bytes, *at of which are behind us: how many bytes of a header to look at next, which are
 * at *at then; 0: there is nothing more to look at in it, and all of it may go on. */
static __always_inline __u32 splice_next(struct splice_track *t, __u32 *at, __u32 len)
{
	__u32 left = len - *at;

	if (t->to_next >= left) {
		t->to_next -= left;
		*at = len;
		return 0;
	}
	*at += t->to_next;
	left -= t->to_next;
	t->to_next = 0;
	return t->nhead == 0 && left >= SPLICE_HEADER ? SPLICE_HEADER : 1;
}

/* Those bytes, n of them. 0: no row, and nothing of the piece goes on; else 1. *rows: headers that are whole.
 */
static __always_inline int splice_take(struct splice_track *t, const __u8 *b, __u32 n, __u64 *rows)
{
	__u32 length;

	if (n != SPLICE_HEADER && t->nhead < 4) {
		if (t->nhead == 0 && b[0] != t->type)
			return 0;
		/* Not by index: the verifier would have to follow it. */
		if (t->nhead == 0)
			t->head[0] = b[0];
		else if (t->nhead == 1)
			t->head[1] = b[0];
		else if (t->nhead == 2)
			t->head[2] = b[0];
		else
			t->head[3] = b[0];
		t->nhead++;
		return 1;
	}
	if (n == SPLICE_HEADER) {
		if (b[0] != t->type)
			return 0;
		length = (__u32)b[1] << 24 | (__u32)b[2] << 16 | (__u32)b[3] << 8 | b[4];
	} else {
		length = (__u32)t->head[1] << 24 | (__u32)t->head[2] << 16 | (__u32)t->head[3] << 8 | b[0];
	}
	if (length < SPLICE_LENGTH_MIN || length > SPLICE_LENGTH_MAX)
		return 0;
	t->to_next = length - SPLICE_LENGTH_MIN;
	t->nhead = 0;
	++*rows;
	return 1;
}

/* A piece of len bytes that TCP numbers from seq to end comes where next is expected. The kernel shows these
 * programs all of it, also what it had from an earlier one (a sender that repeats may cut its segments anew):
 * *again bytes at its front. 0: it does not fit, and the stream is lost. */
static __always_inline int splice_fits(__u32 next, __u32 seq, __u32 end, __u32 len, __u32 *again)
{
	/* The end of the stream has a number as well. */
	__u32 fin = end - seq - len;

	*again = next - seq;
	return fin <= 1 && *again <= len;
}

/* Whether the program may begin with w, of which it has seen nothing yet; c is what it counted so far. */
static __always_inline int splice_opens(const struct splice_window *w, const struct splice_count *c)
{
	return w->credit && !c->lost && w->read == c->passed &&
	       (w->track.type == 'D' || w->track.type == 'd') && w->track.nhead == 0;
}

#endif
