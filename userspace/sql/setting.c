/* SPDX-License-Identifier: MIT */
#include "sql/setting.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"

/* What begins like these is an extension's, and may be code that it runs. */
bool setting_custom(const char *name)
{
	static const char *const taken[] = {"plperl", "plperlu", "pltcl", "pltclu", "plpgsql", "plpython",
		"plpython3u", "plv8", "plr", "pljava", "pllua", "auto_explain", "pgaudit", "pg_hint_plan",
		"pg_stat_statements", "pgveil", "session_variable", "set_user", "citus", "timescaledb",
		"pglogical", "postgres_fdw", "dblink", "anon", "sepgsql", "passwordcheck", "credcheck",
		"pg_prewarm", "basic_archive"};
	const char *dot = strchr(name, '.');

	for (size_t i = 0; dot && i < ARRAY_LEN(taken); i++)
		if (strlen(taken[i]) == (size_t)(dot - name) &&
			strncasecmp(taken[i], name, (size_t)(dot - name)) == 0)
			return false;
	return dot != NULL;
}
