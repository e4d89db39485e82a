/* SPDX-License-Identifier: MIT */
/* tally: what the sessions of one worker did, and are doing, in numbers. Written by the worker's thread, read
 * by whoever is asked for metrics; no value, no name and no text is in it. */
#ifndef PGVEIL_SESSION_TALLY_H
#define PGVEIL_SESSION_TALLY_H

#include <stdbool.h>
#include "base/metric.h"
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

struct tally {
	/* [state][judged]: how many there are now. */
	_Atomic uint64_t sessions[SESSION_STATES][2];
	_Atomic uint64_t statements, rows, masked_cells, bytes_to_client, bytes_to_server, spliced_bytes;
	_Atomic uint64_t large_clean, large_rewritten; /* rows of at least splice_min bytes */
	_Atomic uint64_t refused[REFUSAL_MAX], notes[SESSION_NOTE_MAX];
	_Atomic uint64_t unrecorded; /* records that could not be written, where that may be */
	_Atomic uint64_t stopped;
	_Atomic uint64_t judged_cached, judged_anew;
	/* Of the cache. */
	_Atomic uint64_t judgements, judgement_bytes, bindings;
};

#endif
