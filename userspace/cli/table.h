/* SPDX-License-Identifier: MIT */
/* table: rows of text in columns as wide as they must be, on stdout. */
#ifndef PGVEIL_CLI_TABLE_H
#define PGVEIL_CLI_TABLE_H

#include <stddef.h>
#include "base/attr.h"

#define TABLE_COLUMNS 16

struct table {       /* all zero: empty */
	char **cell; /* row by row */
	size_t n, cap;
	unsigned columns;
	unsigned right; /* bit i: column i is set flush right */
};

/* heads: the first row; ends with NULL. */
void table_init(struct table *t, const char *const *heads, unsigned right);
void table_cell(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void table_print(const struct table *t);
void table_fini(struct table *t);

/* A process chooses its own name, and a terminal obeys control characters: C0, DEL, C1 as UTF-8 writes it,
 * and what turns the direction of writing become question marks. */
void table_tame(char *s);

/* "940", "12.3k", "4.0M" */
const char *table_size(char out[16], unsigned long long n);
/* "3s", "12m", "5h", "2d" */
const char *table_age(char out[16], unsigned long long ms);

#endif
