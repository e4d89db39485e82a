/* SPDX-License-Identifier: MIT */
#include "sql/lineage.h"

#include <string.h>
#include <strings.h>

static const char *word(const PgQuery__DefElem *d)
{
	return d->arg && d->arg->node_case == PG_QUERY__NODE__NODE_STRING ? d->arg->string->sval : "";
}

static bool utf8(const char *name)
{
	return !strcasecmp(name, "utf8") || !strcasecmp(name, "utf-8") || !strcasecmp(name, "unicode");
}

static void option(struct lineage *l, const PgQuery__DefElem *d)
{
	static const char *const harmless[] = {"delimiter", "null", "header", "quote", "escape",
		"force_quote", "force_not_null", "force_null", "freeze", "default"};

	if (!strcmp(d->defname, "format")) {
		if (!strcmp(word(d), "binary"))
			l->s->binary = true;
		else if (strcmp(word(d), "text") != 0 && strcmp(word(d), "csv") != 0)
			lineage_odd(l, d->location, "this COPY format");
		return;
	}
	if (!strcmp(d->defname, "encoding")) {
		if (!utf8(word(d)))
			lineage_fail(
				l, "42501", -1, "COPY in another encoding than UTF8 is not allowed here");
		return;
	}
	for (unsigned i = 0; i < ARRAY_LEN(harmless); i++)
		if (!strcmp(harmless[i], d->defname))
			return;
	lineage_odd(l, d->location, "this option of COPY");
}

static void options(struct lineage *l, const PgQuery__CopyStmt *c)
{
	for (size_t i = 0; i < c->n_options && !lineage_stopped(l); i++) {
		if (c->options[i]->node_case != PG_QUERY__NODE__NODE_DEF_ELEM)
			lineage_odd(l, -1, "an option of COPY");
		else
			option(l, c->options[i]->def_elem);
	}
}

static void out_columns(
	struct lineage *l, const PgQuery__CopyStmt *c, const struct item *it, struct outputs *o)
{
	for (unsigned i = 0; c->n_attlist == 0 && i < item_ncols(it) && !lineage_stopped(l); i++)
		outputs_add(l, o, item_name(it, i), item_taint(l, it, i));
	for (size_t i = 0; i < c->n_attlist && !lineage_stopped(l); i++) {
		const char *name = node_string(c->attlist[i]);
		struct taint t = {0};

		if (!relation_column(it->rel, name))
			lineage_fail_retry(l, "42703", -1, "column \"%s\" of relation \"%s\" does not exist",
				name, it->rel->name);
		else if (item_find(l, it, name, &t) == 1)
			outputs_add(l, o, name, t);
	}
}

static void copy_out(struct lineage *l, const PgQuery__CopyStmt *c)
{
	struct namespace_ ns = {0};
	struct scope sc = {0};
	struct outputs o = {0};
	PgQuery__Node n = PG_QUERY__NODE__INIT;
	struct item *it;

	l->s->kind = STATEMENT_COPY_OUT;
	n.node_case = PG_QUERY__NODE__NODE_RANGE_VAR;
	n.range_var = c->relation;
	it = from_item(l, &sc, &n, &ns);
	if (it && it->rel && !strchr("rpmf", it->rel->kind))
		lineage_fail(l, "42809", c->relation->location, "cannot copy from \"%s\": it is not a table",
			it->rel->name);
	if (it && it->rel)
		out_columns(l, c, it, &o);
	lineage_finish(l, &o, false);
}

static void copy_query(struct lineage *l, const PgQuery__CopyStmt *c)
{
	l->s->kind = STATEMENT_COPY_OUT;
	l->s->inner = statement_inner(l, c->query);
	lineage_finish(l, NULL, false);
	if (lineage_stopped(l))
		return;
	if (!l->s->inner->rows) {
		lineage_odd(l, -1, "COPY of this");
		return;
	}
	l->s->outputs = l->s->inner->outputs;
	l->s->noutputs = l->s->inner->noutputs;
}

static void copy_in(struct lineage *l, const PgQuery__CopyStmt *c)
{
	struct scope sc = {0};
	const struct relation *r;
	struct item *it;

	l->s->kind = STATEMENT_COPY_IN;
	r = dml_target(l, c->relation);
	if (!r)
		return;
	for (size_t i = 0; i < c->n_attlist && !lineage_stopped(l); i++)
		dml_assign(l, r, node_string(c->attlist[i]), -1);
	for (unsigned i = 0; c->n_attlist == 0 && i < r->ncols && !lineage_stopped(l); i++)
		dml_assign(l, r, r->cols[i].name, -1);
	it = item_of_relation(l, c->relation, r);
	if (it && c->where_clause) {
		namespace_add(l, &sc.ns, (struct visible){it, true, true, false});
		predicate(l, &sc, c->where_clause, "WHERE");
	}
}

void utility_copy(struct lineage *l, const PgQuery__CopyStmt *c)
{
	l->s->tag = "COPY";
	if (c->is_program || *c->filename) {
		lineage_fail(
			l, "42501", -1, "COPY with a file or a program on the server is not allowed here");
		return;
	}
	options(l, c);
	if (c->query && !c->is_from)
		copy_query(l, c);
	else if (c->relation && c->is_from)
		copy_in(l, c);
	else if (c->relation)
		copy_out(l, c);
	else
		lineage_odd(l, -1, "this COPY");
}
