/* SPDX-License-Identifier: MIT */
/* MERGE: a join that decides, row by row, which of several changes is made. */
#include "sql/lineage.h"

#include <string.h>

struct merge {
	struct lineage *l;
	const struct relation *r;
	struct scope *sc;
	struct namespace_ source, both; /* what may be seen: of the source alone, and with the target */
	struct namespace_ target;
};

static void insert_action(struct merge *m, const PgQuery__MergeWhenClause *w)
{
	struct lineage *l = m->l;
	size_t columns = w->n_target_list ? w->n_target_list : m->r->ncols;

	for (size_t i = 0; i < w->n_target_list && !lineage_stopped(l); i++) {
		const PgQuery__ResTarget *t = w->target_list[i]->res_target;

		if (w->target_list[i]->node_case != PG_QUERY__NODE__NODE_RES_TARGET || t->val ||
			t->n_indirection) {
			lineage_odd(l, -1, "a column list");
			return;
		}
		lineage_seen(l, t);
		dml_assign(l, m->r, t->name, t->location, 0);
	}
	for (unsigned i = 0; !w->n_target_list && i < m->r->ncols && !lineage_stopped(l); i++)
		dml_assign(l, m->r, m->r->cols[i].name, -1, 0);
	for (size_t i = 0; i < w->n_values && !lineage_stopped(l); i++) {
		struct taint t = expr(l, m->sc, w->values[i]);
		const struct column *c = NULL;

		if (i < columns)
			c = w->n_target_list ? relation_column(m->r, w->target_list[i]->res_target->name)
					     : &m->r->cols[i];
		if (c)
			dml_copy(l, &t, (struct colref){m->r->oid, c->attnum, 0, 0}, c->name);
		else
			dml_store(l, &t);
	}
	if (w->n_values > columns)
		lineage_fail(l, "42601", -1, "INSERT has more expressions than target columns");
	fallback_merge(l, m->r, w);
}

static void action(struct merge *m, const PgQuery__MergeWhenClause *w)
{
	lineage_seen(m->l, w);
	switch ((int)w->match_kind) {
	case PG_QUERY__MERGE_MATCH_KIND__MERGE_WHEN_MATCHED: m->sc->ns = m->both; break;
	case PG_QUERY__MERGE_MATCH_KIND__MERGE_WHEN_NOT_MATCHED_BY_SOURCE: m->sc->ns = m->target; break;
	case PG_QUERY__MERGE_MATCH_KIND__MERGE_WHEN_NOT_MATCHED_BY_TARGET: m->sc->ns = m->source; break;
	default: lineage_odd(m->l, -1, "this WHEN"); return;
	}
	if (w->condition)
		predicate(m->l, m->sc, w->condition, "MERGE … WHEN");
	switch ((int)w->command_type) {
	case PG_QUERY__CMD_TYPE__CMD_UPDATE:
		dml_set_list(m->l, m->sc, m->r, w->target_list, w->n_target_list);
		return;
	case PG_QUERY__CMD_TYPE__CMD_INSERT: insert_action(m, w); return;
	case PG_QUERY__CMD_TYPE__CMD_DELETE: dml_unassign(m->l, m->r); return;
	case PG_QUERY__CMD_TYPE__CMD_NOTHING: return;
	default: lineage_odd(m->l, -1, "this action of MERGE");
	}
}

/* Which of the two sides a star begins with is the server's business. */
static bool has_star(PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const PgQuery__Node *val =
			v[i]->node_case == PG_QUERY__NODE__NODE_RES_TARGET ? v[i]->res_target->val : NULL;

		if (val && val->node_case == PG_QUERY__NODE__NODE_COLUMN_REF &&
			val->column_ref->n_fields == 1 &&
			val->column_ref->fields[0]->node_case == PG_QUERY__NODE__NODE_A_STAR)
			return true;
	}
	return false;
}

void merge_statement(struct lineage *l, struct scope *outer, const PgQuery__MergeStmt *q, struct outputs *out)
{
	struct scope sc = {.outer = outer};
	struct merge m = {.l = l, .sc = &sc};
	PgQuery__Node *source[] = {q->source_relation};
	struct item *it;

	lineage_seen(l, q);
	if (q->with_clause)
		with_clause(l, &sc, q->with_clause);
	m.r = dml_target(l, q->relation, false);
	if (!m.r || !q->source_relation || !q->join_condition) {
		lineage_odd(l, -1, "this MERGE");
		return;
	}
	from_clause(l, &sc, source, 1);
	it = lineage_stopped(l) ? NULL : item_of_relation(l, q->relation, m.r);
	if (!it)
		return;
	for (unsigned i = 0; i < sc.ns.n; i++) {
		namespace_add(l, &m.source, sc.ns.v[i]);
		namespace_add(l, &m.both, sc.ns.v[i]);
	}
	namespace_add(l, &m.both, (struct visible){it, true, true, false});
	namespace_add(l, &m.target, (struct visible){it, true, true, false});
	sc.ns = m.both;
	predicate(l, &sc, q->join_condition, "MERGE … ON");
	for (size_t i = 0; i < q->n_merge_when_clauses && !lineage_stopped(l); i++) {
		if (q->merge_when_clauses[i]->node_case == PG_QUERY__NODE__NODE_MERGE_WHEN_CLAUSE)
			action(&m, q->merge_when_clauses[i]->merge_when_clause);
		else
			lineage_odd(l, -1, "this WHEN");
	}
	sc.ns = m.both;
	if (has_star(q->returning_list, q->n_returning_list))
		lineage_odd(l, -1, "RETURNING * of MERGE");
	dml_returning(l, &sc, m.r, q->returning_list, q->n_returning_list, out);
}
