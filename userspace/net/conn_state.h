/* SPDX-License-Identifier: MIT */
/* conn_state: what conn.c (its turns), conn_server.c (the way to the server) and conn_life.c (how it begins
 * and ends) share of a connection, and nobody else knows. */
#ifndef PGVEIL_NET_CONN_STATE_H
#define PGVEIL_NET_CONN_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include "net/conn.h"
#include "net/leg.h"
#include "net/passage.h"
#include "net/straggler.h"

struct cancel;
struct dial;

/* OPEN ──WANT_CLOSE──► FLUSHING (what is left goes to the client) ──► DRAINING (our end is shut, the client's
 * last bytes are thrown away: a close with unread bytes would be a reset, and take back what was written) ──►
 * GONE. Everything that goes wrong between us and the client: GONE at once. */
enum conn_state { CONN_GONE = 0, CONN_OPEN, CONN_FLUSHING, CONN_DRAINING };

struct conn {
	enum conn_state state;
	struct worker *worker;
	struct conn *next, **link;
	struct conn *next_parked;
	struct conn *next_recorded, **recorded_link; /* in the worker's recorded_by; else NULL */
	struct session *session;
	struct listener *listener;
	struct caller who;
	struct flow_key flow;
	uint64_t socket_cookie;
	bool over_unix;
	struct registration registration;
	struct leg leg[2]; /* by enum side */
	struct passage passage;
	struct dial *dial;
	struct cancel *cancel;
	bool cancel_again; /* the one under way may have come before what is to be cancelled now */
	struct straggler straggler;
	struct slot *slot;
	struct alarm *alarm;
	uint64_t alarm_ms; /* when it rings; 0: not set */
	uint64_t began_ms, close_ms;
	uint64_t half_ms; /* the client is half closed: when it took something last; 0: it is not */
	unsigned wants;
	uint64_t rests_ms,
		rests_bytes; /* while the worker drains: since when, and after how much; 0: it does not */
	bool logged_in;
	bool shut; /* the server was told that nothing more comes */
};

/* conn.c */
void conn_feed(struct conn *c, const struct event *ev); /* steps the session and does what it wants */
void conn_settle(struct conn *c);                       /* after everything that can change something */
void conn_on_client(void *arg, unsigned what);
void conn_on_server(void *arg, unsigned what);
void conn_on_alarm(void *arg);
/* conn_server.c */
void conn_connect(struct conn *c);
void conn_cancel(struct conn *c);       /* what runs on the server for this session */
void conn_cancel_other(struct conn *c); /* what the client, which is no session, asks to be cancelled */
/* conn_life.c */
void conn_abort(struct conn *c, const char *why); /* something is wrong between us and the client */
void conn_close_server(struct conn *c);
void conn_await_record(struct conn *c, bool awaits); /* WANT_RECORDED */

#endif
