/* SPDX-License-Identifier: MIT */
/* Whether an UPDATE or DELETE says which rows it means: a part of its WHERE, joined to the rest by AND, says
 * that a column of the changed relation is equal to a constant or a parameter, or to one of a list of these;
 * or the row is a cursor's. Whatever else a condition may be, it can be one that every row meets (id > 0, id
 * = id, EXISTS (SELECT 1), tableoid = 'orders'::regclass). */
#include "sql/lineage.h"

#include <stdint.h>
#include <string.h>

struct changed {
	const struct lineage *l;
	const struct relation *r;
	const char *alias; /* "": none */
	bool alone;        /* a column without a relation's name is its */
};

static bool is_column(const struct changed *t, const PgQuery__Node *n)
{
	const PgQuery__ColumnRef *c =
		n && n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF ? n->column_ref : NULL;
	const struct column *column;
	const char *name, *rel;

	if (!c || c->n_fields == 0 || c->n_fields > 2)
		return false;
	name = node_string(c->fields[c->n_fields - 1]);
	column = relation_column(t->r, name);
	/* what is computed may be the same in every row */
	if (!column || column->generated || (t->r->kind == 'v' && !column->direct))
		return false;
	if (c->n_fields == 1)
		return t->alone;
	rel = node_string(c->fields[0]);
	return !strcmp(rel, *t->alias ? t->alias : t->r->name);
}

/* pg_catalog's own, so that what reads the constant is the server's. */
static bool is_builtin(const PgQuery__TypeName *t)
{
	const char *name = t && t->n_names ? node_string(t->names[t->n_names - 1]) : "";

	return t && !t->setof && !t->pct_type && type_builtin(name) &&
	       (t->n_names == 1 || (t->n_names == 2 && !strcmp(node_string(t->names[0]), "pg_catalog")));
}

static bool is_given(const PgQuery__Node *n)
{
	if (!n)
		return false;
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_A_CONST: return !n->a_const->isnull;
	case PG_QUERY__NODE__NODE_PARAM_REF: return true;
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		return is_builtin(n->type_cast->type_name) && is_given(n->type_cast->arg);
	case PG_QUERY__NODE__NODE_A_EXPR:
		return n->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP && !n->a_expr->lexpr &&
		       n->a_expr->n_name == 1 && !strcmp(node_string(n->a_expr->name[0]), "-") &&
		       is_given(n->a_expr->rexpr);
	default: return false;
	}
}

static bool all_given(PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!is_given(v[i]))
			return false;
	return n > 0;
}

static bool is_given_array(const PgQuery__Node *n)
{
	if (n && n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		return is_builtin(n->type_cast->type_name) && is_given_array(n->type_cast->arg);
	if (n && n->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR)
		return all_given(n->a_array_expr->elements, n->a_array_expr->n_elements);
	return is_given(n);
}

static bool is_equal(const PgQuery__AExpr *e)
{
	return (e->n_name == 1 || (e->n_name == 2 && !strcmp(node_string(e->name[0]), "pg_catalog"))) &&
	       !strcmp(node_string(e->name[e->n_name - 1]), "=");
}

static bool compares(const struct changed *t, const PgQuery__AExpr *e)
{
	if (!is_equal(e))
		return false;
	switch (e->kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
		return (is_column(t, e->lexpr) && is_given(e->rexpr)) ||
		       (is_column(t, e->rexpr) && is_given(e->lexpr));
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY: return is_column(t, e->lexpr) && is_given_array(e->rexpr);
	case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
		return is_column(t, e->lexpr) && e->rexpr &&
		       e->rexpr->node_case == PG_QUERY__NODE__NODE_LIST &&
		       all_given(e->rexpr->list->items, e->rexpr->list->n_items);
	case PG_QUERY__A__EXPR__KIND__A_EXPR_KIND_UNDEFINED:
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
	case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF:
	case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
	case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
	case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR:
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM:
	default: return false;
	}
}

static bool says(const struct changed *t, const PgQuery__Node *n)
{
	const PgQuery__BoolExpr *b;

	if (!n)
		return false;
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR: return true;
	case PG_QUERY__NODE__NODE_A_EXPR: return compares(t, n->a_expr);
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		b = n->bool_expr;
		for (size_t i = 0; b->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR && i < b->n_args; i++)
			if (says(t, b->args[i]))
				return true;
		return false;
	default: return false;
	}
}

bool where_says_rows(struct lineage *l, const PgQuery__RangeVar *rv, const struct relation *r,
	const PgQuery__Node *where, bool alone)
{
	struct changed t = {.l = l, .r = r, .alias = rv->alias ? rv->alias->aliasname : "", .alone = alone};

	/* an operator of users' own of that name may say yes to anything */
	return r && !operator_users(l, "=") && says(&t, where);
}

/* ---- INSERT … ON CONFLICT DO UPDATE ---- */
/* Where the column's values stand in the lists of VALUES; n: there are none. */
static size_t place_of(const struct relation *r, const PgQuery__InsertStmt *q, const char *name, size_t n)
{
	for (size_t i = 0; i < q->n_cols; i++)
		if (q->cols[i]->node_case == PG_QUERY__NODE__NODE_RES_TARGET &&
			!strcmp(q->cols[i]->res_target->name, name))
			return q->cols[i]->res_target->n_indirection ? n : i;
	for (size_t i = 0; !q->n_cols && i < r->ncols; i++)
		if (!strcmp(r->cols[i].name, name))
			return i;
	return n;
}

static bool all_given_at(const PgQuery__SelectStmt *v, size_t at)
{
	for (size_t i = 0; i < v->n_values_lists; i++) {
		const PgQuery__Node *row = v->values_lists[i];

		if (row->node_case != PG_QUERY__NODE__NODE_LIST || at >= row->list->n_items ||
			!is_given(row->list->items[at]))
			return false;
	}
	return v->n_values_lists > 0;
}

/* A column that rows are found by is given in each row of VALUES. */
static bool gives_key(const struct relation *r, const PgQuery__InsertStmt *q, const PgQuery__InferClause *in)
{
	const PgQuery__SelectStmt *v =
		q->select_stmt && q->select_stmt->node_case == PG_QUERY__NODE__NODE_SELECT_STMT
			? q->select_stmt->select_stmt
			: NULL;

	if (!v || !v->n_values_lists || !in)
		return false;
	for (size_t i = 0; i < in->n_index_elems; i++) {
		const PgQuery__Node *e = in->index_elems[i];
		const struct column *c = e->node_case == PG_QUERY__NODE__NODE_INDEX_ELEM
						 ? relation_column(r, e->index_elem->name)
						 : NULL;

		if (c && !c->generated && all_given_at(v, place_of(r, q, c->name, SIZE_MAX)))
			return true;
	}
	/* by the name of a constraint: whichever columns it has */
	for (size_t i = 0; *in->conname && i < r->ncols; i++)
		if (r->cols[i].against.n && !all_given_at(v, place_of(r, q, r->cols[i].name, SIZE_MAX)))
			return false;
	return *in->conname;
}

bool insert_says_rows(struct lineage *l, const PgQuery__InsertStmt *q)
{
	const PgQuery__OnConflictClause *c = q->on_conflict_clause;
	const struct relation *r =
		q->relation ? scope_relation(l->names, q->relation->schemaname, q->relation->relname) : NULL;

	return r && c &&
	       (gives_key(r, q, c->infer) || where_says_rows(l, q->relation, r, c->where_clause, false));
}
