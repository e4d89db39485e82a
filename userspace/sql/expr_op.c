/* SPDX-License-Identifier: MIT */
/* Operators and subqueries. */
#include "sql/candidate.h"

#include <string.h>

static bool pure(const char *extension)
{
	return extension && function_extension_pure(extension);
}

static enum function_class weaker(enum function_class a, enum function_class b)
{
	return a < b ? a : b;
}

bool operator_users(const struct lineage *l, const char *name)
{
	const struct operator_ *o;

	for (unsigned n = 0; (o = catalog_operator(l->names->catalog, name, n)); n++)
		if (!pure(o->extension))
			return true;
	return false;
}

/* Whether the server may choose it for these operands (NULL: not known); of a user's that is always so. */
static bool meant(const struct lineage *l, const struct operator_ *o, const struct taint *left,
	const struct taint *right)
{
	return !pure(o->extension) || ((!left || candidate_takes(l, o->left, left)) &&
					      (!right || candidate_takes(l, o->right, right)));
}

bool operator_others(
	const struct lineage *l, const char *name, const struct taint *left, const struct taint *right)
{
	const struct operator_ *o;

	for (unsigned n = 0; (o = catalog_operator(l->names->catalog, name, n)); n++)
		if (meant(l, o, left, right))
			return true;
	return false;
}

/* schema NULL: by the path, and an operator of a user's there takes part however well pg_catalog's fits. */
static enum function_class judge(struct lineage *l, const char *schema, const char *name, int location,
	const struct taint *left, const struct taint *right)
{
	enum function_class c = FUNCTION_TOTAL;
	const struct operator_ *o;
	bool any = false;

	if (lineage_stopped(l))
		return FUNCTION_OPAQUE;
	for (unsigned n = 0; lineage_spend(l, 1) && (o = catalog_operator(l->names->catalog, name, n)); n++) {
		l->s->by_path = l->s->by_path || !schema;
		if (schema ? strcmp(schema, o->schema) != 0 : !scope_calls(l->names, o->schema))
			continue;
		any = true;
		if (!meant(l, o, left, right))
			continue;
		c = weaker(c, pure(o->extension) ? FUNCTION_PURE : FUNCTION_OPAQUE);
		if (!pure(o->extension))
			lineage_opaque(l, o->schema, name);
	}
	if ((!schema || !strcmp(schema, "pg_catalog")) && operator_class(name) != FUNCTION_OPAQUE) {
		any = true;
		c = weaker(c, operator_class(name));
	}
	if (!any)
		lineage_fail_retry(l, "42883", location, "operator %s%s%s does not exist, or is not known",
			schema ? schema : "", schema ? "." : "", name);
	return any ? c : FUNCTION_OPAQUE;
}

enum function_class operator_judge(struct lineage *l, PgQuery__Node **name, size_t n, int location,
	const struct taint *left, const struct taint *right)
{
	if (n == 0 || n > 2) {
		lineage_odd(l, location, "this operator");
		return FUNCTION_OPAQUE;
	}
	return judge(
		l, n == 2 ? node_string(name[0]) : NULL, node_string(name[n - 1]), location, left, right);
}

enum function_class operator_named(struct lineage *l, const char *name, int location)
{
	return judge(l, NULL, name, location, NULL, NULL);
}

/* The result of an operator over acc. */
static struct taint applied(struct lineage *l, struct taint acc, enum function_class c, const char *where)
{
	if (c != FUNCTION_TOTAL || acc.odd)
		lineage_use(l, &acc, where);
	return acc;
}

static bool is_row(const PgQuery__Node *n)
{
	return n && n->node_case == PG_QUERY__NODE__NODE_ROW_EXPR;
}

static const char *where_of(struct lineage *l, const PgQuery__AExpr *e)
{
	const char *name = e->n_name ? node_string(e->name[e->n_name - 1]) : "";
	char *where = lineage_stopped(l) ? NULL : arena_printf(l->a, "operator %s", name);

	return where ? where : "an operator";
}

static struct taint side(struct lineage *l, struct scope *sc, const PgQuery__Node *n)
{
	return n ? expr(l, sc, n) : (struct taint){0};
}

static struct taint compared(struct lineage *l, struct scope *sc, const PgQuery__SubLink *s,
	const PgQuery__Node *test, const struct outputs *o);

/* (a, b) op (SELECT x, y …) is written like any other operator. */
static bool row_subquery(const PgQuery__AExpr *e)
{
	return is_row(e->lexpr) && e->rexpr && e->rexpr->node_case == PG_QUERY__NODE__NODE_SUB_LINK &&
	       e->rexpr->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK;
}

static struct taint row_compared(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e)
{
	const PgQuery__SubLink *s = e->rexpr->sub_link;
	struct outputs o = {0};

	lineage_seen(l, s);
	(void)operator_judge(l, e->name, e->n_name, e->location, NULL, NULL);
	if (s->subselect)
		query(l, sc, s->subselect, &o);
	return compared(l, sc, s, e->lexpr, &o);
}

/* Of these nothing here depends on what a constant operand is. */
static bool takes_any(const PgQuery__AExpr *e)
{
	static const char *const names[] = {"=", "<>", "<", ">", "<=", ">=", "+", "-"};

	for (unsigned i = 0; i < ARRAY_LEN(names) && e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP; i++)
		if (e->n_name == 1 && !strcmp(node_string(e->name[0]), names[i]))
			return true;
	return false;
}

/* text || $1: whatever type the client gave the parameter, that puts texts (or an element before an array)
 * together, and cannot fail on the text. */
static bool joins_text(const PgQuery__AExpr *e, const struct taint *a, const struct taint *b)
{
	const PgQuery__Node *n = e->rexpr;
	const struct taint *text = a;

	if (n && n->node_case != PG_QUERY__NODE__NODE_PARAM_REF) {
		n = e->lexpr;
		text = b;
	}
	return n && n->node_case == PG_QUERY__NODE__NODE_PARAM_REF && !text->odd && !text->foreign &&
	       (text->type == type_builtin("text") || text->type == type_builtin("varchar")) &&
	       e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP && e->n_name == 1 &&
	       !strcmp(node_string(e->name[0]), "||");
}

static bool is_comparison(const char *name)
{
	static const char *const names[] = {"=", "<>", "<", ">", "<=", ">="};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool is_text(const struct taint *t)
{
	return t->type && (t->type == type_builtin("text") || t->type == type_builtin("varchar"));
}

/* What + - * make of two integers, or of numerics. */
static uint32_t number_of(const struct lineage *l, const struct taint *a, const struct taint *b)
{
	static const char *const names[] = {"int2", "int4", "int8", "numeric"};
	unsigned i[2] = {0, 0};

	for (unsigned k = 0; k < 2; k++)
		while (i[k] < ARRAY_LEN(names) &&
			type_base(l->names->catalog, (k ? b : a)->type) != type_builtin(names[i[k]]))
			i[k]++;
	return i[0] < ARRAY_LEN(names) && i[1] < ARRAY_LEN(names)
		       ? type_builtin(names[i[0] > i[1] ? i[0] : i[1]])
		       : 0;
}

/* c, and a or b known: what the operator gives. An array is of no simple type, but one that was just made of
 * simple values is not odd. */
static void result(struct lineage *l, const PgQuery__AExpr *e, enum function_class c, const struct taint *a,
	const struct taint *b, struct taint *acc)
{
	bool one = e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP;
	const char *name = node_string(e->name[e->n_name - 1]);

	if (one && !acc->odd && *name && strchr("+-*", *name) && !name[1] && !operator_others(l, name, a, b))
		acc->type = number_of(l, a, b);
	if (c != FUNCTION_TOTAL || acc->odd)
		return;
	acc->calm = a->calm && b->calm;
	if (is_comparison(name)) {
		acc->type = type_builtin("bool");
		acc->size = 0;
	} else if (one && is_text(a) && is_text(b)) {
		acc->type = type_builtin("text");
	}
}

/* Of pg_catalog's operators on documents nobody else may have one of the same name. */
static bool document(struct lineage *l, const PgQuery__AExpr *e, const struct taint *a, const struct taint *b,
	struct taint *acc)
{
	const char *name = e->n_name ? node_string(e->name[e->n_name - 1]) : "";
	struct total t;

	if (e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP || !e->lexpr || lineage_stopped(l) ||
		operator_others(l, name, a, b))
		return false;
	t = total_operator(l, name, a, b);
	if (!t.yes)
		return false;
	acc->type = t.type;
	acc->odd = t.odd || acc->collated;
	acc->size = t.size;
	acc->calm = a->calm && b->calm;
	acc->places = places_of_operator(l, name, a, b);
	taint_fits(l, acc);
	return true;
}

/* The right one, where it is not an array of what the operator takes. */
static const struct taint *operand(const PgQuery__AExpr *e, const struct taint *right)
{
	return e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY ||
			       e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL
		       ? NULL
		       : right;
}

/* a op b, op b; also DISTINCT FROM, op ANY (array), op ALL (array). */
static struct taint binary(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e)
{
	struct taint acc = {0}, a = side(l, sc, e->lexpr), b = side(l, sc, e->rexpr);
	enum function_class c =
		operator_judge(l, e->name, e->n_name, e->location, e->lexpr ? &a : NULL, operand(e, &b));

	if (takes_any(e)) {
		lineage_free(l, e->lexpr);
		lineage_free(l, e->rexpr);
	}
	taint_mix(l, &acc, &a);
	taint_mix(l, &acc, &b);
	if (c == FUNCTION_TOTAL && joins_text(e, &a, &b))
		return acc; /* odd: of many parameters the result could be too long */
	if (document(l, e, &a, &b, &acc))
		return acc;
	/* rows are compared field by field, and what comes after the deciding one is not evaluated */
	if (is_row(e->lexpr) || is_row(e->rexpr))
		lineage_use(l, &acc, "a row comparison");
	else
		result(l, e, c, &a, &b, &acc);
	return applied(l, acc, c, where_of(l, e));
}

/* A pattern that is a constant and has no escape in it cannot be an invalid one. */
static bool safe_pattern(const PgQuery__Node *n)
{
	return n && n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
	       (n->a_const->isnull || (n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL &&
					      !strchr(n->a_const->sval->sval, '\\')));
}

static struct taint like(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e)
{
	struct taint acc = {0}, a = side(l, sc, e->lexpr), b = side(l, sc, e->rexpr);
	enum function_class c = operator_judge(l, e->name, e->n_name, e->location, &a, &b);

	taint_mix(l, &acc, &a);
	taint_mix(l, &acc, &b);
	if (c == FUNCTION_PURE && e->kind != PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR && safe_pattern(e->rexpr))
		c = FUNCTION_TOTAL;
	acc.calm = c == FUNCTION_TOTAL && a.calm && b.calm && !acc.odd;
	acc.size = 0;
	acc.type = operator_others(l, node_string(e->name[e->n_name - 1]), &a, &b) ? 0 : type_builtin("bool");
	return applied(l, acc, c, where_of(l, e));
}

static struct taint nullif(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e)
{
	struct taint acc = {0}, a = side(l, sc, e->lexpr), b = side(l, sc, e->rexpr);
	enum function_class c = operator_judge(l, e->name, e->n_name, e->location, &a, &b);

	taint_mix(l, &acc, &a);
	taint_mix(l, &acc, &b);
	acc = applied(l, acc, is_row(e->lexpr) || is_row(e->rexpr) ? FUNCTION_PURE : c, "NULLIF");
	acc.type = taint_constant(&a) ? taint_common_type(l, &a, &b) : a.type;
	acc.size = a.size;
	acc.calm = c == FUNCTION_TOTAL && a.calm && b.calm && !acc.odd;
	return acc;
}

/* x IN (a, b, …) and x BETWEEN a AND b, by each operator in names: the list is left as soon as the answer is
 * known. */
static struct taint listed(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e,
	const char *const *names, const char *where)
{
	enum function_class c = FUNCTION_TOTAL;
	struct taint acc = {0}, *t;
	bool calm = true;
	size_t n;

	if (!e->rexpr || e->rexpr->node_case != PG_QUERY__NODE__NODE_LIST) {
		lineage_odd(l, e->location, where);
		return acc;
	}
	n = e->rexpr->list->n_items;
	t = lineage_alloc(l, n + 1, sizeof(*t));
	for (size_t i = 0; i <= n && !lineage_stopped(l); i++) {
		t[i] = i ? expr(l, sc, e->rexpr->list->items[i - 1]) : side(l, sc, e->lexpr);
		lineage_free(l, i ? e->rexpr->list->items[i - 1] : NULL);
		calm = calm && t[i].calm;
		taint_mix(l, &acc, &t[i]);
		/* the same of each value of a list of one type */
		for (unsigned k = 0; i && names[k] && (i == 1 || t[i].type != t[i - 1].type); k++)
			c = weaker(c, judge(l, NULL, names[k], e->location, &t[0], &t[i]));
	}
	if (!lineage_stopped(l))
		use_lazy(l, t, n + 1, where);
	acc.size = 0;
	acc.type = type_builtin("bool");
	acc.calm = calm && c == FUNCTION_TOTAL && !acc.odd;
	return applied(l, acc, c, where);
}

static struct taint between(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e, bool not_)
{
	static const char *const inside[] = {">=", "<=", NULL}, *const outside[] = {"<", ">", NULL};

	return listed(l, sc, e, not_ ? outside : inside, "BETWEEN");
}

static struct taint in_list(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e)
{
	static const char *const equal[] = {"=", NULL}, *const unequal[] = {"<>", NULL};
	const char *name = e->n_name == 1 ? node_string(e->name[0]) : "";

	if (strcmp(name, "=") != 0 && strcmp(name, "<>") != 0) {
		lineage_odd(l, e->location, "this IN");
		return (struct taint){0};
	}
	return listed(l, sc, e, *name == '=' ? equal : unequal, "IN");
}

struct taint expr_operator(struct lineage *l, struct scope *sc, const PgQuery__AExpr *e)
{
	lineage_seen(l, e);
	switch (e->kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ALL:
	case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
		return row_subquery(e) ? row_compared(l, sc, e) : binary(l, sc, e);
	case PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF: return nullif(l, sc, e);
	case PG_QUERY__A__EXPR__KIND__AEXPR_IN: return in_list(l, sc, e);
	case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE:
	case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE:
	case PG_QUERY__A__EXPR__KIND__AEXPR_SIMILAR: return like(l, sc, e);
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM: return between(l, sc, e, false);
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM: return between(l, sc, e, true);
	case PG_QUERY__A__EXPR__KIND__A_EXPR_KIND_UNDEFINED: break;
	}
	lineage_odd(l, e->location, "this operator");
	return (struct taint){0};
}

/* x op ANY (SELECT …): the rows of both sides are compared. */
static struct taint compared(struct lineage *l, struct scope *sc, const PgQuery__SubLink *s,
	const PgQuery__Node *testexpr, const struct outputs *o)
{
	struct taint acc = {0}, test;

	if (s->n_oper_name)
		(void)operator_judge(l, s->oper_name, s->n_oper_name, s->location, NULL, NULL);
	else
		(void)operator_named(l, "=", s->location);
	if (!testexpr) {
		lineage_odd(l, s->location, "this subquery");
		return acc;
	}
	test = expr(l, sc, testexpr);
	lineage_use(l, &test, "IN (subquery)");
	taint_mix(l, &acc, &test);
	for (unsigned i = 0; i < o->n && !lineage_stopped(l); i++) {
		lineage_use(l, &o->v[i].t, "IN (subquery)");
		taint_mix(l, &acc, &o->v[i].t);
	}
	return acc;
}

static struct taint one_column(struct lineage *l, const PgQuery__SubLink *s, const struct outputs *o)
{
	if (o->n == 1)
		return o->v[0].t;
	lineage_fail(l, "42601", s->location, "subquery must return only one column");
	return (struct taint){0};
}

/* The tree's own field for an id is free; the label of the whole depends on the subquery's (label.c). */
static void keep_label(struct lineage *l, const PgQuery__SubLink *s, const struct outputs *sub)
{
	PgQuery__SubLink *mark = (PgQuery__SubLink *)(uintptr_t)s;

	if (l->nsublabels == l->sublabels_cap) {
		unsigned cap = l->sublabels_cap ? l->sublabels_cap * 2 : 8;
		const char **v = lineage_alloc(l, cap, sizeof(*v));

		if (!v || !lineage_spend(l, cap))
			return;
		if (l->nsublabels)
			memcpy(v, l->sublabels, l->nsublabels * sizeof(*v));
		l->sublabels = v;
		l->sublabels_cap = cap;
	}
	l->sublabels[l->nsublabels++] = sub->v[0].name;
	mark->sub_link_id = (int32_t)l->nsublabels;
}

struct taint expr_sublink(struct lineage *l, struct scope *sc, const PgQuery__SubLink *s)
{
	struct outputs o = {0}, *sub = &o;
	struct taint acc = {0}, t;

	lineage_seen(l, s);
	if (!s->subselect || s->subselect->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
		lineage_odd(l, s->location, "this subquery");
		return acc;
	}
	query(l, sc, s->subselect, sub);
	if (lineage_stopped(l))
		return acc;
	switch (s->sub_link_type) {
	case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK: return acc;
	case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK:
		t = one_column(l, s, sub);
		if (!lineage_stopped(l))
			keep_label(l, s, sub);
		t.calm = t.constant = false;
		return t;
	case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK:
		t = one_column(l, s, sub);
		if (t.odd &&
			!type_element(l->names->catalog, t.type)) /* arrays must agree in their lengths */
			lineage_use(l, &t, "ARRAY (subquery)");
		taint_mix(l, &acc, &t);
		acc.type = t.type ? type_builtin_array(t.type) : 0;
		return acc;
	case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK:
	case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK:
	case PG_QUERY__SUB_LINK_TYPE__ROWCOMPARE_SUBLINK: return compared(l, sc, s, s->testexpr, sub);
	case PG_QUERY__SUB_LINK_TYPE__MULTIEXPR_SUBLINK:
	case PG_QUERY__SUB_LINK_TYPE__CTE_SUBLINK:
	case PG_QUERY__SUB_LINK_TYPE__SUB_LINK_TYPE_UNDEFINED: break;
	}
	lineage_odd(l, s->location, "this subquery");
	return acc;
}
