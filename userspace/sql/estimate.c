/* SPDX-License-Identifier: MIT */
#include "sql/estimate.h"

#include <string.h>
#include <strings.h>
#include "pg_query/pg_query.pb-c.h"
#include "sql/parse.h"

#define PREFIX "EXPLAIN (FORMAT JSON, COSTS ON) "

/* ---- whether ---- */

/* Its constraints, defaults, indexes, policies and types, by which the planner reckons, or which it puts into
 * the statement. */
static const char *of_relation(const struct relation *r)
{
	if (r->kind == 'f')
		return "it reaches a foreign table, whose server would be asked";
	if (r->problem)
		return "it reaches a view that is not understood";
	if (r->code || r->rules || r->loud || r->nopaque || r->follows)
		return "code of the database's own belongs to a relation that it reaches";
	for (unsigned i = 0; i < r->ncols; i++)
		if (r->cols[i].code || r->cols[i].foreign || r->cols[i].fallback)
			return "code of the database's own belongs to a column of a relation that it reaches";
	return NULL;
}

static const char *of_relations(const struct catalog *c, const struct statement *st)
{
	const char *why = NULL;

	for (unsigned i = 0; !why && i < st->nrelations; i++) {
		const struct relation *r = catalog_relation_by_oid(c, st->relations[i]);

		if (!r)
			return "it reaches a relation that is not known";
		why = of_relation(r);
		for (unsigned k = 0; !why && k < r->nchildren; k++) {
			const struct relation *below = catalog_relation_by_oid(c, r->children[k]);

			why = below ? of_relation(below) : "it reaches a relation that is not known";
		}
	}
	return why;
}

static bool has_plan(const struct statement *st)
{
	switch (st->kind) {
	case STATEMENT_SELECT:
	case STATEMENT_INSERT:
	case STATEMENT_UPDATE:
	case STATEMENT_DELETE:
	case STATEMENT_MERGE:
	case STATEMENT_DECLARE:
	case STATEMENT_EXECUTE:
	case STATEMENT_COPY_OUT: return true;
	case STATEMENT_DEFINE: return st->copies && st->makes && st->makes_kind != 'v'; /* by a query */
	case STATEMENT_OTHER:
	case STATEMENT_EMPTY:
	case STATEMENT_TRANSACTION:
	case STATEMENT_SET:
	case STATEMENT_SHOW:
	case STATEMENT_EXPLAIN:
	case STATEMENT_PREPARE:
	case STATEMENT_DEALLOCATE:
	case STATEMENT_FETCH:
	case STATEMENT_CLOSE:
	case STATEMENT_LISTEN:
	case STATEMENT_UNLISTEN:
	case STATEMENT_LOCK:
	case STATEMENT_NOTIFY:
	case STATEMENT_COPY_IN:
	case STATEMENT_DISCARD: return false;
	}
	return false;
}

static bool calls_code(const struct statement *st)
{
	return st->nopaque || st->code || st->settings || st->follows ||
	       (st->effects & (DOES_FUNCTION | DOES_CODE));
}

const char *estimate_obstacle(const struct catalog *c, const struct statement *st)
{
	if (st->problem || st->unfollowed)
		return "it is not understood";
	if (!has_plan(st))
		return "the server makes no plan of such a statement";
	/* EXPLAIN computes what EXECUTE is given, whatever it is */
	if (st->kind == STATEMENT_EXECUTE && (st->effects & ~DOES_PREPARE))
		return "its arguments call functions";
	for (const struct statement *in = st; in; in = in->inner) {
		const char *why =
			calls_code(in) ? "it calls code that is not PostgreSQL's own" : of_relations(c, in);

		if (why)
			return why;
	}
	return NULL;
}

/* ---- in what words ---- */

static bool word(const PgQuery__ScanToken *t, struct span text, const char *is)
{
	return (size_t)(t->end - t->start) == strlen(is) &&
	       !strncasecmp((const char *)text.p + t->start, is, strlen(is));
}

/* From the n-th token on, the first that is one of two at the depth of it; behind the last: there is none. */
static size_t find(
	const PgQuery__ScanResult *s, struct span text, size_t n, const char *one, const char *other)
{
	unsigned depth = 0;

	for (; n < s->n_tokens; n++) {
		if (!depth && (word(s->tokens[n], text, one) || word(s->tokens[n], text, other)))
			break;
		if (word(s->tokens[n], text, "("))
			depth++;
		else if (word(s->tokens[n], text, ")") && depth)
			depth--;
	}
	return n;
}

static bool split(const PgQuery__ScanResult *s, struct span text)
{
	for (size_t i = 0; i < s->n_tokens; i++)
		if (s->tokens[i]->start < 0 || s->tokens[i]->end < s->tokens[i]->start ||
			(size_t)s->tokens[i]->end > text.n)
			return false;
	return s->n_tokens > 2;
}

static const char *cut(struct span text, int from, int to, const char *before, struct arena *a)
{
	return arena_printf(a, "%s%.*s", before, to - from, (const char *)text.p + from);
}

static bool comment(const PgQuery__ScanToken *t)
{
	return t->token == PG_QUERY__TOKEN__SQL_COMMENT || t->token == PG_QUERY__TOKEN__C_COMMENT;
}

/* COPY (query) TO, COPY relation (columns) TO: what it reads. A comment between its words: nobody writes one
 * there. */
static const char *of_copy(struct span text, struct arena *a)
{
	PgQuery__ScanResult *s = parse_tokens(text, a);
	size_t first = 0, end;

	if (!s || !split(s, text))
		return NULL;
	while (first < s->n_tokens && comment(s->tokens[first]))
		first++;
	if (first + 2 >= s->n_tokens || !word(s->tokens[first], text, "copy"))
		return NULL;
	first++;
	if (word(s->tokens[first], text, "(")) {
		end = find(s, text, first + 1, ")", ")");
		return end < s->n_tokens ? cut(text, s->tokens[first]->end, s->tokens[end]->start, PREFIX, a)
					 : NULL;
	}
	end = find(s, text, first, "(", "to");
	for (size_t i = first; i < end && i < s->n_tokens; i++)
		if (comment(s->tokens[i]) || (i == first && word(s->tokens[i], text, "binary")))
			return NULL;
	return end < s->n_tokens && end > first ? cut(text, s->tokens[first]->start, s->tokens[end - 1]->end,
							  PREFIX "SELECT FROM ONLY ", a)
						: NULL;
}

/* What stands in it plans, and runs nothing. */
static bool explains(const PgQuery__Node *n)
{
	const PgQuery__ExplainStmt *e;

	if (!n || n->node_case != PG_QUERY__NODE__NODE_EXPLAIN_STMT)
		return false;
	e = n->explain_stmt;
	if (e->n_options != 2 || !e->query) /* ours */
		return false;
	switch ((int)e->query->node_case) {
	case PG_QUERY__NODE__NODE_SELECT_STMT:
	case PG_QUERY__NODE__NODE_INSERT_STMT:
	case PG_QUERY__NODE__NODE_UPDATE_STMT:
	case PG_QUERY__NODE__NODE_DELETE_STMT:
	case PG_QUERY__NODE__NODE_MERGE_STMT:
	case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
	case PG_QUERY__NODE__NODE_EXECUTE_STMT: return true;
	case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
		return e->query->create_table_as_stmt->query &&
		       e->query->create_table_as_stmt->query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT;
	default: return false;
	}
}

const char *estimate_text(struct span text, struct arena *a)
{
	struct PgQuery__ParseResult *tree;
	const char *sql;
	struct err e;
	int position;

	if (text.n > ANALYZE_TEXT_MAX)
		return NULL;
	if (parse(text, 0, a, &tree, &position, &e) || tree->n_stmts != 1 || !tree->stmts[0]->stmt)
		return NULL;
	if (tree->stmts[0]->stmt->node_case == PG_QUERY__NODE__NODE_COPY_STMT)
		sql = of_copy(text, a);
	else
		sql = cut(text, 0, (int)text.n, PREFIX, a);
	if (!sql || parse(span_of(sql, strlen(sql)), 0, a, &tree, &position, &e) || tree->n_stmts != 1)
		return NULL;
	return explains(tree->stmts[0]->stmt) ? sql : NULL;
}
