/* SPDX-License-Identifier: MIT */
#include "value/sink.h"

#include <string.h>

#define FIRST_CAP ((size_t)64)

void sink_init(struct sink *s, struct arena *a, size_t max)
{
	*s = (struct sink){.a = a, .max = max};
}

/* The block that is left behind stays in the arena: all of them together are no larger than the last. */
static bool room(struct sink *s, size_t n)
{
	size_t cap = s->cap ? s->cap : FIRST_CAP;
	uint8_t *p;

	if (s->failed || n > s->max - s->n) {
		s->failed = true;
		return false;
	}
	if (n <= s->cap - s->n)
		return true;
	while (cap - s->n < n)
		cap *= 2;
	p = arena_alloc(s->a, cap);
	if (!p) {
		s->failed = true;
		return false;
	}
	if (s->n)
		memcpy(p, s->p, s->n);
	s->p = p;
	s->cap = cap;
	return true;
}

void sink_put(struct sink *s, const void *p, size_t n)
{
	if (!room(s, n) || !n)
		return;
	memcpy(s->p + s->n, p, n);
	s->n += n;
}

void sink_u8(struct sink *s, uint8_t v)
{
	sink_put(s, &v, 1);
}

void sink_be32(struct sink *s, uint32_t v)
{
	const uint8_t b[] = {(uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v};

	sink_put(s, b, sizeof(b));
}

void sink_be32_at(struct sink *s, size_t at, uint32_t v)
{
	size_t n = s->n;

	if (s->failed || n < 4 || at > n - 4)
		return;
	s->n = at;
	sink_be32(s, v);
	s->n = n;
}

void sink_cell(struct sink *s, struct span cell)
{
	if (cell.n > INT32_MAX) {
		s->failed = true;
		return;
	}
	sink_be32(s, cell.p ? (uint32_t)cell.n : UINT32_MAX);
	sink_put(s, cell.p, cell.n);
}

void sink_quoted(struct sink *s, struct span text, uint8_t escape)
{
	size_t i;

	sink_u8(s, '"');
	for (i = 0; i < text.n && !s->failed; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			sink_u8(s, escape ? escape : text.p[i]);
		sink_u8(s, text.p[i]);
	}
	sink_u8(s, '"');
}

struct span sink_span(const struct sink *s)
{
	static const uint8_t empty[1];

	if (s->failed)
		return (struct span){0};
	return span_of(s->p ? s->p : empty, s->n);
}
