/* SPDX-License-Identifier: MIT */
/* function_table: the names behind function.h, each list sorted by strcmp. Generated; reviewed by the lists
 * in scripts/gen-functions.py. */
#ifndef PGVEIL_SQL_FUNCTION_TABLE_H
#define PGVEIL_SQL_FUNCTION_TABLE_H

#include <stddef.h>

struct function_shape {
	const char *name;
	unsigned ncols; /* 0: depends on the call */
	const char *const *cols;
};

extern const char *const function_total[], *const function_pure[], *const function_opaque[];
extern const char *const operator_total[], *const operator_pure[];
extern const unsigned function_total_n, function_pure_n, function_opaque_n, operator_total_n, operator_pure_n;
extern const struct function_shape function_shapes[];
extern const unsigned function_shapes_n;

#endif
