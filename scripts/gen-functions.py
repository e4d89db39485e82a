#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""gen-functions.py: makes userspace/sql/function_table.c and type_table.c from the catalogue of a running PostgreSQL
(PG* environment; a fresh database without extensions). The rule: a function of pg_catalog is pure where every overload
is immutable, written in C inside the server or in SQL, and takes and gives no internal type; or where its name is in
REVIEWED or ACTING below. Names in NEVER are opaque whatever the catalogue says. Read the difference by eye before committing."""
import subprocess
import sys

# Stable or volatile, but they look at their arguments, the clock, the session or object definitions only.
REVIEWED = """
aclexplode age anytextcat textanycat array_to_json array_to_string clock_timestamp col_description concat concat_ws
convert convert_from convert_to current_database current_schema current_schemas current_setting current_user date
date_cmp_timestamptz date_eq_timestamptz date_ge_timestamptz date_gt_timestamptz date_le_timestamptz
date_lt_timestamptz date_ne_timestamptz date_part date_trunc enum_first enum_last enum_range extract format format_type
gen_random_uuid generate_series get_current_ts_config getdatabaseencoding getpgusername has_any_column_privilege
has_column_privilege has_database_privilege has_foreign_data_wrapper_privilege has_function_privilege
has_language_privilege has_parameter_privilege has_schema_privilege has_sequence_privilege has_server_privilege
has_table_privilege has_tablespace_privilege has_type_privilege in_range inet_client_addr inet_client_port
inet_server_addr inet_server_port interval_pl_timestamptz json_agg json_build_array json_build_object json_object_agg
json_populate_record json_populate_recordset json_to_record json_to_recordset json_to_tsvector jsonb_agg
jsonb_build_array jsonb_build_object jsonb_object_agg jsonb_path_exists_tz jsonb_path_match_tz
jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record jsonb_populate_recordset
jsonb_to_record jsonb_to_recordset jsonb_to_tsvector length make_timestamptz money mxid_age now numeric
obj_description oidvectortypes overlaps pg_advisory_unlock_all pg_backend_pid pg_char_to_encoding pg_client_encoding pg_collation_for
pg_collation_is_visible pg_column_compression pg_column_is_updatable pg_column_size pg_conf_load_time
pg_conversion_is_visible pg_database_size pg_describe_object pg_encoding_to_char pg_function_is_visible
pg_get_constraintdef pg_get_expr pg_get_function_arg_default pg_get_function_arguments
pg_get_function_identity_arguments pg_get_function_result pg_get_function_sqlbody pg_get_functiondef pg_get_indexdef
pg_get_keywords pg_get_object_address pg_get_partkeydef pg_get_ruledef
pg_get_serial_sequence pg_get_statisticsobjdef pg_get_statisticsobjdef_columns pg_get_statisticsobjdef_expressions
pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_identify_object pg_identify_object_as_address
pg_index_column_has_property pg_index_has_property pg_indexam_has_property pg_indexes_size pg_is_in_recovery
pg_is_other_temp_schema pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible pg_opfamily_is_visible
pg_options_to_table pg_partition_ancestors pg_partition_tree pg_postmaster_start_time pg_relation_filenode
pg_relation_filepath pg_relation_is_publishable pg_relation_is_updatable pg_relation_size pg_sequence_parameters
pg_statistics_obj_is_visible pg_table_is_visible pg_table_size pg_tablespace_location pg_tablespace_size pg_timezone_abbrevs
pg_timezone_names pg_total_relation_size pg_ts_config_is_visible pg_ts_dict_is_visible pg_ts_parser_is_visible
pg_ts_template_is_visible pg_type_is_visible pg_typeof phraseto_tsquery plainto_tsquery quote_literal quote_nullable
random regclass row_security_active row_to_json session_user shobj_description statement_timestamp time timeofday
timestamp timestamp_cmp_timestamptz timestamp_eq_timestamptz timestamp_ge_timestamptz timestamp_gt_timestamptz
timestamp_le_timestamptz timestamp_lt_timestamptz timestamp_ne_timestamptz timestamptz timestamptz_cmp_date
timestamptz_cmp_timestamp timestamptz_eq_date timestamptz_eq_timestamp timestamptz_ge_date timestamptz_ge_timestamp
timestamptz_gt_date timestamptz_gt_timestamp timestamptz_le_date timestamptz_le_timestamp timestamptz_lt_date
timestamptz_lt_timestamp timestamptz_mi_interval timestamptz_ne_date timestamptz_ne_timestamp timestamptz_pl_interval
timetz timezone to_char to_date to_json to_jsonb to_number to_regclass to_regcollation to_regnamespace to_regoper
to_regoperator to_regproc to_regprocedure to_regrole to_regtype to_timestamp to_tsquery to_tsvector
transaction_timestamp ts_headline ts_match_tq ts_match_tt ts_parse ts_token_type version websearch_to_tsquery xml
xml_is_well_formed
""".split()

# They act, or tell of the session, the cluster's state or what it counts; none of it is a value of a row. A tainted argument is a
# use, as with any pure function. Of sequences and settings expr_call.c says more.
ACTING = """
currval lastval nextval setval pg_sequence_last_value
current_query pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_xact_lock
pg_advisory_xact_lock_shared pg_blocking_pids pg_cancel_backend
pg_collation_actual_version pg_control_system pg_current_snapshot
pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn pg_current_xact_id pg_current_xact_id_if_assigned
pg_database_collation_actual_version pg_extension_update_paths pg_filenode_relation
pg_get_catalog_foreign_keys pg_get_partition_constraintdef pg_get_replica_identity_index
pg_get_wal_replay_pause_state pg_indexam_progress_phasename pg_is_wal_replay_paused pg_jit_available
pg_last_committed_xact pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp
pg_listening_channels pg_notification_queue_usage pg_notify
pg_safe_snapshot_blocking_pids pg_settings_get_flags pg_sleep pg_sleep_for pg_sleep_until pg_stat_clear_snapshot
pg_stat_get_analyze_count pg_stat_get_archiver pg_stat_get_autoanalyze_count pg_stat_get_autovacuum_count
pg_stat_get_backend_idset pg_stat_get_backend_pid pg_stat_get_backend_start pg_stat_get_backend_userid
pg_stat_get_blocks_fetched pg_stat_get_blocks_hit pg_stat_get_buf_alloc pg_stat_get_db_numbackends
pg_stat_get_db_tuples_deleted pg_stat_get_db_tuples_fetched pg_stat_get_db_tuples_inserted
pg_stat_get_db_tuples_returned pg_stat_get_db_tuples_updated pg_stat_get_db_xact_commit pg_stat_get_db_xact_rollback
pg_stat_get_dead_tuples pg_stat_get_function_calls pg_stat_get_last_analyze_time pg_stat_get_last_autoanalyze_time
pg_stat_get_last_autovacuum_time pg_stat_get_last_vacuum_time pg_stat_get_live_tuples
pg_stat_get_mod_since_analyze pg_stat_get_numscans pg_stat_get_snapshot_timestamp pg_stat_get_tuples_deleted
pg_stat_get_tuples_fetched pg_stat_get_tuples_hot_updated pg_stat_get_tuples_inserted
pg_stat_get_tuples_returned pg_stat_get_tuples_updated pg_stat_get_vacuum_count
pg_tablespace_databases pg_terminate_backend pg_trigger_depth pg_try_advisory_lock pg_try_advisory_lock_shared
pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_visible_in_snapshot pg_walfile_name
pg_walfile_name_offset pg_xact_commit_timestamp pg_xact_status setseed txid_current txid_current_if_assigned
txid_current_snapshot txid_status txid_visible_in_snapshot
""".split()

# Names that PostgreSQL 16 to 18 added; a server that lacks them says so itself.
NEWER = """
any_value array_reverse array_sample array_shuffle array_sort casefold crc32 crc32c date_add date_subtract erf erfc
gamma has_largeobject_privilege icu_unicode_version json_agg_strict json_object_agg_strict
json_object_agg_unique json_object_agg_unique_strict jsonb_agg_strict jsonb_object_agg_strict jsonb_object_agg_unique
jsonb_object_agg_unique_strict lgamma pg_basetype pg_get_acl pg_input_error_info pg_input_is_valid random_normal
system_user to_bin to_oct to_regtypemod unicode_assigned unicode_version uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7
""".split()

NEWER_COLUMNS = {"pg_input_error_info": ("message", "detail", "hint", "sql_error_code")}

# Immutable by declaration, but they look elsewhere, run text, or nobody needs them.
NEVER = """
satisfies_hash_partition ts_rewrite querytree postgresql_fdw_validator
""".split()

# Never fail for values of text-family, number, bool, date, uuid and enum types.
TOTAL = """
any_value array_agg ascii bit_length bool_and bool_or btrim char_length character_length concat concat_ws count
cume_dist dense_rank every first_value initcap lag last_value lead left lower ltrim max md5 min octet_length
percent_rank position rank reverse right row_number rtrim starts_with string_agg strpos upper
""".split()

HEAD = """/* SPDX-License-Identifier: MIT */
/* Made by scripts/gen-functions.py from PostgreSQL %s; do not edit. */
"""


def sql(text):
    out = subprocess.run(["psql", "-X", "-At", "-F", "\t", "-c", text], check=True, capture_output=True, text=True)
    return [line.split("\t") for line in out.stdout.splitlines()]


def functions():
    """name → (class, columns in FROM or None where there is one without a name of its own)"""
    rows = sql("""
        SELECT proname, provolatile = 'i' AND lanname IN ('internal', 'sql'),
          EXISTS (SELECT FROM unnest(proargtypes::oid[] || prorettype) t JOIN pg_type y ON y.oid = t
            WHERE y.typname IN ('internal', 'cstring', 'trigger', 'event_trigger') OR y.typname LIKE '%handler'),
          r.typname, r.typtype,
          coalesce((SELECT string_agg(coalesce(nullif(proargnames[i], ''), '?'), ',' ORDER BY i)
            FROM generate_subscripts(proargmodes, 1) i WHERE proargmodes[i] IN ('o', 'b', 't')), '')
        FROM pg_proc p JOIN pg_language l ON l.oid = prolang JOIN pg_type r ON r.oid = prorettype
        WHERE pronamespace = 'pg_catalog'::regnamespace ORDER BY proname COLLATE "C", p.oid""")
    table = {}
    for name, immutable, internal, rettype, kind, outs in rows:
        pure = (immutable == "t" and internal == "f" and name not in NEVER) or name in REVIEWED or name in ACTING
        if outs:
            cols = tuple(outs.split(","))
        elif kind == "c" or rettype in ("record", "anyelement", "anycompatible", "anynonarray"):
            cols = ()
        else:
            cols = None
        if name in table:
            pure = pure and table[name][0]
            cols = cols if cols == table[name][1] else ()
        table[name] = (pure, cols)
    for name in NEWER:
        table.setdefault(name, (True, NEWER_COLUMNS.get(name)))
    return table


def names(out, title, values):
    out.append("const char *const %s[] = {" % title)
    line = ""
    for v in sorted(values):
        item = '"%s", ' % v
        if len(line) + len(item) > 106:
            out.append("\t" + line.rstrip())
            line = ""
        line += item
    out += ["\t" + line.rstrip(), "};", "const unsigned %s_n = sizeof(%s) / sizeof(%s[0]);" % (title, title, title), ""]


def function_table(version):
    table = functions()
    unknown = [n for n in REVIEWED + ACTING + NEVER + TOTAL if n not in table]
    if unknown:
        sys.exit("not in this catalogue: " + " ".join(unknown))
    out = [HEAD % version + '#include "sql/function_table.h"', "", "/* clang-format off */"]
    names(out, "function_total", TOTAL)
    names(out, "function_pure", [n for n, (p, _) in table.items() if p and n not in TOTAL])
    names(out, "function_opaque", [n for n, (p, _) in table.items() if not p])
    ops = [r[0] for r in sql("SELECT DISTINCT oprname FROM pg_operator")]
    names(out, "operator_total", ["=", "<>", "<", ">", "<=", ">=", "||"])
    names(out, "operator_pure", [o for o in ops if o not in ("=", "<>", "<", ">", "<=", ">=", "||")])
    out.append("/* Functions that do not give one column named like the function or its alias. */")
    out.append("const struct function_shape function_shapes[] = {")
    for n, (pure, cols) in sorted(table.items()):
        if pure and cols is not None:
            quoted = "".join('"%s", ' % c for c in cols)
            out.append('\t{"%s", %d, (const char *const[]){%sNULL}},' % (n, len(cols), quoted))
    out += ["};", "const unsigned function_shapes_n = sizeof(function_shapes) / sizeof(function_shapes[0]);"]
    return "\n".join(out) + "\n"


def type_table(version):
    rows = sql("""SELECT typname, oid, typarray FROM pg_type WHERE oid < 10000 AND typtype IN ('b', 'r', 'm', 'p')
        AND typname NOT LIKE '\\_%' AND typrelid = 0 ORDER BY oid""")
    out = [HEAD % version + '#include "sql/type_table.h"', "", "/* clang-format off */",
           "const struct type_entry type_table[] = {"]
    out += ['\t{"%s", %s, %s},' % tuple(r) for r in rows]
    out += ["};", "const unsigned type_table_n = sizeof(type_table) / sizeof(type_table[0]);"]
    return "\n".join(out) + "\n"


if __name__ == "__main__":
    server = sql("SHOW server_version")[0][0].split()[0]
    with open("userspace/sql/function_table.c", "w", encoding="ascii") as f:
        f.write(function_table(server))
    with open("userspace/sql/type_table.c", "w", encoding="ascii") as f:
        f.write(type_table(server))
