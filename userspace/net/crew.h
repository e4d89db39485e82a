/* SPDX-License-Identifier: MIT */
/* crew: the inside of struct workers and struct worker, for the files of net that share it. Never included
 * elsewhere. */
#ifndef PGVEIL_NET_CREW_H
#define PGVEIL_NET_CREW_H

#include <pthread.h>
#include <stdatomic.h>
#include "net/loop.h"
#include "kern/splice.h"
#include "net/pipe.h"
#include "net/registry.h"
#include "net/worker.h"
#include "session/account.h"
#include "session/session.h"
#include "session/tally.h"

struct conn;
struct cancel;
struct straggler;
struct listener;
struct identity;
struct tls_pool;
struct post;

#define SPLICE_MIN ((size_t)64 << 10) /* bytes of a row; less was never seen to save anything */
/* How large rows go that nothing looks at. X(name, word) */
#define SPLICE_WAYS(X)                                                                                       \
	X(OFF, "off")                                                                                        \
	X(TLS, "tls")                                                                                        \
	X(PAIRED, "paired")   /* the kernel hands on rows of this connection by itself */                    \
	X(NO_PIPE, "no_pipe") /* all pipes are in use */                                                     \
	X(PIPE, "pipe")
#define X(name, word) SPLICE_WAY_##name,
enum splice_way { SPLICE_WAYS(X) SPLICE_WAY_MAX };
#undef X

struct worker {
	struct workers *all;
	pthread_t thread;
	bool started;
	struct loop *loop;
	struct accounts accounts;
	struct scram_memory scram;
	struct session_env env; /* with a reference to its policy; sessions have their own */

	pthread_mutex_t lock; /* over posts */
	struct post *posts, **posts_end;
	unsigned nposts;
	atomic_bool poked;
	atomic_bool recorded; /* what a session handed to the scribe is over */

	/* Written by the thread, read by whoever wants metrics. */
	_Atomic uint64_t pulse_ms; /* when it last came round */
	struct tally tally;
	_Atomic uint64_t straggling; /* stragglers */
	_Atomic uint64_t splice_reads[SPLICE_WAY_MAX];
	_Atomic uint64_t windows[SPLICE_END_MAX], window_bytes, window_rows, repeated, paired;

	/* Below: the thread's own. */
	struct conn *recorded_by;    /* whose sessions wait for what they handed to the scribe */
	struct conn *conns, *parked; /* parked: closed, freed when the loop's turn ends */
	struct cancel *cancels;
	struct straggler *stragglers;
	struct pipes pipes;
	struct alarm *stop_alarm;
	struct alarm *pulse;
	struct alarm *drain_alarm; /* NULL: it does not drain (net/drain.c) */
	uint64_t drain_since_ms;
	bool drains_at_once; /* a session ends as soon as it rests */
	bool stopping;
	uint64_t quiet_until_ms; /* the log of refused connections is held back until then */
	struct ration {          /* of what sessions note, one for each enum session_note */
		uint64_t earned_ms, unsaid;
		unsigned left;
	} rations[SESSION_NOTE_MAX];
};

struct workers {
	struct workers_config cfg;
	struct worker *worker;
	atomic_uint next; /* round robin */
	struct registry *registry;
	struct identity *identity;
	struct tls_pool *tls;
	pthread_mutex_t listeners_lock; /* over the list and each one's uses */
	struct listener *listeners;
	atomic_bool splice; /* what need not be read is not */
	bool paused;        /* under the same lock: new listeners do not accept yet */
	atomic_uint_fast64_t accepted, unserved[UNSERVED_MAX], upstream_failed, cancels_refused;
};

/* Counts and logs a connection that is not served. */
void worker_unserved(struct worker *w, enum unserved why, const char *text);

#endif
