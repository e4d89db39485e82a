/* SPDX-License-Identifier: MIT */
#include "sql/lineage.h"

#include <string.h>

void item_alias(struct lineage *l, struct item *it, const PgQuery__Alias *alias)
{
	unsigned n = item_ncols(it);

	if (!alias || lineage_stopped(l))
		return;
	it->alias = alias->aliasname;
	it->named = false;
	if (!alias->n_colnames)
		return;
	if (it->open)
		lineage_odd(l, -1, "names for the columns of a function whose columns are not known");
	if (alias->n_colnames > n) {
		lineage_fail(l, "42P10", -1,
			"table \"%s\" has %u columns available but %zu columns specified", alias->aliasname,
			n, alias->n_colnames);
		return;
	}
	if (it->rel) {
		it->renamed = lineage_alloc(l, n, sizeof(*it->renamed));
		if (!it->renamed || !lineage_spend(l, n))
			return;
		for (unsigned i = 0; i < n; i++)
			it->renamed[i] = i < alias->n_colnames ? node_string(alias->colnames[i])
							       : it->rel->cols[i].name;
		return;
	}
	for (unsigned i = 0; i < alias->n_colnames; i++)
		it->cols[i].name = node_string(alias->colnames[i]);
}

/* Notes what reading r means for the whole statement, whichever columns are named. */
static void read_relation(struct lineage *l, const struct relation *r)
{
	char *where;

	lineage_code_of(l, r);
	if (r->settings && r->kind == 'v')
		lineage_setting(l);
	else if (r->settings)
		lineage_opaque(l, "pg_catalog", "current_setting"); /* as it was when it was made */
	if (r->problem) {
		lineage_fail(l, "0A000", -1, "the definition of the view %s.%s is not understood: %s",
			r->schema, r->name, r->problem);
		return;
	}
	if (!r->uses.n || r->row_security || lineage_stopped(l))
		return;
	where = arena_printf(l->a, "view %s.%s", r->schema, r->name);
	if (!where)
		l->oom = true;
	else
		lineage_use_set(l, &r->uses, where);
}

struct item *item_of_relation(struct lineage *l, const PgQuery__RangeVar *rv, const struct relation *r)
{
	struct item *it = lineage_alloc(l, 1, sizeof(*it));

	if (!it)
		return NULL;
	it->rel = r;
	it->alias = r->name;
	it->named = true;
	it->only = !rv->inh;
	item_alias(l, it, rv->alias);
	return it;
}

static struct item *from_cte(
	struct lineage *l, const struct scope *sc, const PgQuery__RangeVar *rv, struct cte *c)
{
	struct item *it;

	if (!c->known) {
		lineage_odd(l, rv->location, "a WITH query that refers to itself this way");
		return NULL;
	}
	it = lineage_alloc(l, 1, sizeof(*it));
	if (!it || !lineage_spend(l, c->cols.n))
		return NULL;
	it->cols = lineage_alloc(l, c->cols.n, sizeof(*it->cols));
	if (!it->cols)
		return NULL;
	if (c->cols.n)
		memcpy(it->cols, c->cols.v, c->cols.n * sizeof(*it->cols));
	it->ncols = c->cols.n;
	/* in queries inside the one that has the WITH, a star does not give what SEARCH and CYCLE add */
	if (c->state == CTE_DONE && sc != c->home)
		it->nstarless = c->cols.n - c->nfound;
	it->alias = c->name;
	item_alias(l, it, rv->alias);
	return it;
}

static struct item *from_range_var(struct lineage *l, struct scope *sc, const PgQuery__RangeVar *rv)
{
	struct cte *c = *rv->schemaname ? NULL : cte_find(l, sc, rv->relname);
	const struct relation *r;

	lineage_seen(l, rv);
	if (c)
		return from_cte(l, sc, rv, c);
	r = relation_find(l, rv);
	if (!r)
		return NULL;
	if (!strchr("rvmfpSt", r->kind)) {
		lineage_fail(l, "42809", rv->location, "cannot open relation \"%s\"", r->name);
		return NULL;
	}
	lineage_reads(l, r, rv);
	read_relation(l, r);
	return item_of_relation(l, rv, r);
}

static struct item *from_outputs(struct lineage *l, struct outputs *o, const PgQuery__Alias *alias)
{
	struct item *it = lineage_alloc(l, 1, sizeof(*it));

	if (!it)
		return NULL;
	it->cols = o->v;
	it->ncols = o->n;
	it->alias = "";
	item_alias(l, it, alias);
	return it;
}

static struct item *from_subselect(struct lineage *l, struct scope *sc, const PgQuery__RangeSubselect *s)
{
	bool before = sc->lateral;
	struct outputs o = {0};

	lineage_seen(l, s);
	sc->lateral = s->lateral;
	query(l, sc, s->subquery, &o);
	sc->lateral = before;
	return from_outputs(l, &o, s->alias);
}

/* pg_show_all_settings(), which pg_settings shows as it is. NULL: something else. */
static struct item *from_settings(struct lineage *l, const PgQuery__RangeFunction *f)
{
	const PgQuery__List *entry = f->n_functions == 1 ? f->functions[0]->list : NULL;
	const PgQuery__FuncCall *call;
	const struct relation *r;
	struct item *it;

	if (!entry || f->functions[0]->node_case != PG_QUERY__NODE__NODE_LIST || !entry->n_items ||
		entry->items[0]->node_case != PG_QUERY__NODE__NODE_FUNC_CALL || f->ordinality ||
		f->is_rowsfrom || f->n_coldeflist)
		return NULL;
	call = entry->items[0]->func_call;
	if (!call->n_funcname || call->n_funcname > 2 || call->n_args || call->agg_filter || call->over ||
		call->agg_star || call->agg_distinct || call->n_agg_order ||
		strcmp(node_string(call->funcname[call->n_funcname - 1]), "pg_show_all_settings") != 0)
		return NULL;
	if (call->n_funcname == 2 ? strcmp(node_string(call->funcname[0]), "pg_catalog") != 0
				  : catalog_function(l->names->catalog, "pg_show_all_settings", 0) != NULL)
		return NULL;
	r = catalog_relation(l->names->catalog, "pg_catalog", "pg_settings");
	it = r ? lineage_alloc(l, 1, sizeof(*it)) : NULL;
	if (!it)
		return NULL;
	lineage_seen(l, f);
	lineage_seen(l, call);
	lineage_relation(l, r);
	read_relation(l, r);
	it->rel = r;
	it->alias = "pg_show_all_settings";
	item_alias(l, it, f->alias);
	return it;
}

/* XMLTABLE, JSON_TABLE: like a function, they see what stands before them. */
static struct item *from_table(struct lineage *l, struct scope *sc, const PgQuery__Node *n)
{
	bool xml = n->node_case == PG_QUERY__NODE__NODE_RANGE_TABLE_FUNC, before = sc->lateral;
	const PgQuery__Alias *alias = xml ? n->range_table_func->alias : n->json_table->alias;
	struct outputs o = {0};
	struct item *it;

	sc->lateral = true;
	if (xml)
		xml_table(l, sc, n->range_table_func, &o);
	else
		json_table(l, sc, n->json_table, &o);
	sc->lateral = before;
	it = from_outputs(l, &o, alias);
	if (it && !alias)
		it->alias = xml ? "xmltable" : "json_table";
	return it;
}

static struct item *from_sample(
	struct lineage *l, struct scope *sc, const PgQuery__RangeTableSample *s, struct namespace_ *ns)
{
	static const char *const methods[] = {"bernoulli", "system"};
	const char *method = s->n_method ? node_string(s->method[s->n_method - 1]) : "";
	struct colset place = {0};
	struct mention *named;
	struct item *it;
	bool known = false;

	lineage_seen(l, s);
	for (unsigned i = 0; i < ARRAY_LEN(methods); i++)
		known = known || !strcmp(methods[i], method);
	if (!known || s->n_method > 2 ||
		(s->n_method == 2 && strcmp(node_string(s->method[0]), "pg_catalog") != 0))
		lineage_odd(l, s->location, "this TABLESAMPLE method");
	for (size_t i = 0; i < s->n_args; i++)
		predicate(l, sc, s->args[i], "TABLESAMPLE");
	if (s->repeatable)
		predicate(l, sc, s->repeatable, "TABLESAMPLE");
	if (!s->relation || s->relation->node_case != PG_QUERY__NODE__NODE_RANGE_VAR) {
		lineage_odd(l, s->location, "TABLESAMPLE of this");
		return NULL;
	}
	it = from_item(l, sc, s->relation, ns);
	named = lineage_mention(l, s->relation->range_var->location);
	if (named)
		named->sample = true;
	if (it && it->rel)
		lineage_place(l, it->rel, &place);
	lineage_use_set(l, &place, "TABLESAMPLE");
	return it;
}

struct item *from_item(struct lineage *l, struct scope *sc, const PgQuery__Node *n, struct namespace_ *ns)
{
	struct item *it = NULL;

	if (lineage_stopped(l))
		return NULL;
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_RANGE_VAR: it = from_range_var(l, sc, n->range_var); break;
	case PG_QUERY__NODE__NODE_RANGE_SUBSELECT: it = from_subselect(l, sc, n->range_subselect); break;
	case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
		it = from_settings(l, n->range_function);
		it = it ? it : from_function(l, sc, n->range_function);
		break;
	case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE: return from_sample(l, sc, n->range_table_sample, ns);
	case PG_QUERY__NODE__NODE_JOIN_EXPR: return from_join(l, sc, n->join_expr, ns);
	case PG_QUERY__NODE__NODE_RANGE_TABLE_FUNC:
	case PG_QUERY__NODE__NODE_JSON_TABLE: it = from_table(l, sc, n); break;
	default: lineage_odd(l, -1, "a part of the FROM clause"); break;
	}
	if (it && !lineage_stopped(l))
		namespace_add(l, ns, (struct visible){it, *it->alias != '\0', true, false});
	return it;
}

void from_clause(struct lineage *l, struct scope *sc, PgQuery__Node **items, size_t n)
{
	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		struct namespace_ ns = {0};

		if (!from_item(l, sc, items[i], &ns) || lineage_stopped(l))
			return;
		for (unsigned j = 0; j < ns.n; j++) {
			ns.v[j].lateral = true;
			namespace_add(l, &sc->ns, ns.v[j]);
		}
	}
	for (unsigned i = 0; i < sc->ns.n; i++)
		sc->ns.v[i].lateral = false;
}
