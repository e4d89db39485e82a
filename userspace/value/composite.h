/* SPDX-License-Identifier: MIT */
/* composite: the fields of one cell of a composite type, in text and in binary, and a cell made of them.
 * Structure only: what a field means is the caller's business. */
#ifndef PGVEIL_VALUE_COMPOSITE_H
#define PGVEIL_VALUE_COMPOSITE_H

#include "value/sink.h"
#include "value/value.h"

struct composite_reader {
	const struct value_desc *desc;
	struct cur c;
	bool text;
	unsigned at; /* fields read */
};

/* s->desc is DESC_COMPOSITE. */
void composite_open(struct composite_reader *r, const struct value_shape *s, struct span cell);
/* The next field, .p == NULL for NULL; borrowed from the cell, or from a where it was escaped. false: the
 * cell is none of the type (another number of fields, a field of another oid), or no memory. To be called
 * desc->n times. */
MUSTCHECK bool composite_next(struct composite_reader *r, struct arena *a, struct span *field);
/* Whether it was a cell of the type from the first byte to the last; only then may its fields be believed. */
MUSTCHECK bool composite_end(struct composite_reader *r);

struct composite_writer {
	const struct value_desc *desc;
	struct sink out;
	bool text;
	unsigned written;
};

/* Room for max bytes; composite_put is to be called desc->n times. .p == NULL: they did not fit, or there was
 * no memory. */
void composite_start(struct composite_writer *w, const struct value_shape *s, struct arena *a, size_t max);
void composite_put(struct composite_writer *w, struct span field);
struct span composite_finish(struct composite_writer *w);

#endif
