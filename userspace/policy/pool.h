/* SPDX-License-Identifier: MIT */
/* pool: one rolling window that daemons of several nodes spend of together. What each leased is a share of
 * it, in an object that all see and that is written by the version that was read (ctl/budget_cluster.h).
 *
 *   A share is spent by its daemon alone, and until a moment that it says; it counts for a period and
 *   POOL_SKEW_MS more from then on, whether it was spent or not. Its daemon alone makes it smaller, to what
 *   was spent: it writes how much that is and not by how much less, so whatever was written twice, or was
 *   written and nobody told so, comes to the same.
 *
 * Never touches a clock, nor the object: time is passed in, of the clock that all daemons go by and of the
 * daemon's own. Nobody's word for how late it is counts further than POOL_SKEW_MS. */
#ifndef PGVEIL_POLICY_POOL_H
#define PGVEIL_POLICY_POOL_H

#include "policy/allowance.h"

#define POOL_SKEW_MS 10000u /* between what any two daemons take for the time */
#define POOL_SHARES_MAX                                                                                      \
	4096u /* two for each of nearly 2000 daemons; an object of etcd has room for as many */
#define POOL_PERIOD_MIN_S 10u /* of less, a lease would be over before it is there */
#define POOL_OWN          4u

struct pool_share {
	uint64_t holder, number; /* holder 0: of several, that are over */
	const char *node;        /* for people; borrowed, NULL where nobody says */
	uint64_t until_ms;       /* nobody spends of it then */
	uint64_t n[MEASURES];
};

struct pool {                /* what the object says; all zero: nobody ever spent */
	unsigned period_s;   /* the longest of those that still count */
	uint64_t written_ms; /* the latest that anybody took for the time */
	uint64_t writes;     /* how many there were: each makes another version of the object */
	struct pool_share *v;
	unsigned n, cap; /* one more than n, or -ENOSPC */
};

struct pool_daemon { /* who leases: anew in each process */
	uint64_t id; /* of chance, not 0 */
	uint64_t serial;
	const char *node;
};

/* What a daemon has of one window: what it may have spent, piece by piece of its time. Not more than the
 * object says, and where that says more, it was written and not told. */
struct pool_own {
	uint64_t number, piece, until_ms; /* number 0: none */
	unsigned period_s;
	uint64_t n[MEASURES];
};
struct pool_holding {
	struct pool_own own[POOL_OWN];
};

struct pool_lease {
	bool write; /* the pool is to be written, before anything of it is had */
	unsigned own;
	uint64_t got[MEASURES], over[MEASURES]; /* what was asked for, or less; beyond the limit */
	uint64_t spent[MEASURES];               /* by all, what is leased included */
	bool lacks[MEASURES];                   /* there is not as much as is needed … */
	uint64_t wait_ms[MEASURES];             /* … until then */
};

uint64_t pool_sum(const struct pool *p, enum measure m); /* what is leased of it */
/* n of what was leased in that piece was not spent after all: it is given back with the next lease. */
void pool_return(struct pool_holding *h, unsigned period_s, uint64_t piece, const uint64_t n[MEASURES]);
/* What the job makes of the pool. ends_ms: so long the piece of time that it is leased in lasts; now_ms by
 * the clock of all. -ERANGE: the period is too short; -ETIME: somebody's clock is off; -ENOSPC. */
MUSTCHECK int pool_lease(struct pool *p, struct pool_holding *h, struct pool_daemon *d,
	const struct allowance_job *j, uint64_t piece, uint64_t ends_ms, uint64_t now_ms,
	struct pool_lease *out);
/* It is written; nothing was to be. */
void pool_leased(struct pool_holding *h, const struct pool_lease *l);
/* Nothing of it can be given back any more. */
bool pool_holding_over(const struct pool_holding *h, uint64_t now_ms);

#endif
