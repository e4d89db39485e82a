/* SPDX-License-Identifier: MIT */
/* cluster_object: StatementApproval and StatementGrant (deploy/kubernetes/base/crds/) as what they mean to a
 * daemon. Each carries a seal, a keyed digest of its name and all of its spec: what no daemon of this cluster
 * wrote is not taken. Asks nobody and keeps nothing. */
#ifndef PGVEIL_CTL_CLUSTER_OBJECT_H
#define PGVEIL_CTL_CLUSTER_OBJECT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/err.h"
#include "mask/hmac.h"
#include "session/desk.h"

#define CLUSTER_NAME  64u /* of an object that is one of ours, and a uid; with the NUL */
#define CLUSTER_TEXT  1025u
#define CLUSTER_GROUP "/apis/pgveil.dev/v1/namespaces/"

struct cluster_home { /* outlives what is made of it */
	const char *space, *node;
	struct hmac_key bonds; /* what statements are bound by */
	struct hmac_key seal;
};

/* The keys of both out of the file of the cluster's secret. */
MUSTCHECK int cluster_home_open(
	struct cluster_home *h, const char *space, const char *node, const char *key_file, struct err *e);
void cluster_home_wipe(struct cluster_home *h);

struct cluster_approval {
	char name[CLUSTER_NAME], uid[CLUSTER_NAME];
	bool mine; /* of this node */
	struct bond bond;
	int64_t expires; /* s of the epoch */
	char state[16], message[CLUSTER_TEXT];
	bool decided, approved; /* by a person; not approved: denied */
	unsigned uses;          /* 0: he did not say */
	uint64_t for_s;
	bool shape;
	char approver[CLUSTER_TEXT], reason[CLUSTER_TEXT];
};

struct cluster_terms {
	unsigned uses;
	int64_t expires;
	bool ends, shaped;
	uint64_t rows, bytes;
};

struct cluster_grant {
	char name[CLUSTER_NAME], uid[CLUSTER_NAME], approval[CLUSTER_NAME];
	struct bond bond;
	struct cluster_terms terms;
	unsigned used;
	char state[16];
	char approvers[300]; /* "user:ann, uid 7"; those that fit */
};

/* false: it is none, or nobody of this cluster sealed it. */
MUSTCHECK bool cluster_approval_take(
	const struct cluster_home *h, const json_t *object, struct cluster_approval *out);
MUSTCHECK bool cluster_grant_take(
	const struct cluster_home *h, const json_t *object, struct cluster_grant *out);
/* Whether anything may be used by it still, as far as it says itself. */
bool cluster_grant_lives(const struct cluster_grant *g, int64_t now_s);

/* NULL: no memory. shown: as a reviewer sees it (ctl/approvals.h). */
json_t *cluster_approval_make(const struct cluster_home *h, const char *name, const json_t *shown,
	const struct bond *bond, int64_t expires, unsigned required);
json_t *cluster_grant_make(const struct cluster_home *h, const char *name, const char *approval,
	const struct bond *bond, const struct cluster_terms *terms, const json_t *approvers);
/* The object with one use more. NULL: no memory. */
json_t *cluster_grant_use(const struct cluster_home *h, const json_t *object, int64_t now_s);

#endif
