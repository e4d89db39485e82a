/* SPDX-License-Identifier: MIT */
/* pipeline: what the server still owes us answers for, in the order we asked. The server answers strictly in
 * order, so the head says what a backend message is about. */
#ifndef PGVEIL_SESSION_PIPELINE_H
#define PGVEIL_SESSION_PIPELINE_H

#include "session/copyout.h"
#include "session/kept.h"
#include "session/names.h"

#define PIPELINE_MAX       4096               /* further client messages wait until answers came */
#define PIPELINE_BYTES_MAX ((size_t)16 << 20) /* likewise, of the judgements of what is under way */

enum expect {
	EXPECT_REFUSAL = 0, /* a message that the server must fail on; its error is replaced by ours */
	EXPECT_TELL,        /* a Parse of ours, before a REFUSAL: the server may say itself what is wrong */
	EXPECT_PARSE,
	EXPECT_BIND,
	EXPECT_DESCRIBE,
	EXPECT_EXECUTE,
	EXPECT_CLOSE,
	EXPECT_SYNC,
	EXPECT_QUERY,
	EXPECT_PIN,        /* what we set anew (session/pin.c); at counts its answers */
	EXPECT_COPY_SYNCS, /* ReadyForQuery of Syncs that stood among the data of a COPY that failed */
};

enum pin_what {
	PIN_PLAIN = 0, /* its rows say nothing */
	PIN_LOOK,      /* session/look.c */
	PIN_READ,      /* session/own.c */
	PIN_ISOLATION, /* session/estimate.c */
	PIN_ESTIMATE,  /* likewise */
};

/* Why a statement was refused, kept until the server came to its place. */
struct refusal {
	char sqlstate[6];
	int position;
	char *reason, *hint; /* owned; hint may be NULL */
	bool aborts;         /* in a failed transaction the server would not come to what is wrong with it */
};

/* One statement of a simple Query, resolved when it was sent. */
struct step {
	const struct plan *plan;
	struct prepared *target;  /* EXECUTE, FETCH: what the name meant */
	struct judgement *newer;  /* target judged again where versions moved */
	struct prepared *defines; /* PREPARE, DECLARE: what the name will mean */
};

struct expected {
	enum expect kind;
	bool rows_held;            /* EXECUTE: checked again since it was judged */
	bool barrier;              /* may begin a COPY FROM STDIN */
	uint64_t judged_ms;        /* QUERY, EXECUTE: when it was judged */
	struct judgement *newer;   /* QUERY: its text judged again, where rows came late */
	bool ends;                 /* SYNC: may commit what code has touched */
	bool changes;              /* SYNC, QUERY: behind it names may mean something else */
	enum pin_what what;        /* PIN */
	bool ours;                 /* we asked on our own: the answer is not the client's */
	char target;               /* DESCRIBE, CLOSE: 'S' or 'P' */
	size_t bytes;              /* of its judgement */
	char held;                 /* COPY_SYNCS: status of the last ReadyForQuery; 0: none yet */
	char *name;                /* CLOSE: owned */
	struct prepared *prepared; /* PARSE, DESCRIBE 'S' */
	struct portal *portal;     /* BIND, EXECUTE, DESCRIBE 'P' */
	struct step step;          /* EXECUTE */
	struct copyout *copy;      /* QUERY, EXECUTE: the COPY TO STDOUT under way */
	struct refusal *refusal;   /* REFUSAL, TELL, and where it is stopped */
	bool stopped;       /* QUERY, EXECUTE: nothing more of it reaches the client (session/limit.c) … */
	bool told;          /* … which knows why */
	struct spent spent; /* QUERY: what it was given of the statement at */
	struct lifts lifts; /* … and what of the limits was lifted for all of it */
	struct kept kept;   /* the client's message on record */
	/* QUERY */
	uint64_t ticket; /* of the approval that it was sent by (session/hold.c); 0: none */
	struct judgement *j;
	struct step *steps;
	unsigned nsteps, at;
	struct rowplan *rows;
};

struct pipeline {
	struct expected *v; /* ring */
	unsigned head, n, cap;
	size_t bytes;  /* of the entries' judgements */
	unsigned open; /* entries of the group that no Sync or Query has ended yet */
};

void pipeline_fini(struct pipeline *p);
static inline bool pipeline_full(const struct pipeline *p)
{
	return p->n >= PIPELINE_MAX || p->bytes >= PIPELINE_BYTES_MAX;
}
void pipeline_charge(struct pipeline *p, struct expected *e, size_t bytes); /* until e is popped */
static inline unsigned pipeline_len(const struct pipeline *p)
{
	return p->n;
}
struct expected *pipeline_at(struct pipeline *p, unsigned i); /* 0 is the head; i < pipeline_len */
struct expected *pipeline_head(struct pipeline *p);           /* NULL when nothing is owed */
/* A zeroed entry at the tail; NULL: no memory. */
MUSTCHECK struct expected *pipeline_push(struct pipeline *p, enum expect kind);
void pipeline_pop(struct pipeline *p);
/* An error was answered for the head, outside a Query: the server skips up to the next Sync. Drops these
 * entries; true: that Sync is the head now, false: it has not been sent yet. */
bool pipeline_skip(struct pipeline *p);

bool pipeline_barrier(struct pipeline *p); /* whether an entry may begin a COPY FROM STDIN */

void step_fini(struct step *st);
MUSTCHECK struct refusal *refusal_new(
	const char *sqlstate, const char *reason, const char *hint, int position);
void refusal_free(struct refusal *r); /* NULL is fine */

/* What an entry will do to a name once the server has carried it out. */
enum effect { EFFECT_NONE = 0, EFFECT_DEFINES, EFFECT_DROPS };
enum effect expected_on_prepared(const struct expected *e, struct span name, struct prepared **defined);
enum effect expected_on_portal(const struct expected *e, struct span name, struct prepared **defined);
/* The same for one statement. */
enum effect step_on_prepared(const struct step *st, struct span name, struct prepared **defined);
enum effect step_on_portal(const struct step *st, struct span name, struct prepared **defined);

#endif
