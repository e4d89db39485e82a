/* SPDX-License-Identifier: MIT */
/* GROUP BY c.id, c.name: where the primary key of a table is there, its other columns decide nothing. The
 * server's planner takes them out of the clause, so not even the order of the groups tells of them. Only what
 * it always takes out counts: columns of a plain table without children, beside its whole primary key. From
 * version 18 it may group by the columns of another unique index instead, so those are none. */
#include <string.h>

#include "sql/lineage.h"

struct place { /* a column of a table in this level's FROM; item NULL: something else */
	const struct item *item;
	unsigned col;
};

static struct place of_item(const struct item *it, const char *name)
{
	struct place p = {0};

	if (!it->rel || it->open)
		return p;
	for (unsigned i = 0; i < item_ncols(it); i++) {
		if (strcmp(item_name(it, i), name) != 0)
			continue;
		if (p.item)
			return (struct place){0};
		p = (struct place){it, i};
	}
	return p;
}

/* *any: a column of that name is here, whatever it is of. */
static struct place bare(const struct scope *sc, const char *name, bool *any)
{
	struct place p = {0};
	unsigned found = 0;

	for (unsigned i = 0; i < sc->ns.n; i++) {
		const struct item *it = sc->ns.v[i].item;

		if (!sc->ns.v[i].as_cols)
			continue;
		found += it->open;
		for (unsigned k = 0; k < item_ncols(it); k++)
			found += !strcmp(item_name(it, k), name);
		p = p.item ? p : of_item(it, name);
	}
	*any = found > 0;
	return found == 1 ? p : (struct place){0};
}

static struct place qualified(struct lineage *l, const struct scope *sc, const PgQuery__ColumnRef *r)
{
	const char *schema = r->n_fields == 3 ? node_string(r->fields[0]) : NULL;
	const struct item *it =
		scope_item(l, sc, schema, node_string(r->fields[r->n_fields - 2]), r->location);

	for (unsigned i = 0; it && i < sc->ns.n; i++)
		if (sc->ns.v[i].item == it && sc->ns.v[i].as_rel)
			return of_item(it, node_string(r->fields[r->n_fields - 1]));
	return (struct place){0};
}

static bool starless(const PgQuery__ColumnRef *r)
{
	for (size_t i = 0; i < r->n_fields; i++)
		if (r->fields[i]->node_case != PG_QUERY__NODE__NODE_STRING)
			return false;
	return r->n_fields > 0 && r->n_fields <= 3;
}

/* The column reference that the k-th output is; NULL: something else, or stars make the count another one. */
static const PgQuery__ColumnRef *output_ref(const PgQuery__SelectStmt *q, size_t k)
{
	const PgQuery__Node *n;

	for (size_t i = 0; i <= k && i < q->n_target_list; i++) {
		if (q->target_list[i]->node_case != PG_QUERY__NODE__NODE_RES_TARGET)
			return NULL;
		n = q->target_list[i]->res_target->val;
		if (!n || n->node_case == PG_QUERY__NODE__NODE_A_INDIRECTION ||
			(n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && !starless(n->column_ref)))
			return NULL;
		if (i == k)
			return n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF ? n->column_ref : NULL;
	}
	return NULL;
}

/* The output of that name, if it is the only one. */
static const PgQuery__ColumnRef *named_output(const PgQuery__SelectStmt *q, const char *name)
{
	const PgQuery__ColumnRef *found = NULL;

	for (size_t i = 0; i < q->n_target_list; i++) {
		const PgQuery__ResTarget *t = q->target_list[i]->node_case == PG_QUERY__NODE__NODE_RES_TARGET
						      ? q->target_list[i]->res_target
						      : NULL;

		if (!t || strcmp(t->name, name) != 0)
			continue;
		if (found)
			return NULL;
		found = output_ref(q, i);
		if (!found)
			return NULL;
	}
	return found;
}

static struct place referred(
	struct lineage *l, const struct scope *sc, const PgQuery__ColumnRef *r, bool *any)
{
	*any = true;
	if (!starless(r))
		return (struct place){0};
	return r->n_fields == 1 ? bare(sc, node_string(r->fields[0]), any) : qualified(l, sc, r);
}

static struct place placed(
	struct lineage *l, const struct scope *sc, const PgQuery__SelectStmt *q, const PgQuery__Node *n)
{
	const PgQuery__ColumnRef *r = NULL;
	struct place p = {0};
	bool any;

	if (n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
		n->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL && n->a_const->ival->ival > 0)
		r = output_ref(q, (size_t)n->a_const->ival->ival - 1);
	else if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF)
		r = n->column_ref;
	if (!r)
		return p;
	p = referred(l, sc, r, &any);
	if (any || n->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
		return p;
	r = named_output(q, node_string(r->fields[0]));
	return r ? referred(l, sc, r, &any) : p;
}

static bool whole_key(const struct place *v, size_t n, const struct item *it)
{
	const struct relation *r = it->rel;
	unsigned keys = 0, there = 0;

	if (r->kind != 'r' || r->nchildren || r->had_children || r->system)
		return false;
	for (unsigned i = 0; i < r->ncols; i++) {
		bool found = false;

		keys += r->cols[i].key;
		for (size_t k = 0; k < n && r->cols[i].key; k++)
			found = found || (v[k].item == it && v[k].col == i);
		there += found;
	}
	return keys > 0 && there == keys;
}

static bool taken_out(const struct lineage *l, const struct column *c)
{
	unsigned server = catalog_server(l->names->catalog);

	return !c->key && (!c->against.n || (server > 0 && server < 18));
}

bool *grouped_by_key(struct lineage *l, const struct scope *sc, const PgQuery__SelectStmt *q)
{
	size_t n = q->n_group_clause;
	struct place *v;
	bool *out;

	if (n < 2 || q->group_distinct || !lineage_spend(l, n * n + sc->ns.n))
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (q->group_clause[i]->node_case == PG_QUERY__NODE__NODE_GROUPING_SET)
			return NULL;
	v = lineage_alloc(l, n, sizeof(*v));
	out = lineage_alloc(l, n, sizeof(*out));
	for (size_t i = 0; v && out && i < n && !lineage_stopped(l); i++)
		v[i] = placed(l, sc, q, q->group_clause[i]);
	for (size_t i = 0; v && out && i < n && !lineage_stopped(l); i++) {
		const struct column *c = v[i].item ? &v[i].item->rel->cols[v[i].col] : NULL;

		out[i] = c && taken_out(l, c) && whole_key(v, n, v[i].item);
	}
	return out;
}
