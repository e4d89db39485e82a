/* SPDX-License-Identifier: MIT */
/* scribe: who writes down what the sessions of one worker do (ctl/recorder.h); used by its thread alone. What
 * was put and not committed is lost as a whole if it fails. */
#ifndef PGVEIL_SESSION_SCRIBE_H
#define PGVEIL_SESSION_SCRIBE_H

#include <stdatomic.h>
#include "mask/hmac.h"
#include "record/journal.h"

/* A session that is on record, for as long as it runs: what it began with is not removed. */
struct scribed {
	uint64_t id;    /* of no other in this run; 0: nothing was begun */
	uint64_t first; /* records before it */
	struct scribed *next, **link;
};

/* A record that somebody else puts and commits while whoever handed it goes on. */
struct handed {
	struct record record; /* what it points to stays until it was joined */
	_Atomic bool over;    /* to be joined without waiting */
	/* The scribe's. */
	struct handed *next;
	struct err err;
	int code;
};

struct scribe {
	void (*begin)(struct scribe *s, struct scribed *of);
	void (*end)(struct scribe *s, struct scribed *of);
	uint64_t (*now_us)(struct scribe *s); /* since 1970 */
	int (*put)(struct scribe *s, const struct record *r, struct err *e);
	/* 0: all that was put is written. */
	int (*commit)(struct scribe *s, struct err *e);
	struct hmac_key tokens; /* what makes a token of a value */
	/* One after the other, as they were handed. NULL: there is nobody who would. */
	void (*hand)(struct scribe *s, struct handed *h);
	/* true: nobody has begun with it, and nobody will; it is not joined. */
	bool (*take_back)(struct scribe *s, struct handed *h);
	/* Until it is over. Once for each; as put and commit. */
	int (*join)(struct scribe *s, struct handed *h, struct err *e);
	/* Called when one is over, on another thread; whoever uses the scribe sets it before. */
	void (*over)(void *arg);
	void *over_arg;
};

#endif
