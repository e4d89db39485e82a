/* SPDX-License-Identifier: MIT */
/* audit: a thread that looks at what no hook sees. When a cgroup is enrolled, what it had open before is
 * ended, and a process of ours in it must reach the engine: only then is it ready. And every few seconds all
 * strays (ctl/stray.h) are looked for: those of enrolled cgroups are ended, others told of. */
#ifndef PGVEIL_CTL_AUDIT_H
#define PGVEIL_CTL_AUDIT_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct audit;
struct kern;
struct workers;

struct audit_config { /* strings outlive it */
	struct kern *kern;
	struct workers *workers;
	const char *mount, *root; /* cgroup v2, and the guarded directory below it */
	uint64_t period_ms;       /* 0: only when something is enrolled */
};

MUSTCHECK int audit_start(struct audit **out, const struct audit_config *cfg, struct err *e);
void audit_stop(struct audit *a); /* NULL is fine */

/* The guard drops what this socket sends (SO_COOKIE): it is ended within a second or so, that its application
 * may know. Of too many at once some are left to time out. */
void audit_end(struct audit *a, uint64_t socket_cookie);

/* WAITING: its turn comes. UNREADY: it was looked at and is not as it should be; again soon. */
enum audit_verdict { AUDIT_WAITING = 0, AUDIT_UNREADY, AUDIT_READY };
#define AUDIT_WHY sizeof(((struct err *)0)->msg)

/* The kernel knows it as enrolled, from now on it is looked after. path: below the mount. A known id is as
 * new. All of these from any thread. */
MUSTCHECK int audit_add(struct audit *a, uint64_t cgroup_id, const char *path, uint64_t netns_cookie);
void audit_forget(struct audit *a, uint64_t cgroup_id);
/* why: of UNREADY, else "". */
enum audit_verdict audit_verdict(struct audit *a, uint64_t cgroup_id, char why[AUDIT_WHY]);

struct audit_stats {
	uint64_t rounds, cut;               /* cut: rounds that could not see everything */
	uint64_t ended, not_ended, foreign; /* strays */
	uint64_t ready, unready;            /* looks from inside */
	uint64_t age_ms;                    /* of the last round */
	bool can_end;                       /* the kernel has SOCK_DESTROY */
};
void audit_stats(struct audit *a, struct audit_stats *out);

#endif
