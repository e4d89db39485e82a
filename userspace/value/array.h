/* SPDX-License-Identifier: MIT */
/* array: the elements of one cell of an array type, in text and in binary, and a cell made of them. Structure
 * only: what an element means is the caller's business. */
#ifndef PGVEIL_VALUE_ARRAY_H
#define PGVEIL_VALUE_ARRAY_H

#include "value/sink.h"
#include "value/value.h"

#define ARRAY_DIMS_MAX 6 /* MAXDIM of the server */

struct array_dims {
	unsigned n; /* 0: an empty array */
	int32_t size[ARRAY_DIMS_MAX], lower[ARRAY_DIMS_MAX];
	size_t elements; /* the product of size; 0 where n is 0 */
};

struct array_reader {
	struct array_dims dims;
	struct cur c;
	bool text;
	uint8_t delim;
	size_t left; /* elements */
};

/* The whole cell is checked here: only elements that are there are counted. false: no array of the shape's
 * type, or of elements that have another oid. Takes no memory. s->desc is DESC_ARRAY. */
MUSTCHECK bool array_open(struct array_reader *r, const struct value_shape *s, struct span cell);
/* The next of dims.elements, .p == NULL for NULL; borrowed from the cell, or from a where it was escaped.
 * false: no more, or no memory. */
MUSTCHECK bool array_next(struct array_reader *r, struct arena *a, struct span *element);

struct array_writer {
	struct array_dims dims;
	struct sink out;
	bool text;
	uint8_t delim;
	size_t written;
};

/* Room for max bytes; array_put is to be called dims->elements times. .p == NULL: they did not fit, or there
 * was no memory. */
void array_start(struct array_writer *w, const struct value_shape *s, const struct array_dims *dims,
	struct arena *a, size_t max);
void array_put(struct array_writer *w, struct span element);
struct span array_finish(struct array_writer *w);

#endif
