/* SPDX-License-Identifier: MIT */
/* Which relations of the system schemas carry facts about the schema only. An allow-list: every other one
 * counts as carrying values of user columns, or other sessions' statements, or secrets (pg_stats,
 * pg_statistic, pg_stat_activity, pg_largeobject, pg_user_mapping, …), and all its columns are sensitive. */
#include "sql/catalog_internal.h"

#include <string.h>

/* pg_sequences shows last values; pg_statistic_ext has definitions only since PostgreSQL 12 (the data moved
 * to pg_statistic_ext_data, which is not here). */
static const char *const pg_catalog[] = {"pg_aggregate", "pg_am", "pg_amop", "pg_amproc", "pg_attrdef",
	"pg_attribute", "pg_auth_members", "pg_available_extension_versions", "pg_available_extensions",
	"pg_cast", "pg_class", "pg_collation", "pg_constraint", "pg_conversion", "pg_database",
	"pg_default_acl", "pg_depend", "pg_description", "pg_enum", "pg_event_trigger", "pg_extension",
	"pg_foreign_data_wrapper", "pg_foreign_table", "pg_group", "pg_index", "pg_indexes", "pg_inherits",
	"pg_init_privs", "pg_language", "pg_locks", "pg_matviews", "pg_namespace", "pg_opclass",
	"pg_operator", "pg_opfamily", "pg_partitioned_table", "pg_policies", "pg_policy", "pg_proc",
	"pg_publication", "pg_publication_namespace", "pg_publication_rel", "pg_publication_tables",
	"pg_range", "pg_rewrite", "pg_roles", "pg_rules", "pg_sequence", "pg_settings", "pg_shdepend",
	"pg_shdescription", "pg_statistic_ext", "pg_tables", "pg_tablespace", "pg_timezone_abbrevs",
	"pg_timezone_names", "pg_transform", "pg_trigger", "pg_ts_config", "pg_ts_config_map", "pg_ts_dict",
	"pg_ts_parser", "pg_ts_template", "pg_type", "pg_user", "pg_views"};

/* Of information_schema: options of foreign servers and user mappings hold passwords. */
static const char *const information_refused[] = {"_pg_foreign_data_wrappers", "_pg_foreign_servers",
	"_pg_foreign_table_columns", "_pg_foreign_tables", "_pg_user_mappings", "column_options",
	"foreign_data_wrapper_options", "foreign_server_options", "foreign_table_options",
	"user_mapping_options"};

static const struct {
	const char *relation, *column;
} values[] = {
	{"pg_attribute", "attmissingval"}, /* the default that ADD COLUMN gave to old rows */
	{"pg_attribute", "attfdwoptions"},
	{"pg_foreign_data_wrapper", "fdwoptions"},
	{"pg_foreign_table", "ftoptions"},
	{"pg_roles", "rolconfig"},
	{"pg_user", "useconfig"},
};

/* Of relations that are not listed, what only says which object a row is about. */
static const struct {
	const char *relation, *column[8];
} identities[] = {
	{"pg_db_role_setting", {"setdatabase", "setrole"}},
	{"pg_foreign_server", {"oid", "srvname", "srvowner", "srvfdw", "srvtype", "srvversion", "srvacl"}},
	{"pg_stat_all_tables", {"relid", "schemaname", "relname"}},
	{"pg_stat_user_tables", {"relid", "schemaname", "relname"}},
	{"pg_statio_all_tables", {"relid", "schemaname", "relname"}},
	{"pg_statio_user_tables", {"relid", "schemaname", "relname"}},
};

static bool listed(const char *name, const char *const *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

bool system_schema(const char *schema)
{
	return !strcmp(schema, "pg_catalog") || !strcmp(schema, "information_schema") ||
	       !strncmp(schema, "pg_toast", 8);
}

static bool identity(const char *relation, const char *column)
{
	for (unsigned i = 0; i < ARRAY_LEN(identities); i++)
		for (unsigned k = 0;
			!strcmp(identities[i].relation, relation) && k < ARRAY_LEN(identities[i].column); k++)
			if (identities[i].column[k] && !strcmp(identities[i].column[k], column))
				return true;
	return false;
}

bool system_sensitive(const char *schema, const char *relation, const char *column)
{
	if (!strcmp(schema, "information_schema"))
		return listed(relation, information_refused, ARRAY_LEN(information_refused));
	if (strcmp(schema, "pg_catalog") != 0)
		return system_schema(schema);
	if (!listed(relation, pg_catalog, ARRAY_LEN(pg_catalog)))
		return !identity(relation, column);
	for (unsigned i = 0; i < ARRAY_LEN(values); i++)
		if (!strcmp(values[i].relation, relation) && !strcmp(values[i].column, column))
			return true;
	return false;
}
