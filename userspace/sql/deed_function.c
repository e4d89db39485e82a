/* SPDX-License-Identifier: MIT */
/* What functions of pg_catalog do beside giving a value. The class of a function (sql/function.h) says
 * whether its value is of its arguments alone; some of those act too. */
#include "sql/lineage.h"

#include <string.h>
#include <strings.h>

struct acts {
	const char *name; /* with a * at its end: all that begin so */
	uint64_t effects;
};

#define SLOT DOES_REPLICATION
/* The first that fits counts. */
static bool fits(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	return n && pattern[n - 1] == '*' ? !strncmp(pattern, name, n - 1) : !strcmp(pattern, name);
}

uint64_t deed_of_builtin(const char *name)
{
	const struct acts table[] = {
		{"lo_import", DOES_LARGE_OBJECT | DOES_FILE},
		{"lo_export", DOES_LARGE_OBJECT | DOES_FILE},
		{"lo_*", DOES_LARGE_OBJECT},
		{"loread", DOES_LARGE_OBJECT},
		{"lowrite", DOES_LARGE_OBJECT},
		{"pg_advisory_*", DOES_LOCK},
		{"pg_try_advisory_*", DOES_LOCK},
		{"pg_notify", DOES_NOTIFY},
		{"nextval", DOES_SEQUENCE},
		{"setval", DOES_SEQUENCE},
		{"setseed", DOES_SETTINGS},
		{"set_config", DOES_SETTINGS | DOES_ROLE},
		{"pg_terminate_backend", DOES_PROCESS},
		{"pg_cancel_backend", DOES_PROCESS},
		{"pg_reload_conf", DOES_PROCESS},
		{"pg_rotate_logfile*", DOES_PROCESS},
		{"pg_log_backend_memory_contexts", DOES_PROCESS},
		{"pg_promote", DOES_PROCESS},
		{"pg_wal_replay_pause", DOES_PROCESS},
		{"pg_wal_replay_resume", DOES_PROCESS},
		{"pg_stat_reset*", DOES_PROCESS},
		{"pg_stat_force_next_flush", DOES_PROCESS},
		{"pg_read_file*", DOES_FILE},
		{"pg_read_binary_file", DOES_FILE},
		{"pg_ls_*", DOES_FILE},
		{"pg_stat_file", DOES_FILE},
		{"pg_current_logfile", DOES_FILE},
		{"pg_hba_file_rules", DOES_FILE},
		{"pg_ident_file_mappings", DOES_FILE},
		{"pg_show_all_file_settings", DOES_FILE},
		{"pg_copy_logical_replication_slot", SLOT},
		{"pg_copy_physical_replication_slot", SLOT},
		{"pg_create_logical_replication_slot", SLOT},
		{"pg_create_physical_replication_slot", SLOT},
		{"pg_drop_replication_slot", SLOT},
		{"pg_replication_*", SLOT},
		{"pg_logical_*", SLOT},
		{"pg_backup_start", SLOT | DOES_FILE},
		{"pg_backup_stop", SLOT | DOES_FILE},
		{"pg_switch_wal", SLOT},
		{"pg_create_restore_point", SLOT},
		{"pg_export_snapshot", DOES_TRANSACTION},
		{"gin_clean_pending_list", DOES_MAINTAIN},
		{"brin_summarize_*", DOES_MAINTAIN},
		{"brin_desummarize_range", DOES_MAINTAIN},
		{"pg_stat_*", DOES_READ},
		{"pg_get_*", DOES_READ},
		{"pg_show_*", DOES_READ},
		{"pg_lock_status", DOES_READ},
		{"pg_cursor", DOES_READ},
		{"pg_prepared_*", DOES_READ},
		{"pg_available_*", DOES_READ},
		{"pg_config", DOES_READ},
		{"pg_control_*", DOES_READ},
		{"pg_sequence_last_value", DOES_READ},
		{"current_setting", DOES_READ},
	};

	for (unsigned i = 0; i < ARRAY_LEN(table); i++)
		if (fits(table[i].name, name))
			return table[i].effects;
	return function_class(name) == FUNCTION_OPAQUE ? DOES_ALL : 0;
}

/* A call is a deed only for rules that speak of it: what it gives is the statement's business. */
static void calls(struct lineage *l, const char *schema, const char *name)
{
	(void)deed_add(l, (struct deed){.effects = DOES_CALL,
				  .schema = schema,
				  .name = name,
				  .function = true,
				  .derived = true});
}

static bool calls_user(struct lineage *l, const char *schema, const char *name, bool followed)
{
	const struct function *f;
	bool any = false;

	for (unsigned n = 0; (f = catalog_function(l->names->catalog, name, n)) != NULL; n++) {
		bool pure = f->extension && function_extension_pure(f->extension);

		if (schema ? strcmp(scope_schema(l->names, schema), f->schema) != 0
			   : !scope_calls(l->names, f->schema))
			continue;
		any = true;
		calls(l, f->schema, f->name);
		for (unsigned i = 0; i < f->nsets && !lineage_trusts(l, f); i++)
			(void)deed_add(l, (struct deed){.effects = DOES_SETTINGS,
						  .schema = f->schema,
						  .name = f->name,
						  .function = true,
						  .setting = f->sets[i]});
		if (!pure)
			(void)deed_add(l, (struct deed){.effects = DOES_FUNCTION,
						  .schema = f->schema,
						  .name = f->name,
						  .function = true});
		/* what may be meant of several was found out where the arguments were looked at */
		if (!pure && !followed && !lineage_trusts(l, f))
			deed_unknown(l, DOES_ALL, f->schema, f->name);
	}
	return any;
}

static const char *constant(const PgQuery__Node *n)
{
	while (n && n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		n = n->type_cast->arg;
	return n && n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
			       n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL
		       ? n->a_const->sval->sval
		       : NULL;
}

static bool names_role(const char *setting)
{
	return !strcasecmp(setting, "role") || !strcasecmp(setting, "session_authorization");
}

/* set_config() of a name that stands there. */
static struct deed sets(const PgQuery__FuncCall *f)
{
	const char *name = f->n_args ? constant(f->args[0]) : NULL;
	bool plain = name && f->n_args == 3;

	for (size_t i = 0; i < f->n_args; i++)
		plain = plain && f->args[i]->node_case != PG_QUERY__NODE__NODE_NAMED_ARG_EXPR;
	if (!plain)
		return (struct deed){.effects = DOES_SETTINGS | DOES_ROLE};
	return (struct deed){.effects = names_role(name) ? DOES_ROLE : DOES_SETTINGS, .setting = name};
}

void deed_call(struct lineage *l, const PgQuery__FuncCall *f, bool followed)
{
	const char *name = f->n_funcname ? node_string(f->funcname[f->n_funcname - 1]) : "";
	const char *schema = f->n_funcname > 1 ? node_string(f->funcname[f->n_funcname - 2]) : NULL;
	bool any = calls_user(l, schema, name, followed), builtin = function_known(name);
	struct deed d = {0};

	if (schema && strcmp(schema, "pg_catalog") != 0)
		builtin = false;
	/* a type's name may be called, to cast */
	if (!any && !builtin && !(f->n_args == 1 && type_builtin(name)))
		deed_unknown(l, DOES_ALL, schema, name);
	if (!builtin)
		return;
	calls(l, "pg_catalog", name);
	if (!strcmp(name, "set_config"))
		d = sets(f);
	else
		d.effects = deed_of_builtin(name);
	if (d.effects == DOES_ALL) {
		deed_unknown(l, DOES_ALL, "pg_catalog", name);
	} else if (d.effects) {
		d.schema = "pg_catalog";
		d.name = name;
		d.function = true;
		(void)deed_add(l, d);
	}
}
