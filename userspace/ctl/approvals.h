/* SPDX-License-Identifier: MIT */
/* approvals: the desk of this daemon (session/desk.h): what was asked for, who decided what, and what was
 * used up. Its thread writes all of that down (ctl/approval_store.h); a worker never waits for it.
 *
 *   PENDING ──enough approvers──► APPROVED ──a use, written down first──► USED when none is left
 *      │                             ├─► REVOKED, EXPIRED: what runs by it ends, if it was given for a time
 *      └─► DENIED, EXPIRED, VOID     └─► VOID
 */
#ifndef PGVEIL_CTL_APPROVALS_H
#define PGVEIL_CTL_APPROVALS_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include "base/err.h"
#include "base/metric.h"
#include "session/desk.h"

struct approvals;
struct cluster; /* ctl/approvals_cluster.h */

struct approvals_config {
	const char *state_dir;
	struct cluster *cluster; /* what is asked for is an object there too; outlives it. NULL: nowhere */
	void (*poke)(void *arg); /* sessions that wait should look again; from its thread */
	void *arg;
};

/* Asked for something before approvals_begin, it refuses. */
MUSTCHECK int approvals_open(struct approvals **out, const struct approvals_config *cfg, struct err *e);
const struct desk *approvals_desk(const struct approvals *a); /* lives as long */
/* This daemon decides from now on. */
MUSTCHECK int approvals_begin(struct approvals *a, struct err *e);
/* Another daemon does: what is pending is denied, and nothing new is asked for. */
void approvals_leave(struct approvals *a);
void approvals_hush(struct approvals *a);  /* nobody is poked any more */
void approvals_close(struct approvals *a); /* after the workers; NULL is fine */

/* Who decides: as the kernel says it, by a token, or as the API server of a cluster says. */
#define APPROVER_NO_UID ((uid_t)-1)
struct approver {
	uid_t uid; /* with a token: whose it is, which says for whom he may not, and nothing else */
	const gid_t *gids;
	unsigned ngids;
	const char *token; /* its name; NULL: none */
	const char *user;  /* of Kubernetes, whom RBAC lets decide; NULL: none. uid is APPROVER_NO_UID then */
};
struct decision {
	const char *reason;   /* NULL: none */
	uint64_t for_s;       /* not 0: for so long, and what runs by it ends then */
	unsigned uses;        /* 0: one */
	uint64_t rows, bytes; /* not 0: that each use may export, whatever the limits are */
	bool shape;           /* and others of its shape (session/held_shape.h) */
	bool break_glass;     /* by root alone, whoever else would have to agree */
};

/* Each: -ENOENT, -EACCES (not he), -EALREADY (not pending any more, or he has said so already), -EINVAL, -EIO
 * (it could not be written down, and does not count). */
MUSTCHECK int approvals_approve(struct approvals *a, uint64_t id, const struct approver *who,
	const struct decision *d, struct err *e);
MUSTCHECK int approvals_deny(
	struct approvals *a, uint64_t id, const struct approver *who, const char *reason, struct err *e);
MUSTCHECK int approvals_revoke(
	struct approvals *a, uint64_t id, const struct approver *who, const char *reason, struct err *e);

/* What who may see: root all, an approver what he may decide on. NULL: no memory. */
enum approvals_which { APPROVALS_ALL, APPROVALS_PENDING, APPROVALS_GRANTS };
json_t *approvals_list(struct approvals *a, const struct approver *who, enum approvals_which which);
/* NULL: no such one, or not for him. */
json_t *approvals_show(struct approvals *a, const struct approver *who, uint64_t id);

struct approvals_stats {
	uint64_t asked, approved, denied, expired, used, voided, revoked;
	uint64_t glass;            /* of approved, by root alone */
	unsigned pending, waiting; /* sessions */
	uint64_t oldest_s;         /* for how long the oldest of the pending was asked for */
};
void approvals_stats(struct approvals *a, struct approvals_stats *out);
/* How long it took until somebody decided; added to *out. */
void approvals_decided(struct approvals *a, struct metric_times *out);

#endif
