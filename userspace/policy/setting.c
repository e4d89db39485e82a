/* SPDX-License-Identifier: MIT */
/* Which session settings a judged caller may change: those that change neither how the server reads text, nor
 * what names mean, nor what reaches messages. An allow-list; the server has some 350 others. */
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "policy/plan.h"
#include "sql/search_path.h"
#include "sql/setting.h"

static const char PINNED[] = "pgveil pins it: the engine must read a statement as the server does.";
static const char PATH[] =
	"A search_path may not put another schema before pg_catalog, whose names would mean what that says.";
static const char ROLE[] = "Which rows and schemas another role may reach is not followed; only the role of "
			   "the login is allowed.";
static const char PLANNER[] = "How a statement is planned decides in which order its rows come, and an index "
			      "that has a masked column "
			      "would put them in the order of its values.";
static const char ELSEWHERE[] = "It is not among the settings that a caller with masked columns may change.";

struct setting {
	const char *name;
	const char *values[8];
	const char *why; /* for a value that is not in the list */
	bool exact;      /* another one may be written in capitals */
};

/* With any value. "all" is RESET ALL: back to what the login settled. */
static const char *const free_settings[] = {"all", "application_name", "array_nulls", "backend_flush_after",
	"check_function_bodies", "client_connection_check_interval", "commit_delay", "commit_siblings",
	"constraint_exclusion", "datestyle", "debug_pretty_print", "default_statistics_target",
	"default_table_access_method", "default_tablespace", "default_toast_compression",
	"default_transaction_deferrable", "default_transaction_isolation", "default_transaction_read_only",
	"effective_io_concurrency", "escape_string_warning", "extra_float_digits", "from_collapse_limit",
	"geqo", "geqo_effort", "geqo_generations", "geqo_pool_size", "geqo_seed", "geqo_selection_bias",
	"geqo_threshold", "gin_fuzzy_search_limit", "gin_pending_list_limit", "hash_mem_multiplier",
	"idle_in_transaction_session_timeout", "idle_session_timeout", "intervalstyle", "jit",
	"jit_above_cost", "jit_inline_above_cost", "jit_optimize_above_cost", "join_collapse_limit",
	"lc_numeric", "lc_time", "lock_timeout", "logical_decoding_work_mem", "maintenance_io_concurrency",
	"maintenance_work_mem", "max_parallel_maintenance_workers", "max_parallel_workers",
	"max_parallel_workers_per_gather", "min_parallel_index_scan_size", "min_parallel_table_scan_size",
	"parallel_leader_participation", "parallel_setup_cost", "parallel_tuple_cost", "password_encryption",
	"plan_cache_mode", "quote_all_identifiers", "recursive_worktable_factor",
	"restrict_nonsystem_relation_kind", "row_security", "session characteristics", "statement_timeout",
	"stats_fetch_consistency", "synchronize_seqscans", "synchronous_commit", "tcp_keepalives_count",
	"tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_user_timeout", "temp_buffers",
	"temp_tablespaces", "timezone", "timezone_abbreviations", "transaction", "transaction_deferrable",
	"transaction_isolation", "transaction_read_only", "transaction_timeout", "vacuum_buffer_usage_limit",
	"vacuum_cost_delay", "vacuum_cost_limit", "vacuum_cost_page_dirty", "vacuum_cost_page_hit",
	"vacuum_cost_page_miss", "work_mem", "xmlbinary", "xmloption"};

/* And all of enable_…. */
static const char *const planner_settings[] = {"cpu_index_tuple_cost", "cpu_operator_cost", "cpu_tuple_cost",
	"cursor_tuple_fraction", "effective_cache_size", "random_page_cost", "seq_page_cost"};

static const struct setting allowed[] = {
	{.name = "bytea_output", .values = {"hex", "escape"}, .why = ELSEWHERE},
	{.name = "client_encoding", .values = {"utf8", "unicode"}, .why = PINNED},
	{.name = "client_min_messages", .values = {"notice", "warning", "error"}, .why = ELSEWHERE},
	{.name = "role", .values = {"none"}, .why = ROLE, .exact = true},
	{.name = "session_authorization", .why = ROLE},
	{.name = "standard_conforming_strings", .values = {"on", "true", "yes", "1"}, .why = PINNED},
};

static bool is_free(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(free_settings); i++)
		if (strcasecmp(free_settings[i], name) == 0)
			return true;
	return setting_custom(name);
}

static bool is_planners(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(planner_settings); i++)
		if (strcasecmp(planner_settings[i], name) == 0)
			return true;
	return strncasecmp(name, "enable_", 7) == 0;
}

/* The server compares encoding names by letters and digits alone (clean_encoding_name): "UTF-8" is "utf8",
 * and so is asyncpg's "'utf-8'". */
static void clean_encoding(const char *value, char *out, size_t cap)
{
	size_t n = 0;

	for (; *value && n + 1 < cap; value++)
		if (isalnum((unsigned char)*value))
			out[n++] = (char)tolower((unsigned char)*value);
	out[n] = '\0';
}

bool plan_setting_allowed(const char *name, const char *value, const char **why)
{
	char encoding[32];

	*why = is_planners(name) ? PLANNER : ELSEWHERE;
	if (strcasecmp(name, "search_path") == 0) {
		*why = PATH;
		return !value || search_path_safe(value);
	}
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
		if (strcasecmp(allowed[i].name, name) != 0)
			continue;
		if (!value) /* a default is what the login pinned */
			return true;
		*why = allowed[i].why;
		if (strcasecmp(name, "client_encoding") == 0) {
			clean_encoding(value, encoding, sizeof(encoding));
			value = encoding;
		}
		for (const char *const *v = allowed[i].values; *v; v++)
			if ((allowed[i].exact ? strcmp(*v, value) : strcasecmp(*v, value)) == 0)
				return true;
		return false;
	}
	/* what a reviewer is told: pgveil reads it, and the server only keeps it */
	return is_free(name) || strcasecmp(name, "pgveil.reason") == 0;
}

bool plan_setting_of_code(const char *name)
{
	/* how amounts of money are read was asked for at the login */
	bool known = strchr(name, '.') || strcasecmp(name, "search_path") == 0 ||
		     strcasecmp(name, "lc_monetary") == 0;

	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		known = known || strcasecmp(allowed[i].name, name) == 0;
	return !known;
}

bool plan_setting_open(const char *name, const char **why)
{
	*why = PINNED;
	return strcasecmp(name, "search_path") == 0 || is_free(name);
}

bool plan_sets(const struct plan *p, const char *name)
{
	if (!p)
		return false;
	if (p->kind == STATEMENT_SET)
		return !p->setting || !strcmp(p->setting, name) || !strcmp(p->setting, "all");
	if (p->kind == STATEMENT_DISCARD)
		return !p->name;
	for (unsigned i = 0; i < p->nchanges; i++)
		if (!strcmp(p->changes[i].name, name))
			return true;
	return p->kind != STATEMENT_PREPARE && plan_sets(p->inner, name);
}
