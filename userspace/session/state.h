/* SPDX-License-Identifier: MIT */
/* state: the inside of a session, for the files of this folder only.
 *
 *  STARTUP ──► CONNECTING ──► LOGIN ──► SETTLING ──► OPEN ──► CLOSING
 *     │             │           │           │          │         ▲
 *     └─────────────┴───────────┴───────────┴──────────┴─────────┘
 *
 * STARTUP: the client's startup packet is awaited. CONNECTING: the worker connects upstream. LOGIN: the
 * server authenticates us, or the client through us. SETTLING: a judged session asks how the server will read
 * it. OPEN: messages flow. CLOSING: what is queued for the client goes out, nothing else. Not judged: LOGIN
 * ──► OPEN. */
#ifndef PGVEIL_SESSION_STATE_H
#define PGVEIL_SESSION_STATE_H

#include "pgwire/exchange.h"
#include "pgwire/login.h"
#include "pgwire/startup.h"
#include "session/estimate.h"
#include "session/hold.h"
#include "policy/allowance.h"
#include "session/keep.h"
#include "session/pipeline.h"
#include "session/session.h"
#include "session/tally.h"
#include "sql/search_path.h"

enum session_state {
	STATE_CLOSING = 0,
	STATE_STARTUP,
	STATE_CONNECTING,
	STATE_LOGIN,
	STATE_SETTLING,
	STATE_OPEN
};

#define PATH_MAX_NAMES SEARCH_PATH_NAMES_MAX
#define POISON_LEN     32
_Static_assert(PATH_MAX_NAMES <= 64, "path.counts has a bit for each");
#define APPLICATION_MAX  128
#define JUDGE_WAIT_MS    10000 /* that a message waits for what it is to be judged by */
#define OWN_CATALOGS_MAX 8     /* that statements of one session still refer to */

struct lane { /* one direction: bytes from a side */
	struct buf in;
	struct outq out;  /* bytes to that side */
	size_t through;   /* of the message under way, still to be passed on as they come */
	size_t drop;      /* of the message under way, still to be dropped */
	size_t read_size; /* grows while reads fill it */
	bool unread;      /* what goes through may do so unread (session/splice.c) */
	bool streaming;   /* the worker hands on whole rows */
	uint8_t row_type; /* what passed last was a row that nothing looks at; else 0 */
	uint8_t sent;     /* bytes at the start of in that the other side has already */
	uint64_t clean;   /* bytes of such rows, one behind the other */
};

struct session {
	const struct session_env *env;
	const struct caller *who; /* outlives the session */
	struct session_key key;
	enum session_state state;
	uint64_t now_ms;
	unsigned once; /* wants of this step that are not a state */
	struct lane lane[2];
	struct put put; /* scratch for messages of our own; empty between uses */
	struct arena scratch;

	/* What the startup packet said, and what policy made of it. */
	struct arena mem;       /* the session's */
	struct arena login_mem; /* until the login is done: params and password */
	struct policy *policy;
	struct grant grant; /* in mem; replaced when the policy changes */
	struct arena grant_mem;
	const char *application;   /* in mem; a claim; NULL: none */
	const char *dbname, *user; /* in mem; the user is only a claim, or what a relayed login is for */
	const char *(*params)[2];  /* for the upstream StartupMessage; in login_mem */
	size_t nparams;
	bool judged;
	unsigned nstartup; /* SSLRequest and GSSENCRequest seen */
	uint32_t cancel_pid;
	uint8_t cancel_key[CANCEL_KEY_MAX];
	size_t cancel_key_len;

	/* Upstream. */
	struct login login;
	bool relayed;             /* the client logs in itself */
	struct exchange exchange; /* relayed: its authentication */
	uint32_t role;            /* relayed and judged: oid, known to slot; 0: the catalogue's own */
	const char *role_name;    /* in mem */
	char *password;           /* in login_mem, wiped when the login is done; NULL: none */
	struct put greeting;      /* ParameterStatus for the client, until the login is done */
	struct slot *slot;
	struct place *place;    /* judged: what was bound in this database before */
	unsigned settle_result; /* SETTLING: which result of the question */
	uint64_t settled_ms;    /* when the server answered it */
	struct {                /* search_path, as the server last said it is */
		struct arena mem;
		const char *setting;
		const char *user; /* whom "$user" stands for */
		const char *temp; /* pg_temp_N; NULL: this session has none */
		bool temp_first;
		/* "$user" and pg_temp resolved, pg_catalog and repetitions left out. A bit for each schema
		 * that the server counts: there, and the role may use it. */
		const char **v;
		unsigned n;
		uint64_t counts;
	} path;
	const char *settled_user; /* who it was then; in mem */
	/* What the login settled, and the session's own statements where they may change the role: the
	 * setting "role", and what the server reports, "" where it does not. */
	char role_set[NAME_LEN_MAX + 1], login_user[NAME_LEN_MAX + 1];
	bool superuser;
	bool switched;    /* to another role than the catalogue's own */
	char status;      /* of the last ReadyForQuery */
	bool client_done; /* the client has shut its writing side */
	bool leaves;      /* session_leaves() */

	/* OPEN and judged. */
	char poison[POISON_LEN];
	struct pipeline pipe;
	struct names names;
	struct binding *binding; /* of the last judgement */
	struct {
		struct value_style now; /* of the rows that come next; rowplans point to it */
		struct value_style reported;
		bool unicode;                 /* client_encoding, as last told, by that name */
		bool doubtful, zone_doubtful; /* until the next ReadyForQuery */
		bool touched;                 /* by a statement of the transaction under way */
		bool code; /* something of the database's own ran since the last ReadyForQuery */
	} style;
	struct {
		bool unsettled; /* what comes next may not be read as it was settled */
		bool touched;   /* likewise at the end of the transaction or group under way */
		bool failed;    /* the transaction: nothing runs but what ends it */
		bool ran;       /* code of the database's own, ever: what it set may still be there */
		bool found;     /* likewise, which nobody knew of when it was sent */
		unsigned ends;  /* Syncs sent while touched, and not answered */
	} pin;
	struct {                /* what names mean to this session's server process alone (session/own.c) */
		bool wait;      /* something that changes it was sent, and is not answered */
		bool look;      /* the search_path, or whether there is a temporary schema, must be asked */
		bool stale;     /* definitions must be read over this connection */
		bool touched;   /* definitions changed in the transaction or group under way … */
		bool lasting;   /* … and not only temporary ones */
		bool redefines; /* … but what other sessions' statements may name */
		bool path;      /* likewise the search_path */
		bool code;      /* code of the database's own ran since the last look */
		bool doubtful;  /* and may have written into this session's temporary tables */
		bool frozen;    /* the transaction does not see what others commit meanwhile */
		bool failed;    /* the last reading, with sqlstate */
		bool recover;   /* … in a transaction block, which is to be brought back */
		char sqlstate[6];
		uint64_t since_ms, read_ms; /* a shared catalogue must be as of then; when catalog was read */
		struct catalog *catalog;    /* read over this connection; NULL: the shared one counts */
		struct catalog *base;       /* the shared one at that time */
		struct catalog_builder *builder;        /* being read */
		size_t bytes;                           /* of its rows */
		char temp[NAME_LEN_MAX + 1];            /* for builder */
		size_t charged;                         /* of catalog and kept */
		struct catalog *kept[OWN_CATALOGS_MAX]; /* read before, perhaps still referred to */
		struct heirs *heirs;                    /* that it has made, or may have; NULL: none */
		bool ran;              /* code of the database's own, in the transaction under way */
		bool alone;            /* the binding is this session's, not the worker's */
		bool discarded, reset; /* temporary objects, settings: by what ended last, if not undone */
	} own;
	struct {                          /* export limits (session/limit.c) */
		bool stops;               /* results may be stopped */
		bool cancelling;          /* one was, and the cancel is not over */
		bool undo;                /* … and ran all the same: its transaction is to fail */
		bool stalled;             /* what the server said waits for a window */
		bool counts;              /* what the server said last, for the client's bytes */
		bool asks;                /* a window's keeper was asked in this step */
		uint64_t wake_ms;         /* … and it is looked again then */
		uint64_t since_ns;        /* … first then, for what is not answered yet */
		unsigned reached;         /* what the last refusal is of, as in tally.limits; … */
		bool any_reached;         /* … if of any */
		bool lost;                /* a window could not be opened: nothing is left of it */
		uint64_t spent[MEASURES]; /* since login */
		struct charge *windows;   /* of the grant's; in grant_mem */
		unsigned nwindows;
	} limit;
	uint64_t pass_since_ms;  /* a catalogue of then is new enough for what the pass reads */
	unsigned pass_before;    /* how many keys were changed before the last statement that changes some */
	struct gate_pass pass;   /* what of slot's gate is ours (session/pass.c) */
	bool frank, hushed;      /* what the transaction under way did was so (plan.h), and was not */
	struct catalog *catalog; /* taken once a step; NULL between steps */
	uint64_t catalog_as_of_ms;
	bool skip;           /* the server skips what comes until Sync, and so do we */
	bool barrier;        /* a COPY FROM STDIN may begin: nothing else passes until that is clear */
	bool copy_in;        /* it has begun */
	unsigned copy_syncs; /* the client's Syncs among its data */
	bool unsynced;       /* the server got extended messages that no Sync ended yet */
	bool group_ran;      /* a Bind or an Execute among them */
	bool flushed;        /* a Flush of ours is under way to settle an open group */
	bool waiting;        /* the client's next message waits: for an answer of the server, or … */
	bool waits_for_catalog;
	bool leaving;              /* it waits for what it owes, and ends then */
	uint64_t catalog_since_ms; /* when that began; 0: it does not */
	uint64_t wake_ms;
	bool group_begun,
		group_left;       /* … and a BEGIN, or what may end a transaction, was the last of these */
	struct estimate estimate; /* session/estimate.c */
	struct hold *hold;        /* session/hold.c; NULL: nothing to keep */
	bool holds;               /* the client's next message waits for a person */
	bool settings_unknown;    /* some were set and not kept there */
	uint32_t moves;           /* counts what may have set something */
	uint64_t hold_wake_ms;
	/* OPEN and not judged. */
	bool ddl;  /* a definition changed in this transaction */
	bool busy; /* something was sent since the last ReadyForQuery */

	struct keeping keep;
	struct session_stats stats, told; /* told: as far as the worker's tally has it */
	size_t told_queue[2];             /* likewise, of what the lanes' queues hold */
	enum refusal_cause cause; /* of the message under way, should it be refused; 0: by its SQLSTATE */
	uint64_t began_ns;
	bool counted, counted_judged; /* as what the tally counts this session */
	enum session_state counted_state;
};

/* What became of the client's next message. */
enum took {
	TOOK_BROKEN = 0, /* the session is closing */
	TOOK_WAIT,       /* not now: it is looked at again after the next event */
	TOOK_IT,
};

/* session.c */
void session_move(struct session *s, enum session_state to);
/* From the first quote on a text may hold a client's words: the worker is told what comes before. */
void session_note(struct session *s, enum session_note n, const char *sqlstate, const char *text);
/* Before the first quote: without words that only a client wrote. */
void session_without_names(char *out, size_t cap, const char *text);
/* Tells the client (where a message may begin now) and closes. Always returns TOOK_BROKEN. */
enum tenure session_tenure(const struct session *s);
/* What only the daemon that has taken over may grant: refused, and the session ends with its transaction. */
int session_moved(struct session *s, struct err *e);
enum took session_break(struct session *s, const char *sqlstate, const char *fmt, ...) PRINTF_LIKE(3, 4);
void session_send(struct session *s, enum side to); /* queues what s->put holds and empties it */
void session_pass(
	struct session *s, enum side from, const struct frame *f); /* a whole or begun message as it is */

/* tally.c: at the end of each step, and when the session goes */
void session_tally(struct session *s, bool over);
uint64_t session_clock_ns(const struct session *s);                /* 0: nobody wants to know */
bool session_measures(const struct session *s, uint64_t *last_ms); /* one of many; last_ms: of the tally */
/* since_ns 0: it is not known since when. */
void session_took(const struct session *s, enum stage st, uint64_t since_ns, uint64_t now_ns);

/* refuse.c */
void session_drop(
	struct session *s, const struct frame *f); /* a client's message goes no further, its rest included */
/* Puts a message that fails at the server in the place of f, a message of the client's. hint may be NULL. */
enum took session_refuse(struct session *s, const struct frame *f, const char *sqlstate, const char *reason,
	const char *hint, int position);

struct question { /* a statement that is wrong by a name, for the server to say so in its own words */
	struct span before, text; /* of the client's text */
	uint16_t nparams;
	struct span param_types;
};
/* The same for a plan that is a denial; q is borrowed. */
enum took session_refuse_asking(struct session *s, const struct frame *f, const struct plan *p, bool aborts,
	const struct question *q);

/* enter.c: until OPEN */
void enter_client(struct session *s);
void enter_connected(struct session *s, const struct event *ev);
void enter_failed(struct session *s, const struct event *ev);
void enter_server(struct session *s);
void enter_open(struct session *s); /* the login is over: says so to the client */
/* Takes the current policy for a session that is open, where a statement begins. -EPIPE: it was closed, since
 * it cannot live on under it; -EAGAIN: it will be, as soon as what was asked before is answered. */
MUSTCHECK int enter_policy(struct session *s);
/* Ends a session where a statement begins, as enter_policy does. */
MUSTCHECK int enter_leave(struct session *s, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- enter_setting.c: of the upstream StartupMessage ---- */

/* false: there are too many. */
bool enter_add_param(struct session *s, const char *name, const char *value);
bool enter_add_pins(struct session *s);
/* Of a judged session. false: it was told why not, and ends. */
bool enter_take_setting(struct session *s, const char *name, const char *value);
bool enter_take_options(struct session *s, const char *options);
/* Whether both pin the same. */
bool enter_same_pins(const struct grant *a, const struct grant *b);

/* settle.c: SETTLING */
void settle_ask(struct session *s);
void settle_server(struct session *s, const struct frame *f);

/* login_relay.c: the client's own login, while in LOGIN */
void login_relay_start(struct session *s, bool verified);
/* Whether a message of the server was dealt with. */
bool login_relay_server(struct session *s, const struct frame *f);
void login_relay_client(struct session *s);
bool login_relay_reads(const struct session *s); /* whether the client's bytes are wanted */

/* splice.c: f goes to the client as it is, and what is still to come of it as it comes. rows: what it is of;
 * NULL: of something else, or nobody knows. */
void splice_begin(struct session *s, const struct frame *f, const struct rowplan *rows);
/* It does not go as it is. false: the client has some of it already, and the session was closed. */
MUSTCHECK bool splice_rewritten(struct session *s, const struct frame *f);
bool splice_within(const struct session *s); /* whether the client has a part of a message */

/* relay.c: OPEN, not judged */
void relay_client(struct session *s);
void relay_server(struct session *s);

/* frontend.c, backend.c: OPEN, judged */
void frontend_pump(struct session *s);
void backend_pump(struct session *s);
/* false: one in which nothing ran is being ended, or the session was closed. */
bool frontend_group_ended(struct session *s);
bool frontend_group_closed(struct session *s); /* likewise, whatever ran in it */
/* Whether nothing is under way in either direction; asks for the answers of an open group. */
bool frontend_alone(struct session *s);
bool frontend_answered(struct session *s); /* asks for the answers of an open group; true: they are there */

/* frontend.c, for frontend_extended.c */
enum took frontend_no_memory(struct session *s);
enum took frontend_malformed(struct session *s, const struct frame *f);
enum took frontend_forward(struct session *s, const struct frame *f);
/* A text of ours in the place of the client's: of its Query, or (m) of its Parse. */
enum took frontend_instead(
	struct session *s, const struct frame *f, const struct msg_parse *m, const char *text);
/* What a judging function said, other than 0; where there is a hint, it is a refusal. */
enum took frontend_failed(struct session *s, const struct frame *f, int r, const struct err *e);
enum took frontend_hinted(
	struct session *s, const struct frame *f, int r, const char *hint, const struct err *e);
/* Whether a refusal of js with this is one that a failed transaction comes before. */
bool frontend_aborts(const struct judged *js, const char *sqlstate);
enum took frontend_refuse(/* p: of js */
	struct session *s, const struct frame *f, const struct judged *js, const struct plan *p);
const struct plan *frontend_denial(const struct judged *js); /* the first of them; NULL: none */

/* frontend_extended.c */
enum took frontend_parse(struct session *s, const struct frame *f);
enum took frontend_bind(struct session *s, const struct frame *f);
enum took frontend_execute(struct session *s, const struct frame *f);
enum took frontend_target(struct session *s, const struct frame *f); /* Describe and Close */

/* What becomes of a message of the server. */
enum fate {
	FATE_BROKEN = 0,
	FATE_PASS,
	FATE_SWALLOW,
	FATE_WRITTEN,
	FATE_DROP, /* as SWALLOW, and it need not be there whole */
	FATE_WAIT, /* not now: it is looked at again after the next event */
};

/* backend.c and backend_rows.c, for each other, backend_copy.c and limit.c */
void backend_refuse(struct session *s, const struct refusal *r); /* an ErrorResponse for the client */
enum fate backend_unexpected(struct session *s, const struct frame *f);
struct step *backend_step(struct expected *x);       /* the statement that x has come to; NULL: none */
const struct plan *backend_plan(struct expected *x); /* and its plan */
/* A statement that waited long behind others is judged again before its rows pass. false: session_break was
 * called. */
MUSTCHECK bool backend_holds(struct session *s, uint64_t judged_ms, const struct judgement *j,
	struct step *st, struct judgement **newer);
const struct plan *backend_newer_rows(const struct judgement *j); /* as the plan of its rows; NULL is fine */

/* limit.c: export limits. What the grant says is taken (again) when the session takes the grant. */
void limit_take(struct session *s);
void limit_fini(struct session *s);
/* Whether a client's message has to wait: for a result that may be stopped, since what is behind it must not
 * run then; or for the cancel of one that was. */
bool limit_waits(struct session *s, const struct frame *f);
/* Whether something is left for n statements more, which may give rows: 0, -EAGAIN, or -EACCES with *hint and
 * e for the client. Nothing is counted. */
MUSTCHECK int limit_admit(struct session *s, unsigned n, bool rows, const char **hint, struct err *e);
/* Likewise, and they are counted: they are about to be sent. */
MUSTCHECK int limit_count(struct session *s, unsigned n, bool rows, const char **hint, struct err *e);
/* Whether anything may be told yet; rows: and some are left. */
MUSTCHECK int limit_describe(struct session *s, bool rows, const char **hint, struct err *e);
/* How many rows a statement that begins now may have; *limit is "statement.rows" …, *where of the policy. */
MUSTCHECK int limit_rows_left(
	struct session *s, uint64_t *left, const char **limit, const char **where, struct err *e);
int limit_spent(struct session *s, unsigned window, uint64_t spent[MEASURES], struct err *e);
/* limit_show.c: whether p is SHOW pgveil.limits, and the text to be sent for it now: 0, -EAGAIN, -EACCES. */
bool limit_shown(const struct plan *p);
MUSTCHECK int limit_show(struct session *s, const char **instead, struct err *e);
/* Of js, how many count, and whether they may give rows. */
unsigned limit_statements(const struct judged *js, bool *rows);
bool limit_lifted(const struct step *steps, unsigned n); /* whether they may give rows whatever is left */
bool limit_rows(const struct plan *p); /* whether p may give rows that count; NULL is fine */
/* Whether statements of one text may be sent together. */
bool limit_fits_between(const struct session *s, const struct step *steps, unsigned n);
/* Rows in a message of so many bytes for the client, of x: PASS, WAIT, or DROP, and then x is stopped. */
enum fate limit_fate(struct session *s, struct expected *x, uint64_t rows, uint64_t bytes);
/* What else carries data: PASS, WAIT, or DROP where nothing is left. */
enum fate limit_look(struct session *s, const struct frame *f);
/* … f may not pass, which it would. */
enum fate limit_mute(struct session *s, const struct frame *f, bool describes);
void limit_charge(struct session *s, size_t bytes); /* … so much of it passes */
/* x, which was stopped, came to its end all the same; it was popped if it is an EXECUTE. false: no memory. */
MUSTCHECK bool limit_ran(struct session *s, enum expect kind, struct refusal *r, bool told);
/* Whether a ReadyForQuery with that status is not the client's, since the transaction is made to fail. */
bool limit_undoes(struct session *s, char status);
void limit_cancelled(struct session *s);

/* words.c */
/* p goes to the server, as st; p NULL: the empty query. */
void words_sent(struct session *s, const struct plan *p, const struct step *st);
void words_newer(struct session *s, const struct judgement *j); /* … by this judgement; NULL is fine */
void words_idle(struct session *s); /* nothing is under way, nor a transaction open */
/* An error or notice about x; NULL: of nobody's asking. */
enum fate words_pass(struct session *s, const struct frame *f, struct expected *x);
/* Whether an error of a text that was only to be analysed is of that. */
bool words_of_analysis(const struct msg_fields *in);

/* backend_rows.c */
enum fate backend_row_description(struct session *s, const struct frame *f);
enum fate backend_no_data(struct session *s, const struct frame *f);
enum fate backend_parameter_description(struct session *s, const struct frame *f);
enum fate backend_data_row(struct session *s, const struct frame *f);
struct rowplan *backend_portal_rows(
	struct session *s, struct expected *x); /* of an Execute; NULL: it broke */
/* backend_told.c */
enum fate backend_notice(struct session *s, const struct frame *f);
enum fate backend_notification(struct session *s, const struct msg_notification *n);
enum fate backend_report(struct session *s, const struct frame *f);
/* backend_copy.c */
enum fate backend_copy_in(struct session *s, const struct frame *f);
enum fate backend_copy_out(struct session *s, const struct frame *f);
enum fate backend_copy_data(struct session *s, const struct frame *f);
enum fate backend_copy_done(struct session *s, const struct frame *f);

/* frontend_copy.c */
enum took copy_client(struct session *s, const struct frame *f);
/* The head failed, and may have been a COPY. false: no memory. */
MUSTCHECK bool copy_failed(struct session *s);
void copy_sync_answered(struct session *s, struct expected *x, char status);

/* commit.c */
/* The server confirmed st. false: no memory. */
MUSTCHECK bool commit_step(struct session *s, struct step *st);
void forget_step(struct session *s, const struct step *st); /* st failed, perhaps late; NULL is fine */

/* estimate.c */
/* Whether a message may go, for how many rows it is about: 0, and *d says what a person must approve of;
 * -EAGAIN (wait), -EACCES with e and perhaps *hint (in scratch) for the client. text is what would be sent.
 */
MUSTCHECK int estimate_query(struct session *s, struct span text, const struct judged *js,
	const struct step *steps, struct demand *d, const char **hint, struct err *e);
MUSTCHECK int estimate_bind(struct session *s, const struct msg_bind *m, const struct prepared *p,
	const struct step *st, struct demand *d, const char **hint, struct err *e);
MUSTCHECK int estimate_execute(
	struct session *s, const struct portal *o, const struct step *st, const char **hint, struct err *e);
const struct plan *estimate_counted(const struct plan *p, const struct step *st);
void estimate_forget(struct session *s); /* the message is gone */
bool estimate_cancel(struct session *s); /* whether a CancelRequest is for a message that waits for it */
/* What the server says: to a pin of ours, failing on one (false: on another), when it is ready. */
void estimate_row(struct session *s, const struct frame *f, enum pin_what what);
bool estimate_failed(struct session *s, struct span sqlstate);
void estimate_ready(struct session *s, const struct expected *x, char status);

/* hold.c */
/* Whether a message may go, for what a person must approve of: 0, -EAGAIN (wait), -EACCES with e and perhaps
 * *hint (in scratch) for the client. text is that of the message; d: what its estimate wants. */
MUSTCHECK int hold_query(struct session *s, struct span text, const struct judged *js,
	const struct step *steps, const struct demand *d, const char **hint, struct err *e);
MUSTCHECK int hold_bind(struct session *s, const struct msg_bind *m, const struct prepared *p,
	const struct step *st, const struct demand *d, const char **hint, struct err *e);
MUSTCHECK int hold_execute(
	struct session *s, const struct portal *o, const struct step *st, const char **hint, struct err *e);
/* It goes; by which approval (0: none), and what that lifts. */
uint64_t hold_sent(struct session *s, bool bound, struct lifts *lifts);
bool hold_lifts(
	const struct session *s);  /* whether what is about to be sent may have more rows than limits let */
void hold_left(struct session *s); /* it does not */
uint64_t hold_id(const struct session *s); /* of the message under way: its approval; 0: none */
bool hold_cancel(struct session *s);       /* whether a CancelRequest is for a message that waits here */
void hold_step(struct session *s);         /* at the end of each step */
bool hold_wakes(const struct session *s, uint64_t *at_ms);
bool hold_reads(const struct session *s); /* whether more of the client is wanted while it waits */
/* hold_list.c */
bool hold_lists(const struct judged *js); /* SHOW pgveil.approvals, alone */
const char *hold_list(struct session *s); /* the text that goes in its place; NULL: no memory */
void hold_fini(struct session *s);
/* hold_settings.c */
/* Is set; NULL: to what is not known. */
void hold_setting(struct session *s, const char *name, const char *value);
/* p goes to the server; alone: and nothing else with it. */
void hold_said(struct session *s, const struct plan *p, const struct step *st, bool alone);
void hold_failed(struct session *s, const struct expected *x);
bool hold_sets(const struct plan *p, const struct step *st); /* whether it may set anything */

/* spend.c */
/* Pays for what the statements compare with masked columns, where they are about to be sent; st is what an
 * EXECUTE means. -EACCES with e and perhaps *hint (in scratch) for the client, and then nothing was paid. */
MUSTCHECK int spend_query(struct session *s, const struct judged *js, const struct step *steps,
	const char **hint, struct err *e);
MUSTCHECK int spend_bind(struct session *s, const struct msg_bind *m, const struct prepared *p,
	const struct step *st, const char **hint, struct err *e);
/* x failed with that SQLSTATE. */
void spend_failed(struct session *s, const struct expected *x, struct span sqlstate);

/* style.c */
/* The head ran its statement p, or is about to give rows of it. */
void style_ran(struct session *s, const struct expected *x, const struct plan *p);
/* The head tells of a setting, or was planned: is code of the database's own in it? */
void style_note(struct session *s);
void style_error(struct session *s);
void style_report(struct session *s, struct span name, struct span value); /* ParameterStatus */
/* Whether a report may go to the client: code of the database's own can put a value into a setting. */
bool style_tells(const struct session *s, struct span name);
/* Whether it is one that we set again, and is what the client was told: before version 14 that is reported
 * too, also when it is undone. */
bool style_told_again(struct session *s, struct span name, struct span value);
void style_settle(struct session *s, char status); /* ReadyForQuery, or the login is done */

/* path.c */
/* Takes what the server said: the setting, the schemas it makes of it, the role, and the temporary schema
 * ("": none). false: not understood, or another schema comes before pg_catalog. */
MUSTCHECK bool path_take(
	struct session *s, const char *setting, const char *schemas, const char *user, const char *temp);
/* By s->binding, but without its catalogue. Borrowed from s, and path. */
void path_scope(const struct session *s, const char *path[PATH_MAX_NAMES], struct name_scope *out);

/* look.c */
/* Asks the server how it reads names, and sets the rest of what was settled again. false: no memory. */
MUSTCHECK bool look_send(struct session *s);
void look_row(struct session *s, const struct frame *f); /* the answer; may close the session */
bool look_follows(const struct session *s); /* whether statements may make the session another role's */

/* own.c */
/* p goes to the server, as st; true: an answer to it may change what names mean. */
bool own_sent(struct session *s, const struct plan *p, const struct step *st);
/* Whether no statement of one text follows one that changes what it means. */
bool own_fits_between(const struct session *s, const struct step *steps, unsigned n);
/* What j makes of masked columns may be there from now on. */
void own_heirs(struct session *s, const struct judgement *j);
/* Whether heirs are gone, by s->catalog; the binding is then. */
void own_forget(struct session *s);
void own_unbind(struct session *s); /* s->binding is not true any more */
void own_ready(struct session *s, const struct expected *x, char status);
void own_error(struct session *s, struct span sqlstate); /* for the head, one of ours or not */
/* Whether what names mean is known, and a message that depends on it may be judged now. */
bool own_settled(struct session *s);
int own_again(
	struct session *s); /* what was read is not true any more: -EAGAIN; -EACCES while statements run */
bool own_row(struct session *s, const struct frame *f); /* of the reading; false: the session was closed */
void own_read(struct session *s);                       /* it came to its end */
void own_discarded(struct session *s, const struct plan *p); /* p, alone, was carried out */
void own_undone(struct session *s); /* something failed: what was carried out since the last ReadyForQuery */
/* Whether p may be judged although definitions could not be read. */
bool own_needless(const struct session *s, const struct judgement *j);
void own_fini(struct session *s);

/* pass.c: whether what is to be sent may be sent now, for what it names: js as a Query, what st runs by name,
 * and a Bind or Execute of p (by latest and st). It is this session's then. 0, -EAGAIN (wait), -EACCES with e
 * for the client. */
MUSTCHECK int pass_query(struct session *s, const struct judged *js, const struct step *steps, struct err *e);
MUSTCHECK int pass_step(struct session *s, const struct step *st, struct err *e);
MUSTCHECK int pass_bind(struct session *s, const struct plan *p, const struct step *st, struct err *e);
MUSTCHECK int pass_execute(struct session *s, const struct plan *p, const struct judgement *latest,
	const struct step *st, struct err *e);
void pass_failed(struct session *s, const struct expected *x); /* the head, with an error */
void pass_changed(struct session *s);               /* the transaction that redefined something has ended */
void pass_settle(struct session *s);                /* at the end of each step */
void pass_over(struct session *s, uint64_t now_ms); /* the server runs nothing of the session's any more */

/* pin.c */
/* Puts a statement of ours, under a name that nobody knows, and what is expected of it; sql NULL: no memory.
 */
MUSTCHECK bool pin_put(struct session *s, enum pin_what what, const char *sql);
/* … with parameters of these types. */
MUSTCHECK bool pin_put_bound(
	struct session *s, enum pin_what what, const char *sql, struct span types, const struct msg_bind *m);
/* What is left of one that the server failed on, before the next. */
MUSTCHECK bool pin_close(struct session *s);
MUSTCHECK bool pin_end(struct session *s); /* behind them, a Sync, or in an open group a Flush */
const char *pin_setting(struct arena *a, const char *name, const char *value, bool local); /* an expression */
/* Sets what the policy pins again. false: no memory. */
MUSTCHECK bool pin_policy(struct session *s);
bool pin_begins(const struct plan *p);     /* of transaction statements, those that end and undo nothing */
bool pin_code(const struct plan *p);       /* whether it runs code that is not the statement's */
bool pin_code_step(const struct step *st); /* or what st runs by name, by its newest judgement */
bool pin_code_newer(const struct expected *x); /* or x, by judgements newer than its plan */
void pin_doubt(struct session *s);
/* p goes to the server, as st. */
void pin_sent(struct session *s, const struct plan *p, const struct step *st);
/* Whether no statement of one text, which nothing of ours can come between, follows one that unsettles. */
bool pin_fits_between(const struct session *s, const struct step *steps, unsigned n);
void pin_sync(struct session *s, struct expected *x);                     /* a Sync goes to the server */
void pin_ready(struct session *s, const struct expected *x, char status); /* x was answered */
void pin_idle(struct session *s); /* nothing is under way, nor a transaction open */
void pin_error(struct session *s);
/* Whether a message that depends on what the login settled may go to the server now; false: it waits, or the
 * session was closed. */
bool pin_settled(struct session *s);
bool pin_answered(struct session *s, const struct frame *f); /* the head, a pin; false: not by this message */

/* judge.c */
/* 0, -EAGAIN (wait), or -EACCES with e for the client. Gives a reference. */
/* As the client sent it, or (*instead, in scratch or of *out) the text that goes to the server in its place.
 */
MUSTCHECK int judge_sent(
	struct session *s, struct span text, struct judgement **out, const char **instead, struct err *e);
MUSTCHECK int judge_text(struct session *s, struct span text, struct judgement **out, struct err *e);
/* text, which j holds for too, judged under the current versions, where they moved since j; *out NULL where
 * they did not. */
enum look { LOOK_AS_NOW, LOOK_AS_THEN }; /* names by the search_path of now, or of when j was judged */
MUSTCHECK int judge_again(struct session *s, enum look look, const struct judgement *j, struct span text,
	struct judgement **out, struct err *e);
/* Whether the server may still read what j says, although newer says something else: -EACCES. */
MUSTCHECK int judge_kept(
	struct session *s, const struct judgement *j, const struct judgement *newer, struct err *e);
/* Whether what was judged in this step was so by a catalogue of that time or later: 0, or it waits for one.
 */
MUSTCHECK int judge_newer(struct session *s, uint64_t since_ms, struct err *e);
/* The object a name means after everything sent so far; -EAGAIN: not known before the server answered. *out
 * is borrowed and may be NULL. */
MUSTCHECK int judge_find_prepared(struct session *s, struct span name, struct prepared **out);
MUSTCHECK int judge_find_portal(struct session *s, struct span name, struct prepared **out);
/* Fills st for a plan: targets and definitions. steps before it in the same text: before[0..nbefore). */
MUSTCHECK int judge_step(struct session *s, const struct plan *plan, struct judgement *j,
	const struct step *before, unsigned nbefore, struct step *st, struct err *e);
/* Whether what was judged then still holds now that rows come, where that is longer ago than a catalogue may
 * be believed; newer judgements are left in st and, for a statement's own text, in *newer. false: it cannot
 * be known, or it would be refused now. */
MUSTCHECK bool judge_holds(struct session *s, uint64_t judged_ms, const struct judgement *j, struct step *st,
	struct judgement **newer);
/* The plan that running a judged PREPARE, DECLARE or plain statement leads to. */
const struct plan *judge_inner(const struct judgement *j);
/* The plan whose columns a step's rows have. */
const struct plan *step_rows(const struct step *st);

#endif
