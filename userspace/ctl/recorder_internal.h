/* SPDX-License-Identifier: MIT */
/* recorder_internal: what recorder.c (the recording, its thread) and recorder_scribe.c (what workers write
 * with) share, and nobody else knows. */
#ifndef PGVEIL_CTL_RECORDER_INTERNAL_H
#define PGVEIL_CTL_RECORDER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include "ctl/recorder.h"
#include "record/entry.h"
#include "record/journal.h"

struct clerk;

struct worker_scribe {
	struct scribe scribe;
	struct recorder *r;
	struct quill *quill;
	bool any;                  /* was put, and not committed: */
	struct ticket first, last; /* these, and what is between them */
	struct metric_times synced;
	struct worker_scribe *aside; /* what its clerk writes with */
	struct clerk *clerk;         /* NULL: it is a clerk's own */
};

struct recorder {
	struct recorder_config cfg;
	int dir_fd;
	uint32_t run;
	struct journal *journal;
	struct quill *quill; /* the thread's */
	struct worker_scribe *scribes;
	unsigned nscribes;
	_Atomic uint64_t failures, told_ms; /* of writing; when the log had the last of them */
	_Atomic bool failing, over_quota, held;
	_Atomic bool fresh;     /* something was recorded since the last file was begun */
	_Atomic uint64_t lost;  /* bytes that went, and no store has */
	_Atomic uint64_t bytes; /* of all recordings, when they were last counted */

	pthread_mutex_t lock; /* over what follows */
	pthread_cond_t wake;
	bool stop;
	uint64_t last_id;
	struct scribed *oldest, **newest; /* sessions that run, in the order in which they began */
	unsigned sessions;
	char head[2 * ENTRY_HASH + 1]; /* of the last seal, behind sealed records */
	uint64_t sealed;
	/* The thread's own. */
	pthread_t thread;
	bool started;
	uint64_t sealed_s, retained_s, turned_s;
	struct metric_times synced;
	_Atomic uint64_t sealed_ms;
};

/* recorder_scribe.c */

uint64_t recorder_now_us(void); /* since 1970 */
/* times: of the thread that calls. */
int recorder_sync(struct recorder *r, struct metric_times *times, struct err *e);
int recorder_failed(struct recorder *r, int code, const struct err *e); /* tells; returns code */
/* key: CIPHER_KEY bytes that what makes tokens is derived from. */
MUSTCHECK int recorder_make_scribes(struct recorder *r, const uint8_t *key, struct err *e);
void recorder_free_scribes(struct recorder *r);

#endif
