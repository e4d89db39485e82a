/* SPDX-License-Identifier: MIT */
/* What the relations of the system schemas may show. An allow-list: a relation that is not in it counts as
 * carrying values of user columns or secrets (pg_statistic, pg_largeobject, pg_file_settings …), and all its
 * columns are sensitive. What DDL wrote (definitions, defaults, options, settings of roles) is no value of a
 * row, and the server shows it to every role; but it may quote one, so what looks like one is not shown. */
#include "sql/catalog_internal.h"

#include <string.h>

/* Definitions, what the server counts, and this session's own statements. Sorted by what they are about, not
 * by name. */
static const char *const pg_catalog[] = {"pg_aggregate", "pg_am", "pg_amop", "pg_amproc", "pg_attrdef",
	"pg_attribute", "pg_auth_members", "pg_authid", "pg_available_extension_versions",
	"pg_available_extensions", "pg_cast", "pg_class", "pg_collation", "pg_constraint", "pg_conversion",
	"pg_cursors", "pg_database", "pg_db_role_setting", "pg_default_acl", "pg_depend", "pg_description",
	"pg_enum", "pg_event_trigger", "pg_extension", "pg_foreign_data_wrapper", "pg_foreign_server",
	"pg_foreign_table", "pg_group", "pg_index", "pg_indexes", "pg_inherits", "pg_init_privs",
	"pg_language", "pg_largeobject_metadata", "pg_locks", "pg_matviews", "pg_namespace", "pg_opclass",
	"pg_operator", "pg_opfamily", "pg_parameter_acl", "pg_partitioned_table", "pg_policies", "pg_policy",
	"pg_prepared_statements", "pg_prepared_xacts", "pg_proc", "pg_publication",
	"pg_publication_namespace", "pg_publication_rel", "pg_publication_tables", "pg_range",
	"pg_replication_origin", "pg_replication_origin_status", "pg_replication_slots", "pg_rewrite",
	"pg_roles", "pg_rules", "pg_seclabel", "pg_seclabels", "pg_sequence", "pg_sequences", "pg_settings",
	"pg_shadow", "pg_shdepend", "pg_shdescription", "pg_shseclabel", "pg_statistic_ext", "pg_stats",
	"pg_stats_ext", "pg_stats_ext_exprs", "pg_subscription", "pg_subscription_rel", "pg_tables",
	"pg_tablespace", "pg_timezone_abbrevs", "pg_timezone_names", "pg_transform", "pg_trigger",
	"pg_ts_config", "pg_ts_config_map", "pg_ts_dict", "pg_ts_parser", "pg_ts_template", "pg_type",
	"pg_user", "pg_user_mapping", "pg_user_mappings", "pg_views", "pg_wait_events",
	/* what the server counts */
	"pg_stat_activity", "pg_stat_all_indexes", "pg_stat_all_tables", "pg_stat_archiver",
	"pg_stat_bgwriter", "pg_stat_checkpointer", "pg_stat_database", "pg_stat_database_conflicts",
	"pg_stat_gssapi", "pg_stat_io", "pg_stat_progress_analyze", "pg_stat_progress_basebackup",
	"pg_stat_progress_cluster", "pg_stat_progress_copy", "pg_stat_progress_create_index",
	"pg_stat_progress_vacuum", "pg_stat_recovery_prefetch", "pg_stat_replication",
	"pg_stat_replication_slots", "pg_stat_slru", "pg_stat_ssl", "pg_stat_subscription",
	"pg_stat_subscription_stats", "pg_stat_sys_indexes", "pg_stat_sys_tables", "pg_stat_user_functions",
	"pg_stat_user_indexes", "pg_stat_user_tables", "pg_stat_wal", "pg_stat_wal_receiver",
	"pg_stat_xact_all_tables", "pg_stat_xact_sys_tables", "pg_stat_xact_user_functions",
	"pg_stat_xact_user_tables", "pg_statio_all_indexes", "pg_statio_all_sequences",
	"pg_statio_all_tables", "pg_statio_sys_indexes", "pg_statio_sys_sequences", "pg_statio_sys_tables",
	"pg_statio_user_indexes", "pg_statio_user_sequences", "pg_statio_user_tables"};

/* Of user mappings, options hold passwords. */
static const char *const information_refused[] = {"_pg_user_mappings", "user_mapping_options"};

/* Of relations that are listed, what is or may be made of values, statements of others, or secrets. */
static const struct {
	const char *relation, *column;
} values[] = {
	{"pg_attribute", "attmissingval"}, /* the default that ADD COLUMN gave to old rows */
	{"pg_authid", "rolpassword"},
	{"pg_prepared_xacts", "gid"},
	{"pg_shadow", "passwd"},
	{"pg_stat_activity", "query"},
	{"pg_stat_wal_receiver", "conninfo"},
	/* of how many rows have a value it may be known; not how long values are, nor which are equal or in
	   order */
	{"pg_stats", "avg_width"},
	{"pg_stats", "correlation"},
	{"pg_stats", "elem_count_histogram"},
	{"pg_stats", "histogram_bounds"},
	{"pg_stats", "most_common_elem_freqs"},
	{"pg_stats", "most_common_elems"},
	{"pg_stats", "most_common_freqs"},
	{"pg_stats", "most_common_vals"},
	{"pg_stats", "n_distinct"},
	{"pg_stats", "range_bounds_histogram"},
	{"pg_stats", "range_empty_frac"},
	{"pg_stats", "range_length_histogram"},
	{"pg_stats_ext", "dependencies"},
	{"pg_stats_ext", "most_common_base_freqs"},
	{"pg_stats_ext", "most_common_freqs"},
	{"pg_stats_ext", "most_common_val_nulls"},
	{"pg_stats_ext", "most_common_vals"},
	{"pg_stats_ext", "n_distinct"},
	{"pg_stats_ext_exprs", "avg_width"},
	{"pg_stats_ext_exprs", "correlation"},
	{"pg_stats_ext_exprs", "elem_count_histogram"},
	{"pg_stats_ext_exprs", "histogram_bounds"},
	{"pg_stats_ext_exprs", "most_common_elem_freqs"},
	{"pg_stats_ext_exprs", "most_common_elems"},
	{"pg_stats_ext_exprs", "most_common_freqs"},
	{"pg_stats_ext_exprs", "most_common_vals"},
	{"pg_stats_ext_exprs", "n_distinct"},
	{"pg_stats_ext_exprs", "range_bounds_histogram"},
	{"pg_stats_ext_exprs", "range_empty_frac"},
	{"pg_stats_ext_exprs", "range_length_histogram"},
	{"pg_stats_ext_exprs", "null_frac"},
	{"pg_subscription", "subconninfo"},
	{"pg_user_mapping", "umoptions"},
	{"pg_user_mappings", "umoptions"},
};

/* What DDL wrote as it liked: definitions, bodies, defaults, conditions, comments. */
static const struct {
	const char *relation, *column;
} written[] = {
	{"attributes", "attribute_default"},
	{"check_constraints", "check_clause"},
	{"columns", "column_default"},
	{"columns", "generation_expression"},
	{"domains", "domain_default"},
	{"parameters", "parameter_default"},
	{"pg_attrdef", "adbin"},
	{"pg_constraint", "conbin"},
	{"pg_description", "description"},
	{"pg_index", "indexprs"},
	{"pg_index", "indpred"},
	{"pg_indexes", "indexdef"},
	{"pg_matviews", "definition"},
	{"pg_partitioned_table", "partexprs"},
	{"pg_policies", "qual"},
	{"pg_policies", "with_check"},
	{"pg_policy", "polqual"},
	{"pg_policy", "polwithcheck"},
	{"pg_proc", "proargdefaults"},
	{"pg_proc", "prosqlbody"},
	{"pg_proc", "prosrc"},
	{"pg_publication_rel", "prqual"},
	{"pg_publication_tables", "rowfilter"},
	{"pg_rewrite", "ev_action"},
	{"pg_rewrite", "ev_qual"},
	{"pg_rules", "definition"},
	{"pg_seclabel", "label"},
	{"pg_seclabels", "label"},
	{"pg_shdescription", "description"},
	{"pg_statistic_ext", "stxexprs"},
	{"pg_stats_ext", "exprs"},
	{"pg_stats_ext_exprs", "expr"},
	{"pg_trigger", "tgqual"},
	{"pg_type", "typdefault"},
	{"pg_type", "typdefaultbin"},
	{"pg_views", "definition"},
	{"routines", "routine_definition"},
	{"triggers", "action_condition"},
	{"triggers", "action_statement"},
	{"views", "view_definition"},
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

bool system_sensitive(const char *schema, const char *relation, const char *column)
{
	if (!strcmp(schema, "information_schema"))
		return listed(relation, information_refused, ARRAY_LEN(information_refused));
	if (strcmp(schema, "pg_catalog") != 0)
		return system_schema(schema);
	if (!listed(relation, pg_catalog, ARRAY_LEN(pg_catalog)))
		return true;
	for (unsigned i = 0; i < ARRAY_LEN(values); i++)
		if (!strcmp(values[i].relation, relation) && !strcmp(values[i].column, column))
			return true;
	return false;
}

/* What the server estimates of tables, and what it counts while it reads them. */
bool catalog_counts(const char *relation, const char *column)
{
	static const char *const of_class[] = {"reltuples", "relpages", "relallvisible", "relallfrozen"};
	static const char *const begins[] = {"n_", "seq_", "idx_", "heap_", "toast_", "tidx_", "tup_",
		"blks_", "tuples_", "num_dead", "reads", "hits", "null_frac", "read_bytes", "sample_blks",
		"bytes_"};

	if (!strcmp(relation, "pg_class"))
		return listed(column, of_class, ARRAY_LEN(of_class));
	if (strncmp(relation, "pg_stat", 7) != 0)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(begins); i++)
		if (!strncmp(column, begins[i], strlen(begins[i])))
			return true;
	return false;
}

bool system_written(const char *relation, const char *column)
{
	for (unsigned i = 0; i < ARRAY_LEN(written); i++)
		if (!strcmp(written[i].relation, relation) && !strcmp(written[i].column, column))
			return true;
	return false;
}
