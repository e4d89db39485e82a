/* SPDX-License-Identifier: MIT */
/* What an estimate of a statement's rows would decide, and whether one may be had: whether a statement was
 * held or not is an answer, so what asks of masked columns has none. */
#include "policy/judge.h"

#include <string.h>

#include "sql/estimate.h"

static const char *of_masks(struct judge *j, const struct plan *p)
{
	for (; p; p = p->inner) {
		if (p->ntouched && p->intimate)
			return "it asks of masked columns, and an estimate would be an answer";
		for (unsigned i = 0; i < p->nrelations; i++)
			if (binding_inherits(j->b, p->relations[i]))
				return "it reaches copies of masked columns";
	}
	return NULL;
}

/* Those that decide nothing beside the verdict go. */
static void drop_weak(struct plan *p)
{
	struct threshold *v = (struct threshold *)(uintptr_t)p->thresholds;
	unsigned n = 0;

	for (unsigned i = 0; i < p->nthresholds; i++)
		if (v[i].verdict < p->verdict)
			v[n++] = v[i];
	p->nthresholds = n;
}

static void decide(struct judge *j, struct plan *p)
{
	const struct threshold *t = NULL;

	for (unsigned i = 0; i < p->nthresholds; i++)
		if (!t || p->thresholds[i].verdict < t->verdict)
			t = &p->thresholds[i];
	p->nthresholds = 0;
	if (!t)
		return;
	judge_deny(j, p, "42501",
		arena_printf(j->a, "%s where more than %llu rows are estimated, and there is no estimate: %s",
			t->reason, (unsigned long long)t->rows, p->unestimated),
		t->hint);
	p->verdict = t->verdict;
	p->guard = t->rule;
	p->by = t->rule->where;
	p->guarded = t->verdict == DENY;
}

void judge_estimate(struct judge *j, const struct statement *st, struct plan *p)
{
	p->unestimated = estimate_obstacle(binding_catalog(j->b), st);
	if (!p->unestimated)
		p->unestimated = of_masks(j, p);
	drop_weak(p);
	if (p->unestimated)
		decide(j, p);
}
