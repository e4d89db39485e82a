/* SPDX-License-Identifier: MIT */
/* What is not understood, under a policy that lets code do anything: what a statement shows is of relations
 * that its text names, of constants, or of code. So it may run, and show what it likes, if each relation that
 * is named in it, wherever that may be, is known and has nothing masked (the judge looks at that), and no
 * function of pg_catalog in it reads data by another way or changes what the session is. */
#include "sql/lineage.h"

#include <string.h>

struct search {
	struct lineage *l;
	const char *makes;    /* a relation that the statement makes need not be there */
	const char **queries; /* names of WITH queries */
	unsigned n, cap;
	bool failed;
};

static void walk(
	struct search *s, const ProtobufCMessage *m, void (*fn)(struct search *, const ProtobufCMessage *));

static void walk_field(struct search *s, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
	void (*fn)(struct search *, const ProtobufCMessage *))
{
	const uint8_t *at = (const uint8_t *)m + f->offset;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t count = *(const size_t *)((const uint8_t *)m + f->quantifier_offset);
		ProtobufCMessage *const *v = *(ProtobufCMessage *const *const *)at;

		for (size_t i = 0; i < count; i++)
			walk(s, v[i], fn);
		return;
	}
	if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
		*(const uint32_t *)((const uint8_t *)m + f->quantifier_offset) == f->id)
		walk(s, *(ProtobufCMessage *const *)at, fn);
}

/* The tree is no deeper than the parser let it be. */
static void walk(
	struct search *s, const ProtobufCMessage *m, void (*fn)(struct search *, const ProtobufCMessage *))
{
	if (!m || !lineage_spend(s->l, 1))
		return;
	fn(s, m);
	for (unsigned i = 0; i < m->descriptor->n_fields && !s->failed && !lineage_stopped(s->l); i++)
		walk_field(s, m, &m->descriptor->fields[i], fn);
}

static void gather(struct search *s, const ProtobufCMessage *m)
{
	const char **v;

	if (m->descriptor != &pg_query__common_table_expr__descriptor)
		return;
	if (s->n == s->cap) {
		unsigned cap = s->cap ? s->cap * 2 : 8;

		v = lineage_alloc(s->l, cap, sizeof(*v));
		if (!v || !lineage_spend(s->l, cap))
			return;
		if (s->n)
			memcpy(v, s->queries, s->n * sizeof(*v));
		s->queries = v;
		s->cap = cap;
	}
	s->queries[s->n++] = ((const PgQuery__CommonTableExpr *)(const void *)m)->ctename;
}

static bool is_query(const struct search *s, const PgQuery__RangeVar *rv)
{
	for (unsigned i = 0; i < s->n && !*rv->schemaname; i++)
		if (!strcmp(s->queries[i], rv->relname))
			return true;
	return false;
}

/* Where a WITH query's name does not reach, it is a relation's: one that is there counts. */
static void relation(struct search *s, const PgQuery__RangeVar *rv)
{
	const struct relation *r = scope_relation(s->l->names, rv->schemaname, rv->relname);

	if (!r) {
		s->failed = !is_query(s, rv) && (!s->makes || strcmp(s->makes, rv->relname) != 0);
		return;
	}
	lineage_relation(s->l, r);
	s->failed = r->system || r->problem || !strchr("rvmpf", r->kind);
}

static void function(struct search *s, const PgQuery__FuncCall *f)
{
	static const char *const numbers[] = {
		"nextval", "currval", "lastval", "setval", "pg_sequence_last_value"};
	const char *name = f->n_funcname ? node_string(f->funcname[f->n_funcname - 1]) : "";

	s->failed = function_known(name) && function_class(name) == FUNCTION_OPAQUE;
	for (unsigned i = 0; i < ARRAY_LEN(numbers); i++)
		s->failed = s->failed || !strcmp(numbers[i], name);
}

static void look_up(struct search *s, const ProtobufCMessage *m)
{
	if (m->descriptor == &pg_query__range_var__descriptor)
		relation(s, (const PgQuery__RangeVar *)(const void *)m);
	else if (m->descriptor == &pg_query__func_call__descriptor)
		function(s, (const PgQuery__FuncCall *)(const void *)m);
	else if (m->descriptor == &pg_query__execute_stmt__descriptor ||
		 m->descriptor == &pg_query__fetch_stmt__descriptor)
		s->failed = true; /* what is behind these names is not known here */
}

/* What it makes, and whether it gives rows; false: no statement of this kind. */
static bool shape(const PgQuery__Node *n, const PgQuery__RangeVar **makes, bool *rows)
{
	*makes = NULL;
	*rows = false;
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_SELECT_STMT:
		*makes = n->select_stmt->into_clause ? n->select_stmt->into_clause->rel : NULL;
		*rows = !n->select_stmt->into_clause;
		return true;
	case PG_QUERY__NODE__NODE_INSERT_STMT: *rows = n->insert_stmt->n_returning_list > 0; return true;
	case PG_QUERY__NODE__NODE_UPDATE_STMT: *rows = n->update_stmt->n_returning_list > 0; return true;
	case PG_QUERY__NODE__NODE_DELETE_STMT: *rows = n->delete_stmt->n_returning_list > 0; return true;
	case PG_QUERY__NODE__NODE_MERGE_STMT: *rows = n->merge_stmt->n_returning_list > 0; return true;
	case PG_QUERY__NODE__NODE_CALL_STMT: *rows = true; return true;
	case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
		if (!n->explain_stmt->query || !shape(n->explain_stmt->query, makes, rows))
			return false;
		*rows = true;
		return true;
	case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
		*makes = n->create_table_as_stmt->into ? n->create_table_as_stmt->into->rel : NULL;
		return *makes;
	case PG_QUERY__NODE__NODE_CREATE_STMT: *makes = n->create_stmt->relation; return *makes;
	case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT: return n->alter_table_stmt->relation;
	case PG_QUERY__NODE__NODE_INDEX_STMT: return n->index_stmt->relation;
	case PG_QUERY__NODE__NODE_VIEW_STMT: *makes = n->view_stmt->view; return *makes;
	default: return false;
	}
}

/* With ANALYZE it runs, and what it makes a cursor of, or runs by name, the session would not know. */
static bool explains(const struct statement *s, const PgQuery__ExplainStmt *x)
{
	return s->inner && !s->inner->problem &&
	       (x->query->node_case == PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT ||
		       s->inner->kind == STATEMENT_SELECT || s->inner->kind == STATEMENT_INSERT ||
		       s->inner->kind == STATEMENT_UPDATE || s->inner->kind == STATEMENT_DELETE ||
		       (s->inner->kind == STATEMENT_MERGE && !s->explain.analyze));
}

static void run(struct lineage *l, const PgQuery__Node *n, const PgQuery__RangeVar *makes, bool rows,
	const char *problem)
{
	bool explain = n->node_case == PG_QUERY__NODE__NODE_EXPLAIN_STMT;
	struct statement *s = l->s;

	lineage_opaque(l, NULL, "what is not understood of the statement");
	lineage_finish(l, NULL, rows);
	s->unfollowed = problem;
	s->apart = s->code = true;
	s->open = rows && !explain;
	s->by_path = true;
	s->constants = NULL;
	s->nconstants = 0;
	if (explain)
		s->defines = s->inner->defines;
	else if (s->kind == STATEMENT_OTHER || s->kind == STATEMENT_DEFINE || makes)
		s->kind = STATEMENT_DEFINE, s->defines = true, s->copies = false;
	if (makes && !s->makes)
		s->makes = makes->relname;
}

/* Not what is forbidden, or too much. What else is wrong the server says in its own words. */
static bool may_run(const struct lineage *l, const struct statement *s)
{
	return l->names->unfollowed && !l->need && !l->body && !l->oom && s->problem &&
	       strcmp(s->sqlstate, "42501") != 0 && strncmp(s->sqlstate, "54", 2) != 0 &&
	       strncmp(s->sqlstate, "53", 2) != 0;
}

void unfollowed(struct lineage *l, const PgQuery__Node *n)
{
	struct search s = {.l = l};
	const PgQuery__RangeVar *makes;
	struct statement before = *l->s;
	bool rows;

	if (!may_run(l, &before) || !shape(n, &makes, &rows) ||
		(n->node_case == PG_QUERY__NODE__NODE_EXPLAIN_STMT && !explains(l->s, n->explain_stmt)))
		return;
	l->s->problem = NULL;
	s.makes = makes ? makes->relname : NULL;
	walk(&s, (const ProtobufCMessage *)(const void *)n->alias, gather);
	walk(&s, (const ProtobufCMessage *)(const void *)n->alias, look_up);
	if (!s.failed && !lineage_stopped(l)) {
		run(l, n, makes, rows, before.problem);
		return;
	}
	*l->s = before;
}
