/* SPDX-License-Identifier: MIT */
/* Statements that run or make code, or that define what code is made of. What they do is not followed: they
 * are opaque as a whole, so that only a policy lets them pass that lets opaque code do anything. */
#include "sql/lineage.h"

#include <string.h>

static void opaque(struct lineage *l)
{
	const char *name = arena_printf(l->a, "what %s runs or defines", l->s->tag);

	l->s->kind = STATEMENT_DEFINE;
	l->s->defines = l->s->copies = l->s->code = true;
	if (!name)
		l->oom = true;
	else
		lineage_opaque(l, NULL, name);
}

/* A procedure with OUT parameters answers with a row. */
static void call(struct lineage *l, const PgQuery__CallStmt *s)
{
	const PgQuery__FuncCall *f = s->funccall;
	const char *name = f && f->n_funcname ? node_string(f->funcname[f->n_funcname - 1]) : "";
	const struct function *p;
	struct scope sc = {0};

	opaque(l);
	for (size_t i = 0; f && i < f->n_args && !lineage_stopped(l); i++)
		predicate(l, &sc, f->args[i], "CALL");
	for (unsigned n = 0; (p = catalog_function(l->names->catalog, name, n)) && lineage_spend(l, 1); n++)
		for (unsigned i = 0; i < p->nparameters; i++)
			if (strchr("ob", p->parameters[i].mode))
				lineage_odd(l, f->location, "a procedure that may give something back");
}

static bool drops_code(const PgQuery__DropStmt *s)
{
	switch ((int)s->remove_type) {
	case PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION:
	case PG_QUERY__OBJECT_TYPE__OBJECT_PROCEDURE:
	case PG_QUERY__OBJECT_TYPE__OBJECT_ROUTINE:
	case PG_QUERY__OBJECT_TYPE__OBJECT_AGGREGATE:
	case PG_QUERY__OBJECT_TYPE__OBJECT_OPERATOR:
	case PG_QUERY__OBJECT_TYPE__OBJECT_CAST:
	case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
	case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
	case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE: return true;
	default: return false;
	}
}

bool ddl_code(struct lineage *l, const PgQuery__Node *n)
{
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_CALL_STMT: call(l, n->call_stmt); return true;
	case PG_QUERY__NODE__NODE_DROP_STMT:
		if (!drops_code(n->drop_stmt))
			return false;
		opaque(l);
		return true;
	case PG_QUERY__NODE__NODE_DO_STMT:
	case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT:
	case PG_QUERY__NODE__NODE_ALTER_FUNCTION_STMT:
	case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
	case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT:
	case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT:
	case PG_QUERY__NODE__NODE_CREATE_RANGE_STMT:
	case PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT:
	case PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT:
	case PG_QUERY__NODE__NODE_CREATE_CAST_STMT:
	case PG_QUERY__NODE__NODE_DEFINE_STMT: opaque(l); return true;
	default: return false;
	}
}
