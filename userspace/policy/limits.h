/* SPDX-License-Identifier: MIT */
/* limits: how much of a database may be carried out of it, as the documents say (spec.export). Only says what
 * is allowed: who counts is session/limit.c, and policy/allowance.h for what outlives a session. */
#ifndef PGVEIL_POLICY_LIMITS_H
#define PGVEIL_POLICY_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

enum measure { MEASURE_ROWS = 0, MEASURE_BYTES, MEASURE_STATEMENTS, MEASURES };
const char *measure_name(enum measure m);

/* Zero lets nothing through; what is not limited is LIMIT_NONE of it. */
#define LIMIT_NONE         UINT64_MAX
#define LIMIT_PERIOD_MAX_S 2678400 /* 31 days */

struct limit_set {
	uint64_t most[MEASURES];
	const char *where[MEASURES]; /* "file:line"; NULL where there is none */
};
void limit_set_open(struct limit_set *s);                               /* nothing is limited */
void limit_set_meet(struct limit_set *s, const struct limit_set *with); /* the smaller of each */

struct export_rule { /* spec.export of one document */
	bool any;    /* it is there */
	struct limit_set statement, session, window;
	unsigned period_s; /* of window; 0: there is none */
	bool ask; /* exceed: a statement that is estimated to be of more rows than are left waits for a person
		   */
};

/* One rolling window of one subject: all that the subject names, in all databases of its document, spend
 * together. */
struct window_limit {
	const char *key; /* document and subject, as the policy writes them */
	struct limit_set set;
	unsigned period_s;
};

struct limits { /* of one caller */
	bool any;
	bool ask; /* exceed, of all documents that limit */
	struct limit_set statement, session;
	const struct window_limit *windows; /* all count */
	unsigned nwindows;
};

#endif
