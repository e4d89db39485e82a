/* SPDX-License-Identifier: MIT */
/* splice: pairs of the engine's own sockets between which the kernel hands on rows by itself
 * (bpf/splice.bpf.c). Program and maps are this process's alone and end with it: nothing is pinned. Never
 * reads or writes a socket but its own, for the test of the kernel. */
#ifndef PGVEIL_KERN_SPLICE_H
#define PGVEIL_KERN_SPLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "bpf/splice.h"

struct splicer;

/* What the kernel must do as it should. X(name, word) */
#define SPLICE_CHECKS(X)                                                                                     \
	X(ORDER, "order")       /* nothing lost, nothing overtaken, the rest comes up */                     \
	X(END, "end")           /* the end of the stream comes up, and breaks nothing */                     \
	X(DRAIN, "drain")       /* what TCP has can be told */                                               \
	X(CLOSE, "close")       /* with unread bytes */                                                      \
	X(READABLE, "readable") /* FIONREAD says how much */                                                 \
	X(TARGET, "target")     /* what cannot go on any more comes up */                                    \
	X(REPEAT, "repeat")     /* what comes twice can be told, and cut off */
#define X(name, word) SPLICE_CHECK_##name,
enum splice_check { SPLICE_CHECKS(X) SPLICE_CHECK_MAX };
#undef X
const char *splice_check_name(enum splice_check c);

struct splice_verdict { /* of the test; all zero: it was not run */
	bool tried;
	unsigned failed; /* bits by enum splice_check */
};

MUSTCHECK int splice_open(struct splicer **out, struct err *e);
void splice_close(struct splicer *s); /* after all its sockets; NULL is fine */
/* Tries the kernel on sockets over loopback. Bits of what failed, by enum splice_check; e says how the first
 * did. Takes some milliseconds. */
unsigned splice_test(struct splicer *s, struct err *e);
void splice_switch(struct splicer *s, bool on); /* off: every window ends with the next piece */

struct splice_pair {             /* of a connection; all zero: none */
	uint64_t server, client; /* cookies */
};
/* Both are TCP sockets without TLS. Nothing may be on its way from the server: it would be read past us, and
 * then no window opens. Where it fails nothing has changed, or the caller closes both. */
MUSTCHECK int splice_pair(
	struct splicer *s, struct splice_pair *p, int server_fd, int client_fd, struct err *e);
/* Behind the closing of both. */
void splice_unpair(struct splicer *s, struct splice_pair *p);
/* A window for p. The caller has read all that came up, has sent all that it had for the client, and knows
 * where in a message the stream is. */
MUSTCHECK int splice_window(struct splicer *s, const struct splice_pair *p, const struct splice_window *w);
/* What became of the last one. Its fields hang together where it has ended. */
MUSTCHECK int splice_count(struct splicer *s, const struct splice_pair *p, struct splice_count *out);
/* Whether what was read of a socket of a pair until now may be something else than what its other end said.
 * To be asked behind every read. */
bool splice_lost(struct splicer *s, uint64_t cookie);
/* All bytes that TCP was ever given for a socket, plus a constant. -EAGAIN: they are being acknowledged just
 * now. */
MUSTCHECK int splice_queued(int fd, uint64_t *out);

#endif
