/* SPDX-License-Identifier: MIT */
/* What a statement's comparisons with masked columns cost. */
#include <string.h>

#include "policy/judge.h"

#define SPENDS_MAX 1024 /* of one statement */

static bool add_spend(struct judge *j, struct plan *p, unsigned *cap, struct spend s, const struct masking *m)
{
	struct spend *v = (struct spend *)(uintptr_t)p->spends;

	if (!m || m->permit.predicates != PREDICATES_EQUALITY)
		return true;
	if (p->nspends == SPENDS_MAX) {
		judge_deny(j, p, "54000", "the statement compares masked columns with constants too often",
			NULL);
		return false;
	}
	if (p->nspends == *cap) {
		v = arena_array(j->a, *cap ? *cap * 2 : 8, sizeof(*v));
		if (!v) {
			judge_deny(j, p, "53200", NULL, NULL);
			return false;
		}
		if (p->nspends)
			memcpy(v, p->spends, p->nspends * sizeof(*v));
		*cap = *cap ? *cap * 2 : 8;
		p->spends = v;
	}
	s.constants = m->permit.constants;
	s.period_s = m->permit.period_s;
	s.rule = m->rule;
	v[p->nspends++] = s;
	return true;
}

/* A partition's column is a part of its parent's: asked about by itself, it costs of both, or each partition
 * would be one more budget for the parent. */
static bool add_parents(struct judge *j, struct plan *p, unsigned *cap, const struct ask *a, struct colref c)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), c.relid);
	const struct column *col = r ? relation_column_by_attnum(r, c.attnum) : NULL;

	for (unsigned i = 0; col && i < r->nparents; i++) {
		const struct relation *up = catalog_relation_by_oid(binding_catalog(j->b), r->parents[i]);
		const struct column *same = up ? relation_column(up, col->name) : NULL;
		struct colref ref = {r->parents[i], same ? same->attnum : 0, 0, 0};

		if (same && !colset_has(&a->columns, ref) &&
			!add_spend(j, p, cap, (struct spend){ref, a->constants, a->param, 0, 0, NULL},
				binding_column(j->b, ref)))
			return false;
	}
	return true;
}

/* What its comparisons cost; false: p holds a denial. */
bool judge_spends(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned cap = 0;

	for (unsigned i = 0; i < st->nasks; i++) {
		const struct ask *a = &st->asks[i];

		for (unsigned k = 0; k < a->columns.n; k++)
			if (!add_spend(j, p, &cap,
				    (struct spend){a->columns.v[k], a->constants, a->param, 0, 0, NULL},
				    binding_column(j->b, a->columns.v[k])) ||
				!add_parents(j, p, &cap, a, a->columns.v[k]))
				return false;
	}
	return true;
}
