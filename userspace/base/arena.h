/* SPDX-License-Identifier: MIT */
/* arena: memory with one lifetime. Nothing inside is freed singly; a limit keeps what the wire controls
 * bounded. */
#ifndef PGVEIL_BASE_ARENA_H
#define PGVEIL_BASE_ARENA_H

#include <stddef.h>
#include "base/attr.h"

struct arena_block;

/* An all-zero arena is valid, empty and unlimited. Under ASan, memory that reset gave back is poisoned. */
struct arena {
	struct arena_block *head; /* newest block, allocated from first */
	size_t held;              /* bytes held from the heap */
	size_t limit;             /* bytes it may hold; 0 = no limit */
};

void arena_init(struct arena *a, size_t limit);
void arena_reset(struct arena *a); /* keeps one block for the next use */
void arena_fini(struct arena *a);  /* empty afterwards; the limit stays */

/* All return NULL when the limit or the heap is exhausted; memory is aligned for any type and valid until
 * arena_reset or arena_fini. */
MUSTCHECK void *arena_alloc(struct arena *a, size_t n);  /* not initialised */
MUSTCHECK void *arena_zalloc(struct arena *a, size_t n); /* all zero */
MUSTCHECK void *arena_array(
	struct arena *a, size_t n, size_t size); /* all zero; checks n * size for overflow */
MUSTCHECK char *arena_strdup(struct arena *a, const char *s);
MUSTCHECK char *arena_strndup(struct arena *a, const char *s, size_t n);
MUSTCHECK char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
