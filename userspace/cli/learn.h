/* SPDX-License-Identifier: MIT */
/* learn: a walk over recorded sessions: which statements of which of them ran to their end without an error,
 * which did not, and of which that cannot be told. Takes records in the order of the chain. */
#ifndef PGVEIL_CLI_LEARN_H
#define PGVEIL_CLI_LEARN_H

#include "cli/dealings.h"
#include "cli/shapes.h"
#include "policy/policy.h"
#include "record/reader.h"

#define LEARN_KINDS (1u << RECORD_BEGIN | 1u << RECORD_STATEMENT | 1u << RECORD_DONE | 1u << RECORD_END)

struct learn_filter {                               /* NULL, 0: of all */
	const char *identity, *database, *document; /* globs */
	uint64_t since_us, until_us;
	uint32_t run; /* and a session of it */
	uint64_t session;
};

/* body: of the record that begins it. */
bool learn_wants(
	const struct learn_filter *f, uint32_t run, uint64_t session, struct span body, struct arena *a);

#define LEARN_NAMED 5
struct learn_left { /* out of what is learned from */
	uint64_t n; /* messages */
	struct {
		uint32_t run;
		uint64_t session;
	} of[LEARN_NAMED]; /* some of the sessions */
	unsigned nof;
	const char *why; /* of the last */
};

struct learn_result {
	uint64_t sessions, ran; /* statements */
	uint64_t first_us, last_us;
	struct learn_left refused, failed, unended, unread, unjudged, full;
	/* The second walk: */
	uint64_t passed;            /* by the shapes that were proposed */
	struct learn_left stuck;    /* by none of them */
	struct learn_left anything; /* by no rule, since nobody knows what it does */
	struct learn_left denied;   /* by the rules that were, … */
	struct learn_left asked;    /* … or let through without the approval that they had */
};

struct learn_config {
	struct learn_filter filter;
	bool failed; /* also what did not end well */
	struct shapes *shapes;
	struct dealings *dealings;
	bool proves;                  /* the second walk: nothing is added */
	const struct guard *rules;    /* and what was proposed is asked; NULL: none were */
	const struct policy *against; /* NULL: no other policy is asked */
};

struct learn;

MUSTCHECK int learn_new(struct learn **out, const struct learn_config *cfg, struct err *e);
void learn_free(struct learn *l); /* NULL is fine */
MUSTCHECK int learn_take(struct learn *l, uint32_t run, const struct read_record *rec, struct err *e);
/* There are no more. */
const struct learn_result *learn_finish(struct learn *l);

#endif
