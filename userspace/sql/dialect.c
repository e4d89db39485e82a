/* SPDX-License-Identifier: MIT */
#include "sql/dialect.h"

#include <string.h>
#include "base/attr.h"
#include "pg_query/pg_query.pb-c.h"

/* Before 16 a number ends where its digits do, and what follows is the next token: an alias, so that
 * SELECT 0x1F has a column named x1f. (15 refuses that.) */
#define NUMBERS 16
/* Before 13 UESCAPE is part of the string, and only where a plain one-character literal follows; elsewhere it
 * is a name. */
#define UESCAPE 13

static bool older(unsigned server, unsigned than)
{
	return server < than;
}

static bool is_digit(uint8_t b)
{
	return b >= '0' && b <= '9';
}

static bool joins_number(uint8_t b)
{
	return b && strchr("_xXoObB", b);
}

/* "UESCAPE" in any case: by its rarest letter pair, "UE". */
static bool may_escape(uint8_t a, uint8_t b)
{
	return (a | 0x20) == 'u' && (b | 0x20) == 'e';
}

bool dialect_suspect(struct span text, unsigned server)
{
	if (!older(server, NUMBERS))
		return false;
	for (size_t i = 1; i < text.n; i++) {
		uint8_t a = text.p[i - 1], b = text.p[i];

		if (is_digit(a) && joins_number(b))
			return true;
		if (may_escape(a, b) && older(server, UESCAPE))
			return true;
	}
	return false;
}

static bool odd_number(const PgQuery__ScanToken *t, struct span text)
{
	if (t->token != PG_QUERY__TOKEN__ICONST && t->token != PG_QUERY__TOKEN__FCONST)
		return false;
	for (int i = t->start; i < t->end && (size_t)i < text.n; i++)
		if (joins_number(text.p[i]))
			return true;
	return false;
}

const char *dialect_differs(const PgQuery__ScanResult *scan, struct span text, unsigned server, unsigned *at)
{
	for (size_t i = 0; i < scan->n_tokens; i++) {
		const PgQuery__ScanToken *t = scan->tokens[i];

		*at = (unsigned)t->start;
		if (older(server, NUMBERS) && odd_number(t, text))
			return "a number with underscores, or that is not decimal";
		if (older(server, UESCAPE) && t->token == PG_QUERY__TOKEN__UESCAPE)
			return "UESCAPE";
	}
	return NULL;
}

bool dialect_function(const char *name, unsigned server)
{
	static const struct {
		const char *name;
		unsigned since; /* the version whose grammar began to take it for its own */
	} own[] = {{"normalize", 13}, {"system_user", 16}};

	for (unsigned i = 0; i < ARRAY_LEN(own); i++)
		if (!strcmp(own[i].name, name))
			return older(server, own[i].since);
	return false;
}
