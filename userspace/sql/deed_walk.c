/* SPDX-License-Identifier: MIT */
/* Every message of the tree is visited, so that nothing in it (a WITH query that writes, a subquery in
 * RETURNING, a call in a default) is left out for want of somebody who looks there. */
#include "sql/lineage.h"

#include <string.h>

struct walk {
	struct lineage *l;
	const PgQuery__Node *top;
	uint64_t as;          /* what is done to a relation that is named here */
	bool followed;        /* what calls mean was found out by the lineage */
	const char **queries; /* names of its WITH queries */
	unsigned nqueries, cap;
};

static void visit(struct walk *w, const ProtobufCMessage *m);

static const ProtobufCMessage *message(const void *m)
{
	return m;
}

static void visit_field(struct walk *w, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
	void (*fn)(struct walk *, const ProtobufCMessage *))
{
	const uint8_t *at = (const uint8_t *)m + f->offset;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t count = *(const size_t *)((const uint8_t *)m + f->quantifier_offset);
		ProtobufCMessage *const *v = *(ProtobufCMessage *const *const *)at;

		for (size_t i = 0; i < count; i++)
			fn(w, v[i]);
		return;
	}
	if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
		*(const uint32_t *)((const uint8_t *)m + f->quantifier_offset) == f->id)
		fn(w, *(ProtobufCMessage *const *)at);
}

static void visit_fields(struct walk *w, const ProtobufCMessage *m)
{
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		visit_field(w, m, &m->descriptor->fields[i], visit);
}

static void visit_all(struct walk *w, PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		visit(w, message(v[i]));
}

static void visit_as(struct walk *w, uint64_t as, const void *m)
{
	uint64_t before = w->as;

	w->as = as;
	visit(w, m);
	w->as = before;
}

/* ---- relations ---- */
static bool is_query(const struct walk *w, const PgQuery__RangeVar *rv)
{
	for (unsigned i = 0; i < w->nqueries && !*rv->schemaname; i++)
		if (!strcmp(w->queries[i], rv->relname))
			return true;
	return false;
}

/* Of a name that a WITH query has too, the lineage knows which is meant. */
static void range_var(struct walk *w, const PgQuery__RangeVar *rv)
{
	struct lineage *l = w->l;
	const struct relation *r = scope_relation(l->names, rv->schemaname, rv->relname);

	if (is_query(w, rv) &&
		(!r || (w->followed && !colset_has(&l->rels, (struct colref){r->oid, 0, 0, 0}))))
		return;
	deed_named(l, rv->schemaname, rv->relname, w->as, false);
}

static void target(struct walk *w, const PgQuery__RangeVar *rv, uint64_t effects, bool whole)
{
	if (rv)
		deed_named(w->l, rv->schemaname, rv->relname, effects, whole);
	else
		deed_unknown(w->l, effects, NULL, NULL);
}

static bool says_rows(struct walk *w, const PgQuery__RangeVar *rv, const PgQuery__Node *where, bool alone)
{
	const struct relation *r = rv ? scope_relation(w->l->names, rv->schemaname, rv->relname) : NULL;

	return r && where_says_rows(w->l, rv, r, where, alone);
}

/* ---- queries and changes ---- */
static void locked(struct walk *w, const PgQuery__SelectStmt *q)
{
	uint64_t as = w->as;

	if (q->n_locking_clause) {
		deed_plain(w->l, DOES_ROW_LOCK);
		w->as |= DOES_ROW_LOCK;
	}
	visit_all(w, q->from_clause, q->n_from_clause);
	w->as = as;
}

static void select(struct walk *w, const PgQuery__SelectStmt *q)
{
	uint64_t before = w->as;

	if (q == w->top->select_stmt && w->top->node_case == PG_QUERY__NODE__NODE_SELECT_STMT)
		deed_plain(w->l, DOES_READ);
	if (q->into_clause && q->into_clause->rel) {
		target(w, q->into_clause->rel, DOES_DDL, false);
		if (catalog_has_event_triggers(w->l->names->catalog))
			deed_unknown(w->l, DOES_ALL, NULL, NULL);
	}
	w->as = DOES_READ | (before & DOES_ROW_LOCK);
	locked(w, q);
	for (unsigned i = 0; i < q->base.descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &q->base.descriptor->fields[i];

		/* a locking clause names aliases */
		if (strcmp(f->name, "from_clause") != 0 && strcmp(f->name, "locking_clause") != 0 &&
			strcmp(f->name, "into_clause") != 0)
			visit_field(w, &q->base, f, visit);
	}
	w->as = before;
}

static void insert(struct walk *w, const PgQuery__InsertStmt *q)
{
	const PgQuery__OnConflictClause *c = q->on_conflict_clause;
	uint64_t does = DOES_INSERT;

	if (q->n_returning_list || c)
		does |= DOES_READ;
	if (c && c->action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE)
		does |= DOES_UPDATE;
	target(w, q->relation, does, (does & DOES_UPDATE) && !insert_says_rows(w->l, q));
	visit_as(w, DOES_READ, q->with_clause);
	visit_as(w, DOES_READ, q->select_stmt);
	visit_as(w, DOES_READ, c);
	visit_all(w, q->cols, q->n_cols);
	visit_all(w, q->returning_list, q->n_returning_list);
}

static void update(struct walk *w, const PgQuery__UpdateStmt *q)
{
	bool says = says_rows(w, q->relation, q->where_clause, q->n_from_clause == 0);

	target(w, q->relation, DOES_UPDATE | DOES_READ, !says);
	visit_as(w, DOES_READ, q->with_clause);
	visit_all(w, q->from_clause, q->n_from_clause);
	visit_as(w, DOES_READ, q->where_clause);
	visit_all(w, q->target_list, q->n_target_list);
	visit_all(w, q->returning_list, q->n_returning_list);
}

static void delete_(struct walk *w, const PgQuery__DeleteStmt *q)
{
	bool says = says_rows(w, q->relation, q->where_clause, q->n_using_clause == 0);

	target(w, q->relation, DOES_DELETE | DOES_READ, !says);
	visit_as(w, DOES_READ, q->with_clause);
	visit_all(w, q->using_clause, q->n_using_clause);
	visit_as(w, DOES_READ, q->where_clause);
	visit_all(w, q->returning_list, q->n_returning_list);
}

/* Which rows its branches mean, a condition that joins two relations says. */
static void merge(struct walk *w, const PgQuery__MergeStmt *q)
{
	uint64_t does = DOES_MERGE | DOES_READ;

	for (size_t i = 0; i < q->n_merge_when_clauses; i++) {
		const PgQuery__Node *n = q->merge_when_clauses[i];

		if (n->node_case != PG_QUERY__NODE__NODE_MERGE_WHEN_CLAUSE)
			does |= DOES_WRITE;
		else if (n->merge_when_clause->command_type == PG_QUERY__CMD_TYPE__CMD_INSERT)
			does |= DOES_INSERT;
		else if (n->merge_when_clause->command_type == PG_QUERY__CMD_TYPE__CMD_UPDATE)
			does |= DOES_UPDATE;
		else if (n->merge_when_clause->command_type == PG_QUERY__CMD_TYPE__CMD_DELETE)
			does |= DOES_DELETE;
		else if (n->merge_when_clause->command_type != PG_QUERY__CMD_TYPE__CMD_NOTHING)
			does |= DOES_WRITE;
	}
	target(w, q->relation, does, does & (DOES_UPDATE | DOES_DELETE));
	visit_as(w, DOES_READ, q->with_clause);
	visit_as(w, DOES_READ, q->source_relation);
	visit_as(w, DOES_READ, q->join_condition);
	visit_all(w, q->merge_when_clauses, q->n_merge_when_clauses);
	visit_all(w, q->returning_list, q->n_returning_list);
}

static void change(struct walk *w, const PgQuery__Node *n)
{
	uint64_t before = w->as;

	w->as = DOES_READ;
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_INSERT_STMT: insert(w, n->insert_stmt); break;
	case PG_QUERY__NODE__NODE_UPDATE_STMT: update(w, n->update_stmt); break;
	case PG_QUERY__NODE__NODE_DELETE_STMT: delete_(w, n->delete_stmt); break;
	case PG_QUERY__NODE__NODE_MERGE_STMT: merge(w, n->merge_stmt); break;
	default: break;
	}
	w->as = before;
}

/* ---- utility statements, which may stand in others ---- */
static bool by_kind(struct walk *w, const PgQuery__Node *n)
{
	uint64_t does = 0, before = w->as;
	bool followed = w->followed;

	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_INSERT_STMT:
	case PG_QUERY__NODE__NODE_UPDATE_STMT:
	case PG_QUERY__NODE__NODE_DELETE_STMT:
	case PG_QUERY__NODE__NODE_MERGE_STMT: change(w, n); return true;
	case PG_QUERY__NODE__NODE_COPY_STMT:
		deed_of_copy(w->l, n->copy_stmt);
		visit_as(w, DOES_READ, w->l->s->inner ? NULL : n->copy_stmt->query);
		visit_as(w, DOES_READ, n->copy_stmt->where_clause);
		return true;
	/* what is within is a statement of its own */
	case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
	case PG_QUERY__NODE__NODE_PREPARE_STMT:
	case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT: (void)deed_of_kind(w->l, n, &does); return true;
	/* what the name stands for is not known in here */
	case PG_QUERY__NODE__NODE_EXECUTE_STMT:
		if (n != w->top)
			deed_unknown(w->l, DOES_ALL, NULL, NULL);
		break;
	default: break;
	}
	if (!deed_of_kind(w->l, n, &does))
		return false;
	w->as = does;
	w->followed = false;
	visit_fields(w, message(n->alias));
	w->as = before;
	w->followed = followed;
	return true;
}

static void visit(struct walk *w, const ProtobufCMessage *m)
{
	const PgQuery__Node *n;

	if (!m)
		return;
	if (m->descriptor == &pg_query__node__descriptor) {
		n = (const PgQuery__Node *)(const void *)m;
		if (n->node_case != PG_QUERY__NODE__NODE__NOT_SET && !by_kind(w, n))
			visit(w, message(n->alias));
		return;
	}
	if (m->descriptor == &pg_query__select_stmt__descriptor) {
		select(w, (const PgQuery__SelectStmt *)(const void *)m);
		return;
	}
	if (m->descriptor == &pg_query__range_var__descriptor)
		range_var(w, (const PgQuery__RangeVar *)(const void *)m);
	else if (m->descriptor == &pg_query__func_call__descriptor)
		deed_call(w->l, (const PgQuery__FuncCall *)(const void *)m, w->followed);
	visit_fields(w, m);
}

/* ---- the names of WITH queries ---- */
static void gather(struct walk *w, const ProtobufCMessage *m)
{
	const char **v;

	if (!m)
		return;
	/* Of some three hundred that it may be it is one, and all stand in the same place. */
	if (m->descriptor == &pg_query__node__descriptor) {
		const PgQuery__Node *n = (const PgQuery__Node *)(const void *)m;

		if (n->node_case != PG_QUERY__NODE__NODE__NOT_SET)
			gather(w, message(n->alias));
		return;
	}
	if (m->descriptor == &pg_query__common_table_expr__descriptor) {
		if (w->nqueries == w->cap) {
			unsigned cap = w->cap ? w->cap * 2 : 8;

			v = arena_array(w->l->a, cap, sizeof(*v));
			if (!v) {
				w->l->oom = true;
				return;
			}
			if (w->nqueries)
				memcpy(v, w->queries, w->nqueries * sizeof(*v));
			w->queries = v;
			w->cap = cap;
		}
		w->queries[w->nqueries++] = ((const PgQuery__CommonTableExpr *)(const void *)m)->ctename;
	}
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		visit_field(w, m, &m->descriptor->fields[i], gather);
}

static bool is_plain(const PgQuery__Node *n)
{
	return n->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_INSERT_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_UPDATE_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_DELETE_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_MERGE_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_EXECUTE_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_COPY_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_RETURN_STMT;
}

void deeds_walk(struct lineage *l, const PgQuery__Node *n, bool followed)
{
	struct walk w = {.l = l, .top = n, .as = DOES_READ, .followed = followed && is_plain(n)};

	gather(&w, message(n));
	visit(&w, message(n));
}

void deeds_of(struct lineage *l, const PgQuery__Node *n)
{
	const struct statement *s = l->s;

	deeds_walk(l, n, !s->problem && !s->unfollowed);
	if (s->inner && s->kind != STATEMENT_PREPARE)
		deeds_of_inner(l, s->inner, s->kind != STATEMENT_EXPLAIN || s->explain.analyze);
	if (s->inner && s->explain.analyze && s->inner->kind == STATEMENT_EXECUTE)
		deed_unknown(l, DOES_ALL, NULL, NULL);
	deeds_finish(l);
}
