/* SPDX-License-Identifier: MIT */
#include "sql/function.h"

#include <stdlib.h>
#include <string.h>
#include "base/attr.h"
#include "sql/function_table.h"

static int cmp(const void *key, const void *entry)
{
	return strcmp(key, *(const char *const *)entry);
}

static bool listed(const char *name, const char *const *list, unsigned n)
{
	return bsearch(name, list, n, sizeof(*list), cmp) != NULL;
}

enum function_class function_class(const char *name)
{
	if (listed(name, function_total, function_total_n))
		return FUNCTION_TOTAL;
	return listed(name, function_pure, function_pure_n) ? FUNCTION_PURE : FUNCTION_OPAQUE;
}

bool function_known(const char *name)
{
	return function_class(name) != FUNCTION_OPAQUE || listed(name, function_opaque, function_opaque_n);
}

enum function_class operator_class(const char *name)
{
	if (listed(name, operator_total, operator_total_n))
		return FUNCTION_TOTAL;
	return listed(name, operator_pure, operator_pure_n) ? FUNCTION_PURE : FUNCTION_OPAQUE;
}

/* Reviewed: no function of theirs runs SQL text, reads a table or a file that a caller names. tablefunc,
 * xml2, dblink, lo, postgis and the like are left out on purpose. */
int function_extension_pure(const char *extension)
{
	static const char *const pure[] = {"btree_gin", "btree_gist", "citext", "cube", "earthdistance",
		"fuzzystrmatch", "hstore", "intarray", "isn", "ltree", "pg_trgm", "pgcrypto", "seg",
		"unaccent", "uuid-ossp", "vector"};

	return listed(extension, pure, ARRAY_LEN(pure));
}

static int cmp_shape(const void *key, const void *entry)
{
	return strcmp(key, ((const struct function_shape *)entry)->name);
}

unsigned function_columns(const char *name, const char *const **names)
{
	static const char *const unnamed[] = {NULL};
	const struct function_shape *s =
		bsearch(name, function_shapes, function_shapes_n, sizeof(*s), cmp_shape);

	*names = unnamed;
	if (s) {
		*names = s->cols;
		return s->ncols;
	}
	return function_class(name) == FUNCTION_OPAQUE ? 0 : 1;
}
