/* SPDX-License-Identifier: MIT */
/* tally: what the sessions of one worker did, and are doing, in numbers. Written by the worker's thread, read
 * by whoever is asked for metrics; no value, no name and no text is in it. */
#ifndef PGVEIL_SESSION_TALLY_H
#define PGVEIL_SESSION_TALLY_H

#include <stdbool.h>
#include "base/metric.h"
#include "policy/limits.h"
#include "session/session.h"

/* SQLSTATEs of refused statements that are counted by themselves. X(name, code) */
#define REFUSALS(X)                                                                                          \
	X(OTHER, "other")                                                                                    \
	X(PRIVILEGE, "42501")                                                                                \
	X(NOT_SUPPORTED, "0A000")                                                                            \
	X(SYNTAX, "42601")                                                                                   \
	X(UNKNOWN_RELATION, "42P01")                                                                         \
	X(UNKNOWN_COLUMN, "42703")                                                                           \
	X(UNKNOWN_FUNCTION, "42883")                                                                         \
	X(UNKNOWN_STATEMENT, "26000")                                                                        \
	X(UNKNOWN_CURSOR, "34000")                                                                           \
	X(LIMIT, "53400")                                                                                    \
	X(TOO_LARGE, "54000")                                                                                \
	X(UNRECORDED, "53100")                                                                               \
	X(WINDOW, "57014")                                                                                   \
	X(NO_CATALOGUE, "57P03")
#define X(name, code) REFUSAL_##name,
enum refusal_code { REFUSALS(X) REFUSAL_MAX };
#undef X
const char *refusal_word(enum refusal_code r);
enum refusal_code refusal_of(const char *sqlstate);

/* Why a statement was refused: by what of the policy, or for want of what. X(name, word) */
#define REFUSAL_CAUSES(X)                                                                                    \
	X(OTHER, "other")                                                                                    \
	X(MASKS, "masks")         /* what it does with a masked column, or might */                          \
	X(GUARD, "guard")         /* the policy's statements */                                              \
	X(APPROVAL, "approval")   /* not given, or not in time */                                            \
	X(LIMIT, "limit")         /* an export limit */                                                      \
	X(BUDGET, "budget")       /* enough was asked of a masked column */                                  \
	X(RECORD, "record")       /* it cannot be recorded */                                                \
	X(CATALOGUE, "catalogue") /* the definitions that it is to be judged by are not there */             \
	X(TEXT, "text")           /* it names what is not there, or is no SQL */                             \
	X(ROOM, "room")           /* it is too long, or there is too much already */
#define X(name, word) CAUSE_##name,
enum refusal_cause { REFUSAL_CAUSES(X) CAUSE_MAX };
#undef X
const char *refusal_cause_name(enum refusal_cause c);
/* Of a refusal of which nobody said more. */
enum refusal_cause refusal_cause_of(const char *sqlstate);

/* What takes time between a client and its answer. The clock costs as much as a part of that: of what there
 * can be many of, a worker measures what begins first in a millisecond (session_measures). X(name, word) */
#define STAGES(X)                                                                                            \
	X(LOGIN, "login")       /* from the connection to the first ReadyForQuery */                         \
	X(LOOKUP, "lookup")     /* a judgement out of the cache; one of STAGE_LOOKUPS */                     \
	X(ANALYSIS, "analysis") /* of a text that the cache did not have */                                  \
	X(APPROVAL, "approval") /* a statement waits for a person */                                         \
	X(LIMIT, "limit")       /* somebody waits for the keeper of a window */                              \
	X(RECORD, "record") /* what is put on record is written, with --record-fsync statement to disk */    \
	X(ANSWER, "answer") /* from sending a statement to the first that the server says of it */           \
	X(STATEMENT, "statement") /* from recording it until the end of its result may go to the client */
#define X(name, word) STAGE_##name,
enum stage { STAGES(X) STAGE_MAX };
#undef X
const char *stage_name(enum stage st);
#define STAGE_LOOKUPS 16

/* Limits are told apart by what they are of, and by what they count: scope * MEASURES + measure. */
enum limit_scope { SCOPE_STATEMENT, SCOPE_SESSION, SCOPE_WINDOW, SCOPE_MAX };
const char *limit_scope_name(enum limit_scope s);

struct tally {
	/* [state][judged]: how many there are now. */
	_Atomic uint64_t sessions[SESSION_STATES][2];
	_Atomic uint64_t statements, approved, rows, masked_cells, bytes_to_client, bytes_to_server,
		spliced_bytes;
	_Atomic uint64_t large_clean, large_rewritten; /* rows of at least splice_min bytes */
	_Atomic uint64_t refused[REFUSAL_MAX], causes[CAUSE_MAX], notes[SESSION_NOTE_MAX];
	_Atomic uint64_t limits[SCOPE_MAX * MEASURES]; /* how often each was reached */
	_Atomic uint64_t queued[2];                    /* bytes that wait to be written, to a side */
	struct metric_times took[STAGE_MAX];
	_Atomic uint64_t unrecorded; /* records that could not be written, where that may be */
	_Atomic uint64_t stopped;
	_Atomic uint64_t judged_cached, judged_anew;
	uint64_t measured_ms, measured_record_ms; /* the worker's alone */
	/* Of the cache. */
	_Atomic uint64_t judgements, judgement_bytes, bindings;
};

#endif
