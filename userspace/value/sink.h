/* SPDX-License-Identifier: MIT */
/* sink: a value that is put together piece by piece, in arena memory, never longer than its maker allows. The
 * first failure sticks: what comes after it goes nowhere. */
#ifndef PGVEIL_VALUE_SINK_H
#define PGVEIL_VALUE_SINK_H

#include "base/arena.h"
#include "base/buf.h"

struct sink {
	struct arena *a;
	uint8_t *p;
	size_t n, cap, max;
	bool failed;
};

void sink_init(struct sink *s, struct arena *a, size_t max);
void sink_put(struct sink *s, const void *p, size_t n);
void sink_u8(struct sink *s, uint8_t v);
void sink_be32(struct sink *s, uint32_t v);
void sink_be32_at(struct sink *s, size_t at, uint32_t v); /* over four bytes that were put */
/* A cell of a binary array or composite: its length and it; .p == NULL is NULL. */
void sink_cell(struct sink *s, struct span cell);
/* Between double quotes; '"' and '\' as escape: '\' before them, or 0: doubled. */
void sink_quoted(struct sink *s, struct span text, uint8_t escape);
struct span sink_span(const struct sink *s); /* .p == NULL: it failed */

#endif
