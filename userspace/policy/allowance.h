/* SPDX-License-Identifier: MIT */
/* allowance: what a daemon may still let through of the rolling windows that policies set, over all sessions
 * of all workers. What is spent outlives the daemon, and another one may spend of the same windows: so a
 * block is leased from whoever keeps them (a keeper: ctl/allowances.h), who has it written down before
 * anything of it goes out, and what was not spent is given back. Never touches a clock or a file. */
#ifndef PGVEIL_POLICY_ALLOWANCE_H
#define PGVEIL_POLICY_ALLOWANCE_H

#include "base/err.h"
#include "policy/limits.h"
#include "policy/spending.h"

#define ALLOWANCE_WINDOWS_MAX 16384

struct allowance; /* used by all threads */
struct window;    /* one of it, by its key */

/* asked is called when there is a job, from any thread; it must not call back. */
MUSTCHECK int allowance_new(struct allowance **out, void (*asked)(void *arg), void *arg, struct err *e);
void allowance_free(struct allowance *a); /* NULL is fine */
/* Asking the keeper takes a while: what is leased is kept for idle_ms without use, and more is asked for
 * before it is needed. Before anything is opened. */
void allowance_far(struct allowance *a, uint64_t idle_ms);

/* -ENOMEM; -ENOSPC: too many. The same key is the same window. */
MUSTCHECK int allowance_open(struct allowance *a, const char *key, struct window **out);
void allowance_close(struct allowance *a, struct window *w); /* NULL is fine */

struct charge { /* to one window, under the limits of whoever spends */
	struct window *window;
	const struct window_limit *limit;
};
struct allowance_over {
	unsigned which; /* of the charges */
	enum measure measure;
	uint64_t wait_ms; /* there may be room again; 0: never, it is more than the limit */
};
/* Takes want of each of v, if there is as much as need (not less than want) in all of them; otherwise
 * nothing. -EAGAIN: the keeper is asked, look again; -EDQUOT: *over says of what; -EIO: what is spent cannot
 * be written down; -EREMOTE: who shares it cannot be asked. */
MUSTCHECK int allowance_take(struct allowance *a, const struct charge *v, unsigned n,
	const uint64_t need[MEASURES], const uint64_t want[MEASURES], uint64_t now_ms,
	struct allowance_over *over);
/* Likewise, and lifted of each beyond whatever its limit is, of which ahead may be wanted yet: it counts as
 * spent all the same. */
MUSTCHECK int allowance_take_lifted(struct allowance *a, const struct charge *v, unsigned n,
	const uint64_t need[MEASURES], const uint64_t want[MEASURES], const uint64_t lifted[MEASURES],
	const uint64_t ahead[MEASURES], uint64_t now_ms, struct allowance_over *over);
/* What happened already: as much of it as there is. */
void allowance_charge(struct allowance *a, const struct charge *v, unsigned n, const uint64_t want[MEASURES],
	uint64_t now_ms);
/* How much of a window is spent. -EAGAIN: the keeper is asked, look again; -EIO, -EREMOTE. */
MUSTCHECK int allowance_spent(
	struct allowance *a, const struct charge *c, uint64_t spent[MEASURES], uint64_t now_ms);

/* How much is spent of each window that somebody has open, as far as it is known; of what is not limited the
 * limit is LIMIT_NONE. fn may not call back. Gives how many windows wait for the keeper. */
unsigned allowance_each(struct allowance *a,
	void (*fn)(
		void *arg, const char *key, const uint64_t spent[MEASURES], const uint64_t limit[MEASURES]),
	void *arg);

/* ---- the keeper's side ---- */

struct allowance_job {
	struct window *window;
	const char *key; /* borrowed until the job is done */
	unsigned period_s;
	uint64_t limit[MEASURES];
	uint64_t need[MEASURES], ask[MEASURES]; /* at least; better as much as that */
	uint64_t over[MEASURES];                /* whatever the limit is */
	uint64_t left[MEASURES];                /* of earlier leases */
	uint64_t back_piece, back[MEASURES];    /* was leased and is not spent */
	/* Filled in by allowance_job_do: */
	uint64_t given[MEASURES], spent[MEASURES], piece;
	uint64_t wait_ms[MEASURES]; /* where there is not as much as need: until there will be */
};
/* What is to be done now, at most max; each is the caller's until allowance_done. all: what is leased is
 * given back, whoever has it. *leased: something is, and may have to be given back later. */
unsigned allowance_jobs(
	struct allowance *a, uint64_t now_ms, bool all, struct allowance_job *v, unsigned max, bool *leased);
/* What the job makes of what was spent. True: it is to be written down before the job is done. */
bool allowance_job_do(struct allowance_job *j, struct spending *s, uint64_t now_ms);
/* r: 0; -EAGAIN: whoever asked is to ask again; or why nothing was written down, of which -EREMOTE is told
 * apart: nothing is given then, and asking again is not worth it for a while. */
void allowance_done(struct allowance *a, const struct allowance_job *j, int r, uint64_t now_ms);

#endif
