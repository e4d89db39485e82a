/* SPDX-License-Identifier: MIT */
#include "sql/signature.h"

#include <string.h>
#include "sql/lineage.h"
#include "sql/parse.h"

/* The grammar's own place for such a text. */
static const PgQuery__ObjectWithArgs *read(const char *text, struct arena *a)
{
	const char *statement = arena_printf(a, "COMMENT ON FUNCTION %s IS NULL", text);
	const PgQuery__ObjectWithArgs *o;
	struct PgQuery__ParseResult *tree;
	const PgQuery__Node *n;
	struct err e;
	int position;

	if (!statement || parse(span_of(statement, strlen(statement)), 0, a, &tree, &position, &e) < 0 ||
		tree->n_stmts != 1 || tree->stmts[0]->stmt->node_case != PG_QUERY__NODE__NODE_COMMENT_STMT)
		return NULL;
	n = tree->stmts[0]->stmt->comment_stmt->object;
	if (!n || n->node_case != PG_QUERY__NODE__NODE_OBJECT_WITH_ARGS)
		return NULL;
	o = n->object_with_args;
	return o->n_objname == 2 && !o->args_unspecified ? o : NULL;
}

bool signature_valid(const char *text)
{
	struct arena a = {0};
	bool ok = read(text, &a) != NULL;

	arena_fini(&a);
	return ok;
}

static bool same_types(struct lineage *l, const struct function *f, const PgQuery__ObjectWithArgs *o)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->nparameters; i++) {
		const struct parameter *p = &f->parameters[i];
		struct type_ref type;

		if (!strchr("ibv", p->mode))
			continue;
		if (n == o->n_objargs || o->objargs[n]->node_case != PG_QUERY__NODE__NODE_TYPE_NAME ||
			!typename_judge(l, o->objargs[n]->type_name, &type))
			return false;
		if (type.oid != p->type) /* arrays of users' own types are not found */
			return false;
		n++;
	}
	return n == o->n_objargs;
}

const struct function *signature_find(const struct catalog *c, const char *text)
{
	static const char *const path[] = {"public"};
	const struct name_scope names = {.catalog = c, .path = path, .npath = 1};
	const struct function *f, *found = NULL;
	struct arena a = {0};
	const PgQuery__ObjectWithArgs *o = read(text, &a);

	for (unsigned n = 0; o && !found && (f = catalog_function(c, node_string(o->objname[1]), n)); n++) {
		struct statement s = {0};
		struct lineage l = {.a = &a, .names = &names, .s = &s};

		if (!strcmp(f->schema, node_string(o->objname[0])) && same_types(&l, f, o))
			found = f;
	}
	arena_fini(&a);
	return found;
}
