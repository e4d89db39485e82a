/* SPDX-License-Identifier: MIT */
/* Definitions and changes of them that are not followed: a policy lets them pass that lets code do anything,
 * and then only if no relation that they name has masked columns. Whatever they do to others, what is masked
 * stays what it is and where it is. */
#include "sql/lineage.h"

#include <string.h>

static void any(struct lineage *l)
{
	l->s->kind = STATEMENT_DEFINE;
	l->s->defines = l->s->code = true;
	lineage_doubt(l, -1,
		"%s is not allowed here: only queries, plain changes of rows, transactions and settings are",
		l->s->tag);
}

/* ---- what it names ---- */
struct named {
	struct lineage *l;
	const char **queries; /* names of its WITH queries */
	unsigned nqueries, cap;
	bool lenient; /* a name that is not known may be one that the statement makes */
};

static void found(struct lineage *l, const char *schema, const char *name, int location, bool lenient)
{
	const struct relation *r = scope_relation(l->names, schema, name);

	if (r)
		lineage_relation(l, r);
	else if (!lenient)
		lineage_fail_retry(l, "42P01", location, "relation \"%s%s%s\" does not exist", schema,
			*schema ? "." : "", name);
	if (r && r->system)
		lineage_fail(l, "42501", location, "%s.%s may not be changed here", r->schema, r->name);
}

static void relation(struct named *n, const PgQuery__RangeVar *rv)
{
	bool lenient = n->lenient;

	/* where a WITH query's name does not reach, it is a relation's */
	for (unsigned i = 0; i < n->nqueries && !*rv->schemaname; i++)
		lenient = lenient || !strcmp(n->queries[i], rv->relname);
	found(n->l, rv->schemaname, rv->relname, -1, lenient);
}

static void with_query(struct named *n, const char *name)
{
	if (n->nqueries == n->cap) {
		unsigned cap = n->cap ? n->cap * 2 : 8;
		const char **v = lineage_alloc(n->l, cap, sizeof(*v));

		if (!v)
			return;
		if (n->nqueries)
			memcpy(v, n->queries, n->nqueries * sizeof(*v));
		n->queries = v;
		n->cap = cap;
	}
	n->queries[n->nqueries++] = name;
}

static void walk(
	struct named *n, const ProtobufCMessage *m, void (*fn)(struct named *, const ProtobufCMessage *));

static void walk_field(struct named *n, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f,
	void (*fn)(struct named *, const ProtobufCMessage *))
{
	const uint8_t *at = (const uint8_t *)m + f->offset;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t count = *(const size_t *)((const uint8_t *)m + f->quantifier_offset);
		ProtobufCMessage *const *v = *(ProtobufCMessage *const *const *)at;

		for (size_t i = 0; i < count; i++)
			walk(n, v[i], fn);
		return;
	}
	if (!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
		*(const uint32_t *)((const uint8_t *)m + f->quantifier_offset) == f->id)
		walk(n, *(ProtobufCMessage *const *)at, fn);
}

/* The tree is no deeper than the parser let it be. */
static void walk(
	struct named *n, const ProtobufCMessage *m, void (*fn)(struct named *, const ProtobufCMessage *))
{
	if (!m || !lineage_spend(n->l, 1))
		return;
	fn(n, m);
	for (unsigned i = 0; i < m->descriptor->n_fields && !lineage_stopped(n->l); i++)
		walk_field(n, m, &m->descriptor->fields[i], fn);
}

static void gather(struct named *n, const ProtobufCMessage *m)
{
	if (m->descriptor == &pg_query__common_table_expr__descriptor)
		with_query(n, ((const PgQuery__CommonTableExpr *)(const void *)m)->ctename);
}

static void look_up(struct named *n, const ProtobufCMessage *m)
{
	if (m->descriptor == &pg_query__range_var__descriptor)
		relation(n, (const PgQuery__RangeVar *)(const void *)m);
}

static void names_in(struct lineage *l, const void *message, bool lenient)
{
	struct named n = {.l = l, .lenient = lenient};

	walk(&n, message, gather);
	walk(&n, message, look_up);
}

void ddl_names(struct lineage *l, const void *message, bool lenient)
{
	names_in(l, message, lenient);
}

struct of_schema {
	struct lineage *l;
	const char *name; /* NULL: of any */
};

static bool note_relation(void *arg, const struct relation *r)
{
	struct of_schema *s = arg;

	if (!r->system && (!s->name || !strcmp(r->schema, s->name)))
		lineage_relation(s->l, r);
	return !lineage_stopped(s->l);
}

static void schema(struct lineage *l, const char *name)
{
	struct of_schema s = {l, name ? scope_schema(l->names, name) : NULL};

	catalog_each_relation(l->names->catalog, note_relation, &s);
}

static void schemas(struct lineage *l, PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		schema(l, node_string(v[i]));
}

/* schema.relation, and what is behind it where rest is not 0 */
static void listed(struct lineage *l, const PgQuery__Node *n, size_t rest, bool lenient)
{
	const PgQuery__List *names = n->list;
	size_t left;

	if (n->node_case != PG_QUERY__NODE__NODE_LIST || names->n_items <= rest) {
		lineage_odd(l, -1, "this name");
		return;
	}
	left = names->n_items - rest;
	found(l, left > 1 ? node_string(names->items[left - 2]) : "", node_string(names->items[left - 1]), -1,
		lenient);
}

/* ---- statements ---- */
static bool is_index(PgQuery__ObjectType t)
{
	return t == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX;
}

static void rename_(struct lineage *l, const PgQuery__RenameStmt *s)
{
	any(l);
	if (s->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE) {
		lineage_fail(l, "42501", -1, "a database may not be renamed here");
		return;
	}
	if (s->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
		schema(l, s->subname);
	if (!s->relation)
		return;
	/* ALTER INDEX renames a table, too; indexes themselves the catalogue does not have */
	names_in(l, s->relation, s->missing_ok || is_index(s->rename_type));
	if (s->rename_type != PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN)
		l->s->makes = s->newname;
}

static void move(struct lineage *l, const PgQuery__AlterObjectSchemaStmt *s)
{
	any(l);
	if (s->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_EXTENSION)
		lineage_odd(l, -1, "moving all that an extension has");
	if (!s->relation)
		return;
	names_in(l, s->relation, s->missing_ok);
	l->s->makes = s->relation->relname;
	l->s->makes_in = s->newschema;
}

static void grant(struct lineage *l, const PgQuery__GrantStmt *s)
{
	any(l);
	if (s->targtype == PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_ALL_IN_SCHEMA)
		schemas(l, s->objects, s->n_objects);
	else
		for (size_t i = 0; i < s->n_objects; i++)
			names_in(l, s->objects[i], false);
}

static void role(struct lineage *l, PgQuery__Node **options, size_t n)
{
	any(l);
	for (size_t i = 0; i < n; i++)
		if (options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
			!strcmp(options[i]->def_elem->defname, "password") && options[i]->def_elem->arg)
			lineage_fail(l, "42501", options[i]->def_elem->location,
				"a password may not be given to a role here: it would let in past the masks");
}

static void publication(struct lineage *l, PgQuery__Node **v, size_t n, bool all)
{
	any(l);
	if (all)
		schema(l, NULL);
	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		const PgQuery__PublicationObjSpec *o = v[i]->publication_obj_spec;

		if (v[i]->node_case != PG_QUERY__NODE__NODE_PUBLICATION_OBJ_SPEC)
			lineage_odd(l, -1, "this part of a publication");
		else if (o->pubtable)
			names_in(l, o->pubtable, false);
		else
			schema(l, *o->name ? o->name : NULL);
	}
}

static void reindex(struct lineage *l, const PgQuery__ReindexStmt *s)
{
	any(l);
	if (s->relation && s->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_TABLE)
		names_in(l, s->relation, false);
}

/* Nobody but queries looks at it. */
static bool goes_quietly(const struct lineage *l, PgQuery__ObjectType t)
{
	return (t == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW || t == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW ||
		       is_index(t)) &&
	       !catalog_has_code(l->names->catalog);
}

static void quiet_one(struct lineage *l, const PgQuery__List *names, bool cascades)
{
	const char *name = node_string(names->items[names->n_items - 1]);
	const struct relation *r = scope_relation(
		l->names, names->n_items > 1 ? node_string(names->items[names->n_items - 2]) : "", name);

	lineage_looks_up(l, names->n_items > 1 ? "." : "", name);
	if (!r) {
		lineage_claims(l, name); /* it may be there by now */
		return;
	}
	lineage_redefines(l, r);
	if (cascades)
		lineage_cascades(l, r);
}

static void quiet(struct lineage *l, const PgQuery__DropStmt *s)
{
	l->s->kind = STATEMENT_DEFINE;
	l->s->defines = l->s->listed = true;
	l->s->watched = catalog_has_event_triggers(l->names->catalog);
	for (size_t i = 0; i < s->n_objects && !is_index(s->remove_type) && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = s->objects[i];

		if (n->node_case == PG_QUERY__NODE__NODE_LIST && n->list->n_items)
			quiet_one(l, n->list, s->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE);
		else
			l->s->listed = false;
	}
}

/* What only goes away takes nothing with it that is not its own; but another may then take its name, and a
 * table without its trigger or policy is another. */
static void drop(struct lineage *l, const PgQuery__DropStmt *s)
{
	PgQuery__ObjectType t = s->remove_type;

	if (goes_quietly(l, t)) {
		quiet(l, s);
		return;
	}
	any(l);
	if (t == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
		schemas(l, s->objects, s->n_objects);
	for (size_t i = 0; i < s->n_objects && !lineage_stopped(l); i++)
		if (t == PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER || t == PG_QUERY__OBJECT_TYPE__OBJECT_RULE ||
			t == PG_QUERY__OBJECT_TYPE__OBJECT_POLICY)
			listed(l, s->objects[i], 1, s->missing_ok);
}

bool ddl_any(struct lineage *l, const PgQuery__Node *n)
{
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_RENAME_STMT: rename_(l, n->rename_stmt); return true;
	case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT: move(l, n->alter_object_schema_stmt); return true;
	case PG_QUERY__NODE__NODE_GRANT_STMT: grant(l, n->grant_stmt); return true;
	case PG_QUERY__NODE__NODE_CREATE_ROLE_STMT:
		role(l, n->create_role_stmt->options, n->create_role_stmt->n_options);
		return true;
	case PG_QUERY__NODE__NODE_ALTER_ROLE_STMT:
		role(l, n->alter_role_stmt->options, n->alter_role_stmt->n_options);
		return true;
	case PG_QUERY__NODE__NODE_CREATE_PUBLICATION_STMT:
		publication(l, n->create_publication_stmt->pubobjects,
			n->create_publication_stmt->n_pubobjects, n->create_publication_stmt->for_all_tables);
		return true;
	case PG_QUERY__NODE__NODE_ALTER_PUBLICATION_STMT:
		publication(l, n->alter_publication_stmt->pubobjects, n->alter_publication_stmt->n_pubobjects,
			n->alter_publication_stmt->for_all_tables);
		return true;
	case PG_QUERY__NODE__NODE_REINDEX_STMT: reindex(l, n->reindex_stmt); return true;
	case PG_QUERY__NODE__NODE_DROP_STMT: drop(l, n->drop_stmt); return true;
	case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
		any(l);
		names_in(l, n->create_schema_stmt, true);
		return true;
	/* Of these every relation that they name counts. */
	case PG_QUERY__NODE__NODE_CREATE_TRIG_STMT:
	case PG_QUERY__NODE__NODE_RULE_STMT:
	case PG_QUERY__NODE__NODE_CREATE_POLICY_STMT:
	case PG_QUERY__NODE__NODE_ALTER_POLICY_STMT:
	case PG_QUERY__NODE__NODE_CREATE_STATS_STMT:
	case PG_QUERY__NODE__NODE_CLUSTER_STMT:
	case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT:
	case PG_QUERY__NODE__NODE_ALTER_OBJECT_DEPENDS_STMT:
		any(l);
		names_in(l, (const ProtobufCMessage *)(const void *)n->alias, false);
		return true;
	/* These name none, or only what they make. */
	case PG_QUERY__NODE__NODE_GRANT_ROLE_STMT:
	case PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT:
	case PG_QUERY__NODE__NODE_DROP_ROLE_STMT:
	case PG_QUERY__NODE__NODE_ALTER_ROLE_SET_STMT:
	case PG_QUERY__NODE__NODE_DROP_OWNED_STMT:
	case PG_QUERY__NODE__NODE_REASSIGN_OWNED_STMT:
	case PG_QUERY__NODE__NODE_ALTER_TYPE_STMT:
	case PG_QUERY__NODE__NODE_ALTER_ENUM_STMT:
	case PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT:
	case PG_QUERY__NODE__NODE_ALTER_COLLATION_STMT:
	case PG_QUERY__NODE__NODE_ALTER_OPERATOR_STMT:
	case PG_QUERY__NODE__NODE_ALTER_OP_FAMILY_STMT:
	case PG_QUERY__NODE__NODE_ALTER_STATS_STMT:
	case PG_QUERY__NODE__NODE_CREATE_OP_CLASS_STMT:
	case PG_QUERY__NODE__NODE_CREATE_OP_FAMILY_STMT:
	case PG_QUERY__NODE__NODE_CREATE_CONVERSION_STMT:
	case PG_QUERY__NODE__NODE_CREATE_TRANSFORM_STMT:
	case PG_QUERY__NODE__NODE_CREATE_AM_STMT:
	case PG_QUERY__NODE__NODE_CREATE_PLANG_STMT:
	case PG_QUERY__NODE__NODE_CREATE_EVENT_TRIG_STMT:
	case PG_QUERY__NODE__NODE_ALTER_EVENT_TRIG_STMT:
	case PG_QUERY__NODE__NODE_CREATE_FDW_STMT:
	case PG_QUERY__NODE__NODE_CREATE_FOREIGN_SERVER_STMT:
	case PG_QUERY__NODE__NODE_CREATE_TABLE_SPACE_STMT:
	case PG_QUERY__NODE__NODE_DROP_TABLE_SPACE_STMT:
	case PG_QUERY__NODE__NODE_ALTER_TABLE_SPACE_OPTIONS_STMT:
	case PG_QUERY__NODE__NODE_ALTER_TSDICTIONARY_STMT:
	case PG_QUERY__NODE__NODE_ALTER_TSCONFIGURATION_STMT:
	case PG_QUERY__NODE__NODE_SEC_LABEL_STMT:
	case PG_QUERY__NODE__NODE_CHECK_POINT_STMT: any(l); return true;
	default: return false;
	}
}
