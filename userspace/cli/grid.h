/* SPDX-License-Identifier: MIT */
/* grid: rows of a result, set in columns as wide as they must be. */
#ifndef PGVEIL_CLI_GRID_H
#define PGVEIL_CLI_GRID_H

#include "cli/plain.h"
#include "cli/reply.h"

#define GRID_ROWS 500  /* after so many what there is is set, and columns stay as wide as they are then */
#define GRID_CELL 2000 /* columns of a terminal that a cell may take; the rest of it is counted */

struct grid_cell {
	char *p; /* NULL: NULL */
	size_t n, width;
};

struct grid {                    /* all zero: empty */
	struct grid_cell *cells; /* row by row; the first row is the names */
	size_t ncells, cap;
	size_t *width;
	bool *right;
	unsigned columns;
	uint64_t rows; /* of the whole result */
	bool open, headed;
};

void grid_begin(struct grid *g, const struct reply_column *c, unsigned n);
/* Appends to out once there are enough of them. */
void grid_row(struct grid *g, const struct reply *r, struct plain *out, bool color);
/* The rest, and how many there were. */
void grid_end(struct grid *g, struct plain *out, bool color);
void grid_fini(struct grid *g);

#endif
