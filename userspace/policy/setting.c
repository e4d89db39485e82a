/* SPDX-License-Identifier: MIT */
/* Which session settings a judged caller may change: those that change neither how the server reads text, nor
 * what names mean, nor what reaches messages. An allow-list; the server has some 350 others. */
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "policy/plan.h"

static const char PINNED[] = "pgveil pins it: the engine must read a statement as the server does.";
static const char UNTRACKED[] =
	"pgveil cannot follow what names would mean afterwards; qualify the names instead.";
static const char ELSEWHERE[] = "It is not among the settings that a caller with masked columns may change.";

/* An empty list of values: any value. */
struct setting {
	const char *name;
	const char *values[8];
	const char *why; /* for a value that is not in the list */
};

static const struct setting allowed[] = {
	{.name = "all"}, /* RESET ALL: back to what the login pinned */
	{.name = "application_name"},
	{.name = "bytea_output", .values = {"hex", "escape"}, .why = ELSEWHERE},
	{.name = "client_encoding", .values = {"utf8", "unicode"}, .why = PINNED},
	{.name = "client_min_messages", .values = {"notice", "warning", "error"}, .why = ELSEWHERE},
	{.name = "datestyle"},
	{.name = "default_transaction_deferrable"},
	{.name = "default_transaction_isolation"},
	{.name = "default_transaction_read_only"},
	{.name = "extra_float_digits"},
	{.name = "idle_in_transaction_session_timeout"},
	{.name = "idle_session_timeout"},
	{.name = "intervalstyle"},
	{.name = "jit"},
	{.name = "lock_timeout"},
	{.name = "standard_conforming_strings", .values = {"on", "true", "yes", "1"}, .why = PINNED},
	{.name = "statement_timeout"},
	{.name = "synchronous_commit"},
	{.name = "timezone"},
	{.name = "transaction"},
	{.name = "transaction_deferrable"},
	{.name = "transaction_isolation"},
	{.name = "transaction_read_only"},
	{.name = "work_mem"},
};

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

	*why = strcasecmp(name, "search_path") == 0 ? UNTRACKED : ELSEWHERE;
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
		if (strcasecmp(allowed[i].name, name) != 0)
			continue;
		if (!value || !allowed[i].values[0]) /* a default is what the login pinned */
			return true;
		*why = allowed[i].why;
		if (strcasecmp(name, "client_encoding") == 0) {
			clean_encoding(value, encoding, sizeof(encoding));
			value = encoding;
		}
		for (const char *const *v = allowed[i].values; *v; v++)
			if (strcasecmp(*v, value) == 0)
				return true;
		return false;
	}
	return false;
}
