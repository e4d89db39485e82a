/* SPDX-License-Identifier: MIT */
#include "policy/judge.h"

#include <string.h>

const char *judge_column_name(struct judge *j, struct colref c)
{
	const struct catalog *cat = binding_catalog(j->b);
	const struct relation *r = catalog_relation_by_oid(cat, c.relid);
	const struct column *col = r ? relation_column_by_attnum(r, c.attnum) : NULL;
	char *s;

	if (c.attnum == COLREF_OPAQUE)
		return "that a function gave";
	if (!r)
		return "a column of an unknown relation";
	s = arena_printf(j->a, "%s.%s.%s", r->schema, r->name, col ? col->name : "?");
	return s ? s : JUDGE_NO_MEMORY;
}

const char *judge_hint(struct judge *j, const struct masking *m)
{
	char *s;

	if (!m || !m->rule)
		return "Catalogue columns that carry values of other columns may only be shown, as NULL.";
	s = arena_printf(j->a,
		"The mask of policy rule %s applies. A masked column may stand only as a plain output "
		"column%s; "
		"ask the owner of that policy if you need more.",
		m->rule->where,
		m->permit.predicates == PREDICATES_EQUALITY
			? ", and be compared by = or IN with constants as a part of the statement's own WHERE"
			: "");
	return s ? s : JUDGE_NO_MEMORY;
}

void judge_deny(struct judge *j, struct plan *p, const char *sqlstate, const char *reason, const char *hint)
{
	p->verdict = DENY;
	memcpy(p->sqlstate, sqlstate, 5);
	p->reason = reason ? reason : JUDGE_NO_MEMORY;
	p->hint = hint;
	if (!reason)
		j->failed = true;
}

void judge_problem(struct judge *j, const struct statement *st, const char *problem, struct plan *p)
{
	bool refused = strcmp(st->sqlstate, "0A000") == 0 || strcmp(st->sqlstate, "42501") == 0;

	/* What is not understood is refused by the same name as what is forbidden. */
	judge_deny(j, p, refused ? "42501" : st->sqlstate, problem,
		!refused ? NULL
		: binding_masks(j->b)
			? "Columns are masked for this caller, so only statements whose every effect on them "
			  "is "
			  "understood may pass."
			: "Statements are judged for this caller, so only those whose every effect is "
			  "understood may pass.");
	p->position = st->position;
	p->tells = st->tells;
}

bool judge_masks(const struct binding *b, uint32_t relid)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(b), relid);

	if (!binding_masks(b))
		return false;
	if (!r || binding_inherits(b, relid))
		return true;
	for (unsigned i = 0; i < r->ncols; i++) {
		const struct masking *m = binding_column(b, (struct colref){relid, r->cols[i].attnum});

		if (m && m->rule)
			return true;
	}
	return false;
}
