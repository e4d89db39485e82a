/* SPDX-License-Identifier: MIT */
/* Aggregates over a column that is masked. What count() gives says how many rows have a value, not which, so
 * it is enough that its argument is the column itself. What sum() and its like give is one person's value
 * where they are over one value, or over copies of one: they are believed to say no more than a policy may
 * allow only where the query level reads one table alone (no join, no set-returning function, no UNION below
 * could repeat a row), over the column itself (all of the group: no FILTER, no DISTINCT), and where a part of
 * HAVING on its own says count(column) >= K: the group then has K values, each of another row. Groups that
 * fall to HAVING are aggregated all the same, so while HAVING is evaluated nothing of that is true yet:
 * whatever may fail there must not see them. */
#include "sql/lineage.h"

#include <string.h>

static const PgQuery__FuncCall *call_of(const PgQuery__Node *n)
{
	return n && n->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? n->func_call : NULL;
}

/* Which aggregate of pg_catalog it is for certain: where users made a function of that name, whatever its
 * arguments, nobody looks which of them the server would take. */
static enum via via_called(const struct lineage *l, const PgQuery__FuncCall *f)
{
	const char *name = f->n_funcname ? node_string(f->funcname[f->n_funcname - 1]) : "";

	if (f->n_funcname == 2 && !strcmp(node_string(f->funcname[0]), "pg_catalog"))
		return via_of(name);
	return f->n_funcname == 1 && !catalog_function(l->names->catalog, name, 0) ? via_of(name) : VIA_VALUE;
}

/* Who calls these wants something done. */
static bool acts(const char *name)
{
	static const char *const names[] = {"nextval", "pg_advisory", "pg_cancel_backend", "pg_notify",
		"pg_sleep", "pg_terminate_backend", "pg_try_advisory", "setseed", "setval"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strncmp(names[i], name, strlen(names[i])))
			return true;
	return false;
}

/* Those that give rows the server lets stand in no CASE. */
bool call_stands_apart(const PgQuery__FuncCall *f)
{
	static const char *const names[] = {"aclexplode", "any_value", "array_agg", "avg", "bit_and",
		"bit_or", "bit_xor", "bool_and", "bool_or", "corr", "count", "covar_pop", "covar_samp",
		"every", "generate_series", "generate_subscripts", "json_agg", "json_agg_strict",
		"json_array_elements", "json_array_elements_text", "json_each", "json_each_text",
		"json_object_agg", "json_object_agg_strict", "json_object_agg_unique",
		"json_object_agg_unique_strict", "json_object_keys", "json_populate_recordset",
		"json_to_recordset", "jsonb_agg", "jsonb_agg_strict", "jsonb_array_elements",
		"jsonb_array_elements_text", "jsonb_each", "jsonb_each_text", "jsonb_object_agg",
		"jsonb_object_agg_strict", "jsonb_object_agg_unique", "jsonb_object_agg_unique_strict",
		"jsonb_object_keys", "jsonb_path_query", "jsonb_path_query_tz", "jsonb_populate_recordset",
		"jsonb_to_recordset", "max", "min", "range_agg", "range_intersect_agg", "regexp_matches",
		"regexp_split_to_table", "regr_avgx", "regr_avgy", "regr_count", "regr_intercept", "regr_r2",
		"regr_slope", "regr_sxx", "regr_sxy", "regr_syy", "stddev", "stddev_pop", "stddev_samp",
		"string_agg", "string_to_table", "sum", "ts_debug", "ts_parse", "ts_token_type", "unnest",
		"var_pop", "var_samp", "variance", "xmlagg"};
	const char *name = f->n_funcname ? node_string(f->funcname[f->n_funcname - 1]) : "";

	if (acts(name) || f->over || f->agg_filter || f->agg_distinct || f->agg_star || f->agg_within_group ||
		f->n_agg_order)
		return true;
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* f(x), with x the value of each row of the group once. */
static bool whole_group(const PgQuery__FuncCall *f)
{
	return f->n_args == 1 && !f->agg_distinct && !f->agg_filter && !f->over && !f->n_agg_order &&
	       !f->agg_within_group && !f->func_variadic;
}

void aggregate_level(struct scope *sc, const PgQuery__SelectStmt *q)
{
	const struct item *it = sc->ns.n == 1 ? sc->ns.v[0].item : NULL;

	if (q->n_from_clause == 1 && q->from_clause[0]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR && it &&
		it->rel && (it->rel->kind == 'r' || it->rel->kind == 'p'))
		sc->alone = it;
}

/* Whether n is a column of the level's only table. */
static bool own_column(struct lineage *l, struct scope *sc, const PgQuery__Node *n, struct taint *t)
{
	const PgQuery__ColumnRef *r =
		n && n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF ? n->column_ref : NULL;
	const char *name;
	size_t k = r ? r->n_fields : 0;

	if (!sc->alone || k < 1 || k > 3 || r->fields[k - 1]->node_case != PG_QUERY__NODE__NODE_STRING)
		return false;
	name = node_string(r->fields[k - 1]);
	if (k > 1 && scope_item(l, sc, k == 3 ? node_string(r->fields[0]) : NULL,
			     node_string(r->fields[k - 2]), r->location) != sc->alone)
		return false;
	return item_find(l, sc->alone, name, t) == 1 && t->direct;
}

static bool is_number(uint32_t type)
{
	static const char *const names[] = {"int2", "int4", "int8", "numeric", "float4", "float8"};

	for (unsigned i = 0; i < ARRAY_LEN(names) && type; i++)
		if (type == type_builtin(names[i]))
			return true;
	return false;
}

/* ---- HAVING ---- */
static PgQuery__Node *const *conjuncts(PgQuery__Node *const *n, size_t *count)
{
	const PgQuery__BoolExpr *b =
		(*n)->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR ? (*n)->bool_expr : NULL;

	*count = 1;
	if (!b || b->boolop != PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR)
		return n;
	*count = b->n_args;
	return b->args;
}

/* The operator of a op b by its bare name, where users made none of that name; NULL. One of an extension is
 * for the extension's types: over numbers pg_catalog's fits exactly, and comes first. */
static const char *operator_of(const struct lineage *l, const PgQuery__Node *n)
{
	const PgQuery__AExpr *e = n->node_case == PG_QUERY__NODE__NODE_A_EXPR ? n->a_expr : NULL;

	return e && e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP && e->n_name == 1 && e->lexpr && e->rexpr &&
			       !operator_users(l, node_string(e->name[0]))
		       ? node_string(e->name[0])
		       : NULL;
}

static bool integer(const PgQuery__Node *n, int *value)
{
	if (n->node_case != PG_QUERY__NODE__NODE_A_CONST || n->a_const->isnull ||
		n->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
		return false;
	*value = n->a_const->ival->ival;
	return true;
}

/* count(column) >= K, count(column) > K, or the same turned round. */
static bool floor_of(struct lineage *l, struct scope *sc, const PgQuery__Node *n, struct group_floor *out)
{
	const char *op = operator_of(l, n);
	const PgQuery__FuncCall *count;
	struct taint t = {0};
	int k = 0;

	if (!op)
		return false;
	count = call_of(n->a_expr->lexpr);
	if (count && integer(n->a_expr->rexpr, &k) && (!strcmp(op, ">=") || !strcmp(op, ">")))
		k += op[1] == '\0' && k < COLREF_GROUP_MAX;
	else if ((count = call_of(n->a_expr->rexpr)) && integer(n->a_expr->lexpr, &k) &&
		 (!strcmp(op, "<=") || !strcmp(op, "<")))
		k += op[1] == '\0' && k < COLREF_GROUP_MAX;
	else
		return false;
	if (k < 1 || via_called(l, count) != VIA_COUNT || !whole_group(count) ||
		!own_column(l, sc, count->args[0], &t))
		return false;
	*out = (struct group_floor){t.from, (uint8_t)(k < COLREF_GROUP_MAX ? k : COLREF_GROUP_MAX)};
	return true;
}

void aggregate_floors(struct lineage *l, struct scope *sc, const PgQuery__SelectStmt *q)
{
	PgQuery__Node *const *v;
	size_t n;

	if (!q->having_clause || !sc->alone)
		return;
	v = conjuncts(&q->having_clause, &n);
	sc->floors = lineage_alloc(l, n, sizeof(*sc->floors));
	for (size_t i = 0; i < n && !lineage_stopped(l); i++)
		sc->nfloors += floor_of(l, sc, v[i], &sc->floors[sc->nfloors]);
}

static uint8_t floor_for(const struct scope *sc, const struct colset *column)
{
	uint8_t group = 0;

	for (unsigned i = 0; i < sc->nfloors; i++)
		if (colset_equal(&sc->floors[i].column, column) && sc->floors[i].group > group)
			group = sc->floors[i].group;
	return group;
}

/* It cannot fail whatever an aggregate gives. */
static bool operand_calm(const struct lineage *l, const PgQuery__Node *n)
{
	const PgQuery__FuncCall *f = call_of(n);

	if (f)
		return via_called(l, f) &&
		       (f->agg_star || (f->n_args == 1 && !f->agg_filter &&
					       f->args[0]->node_case == PG_QUERY__NODE__NODE_COLUMN_REF));
	return n->node_case == PG_QUERY__NODE__NODE_A_CONST;
}

static bool comparison_calm(const struct lineage *l, const PgQuery__Node *n)
{
	static const char *const names[] = {"=", "<>", "<", ">", "<=", ">="};
	const char *op = operator_of(l, n);

	for (unsigned i = 0; op && i < ARRAY_LEN(names); i++)
		if (!strcmp(op, names[i]))
			return operand_calm(l, n->a_expr->lexpr) && operand_calm(l, n->a_expr->rexpr);
	return false;
}

/* Operands of AND may be skipped, which tells nothing where none of them can fail. */
void aggregate_having(struct lineage *l, struct scope *sc, const PgQuery__Node *having)
{
	PgQuery__Node *whole = (PgQuery__Node *)(uintptr_t)having, *const * v;
	bool before = l->ungrouped, calm = true;
	size_t n;

	v = conjuncts(&whole, &n);
	for (size_t i = 0; i < n; i++)
		calm = calm && comparison_calm(l, v[i]);
	if (calm && n > 1)
		lineage_seen(l, having->bool_expr);
	else
		v = &whole, n = 1;
	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		struct taint t;

		l->ungrouped = true;
		t = expr(l, sc, v[i]);
		l->ungrouped = before;
		lineage_use(l, &t, "HAVING");
	}
}

/* ---- the call ---- */
static struct colset stamped(struct lineage *l, const struct colset *s, enum via via, uint8_t group)
{
	struct colset out = {0};

	if (!lineage_spend(l, s->n))
		return *s;
	for (unsigned i = 0; i < s->n; i++) {
		struct colref c = s->v[i];

		if (c.via == VIA_VALUE)
			c = (struct colref){c.relid, c.attnum, (uint8_t)via, group};
		if (!colset_add(l->a, &out, c))
			l->oom = true;
	}
	return out;
}

bool aggregate_call(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f, const struct taint *arg,
	struct colset *from)
{
	enum via via = via_called(l, f);
	struct taint t = {0};

	if (via == VIA_VALUE || f->n_args != 1 || f->agg_distinct || f->agg_within_group ||
		f->func_variadic || lineage_stopped(l))
		return false;
	if (via == VIA_COUNT) {
		/* of a whole row it counts those that are there */
		if (!arg->direct && !arg->row)
			return false;
		*from = stamped(l, &arg->from, via, COLREF_GROUP_MAX);
		return true;
	}
	if (!arg->direct || !is_number(arg->type))
		return false;
	*from = arg->from;
	if (whole_group(f) && own_column(l, sc, f->args[0], &t) && colset_equal(&t.from, &arg->from))
		*from = stamped(l, &arg->from, via, floor_for(sc, &t.from));
	return true;
}
