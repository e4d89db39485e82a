/* SPDX-License-Identifier: MIT */
/* passage: what goes from a connection's server to its client without being read: pieces of large rows by a
 * pipe, whole rows by the kernel. It comes before what is queued for the client, and is counted by the
 * worker. Never looks at a byte. */
#ifndef PGVEIL_NET_PASSAGE_H
#define PGVEIL_NET_PASSAGE_H

#include "net/crew.h"
#include "net/leg.h"
#include "net/stream.h"

struct passage { /* of a connection, which owns what it points to */
	struct worker *worker;
	struct session *session;
	struct leg *leg; /* both, by enum side */
	struct pipe pipe;
	struct stream stream;
};

/* Something is on its way: the server is not read. */
static inline bool passage_holds(const struct passage *p)
{
	return p->pipe.held || p->stream.draining;
}
/* Rows that the kernel handed on are not all with TCP yet. */
static inline bool passage_drains(const struct passage *p)
{
	return p->stream.draining;
}

/* Whether something may be sent to the client now: what the kernel handed on came first. *moved: more of that
 * is with TCP than when it was last asked. */
bool passage_clear(struct passage *p, bool *moved);
/* Where it is clear: writes what is in the pipe, or what is queued. As leg_flush. */
bool passage_flush(struct passage *p);

/* What the server says next, if it may go on unread, at most as much as that is. As leg_read; -ENOBUFS: it is
 * to be read. */
ssize_t passage_fill(struct passage *p);
/* n bytes of a side were read. False: they cannot be believed. */
MUSTCHECK bool passage_got(struct passage *p, enum side side, size_t n);

/* Where nothing is under way: lets the kernel hand on rows, if it may. */
void passage_offer(struct passage *p);
/* 1: the server may be read; 0: rows are still handed on; -EPROTO: where that ended is not known, and nothing
 * more may be sent. */
MUSTCHECK int passage_ended(struct passage *p);
/* The session is over: what the kernel may hand on ends here. Otherwise as passage_ended. */
MUSTCHECK int passage_end(struct passage *p);

/* The client's leg, the server's leg is about to be closed; both are. */
void passage_drop(struct passage *p);
void passage_leave(const struct passage *p);
void passage_fini(struct passage *p);

#endif
