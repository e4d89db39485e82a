/* SPDX-License-Identifier: MIT */
/* What masked columns may decide: of those that a statement uses so, each needs a rule that lets it. */
#include "policy/judge.h"
#include "sql/unseen.h"

/* Its rule lets everybody ask about it. */
static bool open_to_all(const struct masking *m)
{
	return !m || m->permit.predicates == PREDICATES_ALLOW;
}

/* An aggregate that the rule lists, of a group that may be too small. */
bool judge_denies_group(struct judge *j, struct colref c, const struct masking *m, struct plan *p)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), c.relid);
	const struct column *col = r ? relation_column_by_attnum(r, c.attnum) : NULL;
	char *hint;

	if (!col || !permit_wants_group(&m->permit, c))
		return false;
	hint = arena_printf(j->a,
		"Policy rule %s shows it for %u values or more: select from %s.%s alone and add HAVING "
		"count(%s) >= %u, by AND beside any other condition.",
		m->rule->where, m->permit.min_group, r->schema, r->name, col->name, m->permit.min_group);
	judge_deny(j, p, "42501",
		arena_printf(j->a, "%s() of the masked column %s may be over too few values",
			via_name((enum via)c.via), judge_column_name(j, c)),
		hint ? hint : JUDGE_NO_MEMORY);
	return true;
}

/* What a statement that is refused for what its targets use may be instead: one where nobody evaluates them.
 */
static const char *unseen(struct judge *j, const struct statement *st, const bool *refused)
{
	struct target v[TARGETS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < st->ntargets; i++)
		if (refused[i])
			v[n++] = st->targets[i];
	return j->alone ? unseen_text(j->a, j->text, v, n) : NULL;
}

static void deny_use(struct judge *j, const struct use *u, struct plan *p)
{
	judge_deny(j, p, "42501",
		arena_printf(j->a, "column %s is masked and may not be used in %s",
			judge_column_name(j, u->column), u->where),
		judge_hint(j, binding_column(j->b, u->column)));
}

/* false: p holds the denial. */
static bool check_used(struct judge *j, const struct statement *st, struct plan *p)
{
	bool refused[TARGETS_MAX] = {0};
	const struct use *first = NULL;

	for (unsigned i = 0; i < st->nuses; i++) {
		const struct use *u = &st->uses[i];
		const struct masking *m = binding_column(j->b, u->column);

		if (open_to_all(m) || (u->asked && m->permit.predicates == PREDICATES_EQUALITY))
			continue;
		if (judge_denies_group(j, u->column, m, p))
			return false;
		if (!u->target) {
			deny_use(j, u, p);
			return false;
		}
		refused[u->target - 1] = true;
		first = first ? first : u;
	}
	if (!first)
		return true;
	deny_use(j, first, p);
	p->instead = unseen(j, st, refused);
	return false;
}

/* paid: only by what the statement's asks say. */
static bool check_tested(struct judge *j, const struct colset *tested, bool paid, struct plan *p)
{
	for (unsigned i = 0; i < tested->n; i++) {
		const struct masking *m = binding_column(j->b, tested->v[i]);

		if (open_to_all(m) || (paid && m->permit.predicates == PREDICATES_EQUALITY))
			continue;
		judge_deny(j, p, "42501",
			arena_printf(j->a,
				"column %s is masked and a constraint checks what is written against it: the "
				"outcome would tell which values exist",
				judge_column_name(j, tested->v[i])),
			judge_hint(j, m));
		return false;
	}
	return true;
}

/* Reasons against a statement as a whole; false: p holds the denial. */
bool judge_uses(struct judge *j, const struct statement *st, struct plan *p)
{
	if (!check_used(j, st, p))
		return false;
	for (unsigned i = 0; i < st->stored.n; i++) {
		const struct masking *m = binding_column(j->b, st->stored.v[i]);

		if (!m)
			continue;
		judge_deny(j, p, "42501",
			arena_printf(j->a, "column %s is masked and may not be written elsewhere",
				judge_column_name(j, st->stored.v[i])),
			judge_hint(j, m));
		return false;
	}
	return check_tested(j, &st->tested, false, p) && check_tested(j, &st->paid, true, p);
}
