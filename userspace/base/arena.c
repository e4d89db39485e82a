/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#ifndef __clang__
/* gcc takes the const in the prototype for a read of memory that malloc has just given. */
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
/* A gap after each object, so that running over its end is seen. */
#define GAP 16
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#define GAP            0
#endif

#define BLOCK_FIRST ((size_t)512) /* many arenas hold little */
#define BLOCK_SIZE  ((size_t)4096)
#define ALIGN       alignof(max_align_t)

struct arena_block {
	struct arena_block *next;
	size_t cap, used;
	alignas(max_align_t) uint8_t mem[];
};

void arena_init(struct arena *a, size_t limit)
{
	*a = (struct arena){.limit = limit};
}

static void block_free(struct arena_block *b)
{
	UNPOISON(b->mem, b->cap);
	free(b);
}

void arena_reset(struct arena *a)
{
	struct arena_block *b, *next, *kept = NULL;

	for (b = a->head; b; b = next) {
		next = b->next;
		/* The newest of the ordinary ones is the largest; a large one is not worth keeping for an
		 * idle owner. */
		if (!kept && sizeof(*b) + b->cap <= BLOCK_SIZE) {
			kept = b;
			continue;
		}
		a->held -= sizeof(*b) + b->cap;
		block_free(b);
	}
	a->head = kept;
	if (!kept)
		return;
	kept->next = NULL;
	kept->used = 0;
	POISON(kept->mem, kept->cap);
}

void arena_fini(struct arena *a)
{
	struct arena_block *b, *next;

	for (b = a->head; b; b = next) {
		next = b->next;
		block_free(b);
	}
	*a = (struct arena){.limit = a->limit};
}

static struct arena_block *grow(struct arena *a, size_t need)
{
	size_t size = a->held < BLOCK_FIRST / 2 ? BLOCK_FIRST : 2 * a->held, cap;
	struct arena_block *b;

	cap = (size < BLOCK_SIZE ? size : BLOCK_SIZE) - sizeof(*b);
	if (need > cap)
		cap = need;

	if (a->limit && (cap > a->limit || a->held + sizeof(*b) + cap > a->limit))
		return NULL;
	b = malloc(sizeof(*b) + cap);
	if (!b)
		return NULL;
	b->cap = cap;
	b->used = 0;
	b->next = a->head;
	a->head = b;
	a->held += sizeof(*b) + cap;
	POISON(b->mem, b->cap);
	return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
	struct arena_block *b = a->head;
	size_t need;
	void *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	need = (n + GAP + ALIGN - 1) / ALIGN * ALIGN;
	if (!b || b->cap - b->used < need) {
		b = grow(a, need);
		if (!b)
			return NULL;
	}
	p = b->mem + b->used;
	b->used += need;
	UNPOISON(p, n);
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	if (p)
		memset(p, 0, n);
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	return arena_zalloc(a, total);
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	if (!p)
		return NULL;
	memcpy(p, s, n);
	p[n] = '\0';
	return p;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap, again;
	char *p = NULL;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n >= 0)
		p = arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, again);
	va_end(again);
	return p;
}
