/* SPDX-License-Identifier: MIT */
#include "mask/nested.h"

#include <string.h>

#include "mask/kind.h"
#include "value/array.h"
#include "value/composite.h"
#include "value/range.h"

/* What a cell may grow to; what would be more is NULL. A hash is 64 characters where an element can be one
 * and its comma: a cell that the caller wrote for the purpose is not to take the memory of others. */
#define GROWTH       ((size_t)40)
#define GROWTH_LEAST ((size_t)4096)
#define GROWTH_MOST  ((size_t)4 << 20)

static const struct span null = {0};

/* Memory of one element at a time, a level each: an array of a million elements takes no more than the
 * largest of them and the result. */
struct nest {
	const struct mask *m;
	struct work *work;
	struct arena scratch[DESC_DEPTH_MAX];
};

static struct span apply(
	struct nest *n, unsigned depth, const struct value_shape *s, struct span cell, struct arena *a);

static size_t most(struct span cell)
{
	size_t n = cell.n * GROWTH + GROWTH_LEAST;

	return n <= GROWTH_MOST ? n : cell.n > GROWTH_MOST / 2 ? cell.n * 2 : GROWTH_MOST;
}

static struct span part(
	struct nest *n, unsigned depth, const struct value_shape *s, struct span cell, struct arena *a)
{
	if (!cell.p)
		return null;
	return s->desc ? apply(n, depth, s, cell, a) : mask_part(n->m, s, cell, n->work, a);
}

static struct span by_elements(
	struct nest *n, unsigned depth, const struct value_shape *s, struct span cell, struct arena *a)
{
	const struct value_shape of = value_part(s, 0);
	struct arena *scratch = &n->scratch[depth];
	struct array_reader r;
	struct array_writer w;
	struct span element;
	size_t i;

	if (!array_open(&r, s, cell))
		return null;
	array_start(&w, s, &r.dims, a, most(cell));
	for (i = 0; i < r.dims.elements && !w.out.failed; i++) {
		arena_reset(scratch);
		if (!array_next(&r, scratch, &element))
			return null;
		array_put(&w, part(n, depth + 1, &of, element, scratch));
	}
	return array_finish(&w);
}

static struct span by_fields(
	struct nest *n, unsigned depth, const struct value_shape *s, struct span cell, struct arena *a)
{
	struct arena *scratch = &n->scratch[depth];
	struct composite_reader r;
	struct composite_writer w;
	struct span field;
	unsigned i;

	composite_open(&r, s, cell);
	composite_start(&w, s, a, most(cell));
	for (i = 0; i < s->desc->n; i++) {
		const struct value_shape of = value_part(s, i);

		arena_reset(scratch);
		if (!composite_next(&r, scratch, &field))
			return null;
		composite_put(&w, part(n, depth + 1, &of, field, scratch));
	}
	return composite_end(&r) ? composite_finish(&w) : null;
}

static struct span literal(const struct mask *m, const struct value_shape *s, struct arena *a)
{
	return m->fixed ? value_put_literal(a, s, span_of(m->fixed, strlen(m->fixed))) : null;
}

static struct span apply(
	struct nest *n, unsigned depth, const struct value_shape *s, struct span cell, struct arena *a)
{
	struct span whole = n->m->kind == MASK_FIXED ? literal(n->m, s, a) : null;

	/* A literal of the type as a whole is not one of its elements. */
	if (whole.p || depth == DESC_DEPTH_MAX)
		return whole;
	switch (s->desc->kind) {
	case DESC_ARRAY: return by_elements(n, depth, s, cell, a);
	case DESC_COMPOSITE: return by_fields(n, depth, s, cell, a);
	case DESC_ENUM: return null;
	case DESC_RANGE:
	case DESC_MULTIRANGE: return n->m->kind == MASK_REDACT ? range_put_empty(a, s) : null;
	}
	return null;
}

struct span nested_apply(const struct mask *m, const struct value_shape *shape, struct span cell,
	struct work *w, struct arena *a)
{
	struct nest n = {.m = m, .work = w};
	struct span out;
	unsigned i;

	if (m->kind == MASK_NULL)
		return null;
	out = apply(&n, 0, shape, cell, a);
	for (i = 0; i < DESC_DEPTH_MAX; i++)
		arena_fini(&n.scratch[i]);
	return out;
}

static struct span redact_fields(const struct value_shape *s, struct arena *a, unsigned depth);

/* What redact makes of a value that it may know nothing of. */
static struct span redact_blind(const struct value_shape *s, struct arena *a, unsigned depth)
{
	static const struct mask redact = {.kind = MASK_REDACT};
	static const struct array_dims none = {0};
	struct array_writer w;

	if (!s->desc)
		return mask_apply(&redact, s, SPAN_LIT(""), a);
	switch (s->desc->kind) {
	case DESC_ARRAY: array_start(&w, s, &none, a, GROWTH_LEAST); return array_finish(&w);
	case DESC_COMPOSITE: return depth < DESC_DEPTH_MAX ? redact_fields(s, a, depth) : null;
	case DESC_ENUM: return null;
	case DESC_RANGE:
	case DESC_MULTIRANGE: return range_put_empty(a, s);
	}
	return null;
}

static struct span redact_fields(const struct value_shape *s, struct arena *a, unsigned depth)
{
	struct composite_writer w;
	unsigned i;

	composite_start(&w, s, a, SIZE_MAX);
	for (i = 0; i < s->desc->n; i++) {
		const struct value_shape of = value_part(s, i);

		composite_put(&w, redact_blind(&of, a, depth + 1));
	}
	return composite_finish(&w);
}

struct span mask_blind(const struct mask *m, const struct value_shape *shape, struct arena *a)
{
	if (m->kind == MASK_NULL)
		return null;
	return m->kind == MASK_FIXED ? literal(m, shape, a) : redact_blind(shape, a, 0);
}
