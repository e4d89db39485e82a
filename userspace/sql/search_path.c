/* SPDX-License-Identifier: MIT */
#include "sql/search_path.h"

#include <string.h>

/* scanner_isspace() of the server. */
static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/* As SplitIdentifierString of the server does. */
bool search_path_next(const char **p, char name[SEARCH_PATH_NAME_MAX + 1], bool *ok)
{
	size_t n = 0;
	bool quoted;

	while (is_space(**p) || **p == ',')
		++*p;
	if (!**p)
		return false;
	quoted = **p == '"';
	*p += quoted;
	while (**p && (quoted || (**p != ',' && !is_space(**p)))) {
		char c = **p;

		if (quoted && c == '"') {
			if ((*p)[1] != '"')
				break;
			++*p;
		}
		if (n >= SEARCH_PATH_NAME_MAX)
			*ok = false;
		else
			name[n++] = !quoted && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		++*p;
	}
	if (quoted && **p != '"')
		*ok = false;
	*p += quoted && **p == '"';
	name[n] = '\0';
	return *ok;
}

bool search_path_safe(const char *value)
{
	char name[SEARCH_PATH_NAME_MAX + 1];
	bool ok = true, first = true;
	unsigned n = 0;

	while (search_path_next(&value, name, &ok)) {
		if (++n > SEARCH_PATH_NAMES_MAX || strchr(name, '\n') ||
			(!first && !strcmp(name, "pg_catalog")))
			return false;
		first = first && !strcmp(name, "pg_temp");
	}
	return ok;
}
