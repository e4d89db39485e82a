/* SPDX-License-Identifier: MIT */
/* The objects that are known, as many as there may be. */
#include "ctl/approvals_cluster_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct remote *remote_find(struct cluster *c, const char *name)
{
	struct remote *r;

	TAILQ_FOREACH(r, &c->remotes, all)
	{
		if (strcmp(r->name, name) == 0)
			return r;
	}
	return NULL;
}

void remote_free(struct cluster *c, struct remote *r)
{
	TAILQ_REMOVE(&c->remotes, r, all);
	c->nremotes--;
	free(r);
}

/* What is gone is kept while what it gave might be had again by another object of its name: no longer than
 * both say themselves, which nobody changes who has not the seal. What is over and still there makes room
 * where there is none: it gives nothing any more, and whoever asks much must not be in the way of others. */
static void remotes_drop(struct cluster *c, bool gone)
{
	struct remote *r, *next;

	for (r = TAILQ_FIRST(&c->remotes); r; r = next) {
		next = TAILQ_NEXT(r, all);
		if (gone && ((r->asked && !r->asked_gone) || (r->given && !r->given_gone)))
			continue;
		if (!r->unkept && r->approval.expires <= approvals_now() &&
			r->grant.terms.expires <= approvals_now())
			remote_free(c, r);
	}
}

/* Once, until there is room for some again. */
static void say_crowded(struct cluster *c, const char *name)
{
	if (!c->crowded)
		log_with(LOG_WARN, "approval.crowded", LOG_FIELDS(LOG_TEXT("object", name)),
			"there are %u StatementApprovals with their grants: of more than these nothing is "
			"given; delete those that are over",
			REMOTES_MAX);
	c->crowded = true;
}

struct remote *remote_of(struct cluster *c, const char *name)
{
	struct remote *r = remote_find(c, name);

	if (r)
		return r;
	remotes_drop(c, true);
	if (c->nremotes >= REMOTES_MAX)
		remotes_drop(c, false);
	if (c->nremotes >= REMOTES_MAX) {
		say_crowded(c, name);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (!r)
		return NULL;
	snprintf(r->name, sizeof(r->name), "%s", name);
	cluster_recall(c, r);
	TAILQ_INSERT_TAIL(&c->remotes, r, all);
	c->nremotes++;
	c->crowded = c->crowded && c->nremotes > REMOTES_MAX / 4 * 3;
	return r;
}
