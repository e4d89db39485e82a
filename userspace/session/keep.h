/* SPDX-License-Identifier: MIT */
/* keep: what of a session is put on record, for the files of this folder only: each statement before the
 * server gets it, each byte before the client does, and how it went. What cannot be written does not happen
 * where policy wants it on record (grant.record), else it is counted.
 *
 * A step puts what it has to say, and at its end all of it is committed, before any queue is written. What
 * can be refused in its place is committed at once. */
#ifndef PGVEIL_SESSION_KEEP_H
#define PGVEIL_SESSION_KEEP_H

#include "base/arena.h"
#include "base/err.h"
#include "base/outq.h"
#include "pgwire/frame.h"
#include "pgwire/message.h"
#include "session/kept.h"
#include "session/scribe.h"

struct session;
struct about;
struct judgement;
struct portal;
struct prepared;
struct step;

#define KEEP_SQLSTATE "53100"
#define KEEP_REASON   "the recording of this session cannot be written, and nothing is carried out without it"
#define KEEP_TAGS     192 /* bytes of the tags of one message's statements */

/* What of a long result is written down while the session goes on with what comes next, which the client gets
 * behind it (keep_beside.c). */
#define BESIDE_BLOCKS 4
struct beside {
	/* A ring: those that are handed, oldest first, come before next, and before them those that are on
	 * record, until the client has all that is. NULL: none is there yet. */
	struct block *block[BESIDE_BLOCKS];
	unsigned next, nhanded, nout;
	size_t handed;       /* bytes */
	struct outq out;     /* on record, and not with the client: it comes before what its lane queues */
	struct outq nothing; /* always empty */
	bool lost;           /* what was handed could not be written, in this step */
};

struct keeping { /* of a session */
	struct scribed of;
	uint64_t number;        /* of the last STATEMENT */
	uint64_t rows, masked;  /* session_stats as of the last DONE, … */
	uint64_t out, out_done; /* … and bytes queued for the client since BEGIN: so far, then */
	/* Bytes at the start of the client's queue: that are on record, and that were there when the step
	 * began. */
	size_t had, began;
	uint64_t now_us;           /* of the step; 0: nobody has asked yet */
	uint64_t written_ns;       /* when the last commit was over */
	uint64_t missing;          /* records, or more, that could not be written and are not told of */
	struct kept_done *done;    /* of this step, newest first … */
	struct arena done_mem;     /* … and in here; empty between steps */
	const struct about *about; /* of the message that is taken; NULL: not known, or not yet */
	struct kept relayed;       /* not judged: what is under way */
	size_t relayed_more;       /* … bytes of its text to come */
	unsigned unready;          /* … ReadyForQuery that the server owes */
	char sqlstate[6];          /* … the error that it met */
	uint8_t tags[KEEP_TAGS];   /* as fields of body.h */
	unsigned ntags;
	const char *closed; /* why it ended; a word of ours */
	char closed_by[6];
	struct beside beside;
	bool open, told, put, owed, failed; /* put: not committed; owed: a STATEMENT among it */
	bool broken; /* something of a grant that wants it on record is not: nothing goes out any more */
};

/* ---- keep.c ---- */

/* The login is done. -EACCES with e: it cannot be recorded. */
MUSTCHECK int keep_begin(struct session *s, struct err *e);
void keep_end(struct session *s);

/* Before it is sent. -EACCES with e for the client. */
MUSTCHECK int keep_query(
	struct session *s, struct span text, const struct judgement *j, struct kept *out, struct err *e);
MUSTCHECK int keep_parse(struct session *s, const struct msg_parse *m, const struct judgement *j,
	struct kept *out, struct err *e);
MUSTCHECK int keep_bind(struct session *s, const struct msg_bind *m, const struct prepared *p,
	struct kept *out, struct err *e);
/* What o runs for the first time is on record as its Bind, and that is what will be done. */
MUSTCHECK int keep_execute(
	struct session *s, struct span name, struct portal *o, struct kept *out, struct err *e);
/* A message that is refused. reason: as it may be told. */
MUSTCHECK int keep_refused(struct session *s, const struct frame *f, const char *sqlstate, const char *reason,
	struct kept *out, struct err *e);
/* Not judged: a message that goes to the server as it is, and what comes of it later. */
MUSTCHECK int keep_relayed(struct session *s, const struct frame *f, struct err *e);
MUSTCHECK int keep_more(struct session *s, struct span bytes, struct err *e);
/* Whether its text must be there whole. */
bool keep_holds(const struct session *s, const struct frame *f);

/* ---- keep_done.c ---- */

void keep_heard(struct session *s, struct kept *k); /* the server says something of it */
void keep_tag(struct session *s, struct span tag);  /* one of its statements was carried out */
/* It is over: with an error, or (sqlstate.n 0) without. */
void keep_done(struct session *s, struct kept *k, struct span sqlstate);
void keep_answered(struct session *s, const struct frame *f); /* not judged: a message of the server */

/* ---- keep_output.c ---- */

/* A message of the server is looked at; true: what the client gets of it is to be kept without the words that
 * it quotes, by keep_veiled. */
bool keep_veils(struct session *s, const struct frame *f, const struct kept *about);
void keep_veiled(struct session *s);
void keep_step_begins(struct session *s);
/* At the end of a step: all that was put, and what is queued for the client. false: nothing may go out. */
MUSTCHECK bool keep_step_ends(struct session *s);

/* The grant is about to be replaced: what was said and done under it is put on record as it wants. */
void keep_grant_ends(struct session *s);

/* ---- keep_beside.c ---- */

/* What may be written to the client now. */
struct outq *keep_out(struct session *s);
/* Bytes that it will be sent and its lane does not queue any more. */
size_t keep_ahead(const struct session *s);
bool keep_is_handed(const struct session *s);   /* some of them are not known to be on record … */
bool keep_is_recorded(const struct session *s); /* … and the first of these is by now, or failed */
/* There is to be nothing more before some of it is on record or with the client. */
bool keep_is_full(const struct session *s);
/* The client is lost, or nothing may go out: it gets nothing of them. */
void keep_drop(struct session *s);

/* ---- for these files ---- */

/* At the end of a step that did nothing but queue much for the client: that is handed on, and the queue is
 * empty. false: it was not, and is to be put. */
bool keep_hand(struct session *s);
void keep_look(struct session *s); /* at the beginning of one: what of it is over by now */
void keep_join(struct session *s); /* waits until all is */
void keep_beside_idle(struct session *s);
void keep_beside_fini(struct session *s);

int keep_put(struct session *s, enum record_kind kind, uint64_t time_us, const struct span *parts, size_t n);
/* It is measured, and goes to the server. */
void keep_sent(struct kept *k, uint64_t now_ns);
/* Of all that was put; since_ns: when it began, where it is measured. */
int keep_commit(struct session *s, uint64_t since_ns);
uint64_t keep_now(struct session *s);            /* of this step */
int keep_lost(struct session *s, struct err *e); /* 0: it may be */
/* The text with tokens in the place of values, in scratch. p NULL: no memory. */
#define KEEP_TOKEN 22 /* bytes */
void keep_token(const struct session *s, struct span value, uint8_t out[static KEEP_TOKEN]);
bool keep_plain_name(struct span name); /* that no value looks like */

#endif
