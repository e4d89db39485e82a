/* SPDX-License-Identifier: MIT */
/* What this node has seen of the cluster's grants, in its own file: which objects they were, and how many
 * uses were gone. A grant's uses that are gone are the most that either of the two says. What another one has
 * by its name, or says less, gives nothing to a daemon that has just started either. */
#include "ctl/approvals_cluster_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

/* ---- what was written down ---- */

static int by_name(const void *a, const void *b)
{
	const struct past *x = a, *y = b;

	return strcmp(x->name, y->name);
}

/* Of those that are in order. */
static struct past *past_find(const struct cluster *c, const char *name)
{
	struct past key;

	snprintf(key.name, sizeof(key.name), "%s", name);
	return c->npasts ? bsearch(&key, c->pasts, c->npasts, sizeof(key), by_name) : NULL;
}

static struct past *past_add(struct cluster *c, const char *name)
{
	struct past *p = c->pasts;

	if (c->npasts == PASTS_MAX)
		return NULL;
	if (c->npasts == c->pasts_cap) {
		unsigned cap = c->pasts_cap ? 2 * c->pasts_cap : 64;

		p = reallocarray(c->pasts, cap, sizeof(*p));
		if (!p)
			return NULL;
		c->pasts = p;
		c->pasts_cap = cap;
	}
	p = &c->pasts[c->npasts++];
	*p = (struct past){.used = 0};
	snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

static int why_not(const struct cluster *c)
{
	return c->npasts < PASTS_MAX ? -ENOMEM : -E2BIG;
}

struct remembering {
	struct cluster *c;
	int failed;
};

static void remember(void *arg, const struct approval_seen *o)
{
	struct remembering *m = arg;
	struct past *p;

	if (m->failed || strlen(o->name) >= CLUSTER_NAME)
		return;
	p = past_add(m->c, o->name);
	if (!p) {
		m->failed = why_not(m->c);
		return;
	}
	snprintf(p->asked, sizeof(p->asked), "%s", o->asked);
	snprintf(p->given, sizeof(p->given), "%s", o->given);
	p->used = o->used;
}

/* Of its own uses it knew before it wrote down what it saw. */
static void remember_own(struct remembering *m, const struct entry *x)
{
	struct past *p = past_find(m->c, x->object);

	if (!p && past_add(m->c, x->object)) {
		qsort(m->c->pasts, m->c->npasts, sizeof(*p), by_name);
		p = past_find(m->c, x->object);
	}
	if (!p)
		m->failed = why_not(m->c);
	else if (p->used < x->used)
		p->used = x->used;
}

int cluster_remember(struct approvals *a, struct err *e)
{
	struct remembering m = {.c = a->cluster};
	struct entry *x;
	int r;

	if (!a->cluster)
		return 0;
	r = approval_store_seen(a->store, approvals_now(), remember, &m, e);
	if (a->cluster->npasts)
		qsort(a->cluster->pasts, a->cluster->npasts, sizeof(struct past), by_name);
	TAILQ_FOREACH(x, &a->entries, all)
	{
		if (x->share == SHARE_CLUSTER)
			remember_own(&m, x);
	}
	if (r || !m.failed)
		return r;
	return err_set(e, m.failed,
		m.failed == -E2BIG ? "more than %u StatementGrants were seen in the last days"
				   : "out of memory for what was seen of %u StatementGrants",
		PASTS_MAX);
}

void cluster_recall(const struct cluster *c, struct remote *r)
{
	const struct past *p = past_find(c, r->name);

	if (!p)
		return;
	memcpy(r->past_asked, p->asked, sizeof(r->past_asked));
	memcpy(r->past_given, p->given, sizeof(r->past_given));
	r->used = p->used;
}
