/* SPDX-License-Identifier: MIT */
/* conn: one session's two connections on one worker: moves bytes, satisfies the session's wants, and closes.
 * Never looks at a byte. */
#ifndef PGVEIL_NET_CONN_H
#define PGVEIL_NET_CONN_H

#include "net/crew.h"

struct visitor;

/* A struct visitor *, on w's thread: becomes a connection, or is closed; taken over in every case. */
void conn_adopt(struct worker *w, void *visitor);
/* The same without serving it, from any thread. */
void conn_turn_away(struct worker *w, struct visitor *v);

/* All on the worker's thread. */
void conn_event(struct conn *c, enum event_kind kind); /* EVENT_BYTES, …_CANCEL, …_SHUTDOWN, …_END */
bool conn_waits(const struct conn *c);                 /* WANT_WAKE */
struct conn *conn_next(const struct conn *c);
struct conn *conn_next_recorded(const struct conn *c); /* in the worker's recorded_by */
const struct session *conn_session(const struct conn *c);
/* It is told to go, if it has rested for rest_ms, or need not. */
void conn_rest(struct conn *c, uint64_t rest_ms);
unsigned conn_parked_redefining(const struct worker *w); /* how many of those that are parked */
void conn_close(struct conn *c);                         /* at once; parked until the turn ends */
void conn_free_parked(struct worker *w);
void conn_view(const struct conn *c, uint64_t now_ms, struct session_view *out);

#endif
