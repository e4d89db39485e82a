/* SPDX-License-Identifier: MIT */
/* stream: the rows of one connection that the kernel hands on (kern/splice.h): when a window may be opened,
 * where it left off, and when what went on is with TCP, so that something else may be sent behind it. Never
 * reads a row. */
#ifndef PGVEIL_NET_STREAM_H
#define PGVEIL_NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "kern/splice.h"
#include "net/leg.h"
#include "session/session.h"

#define STREAM_CREDIT                                                                                        \
	((uint64_t)256 << 10) /* bytes of a window: all that waits in memory that nobody counts */

struct stream { /* all zero: the legs are not paired */
	struct splicer *splicer;
	struct splice_pair pair;
	bool spoilt; /* it could not be paired, or not so that windows open */
	bool open; /* a window: nothing may be read of the server but by stream_end, nor sent to the client */
	bool draining;
	uint64_t generation;
	struct splice_track at; /* where the last one was opened */
	uint64_t read;          /* bytes that came up from the server */
	uint64_t base;          /* what the client's TCP had been given when the window was opened */
	uint64_t sent;          /* bytes that went on since */
	uint64_t queued;        /* what it had been given when it was last looked at */
	uint64_t repeated;      /* bytes of the server that were cut off, at the end of the last window */
};

/* The two legs, where the server says nothing. Once: afterwards they are paired, or spoilt. */
void stream_pair(struct stream *t, struct splicer *s, const struct leg *server, const struct leg *client);
/* The server's leg is about to be closed: it is reset where something is unread, as the kernel does where it
 * knows of it. A server that is held back would otherwise wait for a minute. */
void stream_leave(const struct stream *t, const struct leg *server);
void stream_unpair(struct stream *t); /* when both legs are closed */
/* Whether what was read of a leg, up to now, cannot be believed: the connection ends before it is looked at.
 */
bool stream_lost(const struct stream *t, enum side side);
/* Opens a window if the session has rows to hand on, and all is read and sent. */
bool stream_begin(struct stream *t, struct session *s, const struct leg *client);
/* Whether the window has ended: something came up, or the server is gone. */
bool stream_ended(const struct stream *t, const struct leg *server);
/* Tells the session where it left off; *out: what became of it. */
MUSTCHECK int stream_end(struct stream *t, struct session *s, struct splice_count *out);
/* Whether all that went on is with TCP. *moved: more of it than when it was last looked at. */
bool stream_drained(struct stream *t, const struct leg *client, bool *moved);

#endif
