/* SPDX-License-Identifier: MIT */
/* kept_done: a DONE that waits for the end of its step, for keep_done.c and keep_output.c alone. */
#ifndef PGVEIL_SESSION_KEPT_DONE_H
#define PGVEIL_SESSION_KEPT_DONE_H

#include "session/keep.h"

#define KEPT_DONE (7 * 13 + 10 + KEEP_TAGS)

struct kept_done {
	struct kept_done *next; /* the one before it */
	uint64_t time_us, since_ns;
	size_t n;
	uint8_t body[KEPT_DONE];
};

#endif
