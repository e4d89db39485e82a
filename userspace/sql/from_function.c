/* SPDX-License-Identifier: MIT */
/* Functions in FROM: what columns they give. */
#include "sql/candidate.h"

#include <string.h>

static void add_column(struct lineage *l, struct outputs *o, const char *name, const struct taint *t)
{
	struct taint copy = *t;

	copy.direct = copy.calm = false;
	copy.row = NULL;
	copy.places = NULL;
	copy.cols = NULL;
	copy.ncols = 0;
	copy.type = 0;
	outputs_add(l, o, name, copy);
}

/* AS (a int, b text): the caller says what the columns are. */
static void defined_columns(
	struct lineage *l, PgQuery__Node **defs, size_t n, const struct taint *t, struct outputs *o)
{
	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		const PgQuery__ColumnDef *d = defs[i]->column_def;
		struct taint copy = *t;
		struct type_ref type;

		if (defs[i]->node_case != PG_QUERY__NODE__NODE_COLUMN_DEF || !d->type_name) {
			lineage_odd(l, -1, "a column definition list");
			return;
		}
		lineage_seen(l, d);
		lineage_seen(l, d->coll_clause);
		if (!typename_judge(l, d->type_name, &type))
			return;
		copy.odd = !type.simple || d->coll_clause;
		add_column(l, o, d->colname, &copy);
	}
}

/* unnest() of what is known to be an array of scalars gives one column; of an array of rows it gives theirs.
 */
static bool scalar_elements(const struct catalog *c, const struct taint *t)
{
	const struct type *array = t->type ? catalog_type_by_oid(c, t->type) : NULL;

	return type_builtin_is_array(t->type) || (array && array->elem && type_scalar(c, array->elem)) ||
	       (t->type && (t->type == type_builtin("int2vector") || t->type == type_builtin("oidvector")));
}

/* The columns of the one body that was followed. */
static void followed_columns(struct lineage *l, const struct candidates *c, const struct taint *whole,
	const char *fallback, struct outputs *o)
{
	for (unsigned i = 0; i < c->out.n && !lineage_stopped(l); i++) {
		struct taint t = c->out.v[i].t;

		t.calm = t.constant = false;
		t.row = NULL;
		if (l->need) {
			t.from = lineage_join(l, &t.from, &whole->from);
			t.direct = false;
		}
		t.places = NULL;
		outputs_add(l, o, c->cols && c->cols[i] ? c->cols[i] : fallback, t);
	}
}

/* unnest(a, b): a column for each. */
static void unnest_columns(
	struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f, struct item *it, struct outputs *o)
{
	for (size_t i = 0; i < f->n_args && !lineage_stopped(l); i++) {
		struct taint t = expr(l, sc, f->args[i]);

		it->open = it->open || !scalar_elements(l->names->catalog, &t) ||
			   catalog_function(l->names->catalog, "unnest", 0);
		t.odd = true;
		add_column(l, o, "unnest", &t);
	}
}

/* jsonb_populate_record(NULL::t, …): the columns of t, each made of all arguments. */
static bool record_columns(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f,
	const struct taint *t, struct outputs *o)
{
	static const char *const names[] = {"json_populate_record", "json_populate_recordset",
		"jsonb_populate_record", "jsonb_populate_recordset"};
	const char *name = node_string(f->funcname[f->n_funcname - 1]);
	const struct relation *row = NULL;
	struct taint first, copy = *t;

	for (unsigned i = 0; i < ARRAY_LEN(names) && f->n_args && !lineage_stopped(l); i++) {
		if (strcmp(names[i], name) != 0 || catalog_function(l->names->catalog, name, 0))
			continue;
		first = expr(l, sc, f->args[0]);
		row = lineage_row(l, first.type);
	}
	copy.odd = true;
	for (unsigned i = 0; row && i < row->ncols; i++)
		add_column(l, o, row->cols[i].name, &copy);
	return row != NULL;
}

static void call_columns(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f,
	const PgQuery__Alias *alias, struct item *it, struct outputs *o)
{
	const char *name = f->n_funcname ? node_string(f->funcname[f->n_funcname - 1]) : "";
	const char *fallback = alias ? alias->aliasname : name;
	struct candidates c = {0};
	struct taint t, arg;

	t = expr_call_of(l, sc, f, &c);
	if (!strcmp(name, "unnest") && f->n_args > 1) {
		unnest_columns(l, sc, f, it, o);
		return;
	}
	if (record_columns(l, sc, f, &t, o))
		return;
	if (!strcmp(name, "unnest") && f->n_args == 1 && !lineage_stopped(l)) {
		arg = expr(l, sc, f->args[0]);
		c.ncols = 1;
		it->open = it->open || !scalar_elements(l->names->catalog, &arg) ||
			   catalog_function(l->names->catalog, name, 0);
		t.odd = true;
	}
	if (c.nfollowed == 1 && !c.others && c.ncols && c.out.n == c.ncols) {
		followed_columns(l, &c, &t, fallback, o);
		return;
	}
	if (c.ncols == 0) {
		it->open = true;
		c.ncols = 1;
		c.cols = NULL;
	}
	for (unsigned i = 0; i < c.ncols && !lineage_stopped(l); i++) {
		const char *column = c.cols && c.cols[i] ? c.cols[i] : fallback;

		t.odd = true;
		add_column(l, o, column, &t);
	}
}

/* One entry of ROWS FROM (…), or the only function. */
static void function_columns_of(struct lineage *l, struct scope *sc, const PgQuery__List *entry,
	const PgQuery__RangeFunction *f, struct item *it, struct outputs *o)
{
	const PgQuery__Node *call = entry->n_items ? entry->items[0] : NULL;
	const PgQuery__Alias *alias = f->n_functions == 1 ? f->alias : NULL;
	struct taint t;

	if (!call || entry->n_items > 2) {
		lineage_odd(l, -1, "a function in FROM");
		return;
	}
	if (entry->n_items == 2 && entry->items[1]->node_case == PG_QUERY__NODE__NODE_LIST) {
		t = expr(l, sc, call);
		defined_columns(l, entry->items[1]->list->items, entry->items[1]->list->n_items, &t, o);
	} else if (entry->n_items == 2 && entry->items[1]->node_case != PG_QUERY__NODE__NODE__NOT_SET) {
		lineage_odd(l, -1, "a function in FROM");
	} else if (f->n_coldeflist) {
		t = expr(l, sc, call);
		defined_columns(l, f->coldeflist, f->n_coldeflist, &t, o);
	} else if (call->node_case == PG_QUERY__NODE__NODE_FUNC_CALL) {
		call_columns(l, sc, call->func_call, alias, it, o);
	} else {
		t = expr(l, sc, call);
		it->open = it->open || (call->node_case != PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION &&
					       !type_scalar(l->names->catalog, t.type));
		add_column(l, o, alias ? alias->aliasname : label_of(l, call), &t);
	}
}

struct item *from_function(struct lineage *l, struct scope *sc, const PgQuery__RangeFunction *f)
{
	struct item *it = lineage_alloc(l, 1, sizeof(*it));
	bool before = sc->lateral;
	struct outputs o = {0};

	if (!it)
		return NULL;
	lineage_seen(l, f);
	sc->lateral = true;
	for (size_t i = 0; i < f->n_functions && !lineage_stopped(l); i++) {
		if (f->functions[i]->node_case != PG_QUERY__NODE__NODE_LIST) {
			lineage_odd(l, -1, "a function in FROM");
			return NULL;
		}
		function_columns_of(l, sc, f->functions[i]->list, f, it, &o);
	}
	sc->lateral = before;
	if (lineage_stopped(l) || !f->n_functions)
		return NULL;
	if (f->ordinality)
		outputs_add(l, &o, "ordinality", (struct taint){0});
	it->alias = label_of(l, f->functions[0]->list->items[0]);
	if (f->functions[0]->list->items[0]->node_case == PG_QUERY__NODE__NODE_FUNC_CALL) {
		const PgQuery__FuncCall *call = f->functions[0]->list->items[0]->func_call;

		it->alias = node_string(call->funcname[call->n_funcname - 1]);
	}
	it->cols = o.v;
	it->ncols = o.n;
	item_alias(l, it, f->alias);
	return lineage_stopped(l) ? NULL : it;
}
