/* SPDX-License-Identifier: MIT */
/* A catalogue from schema text. It follows what such text says about names, columns and types; statements
 * that say nothing about these are passed over, and those that would take something back (DROP, RENAME) are
 * refused. */
#include "sql/catalog_ddl.h"

#include <errno.h>
#include <string.h>
#include "sql/lineage.h"
#include "sql/parse.h"

static const char *keep(struct ddl *d, const char *s)
{
	const char *copy = arena_strdup(&d->b->c->a, s);

	d->b->oom = d->b->oom || !copy;
	return copy;
}

int ddl_fail(struct ddl *d, const char *fmt, const char *name)
{
	if (!d->failed) {
		d->failed = true;
		(void)err_sql(d->e, -EINVAL, "42601", fmt, name);
	}
	return -EINVAL;
}

const char *ddl_schema(struct ddl *d, const char *schema)
{
	return keep(d, *schema ? schema : d->b->path[0]);
}

struct draft_relation *ddl_find(struct ddl *d, const PgQuery__RangeVar *rv)
{
	for (unsigned i = 0; i < d->b->relations.n; i++) {
		struct draft_relation *r = d->b->relations.v[i];

		if (strcmp(r->r.name, rv->relname) != 0)
			continue;
		if (*rv->schemaname ? !strcmp(r->r.schema, rv->schemaname)
				    : !strcmp(r->r.schema, d->b->path[0]))
			return r;
	}
	ddl_fail(d, "relation \"%s\" does not exist in the schema text before this", rv->relname);
	return NULL;
}

struct draft_column *ddl_column(struct ddl *d, struct draft_relation *r, const char *name)
{
	for (unsigned i = 0; i < r->ncols; i++)
		if (!strcmp(r->cols[i].c.name, name))
			return &r->cols[i];
	ddl_fail(d, "column \"%s\" does not exist in the schema text before this", name);
	return NULL;
}

/* ---- types ---- */
static struct type *add_one_type(struct ddl *d, const char *schema, const char *name, enum type_kind kind)
{
	struct type *t = arena_zalloc(&d->b->c->a, sizeof(*t));

	if (!name || !draft_add(d->b, &d->b->types, t))
		return NULL;
	*t = (struct type){.oid = d->b->next_oid++,
		.schema = schema,
		.name = name,
		.kind = kind,
		.typmod = -1,
		.delim = ','};
	return t;
}

struct type *ddl_add_type(struct ddl *d, const char *schema, const char *name, enum type_kind kind)
{
	struct type *t = add_one_type(d, schema, keep(d, name), kind);
	struct type *array =
		t ? add_one_type(d, schema, arena_printf(&d->b->c->a, "_%s", name), TYPE_BASE) : NULL;

	if (array)
		array->elem = t->oid;
	else
		d->b->oom = true;
	return t;
}

static uint32_t user_type(struct ddl *d, const char *schema, const char *name)
{
	for (unsigned i = 0; i < d->b->types.n; i++) {
		const struct type *t = d->b->types.v[i];

		if (!strcmp(t->name, name) && !strcmp(t->schema, schema ? schema : d->b->path[0]))
			return t->oid;
	}
	return 0;
}

static uint32_t array_of(struct ddl *d, uint32_t oid)
{
	for (unsigned i = 0; i < d->b->types.n; i++) {
		const struct type *t = d->b->types.v[i];

		if (t->elem == oid)
			return t->oid;
	}
	return type_builtin_array(oid);
}

static int32_t typmod_of(const char *name, const PgQuery__TypeName *t)
{
	int32_t v[2] = {0, 0};

	for (size_t i = 0; i < t->n_typmods && i < 2; i++) {
		const PgQuery__Node *n = t->typmods[i];

		if (n->node_case != PG_QUERY__NODE__NODE_A_CONST ||
			n->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
			return -1;
		v[i] = n->a_const->ival->ival;
	}
	if (t->n_typmods == 0)
		return -1;
	if (!strcmp(name, "varchar") || !strcmp(name, "bpchar"))
		return v[0] + 4;
	return !strcmp(name, "numeric") ? ((v[0] << 16) | (v[1] & 0x7ff)) + 4 : -1;
}

static const char *serial(const char *name)
{
	static const char *const pairs[][2] = {{"serial", "int4"}, {"serial4", "int4"}, {"bigserial", "int8"},
		{"serial8", "int8"}, {"smallserial", "int2"}, {"serial2", "int2"}};

	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++)
		if (!strcmp(pairs[i][0], name))
			return pairs[i][1];
	return name;
}

uint32_t ddl_type_known(struct ddl *d, const PgQuery__TypeName *t, int32_t *typmod)
{
	const char *name = t && t->n_names ? serial(node_string(t->names[t->n_names - 1])) : "";
	const char *schema = t && t->n_names > 1 ? node_string(t->names[t->n_names - 2]) : NULL;
	uint32_t oid = 0;

	*typmod = -1;
	if (!schema || !strcmp(schema, "pg_catalog"))
		oid = type_builtin(name);
	if (!oid)
		oid = user_type(d, schema, name);
	if (!oid)
		return 0;
	*typmod = typmod_of(name, t);
	return t->n_array_bounds ? array_of(d, oid) : oid;
}

uint32_t ddl_type(struct ddl *d, const PgQuery__TypeName *t, int32_t *typmod)
{
	uint32_t oid = ddl_type_known(d, t, typmod);

	if (!oid)
		ddl_fail(d, "type \"%s\" does not exist in the schema text before this",
			t && t->n_names ? node_string(t->names[t->n_names - 1]) : "");
	return oid;
}

const char *ddl_name(PgQuery__Node **v, size_t n, const char **schema)
{
	*schema = n > 1 ? node_string(v[n - 2]) : "";
	return n ? node_string(v[n - 1]) : "";
}

const char *ddl_domain_fallback(const struct ddl *d, uint32_t type)
{
	for (unsigned i = 0; i < d->b->types.n; i++) {
		const struct type *t = d->b->types.v[i];

		if (type && t->oid == type)
			return t->fallback;
	}
	return NULL;
}

static int next_place(const PgQuery__Node *n)
{
	return n->node_case == PG_QUERY__NODE__NODE_CONSTRAINT ? n->constraint->location : -1;
}

static void domain(struct ddl *d, const PgQuery__CreateDomainStmt *s)
{
	const char *schema, *name = ddl_name(s->domainname, s->n_domainname, &schema);
	struct type *t = ddl_add_type(d, ddl_schema(d, schema), name, TYPE_DOMAIN);

	if (!t)
		return;
	t->base = ddl_type(d, s->type_name, &t->typmod);
	for (size_t i = 0; i < s->n_constraints; i++) {
		const PgQuery__Constraint *k = s->constraints[i]->constraint;

		if (s->constraints[i]->node_case != PG_QUERY__NODE__NODE_CONSTRAINT)
			continue;
		t->checked = t->checked || k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_CHECK;
		t->code = t->code || ddl_calls(d, k->raw_expr);
		if (k->contype == PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT && k->raw_expr)
			t->fallback = ddl_fallback(d, k->raw_expr,
				i + 1 < s->n_constraints ? next_place(s->constraints[i + 1]) : -1);
	}
}

static void enumeration(struct ddl *d, const PgQuery__CreateEnumStmt *s)
{
	const char *schema, *name = ddl_name(s->type_name, s->n_type_name, &schema);
	struct type *t = ddl_add_type(d, ddl_schema(d, schema), name, TYPE_ENUM);

	for (size_t i = 0; t && i < s->n_vals; i++)
		(void)draft_label(d->b, t, keep(d, node_string(s->vals[i])));
}

/* makeMultirangeTypeName of the server, where the statement does not give a name. */
static void range(struct ddl *d, const PgQuery__CreateRangeStmt *s)
{
	const char *in, *name = ddl_name(s->type_name, s->n_type_name, &in), *schema = ddl_schema(d, in);
	const char *at = strstr(name, "range"), *multi;
	struct type *t;

	multi = at ? arena_printf(&d->b->c->a, "%.*smulti%s", (int)(at - name), name, at)
		   : arena_printf(&d->b->c->a, "%s_multirange", name);
	(void)ddl_add_type(d, schema, name, TYPE_RANGE);
	t = multi ? ddl_add_type(d, schema, multi, TYPE_RANGE) : NULL;
	if (t)
		t->multi = true;
	else
		d->b->oom = true;
}

static void mark_cast(struct ddl *d, const PgQuery__TypeName *name, bool stores)
{
	int32_t typmod;
	uint32_t oid = ddl_type(d, name, &typmod);

	for (unsigned i = 0; i < d->b->types.n; i++) {
		struct type *t = d->b->types.v[i];

		if (t->oid != oid)
			continue;
		t->cast = true;
		t->stores = t->stores || stores;
	}
}

static void composite(struct ddl *d, const PgQuery__CompositeTypeStmt *s)
{
	const char *schema = ddl_schema(d, s->typevar->schemaname);
	struct draft_relation *r =
		draft_relation(d->b, d->b->next_oid++, schema, keep(d, s->typevar->relname), 'c');

	for (size_t i = 0; r && i < s->n_coldeflist; i++)
		if (s->coldeflist[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
			ddl_add_column(d, r, s->coldeflist[i]->column_def);
	(void)ddl_add_type(d, schema, s->typevar->relname, TYPE_COMPOSITE);
}

/* ---- operators ---- */
static void define(struct ddl *d, const PgQuery__DefineStmt *s)
{
	const char *schema, *name = ddl_name(s->defnames, s->n_defnames, &schema);
	struct operator_ *o;

	switch ((int)s->kind) {
	case PG_QUERY__OBJECT_TYPE__OBJECT_AGGREGATE:
		(void)ddl_function(d, s->defnames, s->n_defnames, 'a');
		break;
	case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
		(void)ddl_add_type(d, ddl_schema(d, schema), name, TYPE_BASE);
		break;
	case PG_QUERY__OBJECT_TYPE__OBJECT_OPERATOR:
		o = arena_zalloc(&d->b->c->a, sizeof(*o));
		if (draft_add(d->b, &d->b->operators, o))
			*o = (struct operator_){.schema = ddl_schema(d, schema), .name = keep(d, name)};
		break;
	default: break;
	}
}

/* ---- views ---- */
static void view(struct ddl *d, const PgQuery__RangeVar *rv, const PgQuery__Node *query,
	PgQuery__Node **aliases, size_t naliases, char kind)
{
	const char *schema = ddl_schema(d, rv->schemaname);
	struct draft_relation *r = draft_relation(d->b, d->b->next_oid++, schema, keep(d, rv->relname), kind);

	if (!r)
		return;
	r->definition_node = query;
	r->aliases = aliases;
	r->naliases = naliases;
	(void)ddl_add_type(d, schema, rv->relname, TYPE_COMPOSITE);
}

static void table_as(struct ddl *d, const PgQuery__CreateTableAsStmt *s)
{
	if (s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW)
		view(d, s->into->rel, s->query, s->into->col_names, s->into->n_col_names, 'm');
	else
		ddl_fail(d, "CREATE TABLE \"%s\" AS is not understood in a schema text",
			s->into->rel->relname);
}

static void schema(struct ddl *d, const PgQuery__CreateSchemaStmt *s)
{
	(void)draft_add(d->b, &d->b->schemas, (void *)(uintptr_t)keep(d, s->schemaname));
	for (size_t i = 0; i < s->n_schema_elts; i++)
		ddl_fail(d, "CREATE SCHEMA \"%s\" with elements is not understood in a schema text",
			s->schemaname);
}

static void set(struct ddl *d, const PgQuery__VariableSetStmt *s)
{
	static const char *const fallback[] = {"public"};
	const char **path;

	if (strcmp(s->name, "search_path") != 0)
		return;
	d->b->path = fallback;
	d->b->npath = 1;
	if (s->n_args == 0)
		return;
	path = arena_array(&d->b->c->a, s->n_args, sizeof(*path));
	if (!path) {
		d->b->oom = true;
		return;
	}
	for (size_t i = 0; i < s->n_args; i++)
		path[i] = s->args[i]->node_case == PG_QUERY__NODE__NODE_A_CONST &&
					  s->args[i]->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL
				  ? keep(d, s->args[i]->a_const->sval->sval)
				  : "public";
	d->b->path = path;
	d->b->npath = (unsigned)s->n_args;
}

static void statement(struct ddl *d, const PgQuery__RawStmt *raw)
{
	const PgQuery__Node *n = raw->stmt;

	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT: schema(d, n->create_schema_stmt); break;
	case PG_QUERY__NODE__NODE_CREATE_STMT: ddl_table(d, n->create_stmt, 'r'); break;
	case PG_QUERY__NODE__NODE_CREATE_FOREIGN_TABLE_STMT:
		ddl_table(d, n->create_foreign_table_stmt->base_stmt, 'f');
		break;
	case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
		(void)draft_relation(d->b, d->b->next_oid++,
			ddl_schema(d, n->create_seq_stmt->sequence->schemaname),
			keep(d, n->create_seq_stmt->sequence->relname), 'S');
		break;
	case PG_QUERY__NODE__NODE_VIEW_STMT:
		view(d, n->view_stmt->view, n->view_stmt->query, n->view_stmt->aliases,
			n->view_stmt->n_aliases, 'v');
		break;
	case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT: table_as(d, n->create_table_as_stmt); break;
	case PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT: composite(d, n->composite_type_stmt); break;
	case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT: enumeration(d, n->create_enum_stmt); break;
	case PG_QUERY__NODE__NODE_CREATE_RANGE_STMT: range(d, n->create_range_stmt); break;
	case PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT: domain(d, n->create_domain_stmt); break;
	case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT: ddl_create_function(d, raw); break;
	case PG_QUERY__NODE__NODE_DEFINE_STMT: define(d, n->define_stmt); break;
	case PG_QUERY__NODE__NODE_CREATE_CAST_STMT:
		if (n->create_cast_stmt->func) {
			mark_cast(d, n->create_cast_stmt->sourcetype, false);
			mark_cast(d, n->create_cast_stmt->targettype,
				n->create_cast_stmt->context !=
					PG_QUERY__COERCION_CONTEXT__COERCION_EXPLICIT);
		}
		break;
	case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT: ddl_alter(d, n->alter_table_stmt); break;
	case PG_QUERY__NODE__NODE_INDEX_STMT: ddl_index(d, n->index_stmt); break;
	case PG_QUERY__NODE__NODE_CREATE_TRIG_STMT: ddl_trigger(d, n->create_trig_stmt); break;
	case PG_QUERY__NODE__NODE_RULE_STMT: ddl_rule(d, n->rule_stmt->relation); break;
	case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT: set(d, n->variable_set_stmt); break;
	case PG_QUERY__NODE__NODE_DROP_STMT:
	case PG_QUERY__NODE__NODE_RENAME_STMT:
	case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
		ddl_fail(d, "%s is not understood in a schema text", statement_tag(n));
		break;
	default: break; /* GRANT, COMMENT, INSERT, … */
	}
}

int catalog_from_ddl(struct catalog **out, struct span text, struct err *e)
{
	static const char *const path[] = {"public"};
	struct ddl d = {.e = e, .text = text};
	struct PgQuery__ParseResult *tree;
	struct arena tmp = {0};
	int position, rc;

	*out = NULL;
	rc = catalog_builder_new(&d.b, e);
	if (rc < 0)
		return rc;
	d.b->path = path;
	d.b->npath = 1;
	d.b->derive_columns = true;
	d.b->c->server = parse_grammar_major();
	(void)draft_add(d.b, &d.b->schemas, (void *)(uintptr_t) "pg_catalog");
	(void)draft_add(d.b, &d.b->schemas, (void *)(uintptr_t) "public");
	rc = parse(text, d.b->c->server, &tmp, &tree, &position, e);
	for (size_t i = 0; rc == 0 && !d.failed && !d.b->oom && i < tree->n_stmts; i++)
		statement(&d, tree->stmts[i]);
	if (rc == 0 && d.failed)
		rc = -EINVAL;
	if (rc < 0)
		catalog_builder_free(d.b);
	else
		rc = catalog_builder_finish(d.b, out, e);
	arena_fini(&tmp);
	return rc;
}
