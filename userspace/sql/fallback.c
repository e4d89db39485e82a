/* SPDX-License-Identifier: MIT */
/* A column's default, where a statement leaves the column to it: its expression puts a value there as one of
 * the statement's own would, and what it calls may read. Only those come here that call what users made
 * (catalog_queries.c): now(), nextval() and the like read no table.
 *
 * Code that is not followed is let pass, as that of triggers is; but what its text names of columns counts as
 * what it gives. */
#include "sql/lineage.h"

#include <string.h>
#include "sql/parse.h"

static const PgQuery__Node *expression(struct lineage *l, const char *text)
{
	char *query = arena_printf(l->a, "SELECT %s", text);
	struct PgQuery__ParseResult *tree;
	const PgQuery__SelectStmt *q;
	struct err e;
	int position;

	if (!query) {
		l->oom = true;
		return NULL;
	}
	if (parse(span_of(query, strlen(query)), catalog_server(l->names->catalog), l->a, &tree, &position,
		    &e) < 0 ||
		tree->n_stmts != 1 || !tree->stmts[0]->stmt ||
		tree->stmts[0]->stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
		return NULL;
	q = tree->stmts[0]->stmt->select_stmt;
	if (q->n_target_list != 1 || q->target_list[0]->node_case != PG_QUERY__NODE__NODE_RES_TARGET)
		return NULL;
	return q->target_list[0]->res_target->val;
}

/* As they are when they are read, children included. */
static void store_named(struct lineage *l, const struct colset *named)
{
	for (unsigned i = 0; i < named->n && lineage_spend(l, 1); i++) {
		const struct relation *r = catalog_relation_by_oid(l->names->catalog, named->v[i].relid);
		const struct column *c = r ? relation_column_by_attnum(r, named->v[i].attnum) : NULL;

		if (c)
			lineage_store(l, &c->read);
	}
}

static void store(struct lineage *l, const char *text)
{
	const PgQuery__Node *n = expression(l, text);
	struct scope sc = {0};
	struct taint t;

	if (!n) {
		lineage_odd(l, -1, "its expression");
		return;
	}
	t = expr(l, &sc, n);
	if (!lineage_stopped(l))
		(void)lineage_covered(l, n);
	lineage_store(l, &t.from);
}

void fallback_column(struct lineage *l, const struct relation *r, const struct column *c)
{
	struct fallback f = {.outer = l->fallback};
	struct span text = l->text;
	const char *problem;

	if (!c || !c->fallback || !lineage_spend(l, 1))
		return;
	l->text = (struct span){NULL, 0};
	l->fallback = &f;
	store(l, c->fallback);
	l->fallback = f.outer;
	l->text = text;
	if (f.opaque) {
		l->s->code = true;
		store_named(l, &c->named);
	}
	problem = l->s->problem;
	if (!problem)
		return;
	l->s->problem =
		arena_printf(l->a, "the default of %s.%s.%s: %s", r->schema, r->name, c->name, problem);
	l->oom = l->oom || !l->s->problem;
}

bool is_default(const PgQuery__Node *n)
{
	return n && n->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT;
}

static bool defaulted(const PgQuery__SelectStmt *q, unsigned n)
{
	for (size_t i = 0; q && i < q->n_values_lists; i++) {
		const PgQuery__Node *row = q->values_lists[i];

		if (row->node_case == PG_QUERY__NODE__NODE_LIST && n < row->list->n_items &&
			is_default(row->list->items[n]))
			return true;
	}
	return false;
}

/* Columns that have no value of the statement's own, or not in each row. */
void fallback_insert(
	struct lineage *l, const struct relation *r, const PgQuery__InsertStmt *q, unsigned nvalues)
{
	const PgQuery__SelectStmt *values =
		q->select_stmt && q->select_stmt->node_case == PG_QUERY__NODE__NODE_SELECT_STMT
			? q->select_stmt->select_stmt
			: NULL;

	for (unsigned i = 0; i < r->ncols && !lineage_stopped(l); i++) {
		const struct column *c = &r->cols[i];
		unsigned at = q->n_cols ? 0 : i;
		bool given = q->n_cols == 0 && i < nvalues;

		for (size_t k = 0; k < q->n_cols && !given; k++) {
			given = !strcmp(q->cols[k]->res_target->name, c->name);
			at = (unsigned)k;
		}
		if (!given || defaulted(values, at))
			fallback_column(l, r, c);
	}
}

void fallback_merge(struct lineage *l, const struct relation *r, const PgQuery__MergeWhenClause *w)
{
	for (unsigned i = 0; i < r->ncols && !lineage_stopped(l); i++) {
		bool given = w->n_target_list == 0 && i < w->n_values && !is_default(w->values[i]);

		for (size_t k = 0; k < w->n_target_list && k < w->n_values && !given; k++)
			given = !strcmp(w->target_list[k]->res_target->name, r->cols[i].name) &&
				!is_default(w->values[k]);
		if (!given)
			fallback_column(l, r, &r->cols[i]);
	}
}

/* Columns that are not read; with the option DEFAULT any may be left to its own. */
void fallback_copy(struct lineage *l, const struct relation *r, const PgQuery__CopyStmt *c)
{
	bool any = false;

	for (size_t i = 0; i < c->n_options; i++)
		any = any || (c->options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
				     !strcmp(c->options[i]->def_elem->defname, "default"));
	for (unsigned i = 0; i < r->ncols && !lineage_stopped(l); i++) {
		bool given = c->n_attlist == 0;

		for (size_t k = 0; k < c->n_attlist && !given; k++)
			given = !strcmp(node_string(c->attlist[k]), r->cols[i].name);
		if (any || !given)
			fallback_column(l, r, &r->cols[i]);
	}
}
