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
};
/* gone is called before the files from first to last of a run go. *bytes: what is left, of all. */
MUSTCHECK int retention_run(int dir_fd, const struct retention *l,
	void (*gone)(void *arg, uint32_t run, uint64_t first, uint64_t last), void *arg, uint64_t *bytes,
	struct err *e);

#endif
