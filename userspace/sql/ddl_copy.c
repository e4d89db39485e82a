/* SPDX-License-Identifier: MIT */
/* Statements that make a relation out of a query, and plain ones about relations: what they copy is stored,
 * as by INSERT. A view copies nothing, and what it shows is followed through its definition; but who reads a
 * name may find it: code of the database's own, and a statement of another session that was judged by what
 * the name meant before and waits for the lock. */
#include "sql/catalog_internal.h"
#include "sql/lineage.h"

#include <string.h>

static void define(struct lineage *l)
{
	l->s->kind = STATEMENT_DEFINE;
	l->s->defines = l->s->listed = l->s->copies = true;
	l->s->code = l->s->code || catalog_has_event_triggers(l->names->catalog);
}

/* names are those that the statement gives its columns; the rest are called as the query calls them. */
static void copy_all(struct lineage *l, const struct outputs *o, PgQuery__Node **names, size_t n)
{
	for (unsigned i = 0; i < o->n && !lineage_stopped(l); i++)
		dml_copy(l, &o->v[i].t, (struct colref){0}, i < n ? node_string(names[i]) : o->v[i].name);
}

static void make(struct lineage *l, const PgQuery__RangeVar *rv, char kind)
{
	define(l);
	l->s->makes_kind = kind;
	if (!rv) {
		lineage_odd(l, -1, "this copy");
		return;
	}
	l->s->temporary = *rv->relpersistence == 't' || !strcmp(rv->schemaname, "pg_temp");
	ddl_new_name(l, rv->schemaname, rv->relname, rv->location);
}

/* The options of INTO are constants by their grammar. */
static void copy(struct lineage *l, const PgQuery__IntoClause *into, const PgQuery__SelectStmt *q, char kind)
{
	struct outputs o = {0};

	make(l, into ? into->rel : NULL, kind);
	if (lineage_stopped(l))
		return;
	select_query(l, NULL, q, NULL, &o);
	copy_all(l, &o, into->col_names, into->n_col_names);
}

/* What the name stands for the session knows. */
static void copy_of_execute(struct lineage *l, const PgQuery__CreateTableAsStmt *s)
{
	make(l, s->into ? s->into->rel : NULL, 'r');
	l->s->inner = statement_inner(l, s->query);
	l->s->copies = false;
	l->s->code = true;
}

void ddl_create_as(struct lineage *l, const PgQuery__CreateTableAsStmt *s)
{
	if (s->query && s->query->node_case == PG_QUERY__NODE__NODE_EXECUTE_STMT && l->names->unfollowed) {
		copy_of_execute(l, s);
		return;
	}
	if (!s->query || s->query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT ||
		s->query->select_stmt->into_clause) {
		lineage_odd(l, -1, "a copy of this");
		return;
	}
	copy(l, s->into, s->query->select_stmt,
		s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW ? 'm' : 'r');
	if (!lineage_stopped(l))
		(void)lineage_covered(l, s->query);
}

/* The clause is the tree's own; without it the query is judged as any other. */
void ddl_select_into(struct lineage *l, const PgQuery__Node *n)
{
	PgQuery__SelectStmt *q = (PgQuery__SelectStmt *)(uintptr_t)n->select_stmt;
	PgQuery__IntoClause *into = q->into_clause;

	q->into_clause = NULL;
	copy(l, into, q, 'r');
	if (!lineage_stopped(l))
		(void)lineage_covered(l, n);
	q->into_clause = into;
}

struct stored_view {
	uint32_t view;
	const struct relation *found;
};

static bool finds_stored(void *arg, const struct relation *r)
{
	struct stored_view *s = arg;

	for (unsigned i = 0; r->kind == 'm' && i < r->nbelow; i++)
		if (r->below[i] == s->view)
			s->found = r;
	return !s->found;
}

/* What a materialized view has stored is what its definition showed when it was filled. */
static void replace(struct lineage *l, const PgQuery__RangeVar *rv)
{
	const struct relation *r = scope_relation(l->names, rv->schemaname, rv->relname);
	struct stored_view s = {.view = r ? r->oid : 0};

	if (!r)
		return;
	lineage_looks_up(l, rv->schemaname, rv->relname);
	lineage_redefines(l, r);
	catalog_each_relation(l->names->catalog, finds_stored, &s);
	if (catalog_has_code(l->names->catalog))
		lineage_doubt(l, rv->location,
			"what reads %s.%s is not known, so it may not be replaced here", r->schema, r->name);
	else if (s.found)
		lineage_doubt(l, rv->location,
			"the materialized view %s.%s holds what %s.%s showed, so it may not be replaced here",
			s.found->schema, s.found->name, r->schema, r->name);
}

static void view(struct lineage *l, const PgQuery__ViewStmt *s)
{
	struct outputs o = {0};
	unsigned groups;

	make(l, s->view, 'v');
	if (lineage_stopped(l))
		return;
	if (s->replace)
		replace(l, s->view);
	groups = l->groups.n;
	query(l, NULL, s->query, &o);
	/* nothing is evaluated until somebody reads the view, and who reads this one knows what it is */
	if (groups == 0 && l->s->temporary)
		l->groups.n = 0;
	if (!l->s->temporary || catalog_has_code(l->names->catalog))
		copy_all(l, &o, s->aliases, s->n_aliases);
	if (!lineage_stopped(l))
		(void)lineage_covered(l, s->query);
}

/* VACUUM and ANALYZE of a catalogue change nothing that it says. */
static const struct relation *found(struct lineage *l, const PgQuery__RangeVar *rv)
{
	const struct relation *r = rv ? relation_find(l, rv) : NULL;

	if (!r)
		return NULL;
	lineage_relation(l, r);
	l->s->triggers = l->s->triggers || r->triggers;
	l->s->code = l->s->code || r->code || r->rules;
	if (r->system && !(l->names->unfollowed && l->s->surveys))
		lineage_fail(l, "42501", rv->location, "%s.%s may not be changed here", r->schema, r->name);
	return r;
}

static void each(struct lineage *l, PgQuery__Node **v, size_t n)
{
	define(l);
	l->s->defines = false;
	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		const PgQuery__VacuumRelation *one = v[i]->vacuum_relation;

		if (v[i]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR)
			(void)found(l, v[i]->range_var);
		else if (v[i]->node_case == PG_QUERY__NODE__NODE_VACUUM_RELATION)
			(void)found(l, one->relation);
		else
			lineage_odd(l, -1, "this relation");
	}
}

static void truncate(struct lineage *l, const PgQuery__TruncateStmt *s)
{
	each(l, s->relations, s->n_relations);
	l->s->writes = true;
	/* what goes with it may have triggers of its own */
	l->s->code = l->s->code || s->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
}

static void refresh(struct lineage *l, const PgQuery__RefreshMatViewStmt *s)
{
	const struct relation *r;

	define(l);
	r = found(l, s->relation);
	if (!r)
		return;
	if (r->kind != 'm' || r->problem) {
		lineage_odd(l, -1, "refreshing this");
		return;
	}
	lineage_use_set(l, &r->uses, "the definition of a materialized view");
	for (unsigned i = 0; i < r->nopaque; i++)
		lineage_opaque_function(l, NULL, r->opaque[i].name, r->opaque[i].function);
	if (r->settings)
		lineage_opaque(l, "pg_catalog", "current_setting");
	for (unsigned i = 0; i < r->ncols; i++)
		dml_copy(l, &(struct taint){.from = r->cols[i].read, .direct = r->cols[i].direct},
			(struct colref){0}, r->cols[i].name);
	l->s->makes_kind = 'm';
	l->s->code = true;
}

bool ddl_other(struct lineage *l, const PgQuery__Node *n)
{
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
		ddl_create_as(l, n->create_table_as_stmt);
		return true;
	case PG_QUERY__NODE__NODE_VIEW_STMT: view(l, n->view_stmt); return true;
	case PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT: refresh(l, n->refresh_mat_view_stmt); return true;
	case PG_QUERY__NODE__NODE_TRUNCATE_STMT: truncate(l, n->truncate_stmt); return true;
	case PG_QUERY__NODE__NODE_VACUUM_STMT: /* and ANALYZE; of all tables, if none is named */
		l->s->surveys = true;
		each(l, n->vacuum_stmt->rels, n->vacuum_stmt->n_rels);
		l->s->code = l->s->code || !n->vacuum_stmt->n_rels;
		return true;
	case PG_QUERY__NODE__NODE_COMMENT_STMT: /* a constant, by its grammar */
		define(l);
		l->s->defines = false;
		return true;
	case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT: /* what was deferred runs */
		define(l);
		l->s->defines = false;
		l->s->code = true;
		return true;
	default: return false;
	}
}
