/* SPDX-License-Identifier: MIT */
/* approvals_cluster_internal: what the files of approvals ask of their cluster, and its files of each
 * other. All is under the lock of the approvals, but for what says otherwise. */
#ifndef PGVEIL_CTL_APPROVALS_CLUSTER_INTERNAL_H
#define PGVEIL_CTL_APPROVALS_CLUSTER_INTERNAL_H

#include "ctl/approvals_cluster.h"
#include "ctl/approvals_internal.h"
#include "ctl/kube_watch.h"

#define REMOTES_MAX 4096u
#define PASTS_MAX   65536u

struct remote { /* the objects of one name, as they were last seen */
	TAILQ_ENTRY(remote) all;
	char name[CLUSTER_NAME];
	bool asked, given;           /* it has an approval, a grant: or had */
	bool asked_gone, given_gone; /* deleted */
	bool asked_seen, given_seen; /* in the list that is read just now */
	bool spoiled;                /* another one by its name, or uses taken back: nothing is given by it */
	unsigned used;               /* the most that was ever seen */
	char past_asked[CLUSTER_NAME], past_given[CLUSTER_NAME]; /* as in struct past */
	bool unkept;                                             /* it is to be written down */
	struct cluster_approval approval;
	struct cluster_grant grant;
};

struct past { /* what was seen of one before this daemon was started: uids, or "", and the most uses */
	char name[CLUSTER_NAME], asked[CLUSTER_NAME], given[CLUSTER_NAME];
	unsigned used;
};

struct cluster {
	struct cluster_config cfg;
	struct cluster_home home;
	struct approvals *a;
	struct kube_api *api;
	struct kube_watch *approvals, *grants;
	char approvals_path[256], grants_path[256];
	TAILQ_HEAD(, remote) remotes;
	unsigned nremotes;
	bool crowded;       /* there was no room for one, and it was said */
	struct past *pasts; /* by name; takes no room of what there is */
	unsigned npasts, pasts_cap;
	pthread_cond_t work;
	pthread_t thread;
	bool running, stopping;
	uint64_t retry_ms; /* the server is not asked before, but for who waits */
	unsigned failures; /* one after the other */
	uint64_t turn;     /* counts what the server is asked for entries */
	char trouble[256]; /* the last one of a new approval: it is said once */
	int64_t swept_at;
};

/* approvals_cluster.c: called by the files of approvals; all are for any a, in a cluster or not. */
void cluster_attach(struct cluster *c, struct approvals *a);
MUSTCHECK int cluster_begin(struct cluster *c, struct err *e); /* without the lock */
void cluster_end(struct cluster *c);                           /* likewise */
const struct hmac_key *cluster_key(const struct cluster *c);
/* A new entry is to be an object. */
void cluster_asked(struct approvals *a, struct entry *x);
/* How far something is that somebody asked for; approved: by one person, who need not be enough. */
enum standing { STANDING_ASKED = 0, STANDING_APPROVED, STANDING_GIVEN };
/* What another node holds, or this one held, and is the same as what is asked for: what is furthest, and at
 * least so far. NULL: there is none. */
struct entry *cluster_adopt(struct approvals *a, const struct desk_request *r, enum standing least);
void cluster_loaded(struct approvals *a, struct entry *x);
void cluster_approved(struct entry *x);
void cluster_changed(struct approvals *a, struct entry *x);
void cluster_wake(struct approvals *a);
/* What was seen of grants outlives the daemon, so that uses are not had again which somebody takes back while
 * it is away. Writes one down; false: there is none. The lock is not held meanwhile. */
bool cluster_keep(struct approvals *a);
/* Before anything is seen. -E2BIG: more was than can be known. */
MUSTCHECK int cluster_remember(struct approvals *a, struct err *e);
/* What is remembered of one that is new here. */
void cluster_recall(const struct cluster *c, struct remote *r);
/* Whether the user is one whom the pod that asks could be. */
bool cluster_asks(const struct entry *x, const char *user);

/* approvals_cluster_remote.c */
struct remote *remote_find(struct cluster *c, const char *name);
struct remote *remote_of(struct cluster *c, const char *name); /* made, if need be; NULL: no room */
void remote_free(struct cluster *c, struct remote *r);

/* approvals_cluster.c: for approvals_cluster_io.c */
void cluster_seen_approval(struct cluster *c, const struct cluster_approval *o);
void cluster_seen_grant(struct cluster *c, const struct cluster_grant *o);
/* None of its uses is left, and nobody has one under way. */
void cluster_used_up(struct approvals *a, struct entry *x);

/* approvals_cluster_io.c */
void *cluster_main(void *arg);

#endif
