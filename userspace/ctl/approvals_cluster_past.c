/* SPDX-License-Identifier: MIT */
/* What this node has seen of the cluster's grants, in its own file: which objects they were, and how many
 * uses were gone. A grant's uses that are gone are the most that either of the two says. What another one has
 * by its name, or says less, gives nothing to a daemon that has just started either. */
#include "ctl/approvals_cluster_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define KEPT_S (8 * 86400) /* longer than any node leaves objects that are over */

static struct remote *unkept(struct cluster *c)
{
	struct remote *r;

	TAILQ_FOREACH(r, &c->remotes, all)
	{
		if (r->unkept)
			return r;
	}
	return NULL;
}

bool cluster_keep(struct approvals *a)
{
	struct remote *r = a->cluster && !a->again ? unkept(a->cluster) : NULL;
	char name[CLUSTER_NAME], asked[CLUSTER_NAME], given[CLUSTER_NAME];
	struct approval_seen o = {name, asked, given, 0, 0};
	struct err e = {0};

	if (!r)
		return false;
	snprintf(name, sizeof(name), "%s", r->name);
	snprintf(asked, sizeof(asked), "%s", r->asked ? r->approval.uid : "");
	snprintf(given, sizeof(given), "%s", r->grant.uid);
	o.used = r->used;
	o.until_at = r->grant.terms.expires + KEPT_S;
	r->unkept = false;
	pthread_mutex_unlock(&a->lock);
	if (approval_store_see(a->store, &o, &e)) {
		log_with(LOG_ERROR, "approval.failed", LOG_FIELDS(LOG_TEXT("object", name)),
			"what was seen of it could not be written down: %s", e.msg);
		pthread_mutex_lock(&a->lock);
		r = remote_find(a->cluster, name);
		if (r)
			r->unkept = true;
		a->again = true;
		return true;
	}
	pthread_mutex_lock(&a->lock);
	return true;
}

static void remember(void *arg, const struct approval_seen *o)
{
	struct cluster *c = arg;
	struct remote *r = strlen(o->name) < CLUSTER_NAME ? remote_of(c, o->name) : NULL;

	if (!r)
		return;
	snprintf(r->past_asked, sizeof(r->past_asked), "%s", o->asked);
	snprintf(r->past_given, sizeof(r->past_given), "%s", o->given);
	r->past_until = o->until_at;
	r->used = o->used;
}

int cluster_remember(struct approvals *a, struct err *e)
{
	struct remote *r;
	struct entry *x;
	int rc;

	if (!a->cluster)
		return 0;
	rc = approval_store_seen(a->store, approvals_now(), remember, a->cluster, e);
	/* of its own uses it knew before it wrote down what it saw */
	TAILQ_FOREACH(x, &a->entries, all)
	{
		r = x->share == SHARE_CLUSTER ? remote_of(a->cluster, x->object) : NULL;
		if (r && r->used < x->used)
			r->used = x->used;
	}
	return rc;
}
