/* SPDX-License-Identifier: MIT */
#include "sql/lineage.h"

#include <string.h>

void query(struct lineage *l, struct scope *outer, const PgQuery__Node *n, struct outputs *out)
{
	if (lineage_stopped(l))
		return;
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_SELECT_STMT: select_query(l, outer, n->select_stmt, NULL, out); break;
	case PG_QUERY__NODE__NODE_INSERT_STMT: insert_statement(l, outer, n->insert_stmt, out); break;
	case PG_QUERY__NODE__NODE_UPDATE_STMT: update_statement(l, outer, n->update_stmt, out); break;
	case PG_QUERY__NODE__NODE_DELETE_STMT: delete_statement(l, outer, n->delete_stmt, out); break;
	case PG_QUERY__NODE__NODE_MERGE_STMT: merge_statement(l, outer, n->merge_stmt, out); break;
	default: lineage_odd(l, -1, "this kind of query"); break;
	}
}

static void star_of(struct lineage *l, const struct item *it, struct outputs *out)
{
	if (it->open)
		lineage_odd(l, -1, "a star over a function whose columns are not known");
	for (unsigned i = 0; i + it->nstarless < item_ncols(it) && !lineage_stopped(l); i++)
		outputs_add(l, out, item_name(it, i), item_taint(l, it, i));
}

static void star(struct lineage *l, struct scope *sc, const PgQuery__ColumnRef *r, struct outputs *out)
{
	bool any = false;

	if (r->n_fields > 1) {
		struct item *it = column_ref_item(l, sc, r);

		if (it)
			star_of(l, it, out);
		return;
	}
	lineage_seen(l, r);
	for (unsigned i = 0; i < sc->ns.n; i++) {
		if (!sc->ns.v[i].as_cols)
			continue;
		star_of(l, sc->ns.v[i].item, out);
		any = true;
	}
	if (!any)
		lineage_fail(l, "42601", r->location, "SELECT * with no tables specified is not valid");
}

static bool ends_in_star(const PgQuery__ColumnRef *r)
{
	return r->n_fields && r->fields[r->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

/* Outputs from first on, of r, that are columns of the level's only table. */
static void own(
	struct lineage *l, struct scope *sc, const PgQuery__ColumnRef *r, struct outputs *out, unsigned first)
{
	const struct item *it = sc->alone;
	bool all = ends_in_star(r);
	size_t named = r->n_fields - 1;
	unsigned i;

	if (!it || lineage_stopped(l) || named > 2)
		return;
	if (named && scope_item(l, sc, named == 2 ? node_string(r->fields[0]) : NULL,
			     node_string(r->fields[named - 1]), r->location) != it)
		return;
	if (out->n - first != (all ? item_ncols(it) : 1))
		return;
	for (i = 0; i < item_ncols(it); i++)
		if (all || !strcmp(item_name(it, i), node_string(r->fields[named])))
			out->v[first + (all ? i : 0)].own =
				(struct colref){it->rel->oid, it->rel->cols[i].attnum};
}

/* Uses of the statement's own text, which may be sent so that nobody evaluates them. */
static void note_target(
	struct lineage *l, const struct use_groups *before, const PgQuery__ResTarget *t, const char *label)
{
	struct statement *s = l->s;
	unsigned cap = l->targets_cap ? l->targets_cap * 2 : 8;
	struct target *v = s->targets;

	if (!l->groups.n || l->body || l->need || s->ntargets == TARGETS_MAX) {
		lineage_uses_join(l, *before, 0);
		return;
	}
	if (s->ntargets == l->targets_cap) {
		v = lineage_alloc(l, cap, sizeof(*v));
		if (!v)
			return;
		if (s->ntargets)
			memcpy(v, s->targets, s->ntargets * sizeof(*v));
		l->targets_cap = cap;
		s->targets = v;
	}
	v[s->ntargets++] = (struct target){t->location, label, *t->name != '\0'};
	lineage_uses_join(l, *before, s->ntargets);
}

static void target(struct lineage *l, struct scope *sc, const PgQuery__ResTarget *t, struct outputs *out)
{
	const PgQuery__AIndirection *ind;
	struct use_groups before;
	const char *label;
	struct taint value;
	unsigned first = out->n;

	lineage_seen(l, t);
	if (!t->val || t->n_indirection) {
		lineage_odd(l, t->location, "an entry of the SELECT list");
		return;
	}
	if (t->val->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && ends_in_star(t->val->column_ref)) {
		star(l, sc, t->val->column_ref, out);
		own(l, sc, t->val->column_ref, out, first);
		return;
	}
	ind = t->val->node_case == PG_QUERY__NODE__NODE_A_INDIRECTION ? t->val->a_indirection : NULL;
	if (ind && ind->n_indirection &&
		ind->indirection[ind->n_indirection - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR) {
		expr_indirection_star(l, sc, ind, out);
		return;
	}
	before = lineage_uses_apart(l);
	value = expr(l, sc, t->val);
	label = *t->name ? t->name : label_of(l, t->val);
	note_target(l, &before, t, label);
	outputs_add(l, out, label, value);
	if (t->val->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
		own(l, sc, t->val->column_ref, out, first);
}

bool is_bare_name(const PgQuery__Node *n)
{
	return n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && n->column_ref->n_fields == 1 &&
	       !strcmp(node_string(n->column_ref->fields[0]), "name");
}

/* FROM pg_settings WHERE name = 'x', and nothing else: how set_config(name, …) is called for a setting that
 * may not be there. The name 'x'; else NULL. */
static const char *one_setting(const struct lineage *l, const struct scope *sc, const PgQuery__SelectStmt *q)
{
	const PgQuery__Node *n = q->where_clause;
	const PgQuery__AExpr *e = n && n->node_case == PG_QUERY__NODE__NODE_A_EXPR ? n->a_expr : NULL;
	const struct item *it = sc->ns.n == 1 ? sc->ns.v[0].item : NULL;

	if (!it || !it->rel || it->renamed ||
		it->rel != catalog_relation(l->names->catalog, "pg_catalog", "pg_settings") || !e ||
		e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP || e->n_name != 1 || !e->lexpr || !e->rexpr)
		return NULL;
	if (strcmp(node_string(e->name[0]), "=") != 0 || !is_bare_name(e->lexpr) ||
		e->rexpr->node_case != PG_QUERY__NODE__NODE_A_CONST ||
		e->rexpr->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL)
		return NULL;
	return e->rexpr->a_const->sval->sval;
}

void select_targets(struct lineage *l, struct scope *sc, PgQuery__Node **list, size_t n, struct outputs *out)
{
	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		if (list[i]->node_case != PG_QUERY__NODE__NODE_RES_TARGET) {
			lineage_odd(l, -1, "an entry of the SELECT list");
			return;
		}
		target(l, sc, list[i]->res_target, out);
	}
}

/* ORDER BY, GROUP BY and DISTINCT ON take a number for an output, and a bare name for an output or for a
 * column, depending on the clause: here it is both. */
static void by_name(struct lineage *l, struct scope *sc, const PgQuery__ColumnRef *r,
	const struct outputs *out, const char *where)
{
	const char *name = node_string(r->fields[0]);
	struct taint t = {0};
	bool any = false;

	for (unsigned i = 0; i < out->n; i++) {
		if (strcmp(out->v[i].name, name) != 0)
			continue;
		lineage_use(l, &out->v[i].t, where);
		any = true;
	}
	if (any && !scope_column(l, sc, name, r->location, &t)) {
		lineage_seen(l, r);
		return;
	}
	t = column_ref(l, sc, r);
	lineage_use(l, &t, where);
}

static void by(struct lineage *l, struct scope *sc, const PgQuery__Node *n, const struct outputs *out,
	const char *where)
{
	if (lineage_stopped(l))
		return;
	if (n->node_case == PG_QUERY__NODE__NODE_A_CONST) {
		const PgQuery__AConst *c = n->a_const;

		if (c->val_case != PG_QUERY__A__CONST__VAL_IVAL)
			return;
		if (c->ival->ival < 1 || (unsigned)c->ival->ival > out->n)
			lineage_fail(l, "42P10", c->location, "%s position %d is not in select list", where,
				c->ival->ival);
		else
			lineage_use(l, &out->v[c->ival->ival - 1].t, where);
		return;
	}
	if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && n->column_ref->n_fields == 1 &&
		n->column_ref->fields[0]->node_case == PG_QUERY__NODE__NODE_STRING)
		by_name(l, sc, n->column_ref, out, where);
	else
		predicate(l, sc, n, where);
}

static void group_by(struct lineage *l, struct scope *sc, const PgQuery__Node *n, const struct outputs *out)
{
	if (n->node_case == PG_QUERY__NODE__NODE_GROUPING_SET) {
		lineage_seen(l, n->grouping_set);
		for (size_t i = 0; i < n->grouping_set->n_content && !lineage_stopped(l); i++)
			group_by(l, sc, n->grouping_set->content[i], out);
	} else if (n->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
		lineage_seen(l, n->row_expr);
		for (size_t i = 0; i < n->row_expr->n_args && !lineage_stopped(l); i++)
			group_by(l, sc, n->row_expr->args[i], out);
	} else {
		by(l, sc, n, out, "GROUP BY");
	}
}

static void use_operator(struct lineage *l, const PgQuery__SortBy *s)
{
	if (s->n_use_op)
		(void)operator_judge(l, s->use_op, s->n_use_op, s->location, NULL, NULL);
}

/* Inside aggregates and windows: always an expression. */
void sort_by(struct lineage *l, struct scope *sc, const PgQuery__Node *n, const char *where)
{
	if (n->node_case != PG_QUERY__NODE__NODE_SORT_BY) {
		lineage_odd(l, -1, "an ORDER BY");
		return;
	}
	lineage_seen(l, n->sort_by);
	use_operator(l, n->sort_by);
	predicate(l, sc, n->sort_by->node, where);
}

static void sort_clause(
	struct lineage *l, struct scope *sc, const PgQuery__SelectStmt *q, const struct outputs *out)
{
	for (size_t i = 0; i < q->n_sort_clause && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = q->sort_clause[i];

		if (n->node_case != PG_QUERY__NODE__NODE_SORT_BY) {
			lineage_odd(l, -1, "an ORDER BY");
			return;
		}
		lineage_seen(l, n->sort_by);
		use_operator(l, n->sort_by);
		by(l, sc, n->sort_by->node, out, "ORDER BY");
	}
}

void select_window(struct lineage *l, struct scope *sc, const PgQuery__WindowDef *w)
{
	lineage_seen(l, w);
	for (size_t i = 0; i < w->n_partition_clause && !lineage_stopped(l); i++)
		predicate(l, sc, w->partition_clause[i], "PARTITION BY");
	for (size_t i = 0; i < w->n_order_clause && !lineage_stopped(l); i++)
		sort_by(l, sc, w->order_clause[i], "window ORDER BY");
	if (w->start_offset)
		predicate(l, sc, w->start_offset, "a window frame");
	if (w->end_offset)
		predicate(l, sc, w->end_offset, "a window frame");
}

static void distinct(
	struct lineage *l, struct scope *sc, const PgQuery__SelectStmt *q, const struct outputs *out)
{
	for (size_t i = 0; i < q->n_distinct_clause && !lineage_stopped(l); i++) {
		if (q->distinct_clause[i]->node_case != PG_QUERY__NODE__NODE__NOT_SET) {
			by(l, sc, q->distinct_clause[i], out, "DISTINCT ON");
			continue;
		}
		for (unsigned k = 0; k < out->n; k++)
			lineage_use(l, &out->v[k].t, "DISTINCT");
	}
}

static void group_clause(
	struct lineage *l, struct scope *sc, const PgQuery__SelectStmt *q, const struct outputs *out)
{
	const bool *needless = grouped_by_key(l, sc, q);

	for (size_t i = 0; i < q->n_group_clause && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = q->group_clause[i];

		if (!needless || !needless[i])
			group_by(l, sc, n, out);
		else if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
			lineage_seen(l, n->column_ref);
	}
}

static void plain(struct lineage *l, struct scope *sc, const PgQuery__SelectStmt *q, struct outputs *out)
{
	from_clause(l, sc, q->from_clause, q->n_from_clause);
	aggregate_level(sc, q);
	aggregate_floors(l, sc, q);
	sc->setting = one_setting(l, sc, q);
	select_targets(l, sc, q->target_list, q->n_target_list, out);
	if (q->where_clause)
		ask_where(l, sc, q, q->where_clause);
	if (q->having_clause && !lineage_stopped(l))
		aggregate_having(l, sc, q->having_clause);
	group_clause(l, sc, q, out);
	for (size_t i = 0; i < q->n_window_clause && !lineage_stopped(l); i++) {
		if (q->window_clause[i]->node_case == PG_QUERY__NODE__NODE_WINDOW_DEF)
			select_window(l, sc, q->window_clause[i]->window_def);
		else
			lineage_odd(l, -1, "a WINDOW");
	}
	distinct(l, sc, q, out);
}

static void locking(struct lineage *l, const PgQuery__SelectStmt *q)
{
	for (size_t i = 0; i < q->n_locking_clause && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = q->locking_clause[i];

		if (n->node_case != PG_QUERY__NODE__NODE_LOCKING_CLAUSE) {
			lineage_odd(l, -1, "a locking clause");
			return;
		}
		lineage_seen(l, n->locking_clause);
		l->s->locks_rows = true;
		for (size_t k = 0; k < n->locking_clause->n_locked_rels; k++)
			if (n->locking_clause->locked_rels[k]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR)
				lineage_seen(l, n->locking_clause->locked_rels[k]->range_var);
	}
}

void select_query(struct lineage *l, struct scope *outer, const PgQuery__SelectStmt *q, struct cte *self,
	struct outputs *out)
{
	struct scope sc = {.outer = outer};

	if (!lineage_spend(l, 1))
		return;
	l->s->levels++;
	lineage_seen(l, q);
	if (q->into_clause) {
		lineage_fail(
			l, "42501", -1, "SELECT INTO is not allowed here: it would copy data to a new table");
		return;
	}
	if (q->with_clause)
		with_clause(l, &sc, q->with_clause);
	if (self && (q->n_sort_clause || q->limit_count || q->limit_offset || q->n_locking_clause)) {
		lineage_odd(l, -1, "a recursive WITH query with ORDER BY, LIMIT or FOR UPDATE");
		return;
	}
	if (q->op != PG_QUERY__SET_OPERATION__SETOP_NONE)
		select_set(l, &sc, q, self, out);
	else if (self)
		lineage_odd(l, -1, "a WITH query that refers to itself without UNION");
	else if (q->n_values_lists)
		select_values(l, &sc, q, out);
	else
		plain(l, &sc, q, out);
	sort_clause(l, &sc, q, out);
	if (q->limit_offset && !lineage_stopped(l))
		predicate(l, &sc, q->limit_offset, "OFFSET");
	if (q->limit_count && !lineage_stopped(l))
		predicate(l, &sc, q->limit_count, "LIMIT");
	locking(l, q);
}
