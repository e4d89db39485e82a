/* SPDX-License-Identifier: MIT */
/* copy: the rows of a COPY TO STDOUT, in text, CSV and binary (PostgreSQL docs, COPY, "File Formats"), cut
 * into cells as they stand, and cells written as the server writes them. Knows only what a server sends: what
 * only a file could hold is malformed. CopyData may be cut anywhere; a row's end need not be a message's. */
#ifndef PGVEIL_PGWIRE_COPY_H
#define PGVEIL_PGWIRE_COPY_H

#include "base/arena.h"
#include "pgwire/put.h"

enum copy_format { COPY_TEXT = 0, COPY_CSV, COPY_BINARY };

/* How the rows are written. */
struct copy_style {
	enum copy_format format;
	char delimiter;
	char quote, escape; /* CSV */
	struct span null;   /* text and CSV: what stands for NULL */
	bool header;        /* text and CSV: a line of column names comes first */
	uint16_t ncols;
};

enum copy_kind {
	COPY_ROW = 0,
	COPY_HEADER,    /* the line of column names */
	COPY_SIGNATURE, /* binary: what comes before the first row */
	COPY_TRAILER,   /* binary: the end */
};
struct copy_cell { /* its place in the row: without the delimiter, with the quotes or the length word */
	size_t at, n;
	bool quoted; /* CSV */
};
struct copy_row {
	enum copy_kind kind;
	struct span whole;             /* delimiters and the newline included */
	const struct copy_cell *cells; /* ncols of them; NULL for SIGNATURE and TRAILER */
};

struct copy_reader; /* keeps the row that is not all there yet, and nothing else */
/* NULL: no memory, or a delimiter, quote or escape that is, or may be taken for, something else. */
MUSTCHECK struct copy_reader *copy_reader_new(const struct copy_style *s, size_t row_max);
void copy_reader_free(struct copy_reader *r); /* NULL is fine */
/* More bytes, which stay where they are until copy_reader_next has said WIRE_MORE. WIRE_BAD: no memory. */
MUSTCHECK enum wire copy_reader_feed(struct copy_reader *r, struct span bytes);
/* The next row, valid until the next call. WIRE_MORE: not all there; what there is was taken over. WIRE_BAD:
 * malformed, another number of cells than columns, something behind the end, or longer than row_max. */
MUSTCHECK enum wire copy_reader_next(struct copy_reader *r, struct copy_row *row);
bool copy_reader_done(const struct copy_reader *r); /* nothing is missing and nothing left: it may end here */

/* A cell as its type's output function wrote it; value->p == NULL: NULL. Borrows from the row or lives in a.
 * WIRE_BAD: what no server writes, or no memory. */
MUSTCHECK enum wire copy_cell_value(const struct copy_style *s, const struct copy_row *row, unsigned cell,
	struct arena *a, struct span *value);
/* Writes a cell (value.p == NULL: NULL); quoted: CSV, by FORCE_QUOTE. */
void copy_put_cell(struct put *w, const struct copy_style *s, struct span value, bool quoted);

#endif
