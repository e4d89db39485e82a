/* SPDX-License-Identifier: MIT */
/* cell: the bytes of one value in the making, for the files of this folder. Never knows a type. */
#ifndef PGVEIL_VALUE_CELL_H
#define PGVEIL_VALUE_CELL_H

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"

/* Enough for the text of any value of fixed size. */
#define CELL_TEXT_MAX 128

/* Text in the making, in room that its owner knows to be enough. */
struct pen {
	char *p;
};

static inline void pen_char(struct pen *w, char c)
{
	*w->p++ = c;
}

static inline void pen_str(struct pen *w, const char *s)
{
	while (*s)
		*w->p++ = *s++;
}

/* At least width digits. */
static inline void pen_digits(struct pen *w, uint64_t v, unsigned width)
{
	char digits[20];
	unsigned n = 0;

	do {
		digits[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	for (; width > n; width--)
		*w->p++ = '0';
	while (n)
		*w->p++ = digits[--n];
}

static inline void pen_int(struct pen *w, int64_t v)
{
	if (v < 0)
		*w->p++ = '-';
	pen_digits(w, v < 0 ? -(uint64_t)v : (uint64_t)v, 1);
}

/* ".5" of 500000 microseconds; nothing of 0. */
static inline void pen_fraction(struct pen *w, unsigned usecs)
{
	unsigned width = 6;

	if (!usecs)
		return;
	for (; usecs % 10 == 0; usecs /= 10)
		width--;
	*w->p++ = '.';
	pen_digits(w, usecs, width);
}

static inline struct span cell_copy(struct arena *a, const void *p, size_t n)
{
	uint8_t *mem = arena_alloc(a, n);

	if (!mem)
		return (struct span){0};
	if (n)
		memcpy(mem, p, n);
	return span_of(mem, n);
}

/* The low width bytes of v, big-endian. */
static inline struct span cell_be(struct arena *a, uint64_t v, size_t width)
{
	uint8_t *mem = arena_alloc(a, width);
	size_t i;

	if (!mem)
		return (struct span){0};
	for (i = width; i-- > 0; v >>= 8)
		mem[i] = (uint8_t)v;
	return span_of(mem, width);
}

/* A big-endian two's complement integer of 2, 4 or 8 bytes that is the whole cell. */
static inline bool cell_get_be(struct span cell, size_t width, int64_t *v)
{
	uint64_t u = 0;

	if (cell.n != width)
		return false;
	for (size_t i = 0; i < width; i++)
		u = u << 8 | cell.p[i];
	*v = width == 2 ? (int16_t)u : width == 4 ? (int32_t)u : (int64_t)u;
	return true;
}

struct value_shape;
/* Whether text is JSON that the type can hold: jsonb keeps numbers as numeric and strings as text, json keeps
 * what is written. */
bool json_fits(struct arena *a, const struct value_shape *s, struct span text);

#endif
