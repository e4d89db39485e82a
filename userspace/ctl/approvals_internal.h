/* SPDX-License-Identifier: MIT */
/* approvals_internal: the inside of struct approvals, for approvals.c, approvals_desk.c and
 * approvals_decide.c alone. All is under its lock, which is never held while something is written. */
#ifndef PGVEIL_CTL_APPROVALS_INTERNAL_H
#define PGVEIL_CTL_APPROVALS_INTERNAL_H

#include <pthread.h>
#include <sys/queue.h>
#include "ctl/approval_store.h"
#include "ctl/approvals.h"
#include "ctl/cluster_object.h"
#include "mask/hmac.h"

#define TICKETS_MAX    4096
#define TICKETS_OF_MAX 512 /* of one subject */
#define PENDING_MAX    256 /* of all */
#define PENDING_OF_MAX 32  /* of one subject */
#define FINISHED_KEPT  500
#define ASKED_OF_MAX   120 /* by one subject … */
#define ASKED_S        600 /* … in so many seconds: what it asks for is written down, and people are told */
#define RULES_MAX      16
#define IDS_MAX        256
#define CAUSE_MAX      200
#define TELLS_MAX      4096

TAILQ_HEAD(entry_list, entry);

struct rule_ids { /* who may decide, of one document */
	uint32_t *uids, *gids;
	unsigned nuids, ngids, required;
	const json_t *tokens; /* names; of the entry's shown */
};

/* Who decides on an entry, and who counts its uses. Zero: this daemon alone. */
enum share {
	SHARE_ALONE = 0,
	SHARE_PROPOSED, /* it is to be an object of the cluster; decided on before, it is this daemon's alone
			 */
	SHARE_POSTED,   /* it may be one, the answer is awaited */
	SHARE_CLUSTER,  /* it is one */
};

struct entry {                  /* an approval */
	TAILQ_ENTRY(entry) all; /* by number */
	uint64_t id;
	enum approval_state state;
	char cause[CAUSE_MAX];
	char *identity;
	uint32_t uid; /* who asks */
	struct rule_ids rule[RULES_MAX];
	unsigned nrules;
	int64_t asked_at, until_at;
	uint64_t until_ms; /* the same, by the clock that nobody sets */
	unsigned timeout_s, required, uses, used;
	bool ends, retry;
	bool shaped; /* approved for all of its shape */
	struct bond bond;
	json_t *shown, *votes;
	char *text;       /* of shown */
	bool added;       /* not in the store yet */
	bool unsaved;     /* is to be written down … */
	bool failed;      /* … and could not be */
	unsigned version; /* counts changes */
	/* Its StatementApproval and StatementGrant (ctl/approvals_cluster.h); "": it has none. */
	char object[CLUSTER_NAME];
	enum share share;
	bool doubted;  /* an answer was lost: it may be an object */
	bool mine;     /* this daemon made it */
	bool granted;  /* its grant was there */
	bool tells;    /* the cluster is to hear of its state */
	uint64_t turn; /* when the server was asked something for it last */
};

/* TAKES: its use is taken of the cluster's; CLAIMS: and written down here. */
enum ticket_state {
	TICKET_FREE = 0,
	TICKET_WAITS,
	TICKET_TAKES,
	TICKET_CLAIMS,
	TICKET_GRANTED,
	TICKET_DENIED
};

struct ticket {
	enum ticket_state state;
	uint32_t generation;
	bool gone, sent; /* gone: nobody looks any more, but its claim is under way */
	struct entry *entry;
	unsigned use;   /* GRANTED: its number */
	uint64_t since; /* first come, first served */
	char sqlstate[6], reason[CAUSE_MAX];
};

struct tell { /* what became of a use */
	STAILQ_ENTRY(tell) next;
	uint64_t id;
	unsigned n;
	char how[CAUSE_MAX];
};

struct approvals {
	struct approvals_config cfg;
	struct cluster *cluster; /* NULL: it is in none */
	struct approval_store *store;
	struct hmac_key key;
	struct desk desk;
	pthread_mutex_t lock;
	pthread_cond_t work, done; /* for the thread; by the thread */
	pthread_t thread;
	bool running, stopping, left;
	bool again; /* something could not be written */
	struct entry_list entries;
	STAILQ_HEAD(, tell) tells;
	unsigned nentries, ntells;
	struct ticket *tickets;
	uint64_t last_id, turns;
	struct approvals_stats stats;
	struct metric_times decided;
};

/* approvals.c */
int64_t approvals_now(void);
void entry_changed(struct approvals *a, struct entry *x);       /* is to be written down */
void entry_decided(struct approvals *a, const struct entry *x); /* now, by somebody */
/* It is over: who waits for it is denied. event: of the log. */
void entry_end(struct approvals *a, struct entry *x, enum approval_state state, const char *cause);
/* Who waits for an approved one claims a use, as many as there are. */
void entry_serve(struct approvals *a, struct entry *x);
struct entry *entry_find(struct approvals *a, uint64_t id);
struct entry *entry_new(struct approvals *a);
/* Whether all who approved of it did so for its shape. */
/* What it may export whatever the limits are; 0: no more than they let. */
void entry_lifts(const struct entry *x, uint64_t *rows, uint64_t *bytes);
bool entry_shaped(const struct entry *x);
bool entry_live(const struct entry *x); /* pending, or approved and not used up */
unsigned entry_waiting(const struct approvals *a, const struct entry *x);

void ticket_free(struct ticket *t);
/* Its use is not there to be had, or cannot be written down: why is in e. */
void ticket_fail(struct ticket *t, int r, const struct err *e);

/* approvals_decide.c */
/* Pending, and somebody who may says yes: it is not written down yet when this returns. */
MUSTCHECK int entry_approve(struct approvals *a, struct entry *x, const struct approver *who,
	const struct decision *d, struct err *e);
MUSTCHECK int entry_add_vote(
	struct entry *x, const struct approver *who, const char *verdict, const struct decision *d);

/* approvals_desk.c */
/* What was asked for becomes an entry; false: no memory. */
bool entry_fill(struct approvals *a, struct entry *x, const struct desk_request *r);
bool asked_too_much(struct approvals *a, const char *identity);
/* Who may decide, and who asked, as shown has it. false: no memory, or it is not there. */
bool rules_take(struct entry *x, const json_t *shown);
void desk_open(struct approvals *a);
/* Its approval is no more: state of t. */
void ticket_deny(struct ticket *t, const char *sqlstate, const char *fmt, ...) PRINTF_LIKE(3, 4);
void use_tell(struct approvals *a, const struct ticket *t, const char *how);

#endif
