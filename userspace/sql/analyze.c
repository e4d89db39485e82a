/* SPDX-License-Identifier: MIT */
#include "sql/analyze.h"

#include <errno.h>
#include <string.h>
#include "sql/lineage.h"
#include "sql/parse.h"
#include "sql/search_path.h"

const char *statement_kind_name(enum statement_kind k)
{
#define X(name, word) [STATEMENT_##name] = word,
	static const char *const words[] = {STATEMENT_KINDS(X)};
#undef X

	return (unsigned)k < ARRAY_LEN(words) ? words[k] : "?";
}

static void query_statement(struct lineage *l, const PgQuery__Node *n, enum statement_kind kind, bool rows)
{
	struct outputs o = {0};

	l->s->kind = kind;
	l->own = n->alias; /* all members of the union are pointers */
	query(l, NULL, n, &o);
	lineage_finish(l, &o, rows);
}

void statement_walk(struct lineage *l, const PgQuery__Node *n)
{
	l->s->tag = statement_tag(n);
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_SELECT_STMT:
		if (n->select_stmt->into_clause) {
			l->s->tag = "SELECT INTO";
			ddl_select_into(l, n);
			lineage_finish(l, NULL, false);
			break;
		}
		query_statement(l, n, STATEMENT_SELECT, true);
		break;
	case PG_QUERY__NODE__NODE_INSERT_STMT:
		query_statement(l, n, STATEMENT_INSERT, n->insert_stmt->n_returning_list > 0);
		break;
	case PG_QUERY__NODE__NODE_UPDATE_STMT:
		query_statement(l, n, STATEMENT_UPDATE, n->update_stmt->n_returning_list > 0);
		break;
	case PG_QUERY__NODE__NODE_DELETE_STMT:
		query_statement(l, n, STATEMENT_DELETE, n->delete_stmt->n_returning_list > 0);
		break;
	case PG_QUERY__NODE__NODE_MERGE_STMT:
		query_statement(l, n, STATEMENT_MERGE, n->merge_stmt->n_returning_list > 0);
		break;
	default:
		utility_walk(l, n);
		/* EXECUTE's parameters and PREPARE's types may have called something */
		if (!l->s->relations)
			lineage_finish(l, NULL, false);
		break;
	}
}

/* Of a statement that is no query, the parts that can hold one are walked as such; the rest was read field by
 * field. */
static bool is_query(const PgQuery__Node *n)
{
	return n->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_INSERT_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_UPDATE_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_DELETE_STMT ||
	       n->node_case == PG_QUERY__NODE__NODE_MERGE_STMT;
}

static bool cover_list(struct lineage *l, PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!lineage_covered(l, v[i]))
			return false;
	return true;
}

static void cover(struct lineage *l, const PgQuery__Node *n)
{
	if (lineage_stopped(l))
		return;
	if (is_query(n) && l->s->kind != STATEMENT_DEFINE)
		(void)lineage_covered(l, n);
	else if (n->node_case == PG_QUERY__NODE__NODE_EXECUTE_STMT)
		(void)cover_list(l, n->execute_stmt->params, n->execute_stmt->n_params);
	else if (n->node_case == PG_QUERY__NODE__NODE_COPY_STMT &&
		 lineage_covered(l, n->copy_stmt->relation) && lineage_covered(l, n->copy_stmt->query))
		(void)lineage_covered(l, n->copy_stmt->where_clause);
}

struct statement *statement_inner(struct lineage *l, const PgQuery__Node *n)
{
	struct statement *s = lineage_alloc(l, 1, sizeof(*s));
	struct lineage in = {.a = l->a,
		.names = l->names,
		.text = l->text,
		.s = s,
		.work = l->work,
		.need = l->need,
		.need_arg = l->need_arg};

	if (!s)
		return NULL;
	if (!n) {
		lineage_odd(l, -1, "an empty statement");
		return s;
	}
	statement_walk(&in, n);
	cover(&in, n);
	unfollowed(&in, n);
	deeds_of(&in, n);
	l->work = in.work;
	l->oom = l->oom || in.oom;
	s->location = l->s->location;
	s->len = l->s->len;
	l->s->writes = l->s->writes || s->writes;
	l->s->triggers = l->s->triggers || s->triggers;
	if (s->problem && !l->s->problem) {
		l->s->problem = s->problem;
		memcpy(l->s->sqlstate, s->sqlstate, sizeof(s->sqlstate));
		l->s->position = s->position;
		l->s->retry = s->retry;
		l->s->tells = s->tells;
	}
	return s;
}

static int one(const struct name_scope *names, struct span text, struct arena *a, const PgQuery__RawStmt *raw,
	struct statement *s, struct err *e)
{
	struct lineage l = {.a = a, .names = names, .text = text, .s = s};

	s->location = raw->stmt_location;
	s->len = raw->stmt_len ? raw->stmt_len : (int)text.n - raw->stmt_location;
	if (!raw->stmt || raw->stmt->node_case == PG_QUERY__NODE__NODE__NOT_SET) {
		lineage_odd(&l, -1, "this statement");
		lineage_finish(&l, NULL, false);
		deed_unknown(&l, DOES_ALL, NULL, NULL);
	} else {
		statement_walk(&l, raw->stmt);
		cover(&l, raw->stmt);
		unfollowed(&l, raw->stmt);
		deeds_of(&l, raw->stmt);
		s->tells = s->tells && server_tells(&l, raw->stmt);
	}
	return l.oom ? err_sql(e, -ENOMEM, "53200", "out of memory while judging the statement") : 0;
}

/* What the server makes of the path that s sets. NULL: not known, or no memory. */
static const struct name_scope *turned(
	const struct name_scope *names, const struct statement *s, struct arena *a)
{
	struct name_scope *out = arena_alloc(a, sizeof(*out));
	const char **path = arena_array(a, SEARCH_PATH_NAMES_MAX, sizeof(*path)), *value = s->value;
	char name[SEARCH_PATH_NAME_MAX + 1];
	bool ok = true;

	if (!out || !path || !names->user)
		return NULL;
	*out = *names;
	out->path = path;
	out->npath = 0;
	out->temp_in_path = false;
	while (search_path_next(&value, name, &ok)) {
		const char *what = strcmp(name, "$user") != 0 ? scope_schema(names, name) : names->user;
		bool temp = names->temp && !strcmp(what, names->temp), system = !strcmp(what, "pg_catalog");

		if (!temp && !(names->role ? catalog_schema_usable(names->catalog, names->role, what)
					   : catalog_schema_exists(names->catalog, what)))
			continue;
		if (!system)
			path[out->npath++] = arena_strdup(a, what);
		if (!system && !path[out->npath - 1])
			return NULL;
		out->temp_in_path = out->temp_in_path || temp;
	}
	/* one that is named before all others is looked at as one that is not named */
	if (out->temp_in_path && !strcmp(path[0], names->temp)) {
		value = s->value;
		(void)search_path_next(&value, name, &ok);
		if (search_path_next(&value, name, &ok) && !strcmp(name, "pg_catalog")) {
			out->temp_in_path = false;
			out->path++;
			out->npath--;
		}
	}
	return ok ? out : NULL;
}

static void follow(struct statement *s, const struct name_scope **scope, struct arena *a)
{
	const struct name_scope *next = NULL;

	if (!s->problem && s->kind == STATEMENT_SET && s->value && !strcmp(s->setting, "search_path") &&
		search_path_safe(s->value))
		next = turned(*scope, s, a);
	s->followed = next != NULL;
	if (next)
		*scope = next;
}

int analyze(const struct name_scope *scope, struct span text, struct arena *a, struct analysis *out,
	int *position, struct err *e)
{
	struct PgQuery__ParseResult *tree;
	int rc = parse(text, catalog_server(scope->catalog), a, &tree, position, e);

	*out = (struct analysis){0};
	if (rc < 0)
		return rc;
	out->statements = arena_array(a, tree->n_stmts ? tree->n_stmts : 1, sizeof(*out->statements));
	if (!out->statements)
		return err_sql(e, -ENOMEM, "53200", "out of memory while judging the statement");
	for (size_t i = 0; i < tree->n_stmts; i++) {
		rc = one(scope, text, a, tree->stmts[i], &out->statements[i], e);
		if (rc < 0)
			return rc;
		follow(&out->statements[out->n++], &scope, a);
	}
	if (out->n == 0) {
		out->statements[0] =
			(struct statement){.kind = STATEMENT_EMPTY, .tag = "", .len = (int)text.n};
		out->n = 1;
	}
	return 0;
}
