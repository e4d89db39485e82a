/* SPDX-License-Identifier: MIT */
/* INSERT, UPDATE, DELETE, at the top or in a WITH: what is written where, out of what. */
#include "sql/lineage.h"

#include <string.h>

#define CASCADE_MAX 100 /* foreign keys that lead on to each other */

/* What writing a relation may run, in its children too. */
struct effects {
	bool triggers, code, computes;
};

static struct effects effects_of(struct lineage *l, const struct relation *r)
{
	struct effects e = {r->triggers, r->code, r->computes};

	for (unsigned i = 0; i < r->nchildren && lineage_spend(l, 1); i++) {
		const struct relation *c = catalog_relation_by_oid(l->names->catalog, r->children[i]);

		e.triggers = e.triggers || !c || c->triggers;
		e.code = e.code || !c || c->code;
		e.computes = e.computes || !c || c->computes;
	}
	return e;
}

static void note_effects(struct lineage *l, const struct relation *r)
{
	struct effects e = effects_of(l, r);

	l->s->triggers = l->s->triggers || e.triggers;
	l->s->code = l->s->code || e.code;
}

static void test(struct lineage *l, const struct colset *s)
{
	if (lineage_spend(l, s->n) && !colset_union(l->a, &l->s->tested, s))
		l->oom = true;
}

/* ---- foreign keys: what a change of one relation does to others ---- */
static void reach(struct lineage *l, struct colset *done, struct colref what, unsigned depth);

static void reach_columns(struct lineage *l, struct colset *done, const struct relation *r,
	const struct colset *s, unsigned depth)
{
	for (unsigned i = 0; i < s->n && !lineage_stopped(l); i++) {
		const struct column *c = relation_column_by_attnum(r, s->v[i].attnum);

		if (!c)
			continue;
		test(l, &c->against);
		test(l, &c->beside);
		reach(l, done, s->v[i], depth);
	}
}

static void follow(struct lineage *l, struct colset *done, const struct reference *ref, char action,
	bool deleted, unsigned depth)
{
	const struct relation *r = catalog_relation_by_oid(l->names->catalog, ref->relid);

	test(l, &ref->from);
	test(l, &ref->to);
	if (!r)
		return;
	lineage_relation(l, r);
	if (action == 'a' || action == 'r')
		return; /* it is only looked at */
	note_effects(l, r);
	l->s->code = l->s->code || r->rules;
	if (action == 'c' && deleted)
		reach(l, done, (struct colref){r->oid, 0}, depth);
	else
		reach_columns(l, done, r, &ref->from, depth);
	for (unsigned i = 0; action == 'd' && i < ref->from.n; i++)
		fallback_column(l, r, relation_column_by_attnum(r, ref->from.v[i].attnum));
}

/* A changed column, or with attnum 0 a deleted row. Whether others refer to it decides whether it may go, or
 * what goes with it, by their columns' values and with their triggers; and messages of all that come back
 * too. */
static void reach(struct lineage *l, struct colset *done, struct colref what, unsigned depth)
{
	const struct relation *r = catalog_relation_by_oid(l->names->catalog, what.relid);

	if (!r || colset_has(done, what) || !lineage_spend(l, 1ul + r->nreferences))
		return;
	if (depth > CASCADE_MAX) {
		lineage_odd(l, -1, "so long a chain of foreign keys");
		return;
	}
	if (!colset_add(l->a, done, what))
		l->oom = true;
	for (unsigned i = 0; what.attnum && i < r->ncols && lineage_spend(l, 1); i++)
		if (colset_has(&r->cols[i].from, what)) /* it is generated from the changed one */
			reach(l, done, (struct colref){r->oid, r->cols[i].attnum}, depth + 1);
	for (unsigned i = 0; i < r->nreferences && !lineage_stopped(l); i++) {
		const struct reference *ref = &r->references[i];

		if (what.attnum == 0)
			follow(l, done, ref, ref->on_delete, true, depth + 1);
		else if (colset_has(&ref->to, what))
			follow(l, done, ref, ref->on_update, false, depth + 1);
	}
}

/* What is behind it changes, with its triggers and constraints. */
static void view_target(struct lineage *l, const struct relation *r, int location)
{
	lineage_doubt(l, location, "writing through the view %s.%s is not understood", r->schema, r->name);
	l->s->apart = l->s->triggers = l->s->code = true;
	if (r->problem)
		lineage_odd(l, location, "the view's definition");
}

static void ruled_target(struct lineage *l, const struct relation *r, int location)
{
	lineage_doubt(l, location, "%s.%s has rewrite rules, which could turn the statement into another",
		r->schema, r->name);
	l->s->apart = l->s->code = true;
}

const struct relation *dml_target(struct lineage *l, const PgQuery__RangeVar *rv, bool inserts)
{
	const struct relation *r;

	if (!rv) {
		lineage_odd(l, -1, "a statement without a target");
		return NULL;
	}
	lineage_seen(l, rv);
	r = relation_find(l, rv);
	if (!r)
		return NULL;
	l->s->writes = true;
	lineage_writes(l, r, inserts);
	if (r->system)
		lineage_fail(
			l, "42501", rv->location, "writing to %s.%s is not allowed here", r->schema, r->name);
	else if (r->kind == 'v')
		view_target(l, r, rv->location);
	else if (!strchr("rpf", r->kind))
		lineage_fail(l, "42809", rv->location, "cannot change relation \"%s\"", r->name);
	else if (r->rules)
		ruled_target(l, r, rv->location);
	note_effects(l, r);
	return lineage_stopped(l) ? NULL : r;
}

/* Its CHECK may look up anything, and then whether a value passes tells of it. */
static void note_domain(struct lineage *l, const struct column *c)
{
	const struct type *t = catalog_type_by_oid(l->names->catalog, c->type_oid);

	lineage_opaque(l, t ? t->schema : "?", t ? t->name : "?");
}

/* All that it tells is whether one of so many constants is there already. */
static bool pays(const struct relation *r, const struct column *c, unsigned constants)
{
	return constants && c->equal && c->simple && !c->collated && !c->foreign && c->against.n == 1 &&
	       colset_has(&c->against, (struct colref){r->oid, c->attnum});
}

/* An INSERT is held against other rows only, and only for the columns that it names: the one that it leaves
 * to its default cannot be used to guess. A change is held against the rest of its row too. What is put there
 * is one of so many constants of the text; 0: something else. */
static void assign(
	struct lineage *l, const struct relation *r, const char *name, bool change, unsigned constants)
{
	const struct column *c = relation_column(r, name);
	struct colset done = {0};

	if (!c)
		return;
	if (!colset_add(l->a, &l->s->assigned, (struct colref){r->oid, c->attnum}))
		l->oom = true;
	if (pays(r, c, constants))
		lineage_pay(l, &c->against, constants);
	else
		test(l, &c->against);
	if (c->code)
		note_domain(l, c);
	if (!change)
		return;
	test(l, &c->beside);
	reach(l, &done, (struct colref){r->oid, c->attnum}, 0);
}

static void assign_all(struct lineage *l, const struct relation *r, const char *column, int location,
	bool change, unsigned constants)
{
	if (!relation_column(r, column)) {
		lineage_fail_retry(l, "42703", location, "column \"%s\" of relation \"%s\" does not exist",
			column, r->name);
		return;
	}
	assign(l, r, column, change, constants);
	for (unsigned i = 0; i < r->nchildren && lineage_spend(l, 1); i++) {
		const struct relation *c = catalog_relation_by_oid(l->names->catalog, r->children[i]);

		if (c)
			assign(l, c, column, change, constants);
	}
}

void dml_assign(
	struct lineage *l, const struct relation *r, const char *column, int location, unsigned constants)
{
	assign_all(l, r, column, location, false, constants);
}

void dml_unassign(struct lineage *l, const struct relation *r)
{
	struct colset done = {0};

	reach(l, &done, (struct colref){r->oid, 0}, 0);
	for (unsigned i = 0; i < r->nchildren && lineage_spend(l, 1); i++)
		reach(l, &done, (struct colref){r->children[i], 0}, 0);
}

/* SET a[1] = …, INSERT (a.f): the steps may read. */
static void indirection(struct lineage *l, struct scope *sc, const PgQuery__ResTarget *t)
{
	for (size_t i = 0; i < t->n_indirection && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = t->indirection[i];

		if (n->node_case == PG_QUERY__NODE__NODE_STRING)
			continue;
		if (n->node_case != PG_QUERY__NODE__NODE_A_INDICES) {
			lineage_odd(l, t->location, "the target of an assignment");
			return;
		}
		lineage_seen(l, n->a_indices);
		if (n->a_indices->lidx)
			predicate(l, sc, n->a_indices->lidx, "a subscript");
		if (n->a_indices->uidx)
			predicate(l, sc, n->a_indices->uidx, "a subscript");
	}
}

/* Putting a value into a column of another type casts it, without a word in the statement. */
void dml_store(struct lineage *l, const struct taint *t)
{
	const struct type *f = t->foreign && t->type ? type_foreign(l->names->catalog, t->type) : NULL;

	if (t->foreign && (!f || f->cast))
		lineage_opaque(l, NULL, t->foreign);
	lineage_store(l, &t->from);
}

/* A view copies what it computes, too: it is followed. */
void dml_copy(struct lineage *l, const struct taint *t, struct colref to, const char *name)
{
	struct statement *s = l->s;
	struct copy *v = s->copied;

	if (!t->from.n || (!t->direct && s->makes_kind != 'v') || s->ncopied == COPIES_MAX) {
		dml_store(l, t);
		return;
	}
	if (s->ncopied == l->copied_cap) {
		unsigned cap = l->copied_cap ? l->copied_cap * 2 : 8;

		v = lineage_alloc(l, cap, sizeof(*v));
		if (!v)
			return;
		if (s->ncopied)
			memcpy(v, s->copied, s->ncopied * sizeof(*v));
		s->copied = v;
		l->copied_cap = cap;
	}
	if (t->foreign)
		dml_store(l, &(struct taint){.type = t->type, .foreign = t->foreign});
	v[s->ncopied++] = (struct copy){t->from, to, name, t->direct};
}

static void store_subquery(struct lineage *l, struct scope *sc, const PgQuery__SubLink *s)
{
	struct outputs o = {0};

	lineage_seen(l, s);
	if (s->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK || !s->subselect) {
		lineage_odd(l, s->location, "the source of an assignment");
		return;
	}
	query(l, sc, s->subselect, &o);
	for (unsigned i = 0; i < o.n; i++)
		dml_store(l, &o.v[i].t);
}

/* SET (a, b) = (…): the source comes once for each column; each time all of it counts. */
static void multi(struct lineage *l, struct scope *sc, const struct relation *r, const char *name,
	const PgQuery__MultiAssignRef *m)
{
	const PgQuery__RowExpr *row = m->source && m->source->node_case == PG_QUERY__NODE__NODE_ROW_EXPR
					      ? m->source->row_expr
					      : NULL;
	struct taint t;

	lineage_seen(l, m);
	if (row && m->colno > 0 && (size_t)m->colno <= row->n_args && is_default(row->args[m->colno - 1]))
		fallback_column(l, r, relation_column(r, name));
	if (!m->source) {
		lineage_odd(l, -1, "the source of an assignment");
	} else if (m->source->node_case == PG_QUERY__NODE__NODE_SUB_LINK) {
		store_subquery(l, sc, m->source->sub_link);
	} else {
		t = expr(l, sc, m->source);
		dml_store(l, &t);
	}
}

/* Into the column that t names, or a part of it. */
static void store_at(
	struct lineage *l, const struct relation *r, const PgQuery__ResTarget *t, const struct taint *value)
{
	const struct column *c = relation_column(r, t->name);

	if (c && !t->n_indirection)
		dml_copy(l, value, (struct colref){r->oid, c->attnum, 0, 0}, c->name);
	else
		dml_store(l, value);
}

/* A constant or a parameter, as it is or cast. */
static bool is_given(const PgQuery__Node *n)
{
	if (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST && n->type_cast->arg)
		n = n->type_cast->arg;
	return n->node_case == PG_QUERY__NODE__NODE_A_CONST ||
	       n->node_case == PG_QUERY__NODE__NODE_PARAM_REF ||
	       n->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT;
}

void dml_set_list(struct lineage *l, struct scope *sc, const struct relation *r, PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		const PgQuery__ResTarget *t = v[i]->res_target;
		struct taint value;

		if (v[i]->node_case != PG_QUERY__NODE__NODE_RES_TARGET || !t->val) {
			lineage_odd(l, -1, "an assignment");
			return;
		}
		lineage_seen(l, t);
		assign_all(l, r, t->name, t->location, true, is_given(t->val));
		indirection(l, sc, t);
		if (t->val->node_case == PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF) {
			multi(l, sc, r, t->name, t->val->multi_assign_ref);
			continue;
		}
		if (is_default(t->val))
			fallback_column(l, r, relation_column(r, t->name));
		value = expr(l, sc, t->val);
		lineage_free(l, t->val);
		store_at(l, r, t, &value);
	}
}

/* What RETURNING shows of a row is what is stored, whatever triggers made of it: a SELECT behind
 * it shows the same. Elsewhere they may give rows that nothing stores. */
static bool stores(struct lineage *l, const struct relation *r)
{
	bool all = r->kind == 'r' || r->kind == 'p';

	for (unsigned i = 0; all && i < r->nchildren && lineage_spend(l, 1); i++) {
		const struct relation *c = catalog_relation_by_oid(l->names->catalog, r->children[i]);

		all = c && (c->kind == 'r' || c->kind == 'p');
	}
	return all;
}

void dml_returning(struct lineage *l, struct scope *sc, const struct relation *r, PgQuery__Node **v, size_t n,
	struct outputs *out)
{
	struct effects e;

	if (!n)
		return;
	if (r->rules) {
		lineage_fail(l, "42501", -1,
			"%s.%s has rewrite rules, which could change what RETURNING shows", r->schema,
			r->name);
		return;
	}
	e = effects_of(l, r);
	if (e.computes || (e.triggers && !stores(l, r)))
		lineage_doubt(l, -1, "a %s %s.%s could change what RETURNING shows",
			e.computes ? "default, generated column or cast of" : "trigger on", r->schema,
			r->name);
	select_targets(l, sc, v, n, out);
}

/* ---- ON CONFLICT: whether there is a conflict tells of the rows that are there ---- */
static void use_unique(struct lineage *l, const struct relation *r)
{
	for (unsigned i = 0; i < r->ncols; i++) {
		struct taint t = relation_read(l, r, i, false);

		if (colset_has(&r->cols[i].against, (struct colref){r->oid, r->cols[i].attnum}))
			lineage_use(l, &t, "ON CONFLICT");
	}
}

static void infer(
	struct lineage *l, struct scope *sc, const struct relation *r, const PgQuery__InferClause *f)
{
	lineage_seen(l, f);
	if (f->n_index_elems == 0 || *f->conname)
		use_unique(l, r);
	for (size_t i = 0; i < f->n_index_elems && !lineage_stopped(l); i++) {
		const PgQuery__IndexElem *e = f->index_elems[i]->index_elem;
		struct taint t = {0};

		if (f->index_elems[i]->node_case != PG_QUERY__NODE__NODE_INDEX_ELEM || e->n_opclassopts) {
			lineage_odd(l, f->location, "ON CONFLICT");
			return;
		}
		lineage_seen(l, e);
		if (e->expr) {
			predicate(l, sc, e->expr, "ON CONFLICT");
			continue;
		}
		if (!scope_column(l, sc, e->name, f->location, &t))
			lineage_fail_retry(l, "42703", f->location, "column \"%s\" does not exist", e->name);
		lineage_use(l, &t, "ON CONFLICT");
	}
	if (f->where_clause)
		predicate(l, sc, f->where_clause, "ON CONFLICT");
}

/* The row that was proposed: each column is what the statement would have put there. */
static struct item *excluded(struct lineage *l, const struct relation *r, const struct outputs *values,
	const PgQuery__InsertStmt *q)
{
	struct item *it = lineage_alloc(l, 1, sizeof(*it));
	struct taint all = {0};

	if (!it || !lineage_spend(l, r->ncols))
		return NULL;
	it->cols = lineage_alloc(l, r->ncols, sizeof(*it->cols));
	if (!it->cols)
		return NULL;
	for (unsigned i = 0; i < values->n; i++)
		taint_mix(l, &all, &values->v[i].t);
	it->alias = "excluded";
	it->ncols = r->ncols;
	for (unsigned i = 0; i < r->ncols; i++) {
		struct taint t = q->n_cols ? all : i < values->n ? values->v[i].t : (struct taint){0};

		/* the type is the column's, whatever the value's was */
		it->cols[i] = (struct label){r->cols[i].name, {.from = t.from,
								      .type = r->cols[i].type_oid,
								      .odd = !r->cols[i].simple,
								      .foreign = r->cols[i].foreign}};
	}
	return it;
}

static void on_conflict(struct lineage *l, struct scope *sc, const struct relation *r,
	const PgQuery__InsertStmt *q, const struct outputs *values)
{
	const PgQuery__OnConflictClause *c = q->on_conflict_clause;
	struct item *ex;

	lineage_seen(l, c);
	if (c->infer)
		infer(l, sc, r, c->infer);
	else
		use_unique(l, r);
	if (c->action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_NOTHING)
		return;
	if (c->action != PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE) {
		lineage_odd(l, c->location, "ON CONFLICT");
		return;
	}
	ex = excluded(l, r, values, q);
	if (!ex)
		return;
	namespace_add(l, &sc->ns, (struct visible){ex, true, false, false});
	dml_set_list(l, sc, r, c->target_list, c->n_target_list);
	if (c->where_clause)
		predicate(l, sc, c->where_clause, "ON CONFLICT");
	sc->ns.n = 1;
}

/* How many constants VALUES has in that place; 0: something else is there. */
static unsigned constants_at(const PgQuery__InsertStmt *q, size_t place)
{
	const PgQuery__SelectStmt *v =
		q->select_stmt && q->select_stmt->node_case == PG_QUERY__NODE__NODE_SELECT_STMT
			? q->select_stmt->select_stmt
			: NULL;

	for (size_t i = 0; v && i < v->n_values_lists; i++) {
		const PgQuery__Node *n = v->values_lists[i];

		if (n->node_case != PG_QUERY__NODE__NODE_LIST || place >= n->list->n_items ||
			!is_given(n->list->items[place]))
			return 0;
	}
	return v && !v->n_sort_clause && !v->limit_count && !v->limit_offset ? (unsigned)v->n_values_lists
									     : 0;
}

static void insert_columns(struct lineage *l, struct scope *sc, const struct relation *r,
	const PgQuery__InsertStmt *q, unsigned nvalues)
{
	for (size_t i = 0; i < q->n_cols && !lineage_stopped(l); i++) {
		const PgQuery__ResTarget *t = q->cols[i]->res_target;

		if (q->cols[i]->node_case != PG_QUERY__NODE__NODE_RES_TARGET || t->val) {
			lineage_odd(l, -1, "a column list");
			return;
		}
		lineage_seen(l, t);
		dml_assign(l, r, t->name, t->location, t->n_indirection ? 0 : constants_at(q, i));
		indirection(l, sc, t);
	}
	if (!q->n_cols && q->select_stmt)
		for (unsigned i = 0; i < r->ncols && !lineage_stopped(l); i++)
			dml_assign(l, r, r->cols[i].name, -1, constants_at(q, i));
	if (nvalues > (q->n_cols ? q->n_cols : r->ncols))
		lineage_fail(l, "42601", -1, "INSERT has more expressions than target columns");
	else if (q->n_cols && q->select_stmt && nvalues < q->n_cols)
		lineage_fail(l, "42601", -1, "INSERT has more target columns than expressions");
}

/* The n-th value of each row. Behind ON CONFLICT it may go into any column. */
static void insert_value(struct lineage *l, const struct relation *r, const PgQuery__InsertStmt *q,
	unsigned n, const struct taint *value)
{
	if (q->on_conflict_clause)
		dml_store(l, value);
	else if (q->n_cols)
		store_at(l, r, q->cols[n]->res_target, value);
	else
		dml_copy(l, value, (struct colref){r->oid, r->cols[n].attnum, 0, 0}, r->cols[n].name);
}

/* Until FROM was read, subqueries in it do not see the target. */
static void target_item(struct lineage *l, struct scope *sc, const PgQuery__RangeVar *rv,
	const struct relation *r, bool lateral)
{
	struct item *it = item_of_relation(l, rv, r);

	if (it)
		namespace_add(l, &sc->ns, (struct visible){it, true, true, lateral});
}

void insert_statement(
	struct lineage *l, struct scope *outer, const PgQuery__InsertStmt *q, struct outputs *out)
{
	struct scope sc = {.outer = outer};
	struct outputs values = {0};
	const struct relation *r;

	lineage_seen(l, q);
	if (q->with_clause)
		with_clause(l, &sc, q->with_clause);
	r = dml_target(l, q->relation, !q->on_conflict_clause);
	if (!r)
		return;
	if (q->select_stmt)
		query(l, &sc, q->select_stmt, &values);
	if (lineage_stopped(l))
		return;
	insert_columns(l, &sc, r, q, values.n);
	if (!lineage_stopped(l))
		fallback_insert(l, r, q, values.n);
	for (unsigned i = 0; i < values.n && !lineage_stopped(l); i++)
		insert_value(l, r, q, i, &values.v[i].t);
	target_item(l, &sc, q->relation, r, false);
	if (q->on_conflict_clause && !lineage_stopped(l))
		on_conflict(l, &sc, r, q, &values);
	dml_returning(l, &sc, r, q->returning_list, q->n_returning_list, out);
}

void update_statement(
	struct lineage *l, struct scope *outer, const PgQuery__UpdateStmt *q, struct outputs *out)
{
	struct scope sc = {.outer = outer};
	const struct relation *r;

	lineage_seen(l, q);
	if (q->with_clause)
		with_clause(l, &sc, q->with_clause);
	r = dml_target(l, q->relation, false);
	if (!r)
		return;
	target_item(l, &sc, q->relation, r, true);
	from_clause(l, &sc, q->from_clause, q->n_from_clause);
	dml_set_list(l, &sc, r, q->target_list, q->n_target_list);
	if (q->where_clause && !lineage_stopped(l))
		ask_where(l, &sc, q, q->where_clause);
	dml_returning(l, &sc, r, q->returning_list, q->n_returning_list, out);
}

void delete_statement(
	struct lineage *l, struct scope *outer, const PgQuery__DeleteStmt *q, struct outputs *out)
{
	struct scope sc = {.outer = outer};
	const struct relation *r;

	lineage_seen(l, q);
	if (q->with_clause)
		with_clause(l, &sc, q->with_clause);
	r = dml_target(l, q->relation, false);
	if (!r)
		return;
	target_item(l, &sc, q->relation, r, true);
	dml_unassign(l, r);
	from_clause(l, &sc, q->using_clause, q->n_using_clause);
	if (q->where_clause && !lineage_stopped(l))
		ask_where(l, &sc, q, q->where_clause);
	dml_returning(l, &sc, r, q->returning_list, q->n_returning_list, out);
}
