/* SPDX-License-Identifier: MIT */
/* recorder: the recording of this run of the daemon: its journal below the state directory, a scribe for each
 * worker, and a thread that brings it to disk, seals it, tells its head, and lets go of what is too old or
 * too much. */
#ifndef PGVEIL_CTL_RECORDER_H
#define PGVEIL_CTL_RECORDER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/metric.h"
#include "session/scribe.h"

struct recorder;

struct recorder_config {
	const char *state_dir;
	const char *key_file; /* NULL: what is recorded is not enciphered */
	bool each;            /* on disk before a statement runs and before its result is told; else soon */
	uint64_t keep_s;      /* what is older goes; 0: never */
	uint64_t quota;       /* bytes of all recordings; 0: any */
	uint64_t segment_max; /* of one file */
	uint64_t turn_s;  /* a file that has had something in it for so long is closed; 0: a full one is */
	bool ships;       /* what no store has acknowledged stays, until the quota is used up … */
	bool quota_first; /* … and then goes; else nothing more is recorded */
	unsigned nscribes;
};

MUSTCHECK int recorder_open(struct recorder **out, const struct recorder_config *cfg, struct err *e);
void recorder_close(struct recorder *r);         /* behind the workers. NULL is fine */
uint32_t recorder_run(const struct recorder *r); /* 0 for NULL */
struct scribe *recorder_scribe(struct recorder *r, unsigned i);
bool recorder_works(struct recorder *r); /* the last that was to be recorded was. True for NULL */
struct recorder_queue {
	uint64_t records, bytes; /* put, and not written yet */
	uint64_t unsynced;       /* records that are written, and not known to be on disk */
};
void recorder_queue(struct recorder *r, struct recorder_queue *out);
/* What is told of it, in families. From any thread. NULL is fine. */
void recorder_metrics(struct recorder *r, struct metric_text *m);

#endif
