/* SPDX-License-Identifier: MIT */
/* estimate: how many rows the client's next message is about, as the server's planner guesses. For the files
 * of this folder only (session/estimate.c, session/estimate_plan.c). */
#ifndef PGVEIL_SESSION_ESTIMATE_H
#define PGVEIL_SESSION_ESTIMATE_H

#include "base/arena.h"
#include "base/buf.h"

#define ESTIMATE_ROWS_MAX UINT64_C(1000000000000000) /* more is said to be as much */

struct estimated {
	bool known;
	uint64_t rows;   /* that it gives or writes, whichever is more */
	uint64_t given;  /* that it gives */
	const char *why; /* not known: static, or as long as what it was judged by; NULL: nobody asked */
};

/* Of the JSON that EXPLAIN gives. false: it is not understood. */
bool estimate_read(struct span json, struct arena *a, struct estimated *out);

enum estimate_phase {
	ESTIMATE_NONE = 0, /* nothing was asked */
	ESTIMATE_LOOKS,    /* how the transaction sees what others commit */
	ESTIMATE_ASKED,
	ESTIMATE_KNOWN, /* or known not to be */
};

struct binding;
struct plan;

/* Why a person must approve of a statement that its plan lets run. */
struct demand {
	const struct plan *plan;    /* NULL: nobody must */
	const char *reason, *where; /* in scratch; of the rule, "file:line" */
	bool lifts;                 /* whoever approves lets it have more rows than limits do */
};

struct estimate { /* of the client's next message */
	enum estimate_phase phase;
	struct estimated is;
	struct binding *binding; /* that it was judged by */
	unsigned tries;
	/* It gives more rows than a limit leaves: how many, and which limit, as of when that was found. */
	uint64_t wants;
	const char *limit; /* static */
	char where[160];   /* of the policy */
	uint64_t left;
	bool block;     /* asked in a transaction block … */
	bool frozen;    /* … which sees what it saw first */
	bool recover;   /* the server failed on it, which is to be undone … */
	bool undone;    /* … and once only */
	bool cancelled; /* the client wants it no more */
};

#endif
