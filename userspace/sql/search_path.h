/* SPDX-License-Identifier: MIT */
/* search_path: the names in a value of the setting search_path, read as the server reads them. */
#ifndef PGVEIL_SQL_SEARCH_PATH_H
#define PGVEIL_SQL_SEARCH_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define SEARCH_PATH_NAMES_MAX 64
#define SEARCH_PATH_NAME_MAX  63 /* bytes; the server cuts longer ones */

/* The next name, unquoted. false: at the end, or (*ok is false then) the value is malformed or a name is too
 * long. */
bool search_path_next(const char **value, char name[SEARCH_PATH_NAME_MAX + 1], bool *ok);
/* Whether a session may be given this path: read without doubt, and nothing but pg_temp before pg_catalog,
 * whose names would mean what that schema says. */
bool search_path_safe(const char *value);

#endif
