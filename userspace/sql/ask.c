/* SPDX-License-Identifier: MIT */
/* Conditions that compare a column with constants, as the policy's "equality" means it: a part of WHERE of
 * the statement's own query that stands alone or with AND, and is column = constant, column IN (a few
 * constants), column = ANY (array), or column IS [NOT] NULL.
 *
 * What they tell. The column is a stored one, unchanged, and = is the one of its type, so whatever else the
 * statement says, all that this part can add to its outcome (rows, counts, what is changed, an error because
 * another operand of AND was reached, the planner's estimates) is a function of: which rows have the column
 * equal to this constant. So what is told is bounded by how many constants were compared, and they are
 * counted (ask.constants, and at run time those of array parameters): by the text's places of constants,
 * never by their values, which is why other constants may stand in them and the judgement still holds. A
 * parameter is one constant each time it is bound. Constants must be the client's own: what a table, a
 * function, VALUES or a subquery gives is not counted and not taken here. The rest of WHERE is looked at as
 * everywhere. */
#include "sql/lineage.h"

#include <string.h>

#define LIST_MAX 20 /* constants in one IN or ARRAY[…] */

/* How many constants there may be in the text of an array; 0: nobody can tell. Each element but the last is
 * followed by a comma (an int2vector's are not, and do not begin so). */
static unsigned text_elements(const char *s)
{
	unsigned n = 1;

	if (*s != '{')
		return 0;
	for (; *s; s++)
		n += *s == ',';
	return n;
}

static unsigned listed(PgQuery__Node *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i]->node_case != PG_QUERY__NODE__NODE_A_CONST)
			return 0;
	return n <= LIST_MAX ? (unsigned)n : 0;
}

/* One constant, or a parameter that is one. */
static bool one_constant(const PgQuery__Node *n)
{
	if (n && n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		n = n->type_cast->arg;
	return n && (n->node_case == PG_QUERY__NODE__NODE_A_CONST ||
			    n->node_case == PG_QUERY__NODE__NODE_PARAM_REF);
}

struct array_arg array_arg_of(const PgQuery__Node *n)
{
	struct array_arg a = {0};

	if (n && n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		n = n->type_cast->arg;
	if (!n)
		return a;
	if (n->node_case == PG_QUERY__NODE__NODE_A_CONST)
		a.elements = n->a_const->isnull ? 1
			     : n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL
				     ? text_elements(n->a_const->sval->sval)
				     : 0;
	else if (n->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR)
		a.elements = listed(n->a_array_expr->elements, n->a_array_expr->n_elements);
	else if (n->node_case == PG_QUERY__NODE__NODE_PARAM_REF && n->param_ref->number > 0)
		a.param = (unsigned)n->param_ref->number;
	return a;
}

/* A stored column as it is, of a type whose = is total. */
static bool asked_column(struct lineage *l, struct scope *sc, const PgQuery__Node *n, struct taint *t)
{
	if (!n || n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
		return false;
	*t = column_ref(l, sc, n->column_ref);
	return !lineage_stopped(l) && t->direct && t->calm && !t->odd && !t->foreign && !t->row;
}

static bool cast_fits(struct lineage *l, const PgQuery__Node *n, bool array)
{
	struct type_ref type;

	if (n->node_case != PG_QUERY__NODE__NODE_TYPE_CAST)
		return true;
	if (!n->type_cast->type_name || !typename_judge(l, n->type_cast->type_name, &type))
		return false;
	return array ? type_builtin_is_array(type.oid) : type.simple && !type.foreign;
}

/* n, an operand of constants alone, was read. */
static bool asked_constant(struct lineage *l, struct scope *sc, const PgQuery__Node *n, bool array)
{
	struct taint t;

	if (!cast_fits(l, n, array))
		return false;
	t = expr(l, sc, n);
	return !lineage_stopped(l) && t.from.n == 0 &&
	       (n->node_case != PG_QUERY__NODE__NODE_A_CONST || !t.odd);
}

/* An extension's operator (citext, hstore …) makes it no more than pure; it is not the one that a column of a
 * simple type and a constant get, and it could not fail on them. */
static bool is_equals(struct lineage *l, const PgQuery__AExpr *e)
{
	return e->n_name && !strcmp(node_string(e->name[e->n_name - 1]), "=") &&
	       operator_judge(l, e->name, e->n_name, e->location, NULL, NULL) != FUNCTION_OPAQUE;
}

static bool compared(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e)
{
	const PgQuery__Node *column = e->lexpr, *constant = e->rexpr;
	struct taint t;

	if (one_constant(column)) {
		column = e->rexpr;
		constant = e->lexpr;
	}
	if (!one_constant(constant) || !asked_column(l, sc, column, &t) ||
		!asked_constant(l, sc, constant, false))
		return false;
	lineage_free(l, constant);
	lineage_ask(l, &t, 1, 0);
	return true;
}

static bool in_list(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e)
{
	const PgQuery__List *list =
		e->rexpr && e->rexpr->node_case == PG_QUERY__NODE__NODE_LIST ? e->rexpr->list : NULL;
	struct taint t;

	if (!list || list->n_items > LIST_MAX || !asked_column(l, sc, e->lexpr, &t))
		return false;
	for (size_t i = 0; i < list->n_items; i++)
		if (!one_constant(list->items[i]) || !asked_constant(l, sc, list->items[i], false))
			return false;
	for (size_t i = 0; i < list->n_items; i++)
		lineage_free(l, list->items[i]);
	lineage_ask(l, &t, (unsigned)list->n_items, 0);
	return true;
}

static bool in_array(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e)
{
	struct array_arg a = array_arg_of(e->rexpr);
	struct taint t;

	if ((!a.elements && !a.param) || !asked_column(l, sc, e->lexpr, &t) ||
		!asked_constant(l, sc, e->rexpr, true))
		return false;
	lineage_ask(l, &t, a.elements, a.param);
	return true;
}

static bool null_test(struct lineage *l, struct scope *sc, const PgQuery__NullTest *n)
{
	struct taint t;

	if (!asked_column(l, sc, n->arg, &t))
		return false;
	lineage_seen(l, n);
	lineage_ask(l, &t, 1, 0);
	return true;
}

static bool asks(struct lineage *l, struct scope *sc, const PgQuery__Node *n)
{
	const PgQuery__AExpr *e = n->node_case == PG_QUERY__NODE__NODE_A_EXPR ? n->a_expr : NULL;
	bool is = false;

	if (n->node_case == PG_QUERY__NODE__NODE_NULL_TEST)
		return null_test(l, sc, n->null_test);
	if (!e || !is_equals(l, e))
		return false;
	if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP)
		is = compared(l, sc, e);
	else if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_IN)
		is = in_list(l, sc, e);
	else if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY)
		is = in_array(l, sc, e);
	if (is)
		lineage_seen(l, e);
	return is;
}

/* Each part by itself: together they are a use of all their columns, as they are one by one. */
static void parts(struct lineage *l, struct scope *sc, const PgQuery__Node *n)
{
	if (lineage_stopped(l) || !lineage_spend(l, 1))
		return;
	if (n->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR &&
		n->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR) {
		lineage_seen(l, n->bool_expr);
		for (size_t i = 0; i < n->bool_expr->n_args; i++)
			parts(l, sc, n->bool_expr->args[i]);
	} else if (!asks(l, sc, n) && !lineage_stopped(l)) {
		predicate(l, sc, n, "WHERE");
	}
}

void ask_where(struct lineage *l, struct scope *sc, const void *q, const PgQuery__Node *n)
{
	if (l->own == q)
		parts(l, sc, n);
	else
		predicate(l, sc, n, "WHERE");
}
