/* SPDX-License-Identifier: MIT */
/* Statements that define tables and indexes: what their expressions call, which relations they look at. What
 * is defined here holds no value of another relation. */
#include "sql/catalog_internal.h"
#include "sql/lineage.h"

#include <string.h>
#include <strings.h>

static void define(struct lineage *l, const char *relpersistence)
{
	l->s->kind = STATEMENT_DEFINE;
	l->s->defines = l->s->listed = true;
	l->s->temporary = *relpersistence == 't';
	l->s->watched = catalog_has_event_triggers(l->names->catalog);
}

/* ---- expressions of columns and constraints ---- */
static void definition_expr(struct lineage *l, struct scope *sc, const PgQuery__Node *n)
{
	struct taint t;

	if (!n || lineage_stopped(l))
		return;
	t = expr(l, sc, n);
	if (t.foreign)
		lineage_opaque(l, NULL, t.foreign);
	lineage_store(l, &t.from);
	(void)lineage_covered(l, n);
}

static bool is_serial(const PgQuery__TypeName *t)
{
	static const char *const names[] = {
		"serial", "serial4", "bigserial", "serial8", "smallserial", "serial2"};

	if (t->n_names != 1 || t->n_array_bounds || t->setof || t->pct_type)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(node_string(t->names[0]), names[i]))
			return true;
	return false;
}

static uint32_t column_type(struct lineage *l, const PgQuery__TypeName *t)
{
	struct type_ref type = {0};

	if (t && is_serial(t))
		l->s->makes_sequences = true;
	if (!t || is_serial(t))
		return 0;
	return typename_judge(l, t, &type) ? type.oid : 0;
}

/* Whether a row may come or go depends on the columns that are referred to. */
static void foreign_key(struct lineage *l, const PgQuery__Constraint *c)
{
	const struct relation *r = c->pktable ? relation_find(l, c->pktable) : NULL;

	if (r)
		lineage_elsewhere(l, r);
	for (size_t i = 0; r && i < c->n_pk_attrs; i++) {
		const struct column *col = relation_column(r, node_string(c->pk_attrs[i]));

		if (!col)
			lineage_fail_retry(
				l, "42703", -1, "column \"%s\" does not exist", node_string(c->pk_attrs[i]));
		else
			lineage_use_set(l, &col->read, "a foreign key");
	}
	for (unsigned i = 0; r && !c->n_pk_attrs && i < r->ncols; i++)
		if (r->cols[i].against.n)
			lineage_use_set(l, &r->cols[i].read, "a foreign key");
}

/* Its sequence is called as the server chooses. */
static void identity(struct lineage *l, const PgQuery__Constraint *c)
{
	l->s->makes_sequences = true;
	for (size_t i = 0; c && i < c->n_options; i++)
		if (c->options[i]->node_case != PG_QUERY__NODE__NODE_DEF_ELEM ||
			!strcmp(c->options[i]->def_elem->defname, "sequence_name"))
			lineage_odd(l, c->location, "a name for an identity's sequence");
	if (!c)
		lineage_odd(l, -1, "this identity");
}

static void constraint(struct lineage *l, struct scope *sc, const PgQuery__Constraint *c)
{
	if (!c) {
		lineage_odd(l, -1, "a constraint");
		return;
	}
	switch (c->contype) {
	case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY: identity(l, c); return;
	case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
	case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
	case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
	case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
	case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE:
	case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE:
	case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED:
	case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE: return;
	case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
	case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
	case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK: definition_expr(l, sc, c->raw_expr); return;
	case PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN: foreign_key(l, c); return;
	case PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION:
		lineage_doubt(l, c->location, "this kind of constraint is not understood");
		ddl_names(l, c, false);
		l->s->code = true;
		return;
	case PG_QUERY__CONSTR_TYPE__CONSTR_TYPE_UNDEFINED: break;
	}
	lineage_odd(l, c->location, "this kind of constraint");
}

static void constraints(struct lineage *l, struct scope *sc, PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n && !lineage_stopped(l); i++)
		constraint(
			l, sc, v[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT ? v[i]->constraint : NULL);
}

/* A column that is defined: what may be said of it in expressions beside it. */
static void column_label(struct lineage *l, struct outputs *o, const PgQuery__ColumnDef *d)
{
	uint32_t type = column_type(l, d->type_name);

	if (d->n_fdwoptions || d->cooked_default)
		lineage_odd(l, d->location, "this column");
	outputs_add(l, o, d->colname, (struct taint){.type = type, .odd = true});
}

static const struct relation *like(struct lineage *l, const PgQuery__TableLikeClause *t)
{
	const struct relation *r = t->relation ? relation_find(l, t->relation) : NULL;

	if (r)
		lineage_relation(l, r);
	l->s->makes_sequences = true; /* INCLUDING IDENTITY */
	if (r && (r->computes || r->problem))
		lineage_doubt(l, t->relation->location,
			"LIKE of a table whose defaults run code is not understood");
	return r;
}

static void row_labels(struct lineage *l, struct outputs *o, const struct relation *r)
{
	for (unsigned i = 0; i < r->ncols && !lineage_stopped(l); i++)
		outputs_add(l, o, r->cols[i].name, relation_read(l, r, i, false));
}

static void scope_of(
	struct lineage *l, struct scope *sc, struct item *it, const char *name, const struct outputs *o)
{
	*it = (struct item){.alias = name, .cols = o->v, .ncols = o->n};
	namespace_add(l, &sc->ns, (struct visible){it, true, true, false});
}

struct same_name {
	struct lineage *l;
	const char *name, *schema; /* but not in this one */
	const struct relation *found;
};

static bool finds_same_name(void *arg, const struct relation *r)
{
	struct same_name *s = arg;

	if (strcmp(s->name, r->name) != 0 || !strcmp(s->schema, r->schema) ||
		!strncmp(r->schema, "pg_temp_", 8))
		return true;
	if (!s->found)
		s->found = r;
	lineage_redefines(s->l, r); /* what stood for the name may stand behind another now */
	return true;
}

static const char *target_schema(const struct lineage *l, const char *schema)
{
	const struct name_scope *ns = l->names;

	if (*schema)
		return scope_schema(ns, schema);
	if (l->s->temporary)
		return ns->temp ? ns->temp : "";
	for (unsigned i = 0; i < ns->npath; i++)
		if (!ns->temp || strcmp(ns->path[i], ns->temp) != 0)
			return ns->path[i];
	return "";
}

/* A relation that is to be made, in schema ("": wherever the path says). Code of the database's own that
 * writes to a name would write to the nearest relation of that name; and a prepared statement goes on reading
 * the one that was the nearest. */
void ddl_new_name(struct lineage *l, const char *schema, const char *name, int location)
{
	struct same_name same = {.l = l, .name = name, .schema = target_schema(l, schema)};

	if (*schema && system_schema(schema)) {
		lineage_fail(l, "42501", location, "nothing may be defined in schema \"%s\" here", schema);
		return;
	}
	catalog_each_relation(l->names->catalog, finds_same_name, &same);
	lineage_claims(l, name);
	l->s->makes = name;
	l->s->makes_in = same.schema;
	if (same.found)
		lineage_doubt(l, location,
			"a relation called \"%s\" is there already, in schema %s: one of the same name "
			"elsewhere could "
			"take what is written there",
			name, same.found->schema);
}

/* What it has of others: columns, and with them the masks. */
static void family(struct lineage *l, const PgQuery__CreateStmt *s, struct outputs *o)
{
	struct type_ref type = {0};
	const struct relation *r = NULL;

	for (size_t i = 0; i < s->n_inh_relations && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = s->inh_relations[i];

		r = n->node_case == PG_QUERY__NODE__NODE_RANGE_VAR ? relation_find(l, n->range_var) : NULL;
		if (!r) {
			lineage_odd(l, -1, "a parent of the table");
			return;
		}
		lineage_relation(l, r);
		lineage_redefines(l, r); /* what changes it changes this one too */
		l->s->code = l->s->code || r->code || r->triggers;
		row_labels(l, o, r);
	}
	if (!s->of_typename || !typename_judge(l, s->of_typename, &type))
		return;
	r = type_row(l->names->catalog, type.oid);
	if (r)
		row_labels(l, o, r);
	else
		lineage_odd(l, -1, "a table of this type");
}

static void partition_key(struct lineage *l, struct scope *sc, const PgQuery__PartitionSpec *p)
{
	for (size_t i = 0; p && i < p->n_part_params && !lineage_stopped(l); i++) {
		const PgQuery__PartitionElem *e = p->part_params[i]->partition_elem;

		if (p->part_params[i]->node_case != PG_QUERY__NODE__NODE_PARTITION_ELEM) {
			lineage_odd(l, -1, "a partition key");
			return;
		}
		definition_expr(l, sc, e->expr);
		l->s->code = l->s->code || e->n_opclass;
	}
}

static void bound_values(struct lineage *l, PgQuery__Node **v, size_t n)
{
	struct scope sc = {0};

	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		const PgQuery__ColumnRef *c = v[i]->column_ref;

		/* MINVALUE and MAXVALUE look like columns */
		if (v[i]->node_case != PG_QUERY__NODE__NODE_COLUMN_REF || c->n_fields != 1 ||
			(strcasecmp(node_string(c->fields[0]), "minvalue") != 0 &&
				strcasecmp(node_string(c->fields[0]), "maxvalue") != 0))
			definition_expr(l, &sc, v[i]);
	}
}

static void partition_bound(struct lineage *l, const PgQuery__PartitionBoundSpec *b)
{
	if (!b)
		return;
	bound_values(l, b->listdatums, b->n_listdatums);
	bound_values(l, b->lowerdatums, b->n_lowerdatums);
	bound_values(l, b->upperdatums, b->n_upperdatums);
}

static void create_table(struct lineage *l, const PgQuery__CreateStmt *s)
{
	const PgQuery__RangeVar *rv = s->relation;
	struct scope sc = {0};
	struct outputs o = {0};
	struct item it;

	define(l, rv->relpersistence);
	if (!strcmp(rv->schemaname, "pg_temp"))
		l->s->temporary = true;
	ddl_new_name(l, rv->schemaname, rv->relname, rv->location);
	family(l, s, &o);
	for (size_t i = 0; i < s->n_table_elts && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = s->table_elts[i];
		const struct relation *r;

		if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) {
			column_label(l, &o, n->column_def);
		} else if (n->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE) {
			r = like(l, n->table_like_clause);
			if (r)
				row_labels(l, &o, r);
		} else if (n->node_case != PG_QUERY__NODE__NODE_CONSTRAINT) {
			lineage_odd(l, -1, "a part of the table");
		}
	}
	scope_of(l, &sc, &it, rv->relname, &o);
	for (size_t i = 0; i < s->n_table_elts && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = s->table_elts[i];

		if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
			constraints(l, &sc, n->column_def->constraints, n->column_def->n_constraints);
		else if (n->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			constraint(l, &sc, n->constraint);
	}
	constraints(l, &sc, s->constraints, s->n_constraints);
	partition_key(l, &sc, s->partspec);
	partition_bound(l, s->partbound);
}

/* ---- changes of a table ---- */
/* The table that is changed, children and all; writing it may run what is noted here. */
static const struct relation *changed(
	struct lineage *l, const PgQuery__RangeVar *rv, bool missing_ok, const char *kinds)
{
	const struct relation *r = scope_relation(l->names, rv->schemaname, rv->relname);

	lineage_looks_up(l, rv->schemaname, rv->relname);
	if (!r && missing_ok) { /* or of a kind that the catalogue does not list, or not yet */
		lineage_claims(l, rv->relname);
		return NULL;
	}
	if (!r) {
		lineage_fail_retry(l, "42P01", rv->location, "relation \"%s\" does not exist", rv->relname);
		return NULL;
	}
	if (l->need)
		l->need(l->need_arg, r);
	lineage_relation(l, r);
	lineage_redefines(l, r);
	l->s->temporary = l->names->temp && !strcmp(r->schema, l->names->temp);
	l->s->triggers = l->s->triggers || r->triggers;
	l->s->code = l->s->code || r->code;
	if (r->system)
		lineage_fail(l, "42501", rv->location, "%s.%s may not be changed here", r->schema, r->name);
	else if (!strchr(kinds, r->kind))
		lineage_odd(l, rv->location, "changing this kind of relation");
	return r;
}

static void index_elements(struct lineage *l, struct scope *sc, PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		const PgQuery__IndexElem *e = v[i]->index_elem;

		if (v[i]->node_case != PG_QUERY__NODE__NODE_INDEX_ELEM) {
			lineage_odd(l, -1, "a column of the index");
			return;
		}
		definition_expr(l, sc, e->expr);
		l->s->code = l->s->code || e->n_opclass;
	}
}

static void create_index(struct lineage *l, const PgQuery__IndexStmt *s)
{
	const struct relation *r;
	struct scope sc = {0};
	struct outputs o = {0};
	struct item it;

	define(l, "p");
	r = s->relation ? changed(l, s->relation, false, "rpm") : NULL;
	if (!r)
		return;
	l->s->redefined = (struct colset){0}; /* whatever names it finds it as it was */
	if (s->n_exclude_op_names)
		lineage_doubt(l, -1, "an index that excludes is not understood");
	row_labels(l, &o, r);
	scope_of(l, &sc, &it, s->relation->relname, &o);
	index_elements(l, &sc, s->index_params, s->n_index_params);
	index_elements(l, &sc, s->index_including_params, s->n_index_including_params);
	definition_expr(l, &sc, s->where_clause);
}

static void alter_column_def(
	struct lineage *l, struct scope *sc, const PgQuery__AlterTableCmd *c, struct outputs *o, bool added)
{
	const PgQuery__ColumnDef *d =
		c->def && c->def->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF ? c->def->column_def : NULL;

	if (!d) {
		lineage_odd(l, -1, "this column");
		return;
	}
	if (o) {
		if (added)
			column_label(l, o, d);
		return;
	}
	if (!added)
		(void)column_type(l, d->type_name);
	definition_expr(l, sc, d->raw_default); /* USING */
	constraints(l, sc, d->constraints, d->n_constraints);
}

/* Another part, parent, trigger, owner …: what it names must not be masked either. */
static void alter_other(struct lineage *l, const PgQuery__AlterTableCmd *c, bool of_index)
{
	lineage_doubt(l, -1, "this change of a table is not understood");
	ddl_names(l, c, of_index);
	l->s->code = true;
	l->s->listed = false;
}

static void alter_command(struct lineage *l, struct scope *sc, const PgQuery__AlterTableCmd *c, bool of_index)
{
	switch ((int)c->subtype) {
	case PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn: alter_column_def(l, sc, c, NULL, true); return;
	case PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType: alter_column_def(l, sc, c, NULL, false); return;
	case PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault: definition_expr(l, sc, c->def); return;
	case PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint:
		constraint(l, sc,
			c->def && c->def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT ? c->def->constraint
										       : NULL);
		return;
	case PG_QUERY__ALTER_TABLE_TYPE__AT_AddIdentity:
		identity(l, c->def && c->def->node_case == PG_QUERY__NODE__NODE_CONSTRAINT
				    ? c->def->constraint
				    : NULL);
		return;
	case PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_SetOptions:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_ResetOptions:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_SetStorage:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_SetIdentity:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_DropIdentity:
	case PG_QUERY__ALTER_TABLE_TYPE__AT_DropExpression: return;
	default: alter_other(l, c, of_index);
	}
}

static void alter_table(struct lineage *l, const PgQuery__AlterTableStmt *s)
{
	bool of_index = s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX;
	const struct relation *r;
	struct scope sc = {0};
	struct outputs o = {0};
	struct item it;

	define(l, "p");
	if (!s->relation) {
		lineage_odd(l, -1, "changing this kind of object");
		return;
	}
	if (s->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE) {
		lineage_doubt(l, -1, "changing this kind of object is not understood");
		l->s->code = true;
		l->s->listed = false;
	}
	/* an index holds nothing that its table does not, and no name leads to it */
	r = changed(l, s->relation, s->missing_ok || of_index, "rpvmSc");
	if (r && !strchr("rp", r->kind)) {
		lineage_doubt(l, -1, "changing this kind of relation is not understood");
		l->s->code = true;
		l->s->listed = false;
	}
	if (r)
		row_labels(l, &o, r);
	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < s->n_cmds && !lineage_stopped(l); i++) {
			const PgQuery__AlterTableCmd *c = s->cmds[i]->alter_table_cmd;

			if (s->cmds[i]->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_CMD)
				lineage_odd(l, -1, "this change of a table");
			else if (pass)
				alter_command(l, &sc, c, of_index);
			else if (r && c->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
				lineage_cascades(l, r);
			else if (c->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
				alter_column_def(l, &sc, c, &o, true);
		}
		if (!pass)
			scope_of(l, &sc, &it, s->relation->relname, &o);
	}
}

static void drop_one(
	struct lineage *l, const PgQuery__Node *n, const char *kinds, bool missing_ok, bool *temporary)
{
	const PgQuery__List *names = n->list;
	PgQuery__RangeVar rv = PG_QUERY__RANGE_VAR__INIT;
	const struct relation *r;

	if (n->node_case != PG_QUERY__NODE__NODE_LIST || !names->n_items || names->n_items > 3) {
		lineage_odd(l, -1, "this name");
		return;
	}
	rv.relname = (char *)(uintptr_t)node_string(names->items[names->n_items - 1]);
	if (names->n_items > 1)
		rv.schemaname = (char *)(uintptr_t)node_string(names->items[names->n_items - 2]);
	rv.location = -1;
	if (!missing_ok && !scope_relation(l->names, rv.schemaname, rv.relname)) {
		lineage_fail_retry(l, "42P01", -1, "%s \"%s\" does not exist",
			*kinds == 'v'   ? "view"
			: *kinds == 'm' ? "materialized view"
					: "table",
			rv.relname);
		return;
	}
	r = changed(l, &rv, missing_ok, kinds);
	if (!r || !l->s->temporary)
		*temporary = false;
	if (r && l->s->cascades)
		lineage_cascades(l, r);
	if (r && l->s->dropped)
		l->s->dropped[l->s->ndropped++] = r->oid;
}

/* What is dropped as a table is: views too, where code may read them. NULL: something else. */
static const char *dropped_kinds(const struct lineage *l, const PgQuery__DropStmt *s)
{
	if (s->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE)
		return "rp";
	if (!catalog_has_code(l->names->catalog))
		return NULL;
	if (s->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW)
		return "v";
	return s->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW ? "m" : NULL;
}

static void drop(struct lineage *l, const PgQuery__DropStmt *s, const char *kinds)
{
	bool temporary = true;

	define(l, "p");
	l->s->drops_views = *kinds != 'r';
	l->s->cascades = s->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
	l->s->dropped = lineage_alloc(l, s->n_objects, sizeof(*l->s->dropped));
	for (size_t i = 0; i < s->n_objects && !lineage_stopped(l); i++)
		drop_one(l, s->objects[i], kinds, s->missing_ok, &temporary);
	l->s->temporary = temporary;
	l->s->drops = true;
}

static void discard(struct lineage *l, const PgQuery__DiscardStmt *s)
{
	static const char *const names[] = {NULL, NULL, "plans", "sequences", "temp"};

	l->s->kind = STATEMENT_DISCARD;
	if ((unsigned)s->target < ARRAY_LEN(names))
		l->s->name = names[s->target];
	l->s->defines = s->target == PG_QUERY__DISCARD_MODE__DISCARD_ALL ||
			s->target == PG_QUERY__DISCARD_MODE__DISCARD_TEMP;
	l->s->temporary = true;
	if (s->target == PG_QUERY__DISCARD_MODE__DISCARD_MODE_UNDEFINED)
		lineage_odd(l, -1, "this DISCARD");
}

bool ddl_statement(struct lineage *l, const PgQuery__Node *n)
{
	const char *kinds;

	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_CREATE_STMT: create_table(l, n->create_stmt); return true;
	case PG_QUERY__NODE__NODE_INDEX_STMT: create_index(l, n->index_stmt); return true;
	case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT: alter_table(l, n->alter_table_stmt); return true;
	case PG_QUERY__NODE__NODE_DROP_STMT:
		kinds = dropped_kinds(l, n->drop_stmt);
		if (kinds)
			drop(l, n->drop_stmt, kinds);
		return kinds != NULL;
	case PG_QUERY__NODE__NODE_DISCARD_STMT: discard(l, n->discard_stmt); return true;
	default: return false;
	}
}
