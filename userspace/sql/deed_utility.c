/* SPDX-License-Identifier: MIT */
/* What statements do that are no queries, by their kind. One that is not named here may do everything. */
#include "sql/lineage.h"

#include <string.h>
#include <strings.h>

/* ---- names in lists of strings ---- */
static void of_schema(struct lineage *l, const char *schema, uint64_t effects)
{
	(void)deed_add(l, (struct deed){.effects = effects, .schema = scope_schema(l->names, schema)});
}

/* An index, of which nobody knows here whose it is: of whatever is in its schema. */
static void of_index(struct lineage *l, const char *schema, uint64_t effects)
{
	if (*schema)
		of_schema(l, schema, effects);
	else
		deed_unknown(l, effects, NULL, NULL);
}

/* Where a table is changed by name, an index may stand. */
static void of_index_named(struct lineage *l, const PgQuery__RangeVar *rv, uint64_t effects)
{
	if (rv && !scope_relation(l->names, rv->schemaname, rv->relname))
		of_index(l, rv->schemaname, effects);
}

/* schema.relation, and what is behind it where rest is not 0 */
static void listed(struct lineage *l, PgQuery__Node **v, size_t n, size_t rest, uint64_t effects)
{
	if (n <= rest)
		deed_unknown(l, effects, NULL, NULL);
	else
		deed_named(l, n - rest > 1 ? node_string(v[n - rest - 2]) : "", node_string(v[n - rest - 1]),
			effects, false);
}

enum naming { NAMES_NONE, NAMES_RELATION, NAMES_INDEX, NAMES_PART, NAMES_SCHEMA };

static enum naming naming(PgQuery__ObjectType t)
{
	switch ((int)t) {
	case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
	case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
	case PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW:
	case PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_TABLE:
	case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE: return NAMES_RELATION;
	case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX: return NAMES_INDEX;
	case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN:
	case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT:
	case PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER:
	case PG_QUERY__OBJECT_TYPE__OBJECT_RULE:
	case PG_QUERY__OBJECT_TYPE__OBJECT_POLICY: return NAMES_PART;
	case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA: return NAMES_SCHEMA;
	default: return NAMES_NONE;
	}
}

static void object(struct lineage *l, PgQuery__ObjectType t, const PgQuery__Node *n, uint64_t effects)
{
	enum naming how = naming(t);

	if (!n || how == NAMES_NONE)
		return;
	if (how == NAMES_INDEX)
		of_index(l,
			n->node_case == PG_QUERY__NODE__NODE_LIST && n->list->n_items > 1
				? node_string(n->list->items[n->list->n_items - 2])
				: "",
			effects);
	else if (n->node_case == PG_QUERY__NODE__NODE_STRING)
		how == NAMES_SCHEMA ? of_schema(l, n->string->sval, effects)
				    : deed_named(l, "", n->string->sval, effects, false);
	else if (n->node_case == PG_QUERY__NODE__NODE_LIST && how != NAMES_SCHEMA)
		listed(l, n->list->items, n->list->n_items, how == NAMES_PART, effects);
	else if (n->node_case != PG_QUERY__NODE__NODE_RANGE_VAR) /* which is visited */
		deed_unknown(l, effects, NULL, NULL);
}

/* ---- statements that are more than one effect ---- */
static uint64_t drop(struct lineage *l, const PgQuery__DropStmt *s)
{
	PgQuery__ObjectType t = s->remove_type;
	uint64_t does = DOES_DDL;

	if (t == PG_QUERY__OBJECT_TYPE__OBJECT_POLICY)
		does |= DOES_PRIVILEGE;
	if (t == PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_SERVER || t == PG_QUERY__OBJECT_TYPE__OBJECT_FDW)
		does |= DOES_NETWORK;
	if (t == PG_QUERY__OBJECT_TYPE__OBJECT_PUBLICATION)
		does |= DOES_REPLICATION;
	for (size_t i = 0; i < s->n_objects; i++)
		object(l, t, s->objects[i], does);
	/* what hangs on it goes too: tables' columns on a type, views on a function, all that is of an
	 * extension */
	if (s->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE ||
		t == PG_QUERY__OBJECT_TYPE__OBJECT_EXTENSION)
		deed_unknown(l, does, NULL, NULL);
	return does;
}

static void escapes(struct lineage *l, const PgQuery__RangeVar *rv)
{
	deed_escapes(l, rv->schemaname, rv->relname);
}

/* … and a function. */
static void function_escapes(struct lineage *l, const PgQuery__Node *n)
{
	const PgQuery__ObjectWithArgs *o =
		n && n->node_case == PG_QUERY__NODE__NODE_OBJECT_WITH_ARGS ? n->object_with_args : NULL;
	const char *schema = o && o->n_objname > 1 ? node_string(o->objname[o->n_objname - 2]) : NULL;

	if (o && o->n_objname)
		(void)deed_add(l, (struct deed){.effects = DOES_CALL,
					  .schema = schema,
					  .name = node_string(o->objname[o->n_objname - 1]),
					  .function = true,
					  .derived = true,
					  .escapes = true});
}

static void rename_(struct lineage *l, const PgQuery__RenameStmt *s)
{
	function_escapes(l, s->object);
	if (s->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA) {
		of_schema(l, s->subname, DOES_DDL);
		deed_escapes(l, s->subname, NULL);
	} else if (naming(s->rename_type) == NAMES_RELATION && s->relation) {
		of_index_named(l, s->relation, DOES_DDL);
		escapes(l, s->relation);
	} else if (naming(s->rename_type) == NAMES_INDEX) {
		of_index_named(l, s->relation, DOES_DDL);
	}
}

static uint64_t alter_table(struct lineage *l, const PgQuery__AlterTableStmt *s)
{
	uint64_t does = DOES_DDL;

	of_index_named(l, s->relation, DOES_DDL);
	for (size_t i = 0; i < s->n_cmds; i++) {
		const PgQuery__AlterTableCmd *c = s->cmds[i]->alter_table_cmd;

		if (s->cmds[i]->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_CMD)
			return DOES_ALL;
		switch ((int)c->subtype) {
		case PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner:
		case PG_QUERY__ALTER_TABLE_TYPE__AT_EnableRowSecurity:
		case PG_QUERY__ALTER_TABLE_TYPE__AT_DisableRowSecurity:
		case PG_QUERY__ALTER_TABLE_TYPE__AT_ForceRowSecurity:
		case PG_QUERY__ALTER_TABLE_TYPE__AT_NoForceRowSecurity: does |= DOES_PRIVILEGE; break;
		case PG_QUERY__ALTER_TABLE_TYPE__AT_SetIdentity:
			does |= DOES_SEQUENCE;
			break; /* RESTART */
		/* what a rule says of the parent no longer holds for it */
		case PG_QUERY__ALTER_TABLE_TYPE__AT_DropInherit:
			if (s->relation)
				escapes(l, s->relation);
			break;
		case PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition:
			if (c->def && c->def->node_case == PG_QUERY__NODE__NODE_PARTITION_CMD &&
				c->def->partition_cmd->name)
				escapes(l, c->def->partition_cmd->name);
			break;
		default: break;
		}
	}
	return does;
}

static uint64_t grant(struct lineage *l, const PgQuery__GrantStmt *s)
{
	bool all = s->targtype == PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_ALL_IN_SCHEMA;

	for (size_t i = 0; i < s->n_objects; i++)
		if (all || s->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
			of_schema(l, node_string(s->objects[i]), DOES_PRIVILEGE);
	return DOES_PRIVILEGE;
}

/* What a function sets while it runs, and whose rights it runs with. */
static uint64_t function(PgQuery__Node **v, size_t n)
{
	uint64_t does = DOES_DDL;

	for (size_t i = 0; i < n; i++) {
		const char *name =
			v[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM ? v[i]->def_elem->defname : "";

		does |= !strcmp(name, "set") ? DOES_SETTINGS : !strcmp(name, "security") ? DOES_PRIVILEGE : 0;
	}
	return does;
}

static uint64_t set(const PgQuery__VariableSetStmt *v)
{
	bool role = !strcasecmp(v->name, "role") || !strcasecmp(v->name, "session_authorization");

	if (!strncasecmp(v->name, "pgveil.", 7)) /* what the client has to say to the engine */
		return 0;
	if (v->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI)
		return DOES_SETTINGS | DOES_TRANSACTION;
	return role ? DOES_ROLE : DOES_SETTINGS;
}

static uint64_t discard(const PgQuery__DiscardStmt *d)
{
	switch (d->target) {
	case PG_QUERY__DISCARD_MODE__DISCARD_PLANS: return DOES_PREPARE;
	case PG_QUERY__DISCARD_MODE__DISCARD_SEQUENCES:
	case PG_QUERY__DISCARD_MODE__DISCARD_TEMP: return DOES_SETTINGS; /* the session's own state */
	case PG_QUERY__DISCARD_MODE__DISCARD_MODE_UNDEFINED:
	case PG_QUERY__DISCARD_MODE__DISCARD_ALL:
	default: break;
	}
	return DOES_SETTINGS | DOES_ROLE | DOES_CURSOR | DOES_PREPARE | DOES_LOCK | DOES_NOTIFY;
}

static uint64_t truncate(struct lineage *l, const PgQuery__TruncateStmt *s)
{
	if (s->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
		deed_unknown(l, DOES_TRUNCATE, NULL, NULL);
	if (s->restart_seqs)
		deed_plain(l, DOES_SEQUENCE);
	return DOES_TRUNCATE;
}

static uint64_t unnamed(struct lineage *l, uint64_t effects, bool named)
{
	if (!named)
		deed_unknown(l, effects, NULL, NULL);
	return effects;
}

static bool names_schemas(PgQuery__Node **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i]->node_case != PG_QUERY__NODE__NODE_PUBLICATION_OBJ_SPEC ||
			!v[i]->publication_obj_spec->pubtable)
			return true;
	return false;
}

/* A procedure is looked for as a call; what it does is its own. */
static uint64_t call(struct lineage *l, const PgQuery__CallStmt *s)
{
	if (!s->funccall)
		deed_unknown(l, DOES_ALL, NULL, NULL);
	return DOES_FUNCTION;
}

static uint64_t schema(struct lineage *l, const PgQuery__CreateSchemaStmt *s)
{
	if (*s->schemaname)
		of_schema(l, s->schemaname, DOES_DDL);
	return DOES_DDL | (s->authrole ? DOES_PRIVILEGE : 0);
}

static uint64_t refresh(struct lineage *l, const PgQuery__RefreshMatViewStmt *s)
{
	const struct relation *r =
		s->relation ? scope_relation(l->names, s->relation->schemaname, s->relation->relname) : NULL;

	if (!r || r->problem)
		deed_unknown(l, DOES_ALL, NULL, NULL);
	else
		deed_refresh(l, r);
	return DOES_MAINTAIN;
}

/* ---- each by itself ---- */
static uint64_t of_name(struct lineage *l, const PgQuery__Node *n)
{
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_COMMENT_STMT:
		object(l, n->comment_stmt->objtype, n->comment_stmt->object, DOES_DDL);
		return DOES_DDL;
	case PG_QUERY__NODE__NODE_SEC_LABEL_STMT:
		object(l, n->sec_label_stmt->objtype, n->sec_label_stmt->object, DOES_PRIVILEGE);
		return DOES_PRIVILEGE;
	case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT:
		object(l, n->alter_owner_stmt->object_type, n->alter_owner_stmt->object, DOES_PRIVILEGE);
		return DOES_PRIVILEGE;
	case PG_QUERY__NODE__NODE_RENAME_STMT:
		rename_(l, n->rename_stmt);
		return n->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_ROLE ? DOES_PRIVILEGE
											 : DOES_DDL;
	case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
		if (n->alter_object_schema_stmt->relation)
			escapes(l, n->alter_object_schema_stmt->relation);
		function_escapes(l, n->alter_object_schema_stmt->object);
		of_schema(l, n->alter_object_schema_stmt->newschema, DOES_DDL);
		return DOES_DDL;
	case PG_QUERY__NODE__NODE_DROP_STMT: return drop(l, n->drop_stmt);
	case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT: return alter_table(l, n->alter_table_stmt);
	case PG_QUERY__NODE__NODE_GRANT_STMT: return grant(l, n->grant_stmt);
	case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT:
		return function(n->create_function_stmt->options, n->create_function_stmt->n_options);
	case PG_QUERY__NODE__NODE_ALTER_FUNCTION_STMT:
		return function(n->alter_function_stmt->actions, n->alter_function_stmt->n_actions);
	case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
		return strncasecmp(n->variable_show_stmt->name, "pgveil.", 7) ? DOES_READ : 0;
	case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT: return set(n->variable_set_stmt);
	case PG_QUERY__NODE__NODE_DISCARD_STMT: return discard(n->discard_stmt);
	case PG_QUERY__NODE__NODE_TRUNCATE_STMT: return truncate(l, n->truncate_stmt);
	case PG_QUERY__NODE__NODE_VACUUM_STMT: return unnamed(l, DOES_MAINTAIN, n->vacuum_stmt->n_rels > 0);
	case PG_QUERY__NODE__NODE_CLUSTER_STMT:
		return unnamed(l, DOES_MAINTAIN, n->cluster_stmt->relation != NULL);
	case PG_QUERY__NODE__NODE_REINDEX_STMT:
		of_index_named(l, n->reindex_stmt->relation, DOES_MAINTAIN);
		return unnamed(l, DOES_MAINTAIN, n->reindex_stmt->relation != NULL);
	case PG_QUERY__NODE__NODE_CALL_STMT: return call(l, n->call_stmt);
	case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT: return schema(l, n->create_schema_stmt);
	case PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT: return refresh(l, n->refresh_mat_view_stmt);
	case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
		return DOES_READ | (l->s->explain.analyze ? DOES_EXPLAIN_ANALYZE : 0);
	case PG_QUERY__NODE__NODE_ALTER_TABLE_MOVE_ALL_STMT: return unnamed(l, DOES_DDL, false);
	/* of all tables, or of all in a schema */
	case PG_QUERY__NODE__NODE_CREATE_PUBLICATION_STMT:
		(void)unnamed(l, DOES_REPLICATION,
			!n->create_publication_stmt->for_all_tables &&
				!names_schemas(n->create_publication_stmt->pubobjects,
					n->create_publication_stmt->n_pubobjects));
		return DOES_DDL | DOES_REPLICATION;
	case PG_QUERY__NODE__NODE_ALTER_PUBLICATION_STMT:
		(void)unnamed(l, DOES_REPLICATION,
			!n->alter_publication_stmt->for_all_tables &&
				!names_schemas(n->alter_publication_stmt->pubobjects,
					n->alter_publication_stmt->n_pubobjects));
		return DOES_DDL | DOES_REPLICATION;
	case PG_QUERY__NODE__NODE_ALTER_EXTENSION_CONTENTS_STMT:
		object(l, n->alter_extension_contents_stmt->objtype, n->alter_extension_contents_stmt->object,
			DOES_DDL);
		return DOES_DDL;
	case PG_QUERY__NODE__NODE_DROP_OWNED_STMT:
		deed_unknown(l, DOES_DDL | DOES_PRIVILEGE, NULL, NULL);
		return DOES_DDL | DOES_PRIVILEGE;
	case PG_QUERY__NODE__NODE_REASSIGN_OWNED_STMT:
		deed_unknown(l, DOES_PRIVILEGE, NULL, NULL);
		return DOES_PRIVILEGE;
	default: return 0;
	}
}

static const struct kind {
	PgQuery__Node__NodeCase node;
	uint64_t effects; /* 0: more than its kind must be looked at */
} kinds[] = {
#define KIND(name, effects)                                                                                  \
	{                                                                                                    \
		PG_QUERY__NODE__NODE_##name##_STMT, effects                                                  \
	}
	KIND(CREATE, DOES_DDL),
	KIND(INDEX, DOES_DDL),
	KIND(VIEW, DOES_DDL),
	KIND(CREATE_TABLE_AS, DOES_DDL),
	KIND(CREATE_SEQ, DOES_DDL),
	KIND(ALTER_SEQ, DOES_DDL | DOES_SEQUENCE),
	KIND(CREATE_ENUM, DOES_DDL),
	KIND(ALTER_ENUM, DOES_DDL),
	KIND(CREATE_RANGE, DOES_DDL),
	KIND(COMPOSITE_TYPE, DOES_DDL),
	KIND(CREATE_DOMAIN, DOES_DDL),
	KIND(ALTER_DOMAIN, DOES_DDL),
	KIND(CREATE_CAST, DOES_DDL),
	KIND(DEFINE, DOES_DDL),
	KIND(RULE, DOES_DDL),
	KIND(CREATE_TRIG, DOES_DDL),
	KIND(CREATE_STATS, DOES_DDL),
	KIND(ALTER_STATS, DOES_DDL),
	KIND(CREATE_OP_CLASS, DOES_DDL),
	KIND(CREATE_OP_FAMILY, DOES_DDL),
	KIND(ALTER_OP_FAMILY, DOES_DDL),
	KIND(ALTER_OPERATOR, DOES_DDL),
	KIND(ALTER_TYPE, DOES_DDL),
	KIND(ALTER_COLLATION, DOES_DDL),
	KIND(CREATE_CONVERSION, DOES_DDL),
	KIND(CREATE_TRANSFORM, DOES_DDL),
	KIND(CREATE_AM, DOES_DDL),
	KIND(CREATE_PLANG, DOES_DDL),
	KIND(CREATE_EVENT_TRIG, DOES_DDL),
	KIND(ALTER_EVENT_TRIG, DOES_DDL),
	KIND(ALTER_OBJECT_DEPENDS, DOES_DDL),
	KIND(ALTER_TSDICTIONARY, DOES_DDL),
	KIND(ALTER_TSCONFIGURATION, DOES_DDL),
	KIND(CREATEDB, DOES_DDL),
	KIND(ALTER_DATABASE, DOES_DDL),
	KIND(ALTER_DATABASE_REFRESH_COLL, DOES_DDL),
	KIND(DROPDB, DOES_DDL),
	KIND(ALTER_TABLE_MOVE_ALL, 0),
	KIND(CREATE_POLICY, DOES_DDL | DOES_PRIVILEGE),
	KIND(ALTER_POLICY, DOES_DDL | DOES_PRIVILEGE),
	KIND(GRANT_ROLE, DOES_PRIVILEGE),
	KIND(CREATE_ROLE, DOES_PRIVILEGE),
	KIND(ALTER_ROLE, DOES_PRIVILEGE),
	KIND(DROP_ROLE, DOES_PRIVILEGE),
	KIND(ALTER_DEFAULT_PRIVILEGES, DOES_PRIVILEGE),
	KIND(ALTER_ROLE_SET, DOES_PRIVILEGE | DOES_SETTINGS),
	KIND(ALTER_DATABASE_SET, DOES_PRIVILEGE | DOES_SETTINGS),
	KIND(ALTER_SYSTEM, DOES_PRIVILEGE | DOES_SETTINGS | DOES_FILE),
	KIND(CREATE_FDW, DOES_DDL | DOES_NETWORK),
	KIND(ALTER_FDW, DOES_DDL | DOES_NETWORK),
	KIND(CREATE_FOREIGN_SERVER, DOES_DDL | DOES_NETWORK),
	KIND(ALTER_FOREIGN_SERVER, DOES_DDL | DOES_NETWORK),
	KIND(CREATE_FOREIGN_TABLE, DOES_DDL | DOES_NETWORK),
	KIND(CREATE_USER_MAPPING, DOES_DDL | DOES_NETWORK),
	KIND(ALTER_USER_MAPPING, DOES_DDL | DOES_NETWORK),
	KIND(DROP_USER_MAPPING, DOES_DDL | DOES_NETWORK),
	KIND(CREATE_SUBSCRIPTION, DOES_DDL | DOES_NETWORK | DOES_REPLICATION),
	KIND(ALTER_SUBSCRIPTION, DOES_DDL | DOES_NETWORK | DOES_REPLICATION),
	KIND(DROP_SUBSCRIPTION, DOES_DDL | DOES_NETWORK | DOES_REPLICATION),
	KIND(CREATE_PUBLICATION, 0),
	KIND(ALTER_PUBLICATION, 0),
	KIND(CREATE_TABLE_SPACE, DOES_DDL | DOES_FILE),
	KIND(DROP_TABLE_SPACE, DOES_DDL | DOES_FILE),
	KIND(ALTER_TABLE_SPACE_OPTIONS, DOES_DDL),
	KIND(TRANSACTION, DOES_TRANSACTION),
	KIND(CONSTRAINTS_SET, DOES_TRANSACTION),
	KIND(LISTEN, DOES_NOTIFY),
	KIND(UNLISTEN, DOES_NOTIFY),
	KIND(NOTIFY, DOES_NOTIFY),
	KIND(LOCK, DOES_LOCK),
	KIND(CHECK_POINT, DOES_MAINTAIN),
	KIND(PREPARE, DOES_PREPARE),
	KIND(EXECUTE, DOES_PREPARE),
	KIND(DEALLOCATE, DOES_PREPARE),
	KIND(DECLARE_CURSOR, DOES_CURSOR),
	KIND(FETCH, DOES_CURSOR),
	KIND(CLOSE_PORTAL, DOES_CURSOR),
	KIND(DO, DOES_ALL),
	KIND(CREATE_EXTENSION, DOES_ALL),
	KIND(ALTER_EXTENSION, DOES_ALL),
	KIND(ALTER_EXTENSION_CONTENTS, 0),
	KIND(LOAD, DOES_ALL),
	KIND(IMPORT_FOREIGN_SCHEMA, DOES_ALL),
	KIND(COMMENT, 0),
	KIND(VARIABLE_SHOW, 0),
	KIND(ALTER_OBJECT_SCHEMA, 0),
	KIND(SEC_LABEL, 0),
	KIND(ALTER_OWNER, 0),
	KIND(RENAME, 0),
	KIND(DROP, 0),
	KIND(ALTER_TABLE, 0),
	KIND(GRANT, 0),
	KIND(CREATE_FUNCTION, 0),
	KIND(ALTER_FUNCTION, 0),
	KIND(VARIABLE_SET, 0),
	KIND(DISCARD, 0),
	KIND(TRUNCATE, 0),
	KIND(VACUUM, 0),
	KIND(CLUSTER, 0),
	KIND(REINDEX, 0),
	KIND(CALL, 0),
	KIND(CREATE_SCHEMA, 0),
	KIND(REFRESH_MAT_VIEW, 0),
	KIND(EXPLAIN, 0),
	KIND(DROP_OWNED, 0),
	KIND(REASSIGN_OWNED, 0),
#undef KIND
};

/* All messages of statements are called so, also those that a newer grammar will bring. */
static bool is_statement(const PgQuery__Node *n)
{
	const ProtobufCMessage *m = (const ProtobufCMessage *)(const void *)n->alias;
	size_t len = m ? strlen(m->descriptor->short_name) : 0;

	return len > 4 && !strcmp(m->descriptor->short_name + len - 4, "Stmt");
}

bool deed_of_kind(struct lineage *l, const PgQuery__Node *n, uint64_t *effects)
{
	*effects = 0;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (kinds[i].node != n->node_case)
			continue;
		*effects = kinds[i].effects ? kinds[i].effects : of_name(l, n);
		if (*effects == DOES_ALL || ((*effects & (DOES_DDL | DOES_PRIVILEGE | DOES_MAINTAIN)) &&
						    catalog_has_event_triggers(l->names->catalog)))
			deed_unknown(l, DOES_ALL, NULL, NULL);
		if (*effects != DOES_ALL)
			deed_plain(l, *effects);
		return true;
	}
	if (n->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ||
		n->node_case == PG_QUERY__NODE__NODE_RETURN_STMT || !is_statement(n))
		return false;
	*effects = DOES_ALL;
	deed_unknown(l, DOES_ALL, NULL, NULL);
	return true;
}

void deed_of_copy(struct lineage *l, const PgQuery__CopyStmt *c)
{
	uint64_t does = c->is_from ? DOES_COPY_IN : DOES_COPY_OUT;

	if (c->is_program)
		deed_plain(l, DOES_PROGRAM);
	else if (*c->filename)
		deed_plain(l, DOES_FILE);
	deed_plain(l, does);
	if (c->relation)
		deed_named(l, c->relation->schemaname, c->relation->relname,
			does | (c->is_from ? DOES_INSERT : DOES_READ), false);
}
