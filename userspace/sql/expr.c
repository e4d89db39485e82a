/* SPDX-License-Identifier: MIT */
/* Expressions: what a value is made of. Besides the value itself there is the question whether evaluating it
 * can fail: an error is an answer, so what decides whether an error happens is a use. That goes two ways. A
 * function that may fail on some values makes its arguments uses. And where an operand may be skipped (AND,
 * a later argument of COALESCE), what decides about it is a use unless the operand cannot fail (calm: it is
 * made of constants and stored columns by what is total). */
#include "sql/lineage.h"

#include <string.h>

/* What the client gives is not counted as the values of the database are: a literal is some of these long, a
 * parameter may have a message of its own. */
#define LITERAL_UNIT   4096
#define PARAMETER_SIZE 64

void predicate(struct lineage *l, struct scope *sc, const PgQuery__Node *n, const char *where)
{
	struct taint t = expr(l, sc, n);

	lineage_use(l, &t, where);
}

void use_lazy(struct lineage *l, const struct taint *v, size_t n, const char *where)
{
	size_t risky = 0;

	for (size_t i = 0; i < n; i++)
		risky += !v[i].calm;
	for (size_t i = 0; i < n && !lineage_stopped(l); i++)
		if (risky > (size_t)!v[i].calm)
			lineage_use(l, &v[i], where);
}

/* The operands of AND and OR. */
static struct taint lazy(struct lineage *l, struct scope *sc, PgQuery__Node **v, size_t n, const char *where)
{
	struct taint *t = lineage_alloc(l, n, sizeof(*t)), acc = {0};

	bool calm = true;

	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		t[i] = expr(l, sc, v[i]);
		calm = calm && t[i].calm;
		taint_mix(l, &acc, &t[i]);
	}
	if (!lineage_stopped(l))
		use_lazy(l, t, n, where);
	acc.calm = calm;
	acc.size = 0;
	acc.type = type_builtin("bool");
	return acc;
}

static struct taint bool_expr(struct lineage *l, struct scope *sc, const PgQuery__BoolExpr *b)
{
	lineage_seen(l, b);
	switch (b->boolop) {
	case PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR: return lazy(l, sc, b->args, b->n_args, "AND");
	case PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR: return lazy(l, sc, b->args, b->n_args, "OR");
	case PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR: return lazy(l, sc, b->args, b->n_args, "NOT");
	case PG_QUERY__BOOL_EXPR_TYPE__BOOL_EXPR_TYPE_UNDEFINED: break;
	}
	lineage_odd(l, b->location, "this condition");
	return (struct taint){0};
}

/* CASE WHEN false THEN x END: the planner takes x out before it computes even its constants. What is computed
 * elsewhere than where it stands (aggregates, subqueries) counts all the same. */
static bool never(const PgQuery__CaseExpr *c)
{
	const PgQuery__CaseWhen *w = c->n_args == 1 && c->args[0]->node_case == PG_QUERY__NODE__NODE_CASE_WHEN
					     ? c->args[0]->case_when
					     : NULL;

	return w && !c->arg && !c->defresult && w->expr && w->result &&
	       w->expr->node_case == PG_QUERY__NODE__NODE_A_CONST && !w->expr->a_const->isnull &&
	       w->expr->a_const->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL &&
	       !w->expr->a_const->boolval->boolval;
}

/* NULL, that is of all that x is of, or would ask about: what is made of it must not be taken for an answer.
 */
static struct taint unseen(struct lineage *l, struct scope *sc, const PgQuery__CaseExpr *c)
{
	const PgQuery__CaseWhen *w = c->args[0]->case_when;
	struct colset *before = l->unseen, all = {0};
	struct taint t;

	lineage_seen(l, c);
	lineage_seen(l, w);
	(void)expr(l, sc, w->expr);
	l->unseen = &all;
	t = expr(l, sc, w->result);
	t = taint_alone(l, t);
	l->unseen = before;
	t.from = lineage_join(l, &t.from, &all);
	t.constant = t.calm = false;
	t.size = 0;
	t.places = NULL;
	return t;
}

/* What decides between branches of which none can fail shows in the result alone, if that is of a simple
 * type: what is total on arrays and documents is so for their shapes, which may differ from branch to branch.
 */
static void decide(struct lineage *l, struct taint *acc, const struct taint *conditions, bool calm)
{
	struct colset from = {0};
	struct colref c;

	if (!conditions->from.n)
		return;
	if (!acc->calm || !calm || conditions->foreign ||
		!(acc->type ? type_simple(l->names->catalog, acc->type) : taint_constant(acc))) {
		lineage_use(l, conditions, "CASE");
		return;
	}
	for (unsigned i = 0; i < conditions->from.n && !lineage_stopped(l); i++) {
		c = conditions->from.v[i];
		if (c.via == VIA_VALUE)
			c = (struct colref){c.relid, c.attnum, VIA_DECISION, 0};
		if (!colset_add(l->a, &from, c))
			l->oom = true;
	}
	acc->from = lineage_join(l, &acc->from, &from);
	acc->direct = false;
	acc->places = NULL;
}

static struct taint case_expr(struct lineage *l, struct scope *sc, const PgQuery__CaseExpr *c)
{
	struct taint acc = {.calm = true}, conditions = {0}, t;
	bool calm = !c->arg;

	if (never(c))
		return unseen(l, sc, c);
	lineage_seen(l, c);
	if (c->arg) {
		predicate(l, sc, c->arg, "CASE");
		(void)operator_named(l, "=", c->location);
	}
	for (size_t i = 0; i < c->n_args && !lineage_stopped(l); i++) {
		const PgQuery__CaseWhen *w = c->args[i]->case_when;

		if (c->args[i]->node_case != PG_QUERY__NODE__NODE_CASE_WHEN || !w->expr || !w->result) {
			lineage_odd(l, c->location, "this CASE");
			return acc;
		}
		lineage_seen(l, w);
		t = expr(l, sc, w->expr);
		taint_mix(l, &conditions, &t);
		calm = calm && t.calm;
		t = expr(l, sc, w->result);
		acc = i == 0 ? taint_alone(l, t) : taint_either(l, acc, t, "CASE");
	}
	if (c->defresult) {
		t = expr(l, sc, c->defresult);
		acc = taint_either(l, acc, t, "CASE");
	}
	if (!lineage_stopped(l))
		decide(l, &acc, &conditions, calm);
	acc.calm = acc.calm && calm;
	acc.constant = false;
	return acc;
}

static struct taint coalesce(struct lineage *l, struct scope *sc, const PgQuery__CoalesceExpr *c)
{
	struct taint *t = lineage_alloc(l, c->n_args, sizeof(*t)), acc = {0};
	bool risky = false;

	lineage_seen(l, c);
	for (size_t i = 0; i < c->n_args && !lineage_stopped(l); i++) {
		t[i] = expr(l, sc, c->args[i]);
		acc = i == 0 ? taint_alone(l, t[i]) : taint_either(l, acc, t[i], "COALESCE");
	}
	/* the order is fixed: only what comes before decides */
	for (size_t i = c->n_args; i-- > 0 && !lineage_stopped(l);) {
		if (risky)
			lineage_use(l, &t[i], "COALESCE");
		risky = risky || !t[i].calm;
	}
	acc.constant = false;
	return acc;
}

/* Comparisons by the type's own order. */
static struct taint min_max(struct lineage *l, struct scope *sc, const PgQuery__MinMaxExpr *m)
{
	struct taint acc = {0};

	lineage_seen(l, m);
	for (size_t i = 0; i < m->n_args && !lineage_stopped(l); i++) {
		struct taint t = expr(l, sc, m->args[i]);

		acc = i == 0 ? taint_alone(l, t) : taint_either(l, acc, t, "GREATEST or LEAST");
	}
	if (acc.odd)
		lineage_use(l, &acc, "GREATEST or LEAST");
	acc.constant = false;
	acc.calm = acc.calm && !acc.odd;
	acc.places = NULL;
	return acc;
}

static struct taint null_test(struct lineage *l, struct scope *sc, const PgQuery__NullTest *n)
{
	struct taint acc = {0}, t;

	lineage_seen(l, n);
	t = expr(l, sc, n->arg);
	t.foreign = NULL; /* no function of the type is asked */
	taint_mix(l, &acc, &t);
	/* ROW(a, b) IS NULL is planned as a IS NULL AND b IS NULL */
	if (n->arg->node_case == PG_QUERY__NODE__NODE_ROW_EXPR)
		lineage_use(l, &acc, "a row comparison");
	acc.calm = t.calm;
	acc.constant = t.constant;
	acc.odd = false;
	acc.size = 0;
	acc.type = type_builtin("bool");
	return acc;
}

static struct taint boolean_test(struct lineage *l, struct scope *sc, const PgQuery__BooleanTest *b)
{
	struct taint acc = {0}, t;

	lineage_seen(l, b);
	t = expr(l, sc, b->arg);
	taint_mix(l, &acc, &t);
	acc.calm = t.calm;
	return acc;
}

static struct taint row(struct lineage *l, struct scope *sc, const PgQuery__RowExpr *r)
{
	struct taint *fields = lineage_alloc(l, r->n_args, sizeof(*fields)), acc = {0};

	lineage_seen(l, r);
	for (size_t i = 0; i < r->n_args && !lineage_stopped(l); i++) {
		fields[i] = expr(l, sc, r->args[i]);
		taint_mix(l, &acc, &fields[i]);
	}
	acc.fields = fields;
	acc.nfields = fields ? (unsigned)r->n_args : 0;
	return acc;
}

static struct taint array(struct lineage *l, struct scope *sc, const PgQuery__AArrayExpr *a)
{
	struct taint acc = {0};
	uint32_t type = 0;
	unsigned size = 0;

	lineage_seen(l, a);
	for (size_t i = 0; i < a->n_elements && !lineage_stopped(l); i++) {
		struct taint t = expr(l, sc, a->elements[i]);

		type = i == 0 ? t.type : type == t.type ? type : 0;
		size += t.size;
		acc = i == 0 ? taint_alone(l, t) : taint_either(l, acc, t, "an array");
	}
	/* arrays of arrays must agree in their lengths */
	if (acc.odd && !type_element(l->names->catalog, type))
		lineage_use(l, &acc, "an array");
	acc.size = size < TAINT_SIZE_MAX ? size : TAINT_SIZE_MAX;
	taint_fits(l, &acc);
	acc.calm = acc.calm && !acc.odd;
	acc.constant = false;
	acc.type = type ? type_builtin_array(type) : 0;
	return acc;
}

static struct taint collate(struct lineage *l, struct scope *sc, const PgQuery__CollateClause *c)
{
	struct taint acc = {0}, t;

	lineage_seen(l, c);
	t = expr(l, sc, c->arg);
	taint_mix(l, &acc, &t);
	acc.odd = acc.collated = true;
	return acc;
}

static struct taint grouping(struct lineage *l, struct scope *sc, const PgQuery__GroupingFunc *g)
{
	lineage_seen(l, g);
	for (size_t i = 0; i < g->n_args && !lineage_stopped(l); i++)
		predicate(l, sc, g->args[i], "GROUPING");
	return (struct taint){0};
}

static struct taint named_arg(struct lineage *l, struct scope *sc, const PgQuery__NamedArgExpr *n)
{
	lineage_seen(l, n);
	return expr(l, sc, n->arg);
}

/* Constants: what they show is in the text already. A constant of no simple type is only made by a cast. */
static struct taint constant(const PgQuery__AConst *c)
{
	struct taint t = {.constant = true, .calm = true};

	if (c->val_case == PG_QUERY__A__CONST__VAL_BSVAL)
		t.odd = true;
	else if (c->val_case == PG_QUERY__A__CONST__VAL_IVAL)
		t.type = type_builtin("int4");
	else if (c->val_case == PG_QUERY__A__CONST__VAL_SVAL)
		t.type = type_builtin("text");
	if (c->val_case == PG_QUERY__A__CONST__VAL_SVAL && c->sval)
		t.size = (unsigned)(strlen(c->sval->sval) / LITERAL_UNIT);
	return t;
}

static struct taint evaluated(struct lineage *l, struct scope *sc, const PgQuery__Node *n)
{
	struct taint none = {0};

	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF: return column_ref(l, sc, n->column_ref);
	case PG_QUERY__NODE__NODE_A_CONST: return constant(n->a_const);
	case PG_QUERY__NODE__NODE_PARAM_REF:
		if (l->body && !body_parameter(l, NULL, n->param_ref->number, &none))
			lineage_odd(l, -1, "a parameter that the function does not have");
		none.size = l->body ? none.size : PARAMETER_SIZE;
		none.odd = none.odd || !l->body; /* the client chose its type */
		return none;
	case PG_QUERY__NODE__NODE_A_EXPR: return expr_operator(l, sc, n->a_expr);
	case PG_QUERY__NODE__NODE_BOOL_EXPR: return bool_expr(l, sc, n->bool_expr);
	case PG_QUERY__NODE__NODE_FUNC_CALL: return expr_call(l, sc, n->func_call);
	case PG_QUERY__NODE__NODE_TYPE_CAST: return expr_cast(l, sc, n->type_cast);
	case PG_QUERY__NODE__NODE_SUB_LINK: return expr_sublink(l, sc, n->sub_link);
	case PG_QUERY__NODE__NODE_CASE_EXPR: return case_expr(l, sc, n->case_expr);
	case PG_QUERY__NODE__NODE_COALESCE_EXPR: return coalesce(l, sc, n->coalesce_expr);
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR: return min_max(l, sc, n->min_max_expr);
	case PG_QUERY__NODE__NODE_NULL_TEST: return null_test(l, sc, n->null_test);
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST: return boolean_test(l, sc, n->boolean_test);
	case PG_QUERY__NODE__NODE_ROW_EXPR: return row(l, sc, n->row_expr);
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR: return array(l, sc, n->a_array_expr);
	case PG_QUERY__NODE__NODE_A_INDIRECTION: return expr_indirection(l, sc, n->a_indirection);
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE: return collate(l, sc, n->collate_clause);
	case PG_QUERY__NODE__NODE_GROUPING_FUNC: return grouping(l, sc, n->grouping_func);
	case PG_QUERY__NODE__NODE_NAMED_ARG_EXPR: return named_arg(l, sc, n->named_arg_expr);
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
		lineage_seen(l, n->sqlvalue_function);
		none.calm = true;
		return none;
	case PG_QUERY__NODE__NODE_MERGE_SUPPORT_FUNC: lineage_seen(l, n->merge_support_func); return none;
	case PG_QUERY__NODE__NODE_SET_TO_DEFAULT: lineage_seen(l, n->set_to_default); return none;
	case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR: lineage_seen(l, n->current_of_expr); return none;
	case PG_QUERY__NODE__NODE_XML_EXPR:
	case PG_QUERY__NODE__NODE_XML_SERIALIZE:
	case PG_QUERY__NODE__NODE_JSON_OBJECT_CONSTRUCTOR:
	case PG_QUERY__NODE__NODE_JSON_ARRAY_CONSTRUCTOR:
	case PG_QUERY__NODE__NODE_JSON_ARRAY_QUERY_CONSTRUCTOR:
	case PG_QUERY__NODE__NODE_JSON_OBJECT_AGG:
	case PG_QUERY__NODE__NODE_JSON_ARRAY_AGG:
	case PG_QUERY__NODE__NODE_JSON_PARSE_EXPR:
	case PG_QUERY__NODE__NODE_JSON_SCALAR_EXPR:
	case PG_QUERY__NODE__NODE_JSON_SERIALIZE_EXPR:
	case PG_QUERY__NODE__NODE_JSON_IS_PREDICATE:
	case PG_QUERY__NODE__NODE_JSON_FUNC_EXPR: return expr_json(l, sc, n);
	default: lineage_odd(l, -1, "a part of an expression"); return none;
	}
}

/* Computed apart from the expression that it stands in. */
static bool stands_apart(const PgQuery__Node *n)
{
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_SUB_LINK:
	case PG_QUERY__NODE__NODE_GROUPING_FUNC:
	case PG_QUERY__NODE__NODE_JSON_OBJECT_AGG:
	case PG_QUERY__NODE__NODE_JSON_ARRAY_AGG:
	case PG_QUERY__NODE__NODE_JSON_ARRAY_QUERY_CONSTRUCTOR: return true;
	case PG_QUERY__NODE__NODE_FUNC_CALL: return call_stands_apart(n->func_call);
	default: return false;
	}
}

struct taint expr(struct lineage *l, struct scope *sc, const PgQuery__Node *n)
{
	struct taint t = {0};
	struct colset *before = l->unseen;

	if (!lineage_spend(l, 1))
		return t;
	if (!n) {
		lineage_odd(l, -1, "an empty expression");
		return t;
	}
	l->unseen = stands_apart(n) ? NULL : before;
	t = evaluated(l, sc, n);
	l->unseen = before;
	return t;
}
