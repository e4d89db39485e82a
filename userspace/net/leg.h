/* SPDX-License-Identifier: MIT */
/* leg: one of a connection's two sockets, with TLS or without: reads and writes what it is given, and
 * remembers what it can no longer do. */
#ifndef PGVEIL_NET_LEG_H
#define PGVEIL_NET_LEG_H

#include "base/outq.h"
#include "net/loop.h"
#include "net/pipe.h"
#include "net/tls.h"

struct leg {
	int fd; /* -1: closed, or not there yet */
	struct watch *watch;
	struct tls *tls; /* NULL: plaintext */
	unsigned on;     /* what is watched */
	bool eof;        /* nothing more can be read */
	bool broken;     /* nothing more can be written */
	bool blocked;    /* the last call found no room to write */
	bool dry;        /* the last read found nothing: the fd must become readable first */
};

void leg_close(struct leg *leg);
/* > 0, 0 at the end, -EAGAIN, or another negative errno. */
ssize_t leg_read(struct leg *leg, void *p, size_t n);
/* Writes what is queued; true: some of it went out, or never will. */
bool leg_flush(struct leg *leg, struct outq *q);
/* The same for what a pipe holds; *put: how much the peer was given. Not with TLS. */
bool leg_pour(struct leg *leg, struct pipe *p, size_t *put);
/* Nothing more will be written; the peer sees the end behind all that was. */
void leg_shut(struct leg *leg);
/* The peer has shut its writing side (eof). From now on the kernel finds out, within a minute or so, whether
 * anybody is still there to read; leg_gone tells. */
void leg_probe(struct leg *leg);
bool leg_gone(const struct leg *leg);
/* Reads and throws away what is there; true: the peer is gone. */
bool leg_drain(struct leg *leg);

#endif
