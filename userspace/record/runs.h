/* SPDX-License-Identifier: MIT */
/* runs: the runs of the daemon that wrote a recording, each a chain of its own in a directory whose name is
 * the run's number. A run's first record names the runs before it and how far each had come, so that one that
 * is removed is missed. Reads no clock; writes nothing but a directory. */
#ifndef PGVEIL_RECORD_RUNS_H
#define PGVEIL_RECORD_RUNS_H

#include "base/err.h"
#include "record/body.h"
#include "record/entry.h"

#define RUN_NAME   9 /* eight digits, and its NUL */
#define RUN_MAX    99999999u
#define RUNS_NAMED 3 /* a daemon that is replaced while it works goes on behind what its successor saw */

struct run_head {
	uint32_t run;
	uint64_t records;         /* in its chain */
	uint8_t hash[ENTRY_HASH]; /* behind the last of them */
};

void run_name(uint32_t run, char name[static RUN_NAME]);
/* The runs that are there, ascending; the caller frees *out. */
MUSTCHECK int runs_list(int dir_fd, uint32_t **out, size_t *n, struct err *e);
/* Makes the directory of the next run, which is one more than the last that is there. */
MUSTCHECK int runs_next(int dir_fd, uint32_t *run, struct err *e);
/* The last RUNS_NAMED runs before run that hold more than their own beginning, and where each is. */
MUSTCHECK int runs_before(
	int dir_fd, uint32_t run, struct run_head out[static RUNS_NAMED], size_t *n, struct err *e);
/* The body of a run's first record, of kind RUN; its session is 0. */
void run_put(struct body *b, const struct run_head *before, size_t n);
/* WIRE_BAD: it is no such body. */
MUSTCHECK enum wire run_get(struct span body, struct run_head out[static RUNS_NAMED], size_t *n);

#endif
