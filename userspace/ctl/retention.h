/* SPDX-License-Identifier: MIT */
/* retention: which files of the recordings are too old or too much, and that these go: the oldest first over
 * all runs, without a gap, never what a daemon writes or a running session is in. */
#ifndef PGVEIL_CTL_RETENTION_H
#define PGVEIL_CTL_RETENTION_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct retention {
	uint32_t run;        /* that is written by the caller, and there … */
	uint64_t before;     /* … only files that end before this record may go */
	uint64_t oldest_s;   /* since 1970: what was written last before that is too old; 0: nothing is */
	uint64_t bytes_most; /* of all together; 0: any */
	bool ships;          /* what a store has not acknowledged stays (ctl/shipped.h) … */
	bool quota_first;    /* … unless it is too much */
};

struct retained {
	uint64_t bytes; /* of all that is left */
	bool held;      /* it is too much, and waits for a store */
};

/* gone is called before the files from first to last of a run go; lost: bytes of them that no store has. */
MUSTCHECK int retention_run(int dir_fd, const struct retention *l,
	void (*gone)(void *arg, uint32_t run, uint64_t first, uint64_t last, uint64_t lost), void *arg,
	struct retained *out, struct err *e);

#endif
