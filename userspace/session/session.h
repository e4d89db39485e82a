/* SPDX-License-Identifier: MIT */
/* session: one client connection and its server connection, from the first byte to the last, as a stepper
 * without I/O: events in, wants out. It judges every statement before the server sees it and every row before
 * the client does. Knows no fd, no TLS, no thread and no clock: time is passed in.
 *
 *            bytes            wants
 *   worker ─────────► session ─────► worker      (net/worker.c satisfies wants; tests and replay do the same
 * by hand)
 */
#ifndef PGVEIL_SESSION_SESSION_H
#define PGVEIL_SESSION_SESSION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/outq.h"
#include "pgwire/scram.h"
#include "policy/policy.h"
#include "policy/tenure.h"
#include "sql/slot.h"

struct session;
struct allowance;
struct budget;
struct cache;
struct accounts;
struct desk;
struct tally;
struct scribe;

enum side { SIDE_CLIENT, SIDE_SERVER };

/* What happened worth telling: the worker logs and counts it. Never holds a value. X(name, word) */
#define SESSION_NOTES(X)                                                                                     \
	X(LOGIN, "session.login")                                                                            \
	X(LOGIN_REFUSED, "session.refused")                                                                  \
	X(DIRECT_TLS, "session.direct_tls") /* a TLS hello without SSLRequest: closed */                     \
	X(STATEMENT_REFUSED, "statement.refused")                                                            \
	X(LIMIT, "limit.reached")                                                                            \
	X(CANCEL, "session.cancel")                                                                          \
	X(BROKEN, "session.broken")  /* protocol violation, or lineage and origin disagreed: closed */       \
	X(UNRECORDED, "record.lost") /* something of it is not on record, where that may be */
#define X(name, word) NOTE_##name,
enum session_note { SESSION_NOTES(X) SESSION_NOTE_MAX };
#undef X
const char *session_note_name(enum session_note n);

/* What the sessions of one worker share; outlives them. */
struct session_env {
	struct policy
		*policy;     /* current; the worker swaps it between steps (and keeps a reference for each) */
	struct cache *cache; /* bindings and plans (session/cache.h) */
	struct recall *recall;          /* of all workers */
	struct budget *budget;          /* likewise; NULL: nothing may be spent */
	struct allowance *allowance;    /* likewise; NULL: nothing of a window may be spent */
	const _Atomic unsigned *tenure; /* enum tenure, of all workers; NULL: there is no other daemon */
	const struct desk *desk;        /* NULL: nobody approves of anything */
	struct scram_memory *scram;     /* of the logins upstream; may be NULL */
	struct accounts *accounts;      /* NULL: no cgroup has a limit of its own (session/account.h) */
	uint64_t max_age_ms;            /* catalog.max_age */
	size_t message_max;             /* bytes of one message that must be held whole; 54000 beyond */
	size_t cell_max;   /* bytes of a cell that is masked by what it holds; redacted unread beyond */
	size_t splice_min; /* bytes of a row from which it may go to the client unread; 0: no row may */
	/* Whether entry i of p's databases covers an address, host names resolved. */
	enum coverage (*covers)(
		void *arg, const struct policy *p, unsigned i, const struct sockaddr *address);
	/* text has no word of the client's in it; sqlstate is NULL where there is none. */
	void (*note)(void *arg, const struct session *s, enum session_note n, const char *sqlstate,
		const char *text);
	struct scribe *scribe; /* session/scribe.h; NULL: nobody records, and what must be is refused */
	struct tally *tally;   /* session/tally.h; NULL: nobody counts */
	/* For how long something takes within a step or over several; NULL: nobody wants to know. */
	uint64_t (*clock_ns)(void *arg);
	void *arg;
};

enum event_kind {
	EVENT_BYTES,     /* something was read (session_got) or written, or it is worth looking again */
	EVENT_EOF,       /* side will say nothing more; a client may still read */
	EVENT_LOST,      /* side broke: it will not read any more either */
	EVENT_CONNECTED, /* the server side is up, TLS included */
	EVENT_CONNECT_FAILED,
	EVENT_CANCELLED, /* what WANT_CANCEL asked for is over: nothing of it can hit what is sent now */
	EVENT_CANCEL,    /* somebody with this session's key and identity sent a CancelRequest */
	EVENT_SHUTDOWN,  /* the daemon goes: 57P01 */
	EVENT_END,       /* somebody who may wants it to be over: 57P01, and what runs is cancelled */
};

struct event {
	enum event_kind kind;
	enum side side; /* EVENT_EOF, EVENT_LOST */
	/* EVENT_CONNECTED */
	const char *password; /* NULL: none; only read during the step */
	bool tls;
	struct slot *slot;  /* where this database's catalogue is found; outlives the session */
	uint8_t random[26]; /* 18 for SCRAM's nonce, 8 for the name of a refused statement */
	/* EVENT_CONNECT_FAILED */
	const struct err *why;
};

/* Wants, as bits of what session_step returns. Both output queues are always to be written. */
#define WANT_READ_CLIENT 0x01u
#define WANT_READ_SERVER 0x02u
#define WANT_CONNECT     0x04u /* once: connect to session_target and answer with EVENT_CONNECTED or _FAILED */
/* once: send session_upstream_key as a CancelRequest to the same server, and answer with EVENT_CANCELLED */
#define WANT_CANCEL 0x08u
#define WANT_LOOKUP                                                                                          \
	0x10u /* once: this connection is a CancelRequest; see session_cancel_request, then close it */
#define WANT_KEY                                                                                             \
	0x100u /* once: the server's pid is the client's now: a cancel must find us by session_key_pid */
#define WANT_WAKE     0x20u  /* step again when the catalogue changed, at the latest at session_wake_ms */
#define WANT_RECORDED 0x200u /* step again when the scribe says that what was handed to it is over */
#define WANT_CLOSE                                                                                           \
	0x40u /* write what is left to the client, then close both sides; nothing more will come             \
	       */

#define WANT_SHUT_SERVER                                                                                     \
	0x80u /* the client will say nothing more, and the server has all of it: shut that side's writing */

struct session_key {  /* towards the client: BackendKeyData of protocol 3.0 */
	uint32_t pid; /* where the server told none; else the server's, which pg_stat_activity and
			 NotificationResponse name too */
	uint8_t secret[4];
};

/* env and who outlive the session. */
MUSTCHECK int session_new(struct session **out, const struct session_env *env, const struct caller *who,
	struct session_key key, struct err *e);
void session_free(struct session *s); /* NULL is fine; wipes secrets */

/* Room for bytes of a side, only while its WANT_READ is on; then session_got how many came. */
MUSTCHECK int session_room(struct session *s, enum side side, uint8_t **p, size_t *len);
void session_got(struct session *s, enum side side, size_t n);
struct outq *session_out(struct session *s, enum side side); /* what is to be written to a side */

/* Bytes of the row under way that may go from the server to the client as they are and unread; 0: none. Where
 * it is more, the worker may move some of them itself, before it reads anything else of the server; it says
 * how many the client was given. */
size_t session_splice(const struct session *s);
void session_spliced(struct session *s, size_t n);

/* Likewise more rows of the same result, one behind the other, for as long as each message says by its header
 * that it is one. The worker follows the headers itself: it begins where *out says that the stream is, and
 * reads nothing of the server until it has told where it left off. */
struct session_stream {
	uint8_t type;   /* of the messages that may go; every other ends it */
	size_t to_next; /* bytes that are still to come of the one under way */
};
bool session_may_stream(const struct session *s, struct session_stream *out);
void session_stream_begin(struct session *s);
struct session_streamed {
	uint64_t bytes, rows; /* that the client was given; rows: whole headers among them */
	size_t to_next;
	uint8_t head[4]; /* what the client has of the next header */
	unsigned nhead;
};
MUSTCHECK int session_stream_end(struct session *s, const struct session_streamed *st);
/* The client is gone: nobody takes what is queued for it, nor waits for what is written down of that. */
void session_unread(struct session *s);
bool session_goes_on(const struct session *s); /* WANT_RECORDED: some of what was handed is over */
/* Nothing is under way: the server has no reason to say anything. */
bool session_idle(const struct session *s);

/* Whether what the server still does for it is of concern to others: then its end of the connection stays
 * open until the server closes it, and the session lives as long. */
bool session_holds(const struct session *s);
/* The server is done with it, as of now: what it holds goes back. Nothing but session_free comes after. */
void session_over(struct session *s, uint64_t now_ms);
unsigned session_step(struct session *s, uint64_t now_ms, const struct event *ev);
/* Between two transactions, with nothing under way in either direction: it can end here and nothing is lost.
 */
bool session_rests(const struct session *s);
/* Something was refused that only the daemon that has taken over may grant. */
bool session_leaves(const struct session *s);
bool session_redefines(const struct session *s); /* some relation, until its transaction is over */
uint64_t session_recorded(
	const struct session *s); /* its number in the recording; 0: it is in none, or over */

/* For the wants. Borrowed from the session or its policy. */
const struct database *session_target(const struct session *s);
const char *session_dbname(const struct session *s);
const char *session_user(const struct session *s); /* whom the server takes it for; NULL before */
uint64_t session_wake_ms(const struct session *s);
uint32_t session_key_pid(const struct session *s);
void session_upstream_key(const struct session *s, uint32_t *pid, struct span *key);
/* The key that a CancelRequest carried. */
void session_cancel_request(const struct session *s, uint32_t *pid, struct span *key);

struct session_stats {     /* since the session began */
	const char *state; /* a fixed word */
	char status;       /* of the last ReadyForQuery, 0 before */
	bool judged;       /* whether mask rules apply */
	uint64_t stopped;  /* results, by a limit */
	uint64_t approved; /* of statements, those that a person has approved of */
	uint64_t statements, refused, rows, masked_cells, bytes_to_client, bytes_to_server;
	uint64_t spliced_bytes; /* of bytes_to_client, those that nobody read */
};
#define SESSION_STATES 6
const char *session_state_name(unsigned state);
void session_stats(const struct session *s, struct session_stats *out);
const struct caller *session_caller(const struct session *s);

#endif
