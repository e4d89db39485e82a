/* SPDX-License-Identifier: MIT */
/* What may be defined. */
#include <string.h>

#include "policy/judge.h"

/* Whether who reads it may see anything of a masked column. */
static bool shows_masked(const struct binding *b, const struct relation *r)
{
	bool shows = !r || r->problem || judge_masks(b, r->oid);

	for (unsigned i = 0; r && i < r->ncols && !shows; i++)
		shows = binding_set(b, &r->cols[i].read) != NULL;
	return shows;
}

struct remaining {
	struct judge *j;
	const struct relation *gone, *shows;
};

static bool finds_shown(void *arg, const struct relation *r)
{
	struct remaining *m = arg;

	if (!r->system && r->oid != m->gone->oid && !strcmp(r->name, m->gone->name) &&
		shows_masked(m->j->b, r))
		m->shows = r;
	return !m->shows;
}

/* Code that reads a view by its name fails when it is gone, or finds another relation of that name. Neither
 * shows more where the view showed nothing, and no such relation does. Nothing that was resolved when it was
 * made hangs on it, or the server would drop it by CASCADE only. */
static bool goes_unseen(struct judge *j, const struct statement *st)
{
	bool unseen = st->drops_views && !st->cascades && st->ndropped;

	for (unsigned i = 0; unseen && i < st->ndropped; i++) {
		struct remaining m = {
			.j = j, .gone = catalog_relation_by_oid(binding_catalog(j->b), st->dropped[i])};

		unseen = m.gone && !m.gone->triggers && !m.gone->rules && !shows_masked(j->b, m.gone);
		if (unseen)
			catalog_each_relation(binding_catalog(j->b), finds_shown, &m);
		unseen = unseen && !m.shows;
	}
	return unseen;
}

/* What is defined anew must not be what a rule masks: its values would be checked, converted or lose their
 * mask. */
bool judge_defined(struct judge *j, const struct statement *st, struct plan *p)
{
	if ((st->drops_views && binding_opaque(j->b, NULL) == OPAQUE_ALLOW) || goes_unseen(j, st))
		return true;
	for (unsigned i = 0; i < st->nrelations; i++) {
		const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), st->relations[i]);

		if (!judge_masks(j->b, st->relations[i]) ||
			(st->drops && binding_inherits(j->b, st->relations[i])))
			continue;
		if (st->unfollowed)
			judge_problem(j, st, st->unfollowed, p);
		else
			judge_deny(j, p, "42501",
				arena_printf(j->a, "%s.%s has masked columns and may not be redefined here",
					r ? r->schema : "?", r ? r->name : "?"),
				"A caller with masked columns may define tables, and change those without "
				"masked "
				"columns.");
		return false;
	}
	return true;
}

bool judge_doubt(struct judge *j, const struct statement *st, struct plan *p)
{
	if (!st->doubt || binding_opaque(j->b, NULL) == OPAQUE_ALLOW)
		return true;
	judge_deny(j, p, "42501", st->doubt,
		"Columns are masked for this caller, so only statements whose every effect on them is "
		"understood may "
		"pass. A policy with statements.opaque.default: allow lets more of them pass.");
	p->position = st->position;
	return false;
}

struct namesake {
	struct judge *j;
	const char *name, *schema;
	const struct relation *masked;
};

static bool finds_masked(void *arg, const struct relation *r)
{
	struct namesake *n = arg;

	if (!strcmp(r->name, n->name) && strcmp(r->schema, n->schema) != 0 && judge_masks(n->j->b, r->oid))
		n->masked = r;
	return !n->masked;
}

/* Who writes to a masked table by its bare name would write to another one. */
bool judge_made(struct judge *j, const struct statement *st, struct plan *p)
{
	struct namesake n = {.j = j, .name = st->makes, .schema = st->makes_in ? st->makes_in : ""};

	if (n.name)
		catalog_each_relation(binding_catalog(j->b), finds_masked, &n);
	if (n.masked)
		judge_deny(j, p, "42501",
			arena_printf(j->a,
				"%s.%s has masked columns: another of the same name could take what is "
				"written there",
				n.masked->schema, n.masked->name),
			"Choose another name.");
	return !n.masked;
}
