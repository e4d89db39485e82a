/* SPDX-License-Identifier: MIT */
/* CREATE FUNCTION and CREATE PROCEDURE in a schema text. */
#include "sql/catalog_ddl.h"

#include <string.h>
#include "sql/lineage.h"

static const char *keep(struct ddl *d, const char *s, size_t n)
{
	const char *copy = arena_strndup(&d->b->c->a, s, n);

	d->b->oom = d->b->oom || !copy;
	return copy;
}

struct function *ddl_function(struct ddl *d, PgQuery__Node **names, size_t n, char kind)
{
	struct function *f = arena_zalloc(&d->b->c->a, sizeof(*f));
	const char *schema, *name = ddl_name(names, n, &schema);

	if (!draft_add(d->b, &d->b->functions, f))
		return NULL;
	*f = (struct function){.oid = d->b->next_oid++,
		.schema = ddl_schema(d, schema),
		.name = keep(d, name, strlen(name)),
		.kind = kind,
		.volatile_ = true};
	return f;
}

static char mode_of(PgQuery__FunctionParameterMode m)
{
	switch ((int)m) {
	case PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_OUT: return 'o';
	case PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_INOUT: return 'b';
	case PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_VARIADIC: return 'v';
	case PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_TABLE: return 't';
	default: return 'i';
	}
}

static void parameters(struct ddl *d, struct function *f, const PgQuery__CreateFunctionStmt *s)
{
	int32_t typmod;

	for (size_t i = 0; i < s->n_parameters; i++) {
		const PgQuery__FunctionParameter *p = s->parameters[i]->function_parameter;
		char mode;

		if (s->parameters[i]->node_case != PG_QUERY__NODE__NODE_FUNCTION_PARAMETER || !p->arg_type)
			continue;
		mode = mode_of(p->mode);
		f->ndefaults += p->defexpr != NULL;
		f->returns_set = f->returns_set || mode == 't';
		(void)draft_parameter(d->b, f,
			(struct parameter){keep(d, p->name ? p->name : "", p->name ? strlen(p->name) : 0),
				mode, ddl_type_known(d, p->arg_type, &typmod)});
	}
}

/* What it returns where only its OUT parameters say so. */
static uint32_t returned(const struct function *f)
{
	uint32_t one = 0;
	unsigned n = 0;

	for (unsigned i = 0; i < f->nparameters; i++)
		if (strchr("obt", f->parameters[i].mode)) {
			one = f->parameters[i].type;
			n++;
		}
	return n == 1 ? one : type_builtin(n ? "record" : "void");
}

static void result(struct ddl *d, struct function *f, const PgQuery__TypeName *t)
{
	static const char *const unknown[] = {"record", "anyelement", "anycompatible", "any"};
	int32_t typmod;

	f->returns = t ? ddl_type(d, t, &typmod) : 0;
	f->returns_set = f->returns_set || (t && t->setof);
	if (!f->returns || f->returns == type_builtin("record"))
		f->returns = returned(f);
	for (unsigned i = 0; i < ARRAY_LEN(unknown); i++)
		f->returns_composite = f->returns_composite || f->returns == type_builtin(unknown[i]);
	for (unsigned i = 0; i < d->b->types.n; i++) {
		const struct type *u = d->b->types.v[i];

		if (f->returns && u->oid == f->returns &&
			(u->kind == TYPE_COMPOSITE || u->kind == TYPE_DOMAIN))
			f->returns_composite = true;
	}
}

/* SET name = a, b of the function itself, as the server keeps it. */
static void setting(struct ddl *d, struct function *f, const PgQuery__VariableSetStmt *v)
{
	const char *text = arena_printf(&d->b->c->a, "%s=", v->name);

	for (size_t i = 0; text && i < v->n_args; i++) {
		const PgQuery__AConst *c = v->args[i]->a_const;
		bool string = v->args[i]->node_case == PG_QUERY__NODE__NODE_A_CONST &&
			      c->val_case == PG_QUERY__A__CONST__VAL_SVAL;

		text = arena_printf(
			&d->b->c->a, "%s%s\"%s\"", text, i ? ", " : "", string ? c->sval->sval : "$user");
	}
	if (text)
		draft_setting(d->b, f, text, strlen(text));
	else
		d->b->oom = true;
}

static bool truth(const PgQuery__Node *n)
{
	return n && n->node_case == PG_QUERY__NODE__NODE_BOOLEAN && n->boolean->boolval;
}

static void option(struct ddl *d, struct function *f, const PgQuery__DefElem *o, const char **text, bool *sql)
{
	const PgQuery__Node *n = o->arg;

	if (!strcmp(o->defname, "language"))
		*sql = !strcmp(node_string(n), "sql");
	else if (!strcmp(o->defname, "as") && n && n->node_case == PG_QUERY__NODE__NODE_LIST &&
		 n->list->n_items == 1)
		*text = node_string(n->list->items[0]);
	else if (!strcmp(o->defname, "strict"))
		f->strict = truth(n);
	else if (!strcmp(o->defname, "security"))
		f->definer = truth(n);
	else if (!strcmp(o->defname, "volatility")) {
		f->immutable = !strcmp(node_string(n), "immutable");
		f->volatile_ = !strcmp(node_string(n), "volatile");
	} else if (!strcmp(o->defname, "set") && n && n->node_case == PG_QUERY__NODE__NODE_VARIABLE_SET_STMT)
		setting(d, f, n->variable_set_stmt);
}

void ddl_create_function(struct ddl *d, const PgQuery__RawStmt *raw)
{
	const PgQuery__CreateFunctionStmt *s = raw->stmt->create_function_stmt;
	struct function *f = ddl_function(d, s->funcname, s->n_funcname, s->is_procedure ? 'p' : 'f');
	size_t at = (size_t)raw->stmt_location, n = raw->stmt_len ? (size_t)raw->stmt_len : d->text.n - at;
	const char *text = "";
	bool sql = s->sql_body != NULL;

	if (!f)
		return;
	parameters(d, f, s);
	result(d, f, s->return_type);
	for (size_t i = 0; i < s->n_options; i++)
		if (s->options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM)
			option(d, f, s->options[i]->def_elem, &text, &sql);
	if (!sql)
		return;
	f->body = keep(d, text, strlen(text));
	if (s->sql_body || f->ndefaults) {
		f->made = keep(d, (const char *)d->text.p + at, n);
		f->made_path = d->b->path;
		f->nmade_path = d->b->npath;
	}
}
