/* SPDX-License-Identifier: MIT */
#include "sql/lineage.h"

#include <string.h>

/* Does a reference to the name occur anywhere inside? Names can be shadowed in there; then the answer is true
 * all the same and the recursive treatment gives the same result or a refusal. */
static bool mentions(struct lineage *l, const ProtobufCMessage *m, const char *name);

static bool field_mentions(
	struct lineage *l, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, const char *name)
{
	const uint8_t *at = (const uint8_t *)m + f->offset;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return false;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = *(const size_t *)((const uint8_t *)m + f->quantifier_offset);
		ProtobufCMessage *const *v = *(ProtobufCMessage *const *const *)at;

		for (size_t i = 0; i < n; i++)
			if (mentions(l, v[i], name))
				return true;
		return false;
	}
	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
		*(const uint32_t *)((const uint8_t *)m + f->quantifier_offset) != f->id)
		return false;
	return mentions(l, *(ProtobufCMessage *const *)at, name);
}

static bool mentions(struct lineage *l, const ProtobufCMessage *m, const char *name)
{
	if (!m || !lineage_spend(l, 1))
		return false;
	if (m->descriptor == &pg_query__node__descriptor) {
		const PgQuery__Node *n = (const PgQuery__Node *)m;

		return n->node_case != PG_QUERY__NODE__NODE__NOT_SET &&
		       mentions(l, (ProtobufCMessage *)n->alias, name);
	}
	if (m->descriptor == &pg_query__range_var__descriptor) {
		const PgQuery__RangeVar *rv = (const PgQuery__RangeVar *)m;

		return !*rv->schemaname && !strcmp(rv->relname, name);
	}
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		if (field_mentions(l, m, &m->descriptor->fields[i], name))
			return true;
	return false;
}

static void rename_columns(struct lineage *l, struct cte *c)
{
	const PgQuery__CommonTableExpr *n = c->node;

	if (n->n_aliascolnames > c->cols.n) {
		lineage_fail(l, "42P10", n->location,
			"WITH query \"%s\" has %u columns available but %zu columns specified", n->ctename,
			c->cols.n, n->n_aliascolnames);
		return;
	}
	for (size_t i = 0; i < n->n_aliascolnames; i++)
		c->cols.v[i].name = node_string(n->aliascolnames[i]);
}

/* What the listed columns show together. */
static struct taint listed(struct lineage *l, const struct cte *c, PgQuery__Node **names, size_t n)
{
	struct taint all = {.odd = true};

	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		unsigned k = 0;

		while (k < c->nfound && strcmp(c->cols.v[k].name, node_string(names[i])) != 0)
			k++;
		if (k == c->nfound)
			lineage_fail(l, "42601", c->node->location,
				"a column of SEARCH or CYCLE is not in the WITH query \"%s\"", c->name);
		else
			taint_mix(l, &all, &c->cols.v[k].t);
	}
	all.odd = true;
	return all;
}

static void search_clause(struct lineage *l, struct cte *c, const PgQuery__CTESearchClause *s)
{
	lineage_seen(l, s);
	outputs_add(
		l, &c->cols, s->search_seq_column, listed(l, c, s->search_col_list, s->n_search_col_list));
}

/* The listed columns are compared with those of the rows before: that ends a path. */
static void cycle_clause(struct lineage *l, struct cte *c, const PgQuery__CTECycleClause *s)
{
	struct taint all = listed(l, c, s->cycle_col_list, s->n_cycle_col_list);

	lineage_seen(l, s);
	lineage_use(l, &all, "CYCLE");
	(void)expr(l, c->home, s->cycle_mark_value);
	(void)expr(l, c->home, s->cycle_mark_default);
	outputs_add(l, &c->cols, s->cycle_mark_column, all);
	outputs_add(l, &c->cols, s->cycle_path_column, all);
}

static void resolve(struct lineage *l, struct cte *c, bool recursive)
{
	struct namespace_ before = c->home->ns;
	struct outputs o = {0};

	c->state = CTE_BUSY;
	lineage_seen(l, c->node);
	/* a WITH query sees what is outside of the query that it belongs to, never that query's FROM */
	c->home->ns = (struct namespace_){0};
	if (recursive && mentions(l, (ProtobufCMessage *)c->node->ctequery, c->name)) {
		if (c->node->ctequery->node_case == PG_QUERY__NODE__NODE_SELECT_STMT)
			select_query(l, c->home, c->node->ctequery->select_stmt, c, &o);
		else
			lineage_odd(l, c->node->location, "a WITH query that writes and refers to itself");
	} else {
		query(l, c->home, c->node->ctequery, &o);
	}
	c->home->ns = before;
	c->cols = o;
	rename_columns(l, c);
	c->nfound = c->cols.n;
	if (c->node->search_clause)
		search_clause(l, c, c->node->search_clause);
	if (c->node->cycle_clause)
		cycle_clause(l, c, c->node->cycle_clause);
	c->known = true;
	c->state = CTE_DONE;
}

struct cte *cte_find(struct lineage *l, struct scope *sc, const char *name)
{
	for (; sc; sc = sc->outer)
		for (struct cte *c = sc->ctes; c; c = c->next) {
			if (!lineage_spend(l, 1))
				return NULL;
			if (strcmp(c->name, name) != 0)
				continue;
			/* only WITH RECURSIVE lists an item before it was followed */
			if (c->state == CTE_NEW)
				resolve(l, c, true);
			return c;
		}
	return NULL;
}

static struct cte *cte_new(struct lineage *l, struct scope *sc, const PgQuery__Node *n)
{
	struct cte *c = lineage_alloc(l, 1, sizeof(*c));

	if (!c)
		return NULL;
	if (n->node_case != PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR || !n->common_table_expr->ctequery) {
		lineage_odd(l, -1, "an entry of the WITH list");
		return NULL;
	}
	c->node = n->common_table_expr;
	c->name = c->node->ctename;
	c->home = sc;
	for (const struct cte *o = sc->ctes; o; o = o->next)
		if (!strcmp(o->name, c->name)) {
			lineage_fail(l, "42712", c->node->location,
				"WITH query name \"%s\" specified more than once", c->name);
			return NULL;
		}
	return c;
}

void with_clause(struct lineage *l, struct scope *sc, const PgQuery__WithClause *w)
{
	lineage_seen(l, w);
	for (size_t i = 0; i < w->n_ctes && lineage_spend(l, i / 8 + 1); i++) {
		struct cte *c = cte_new(l, sc, w->ctes[i]);

		if (!c)
			return;
		if (!w->recursive)
			resolve(l, c, false);
		c->next = sc->ctes;
		sc->ctes = c;
	}
	for (struct cte *c = sc->ctes; c && !lineage_stopped(l); c = c->next)
		if (c->state == CTE_NEW)
			resolve(l, c, true);
}
