/* SPDX-License-Identifier: MIT */
#include "value/literal.h"

#include <string.h>

#include "value/array.h"
#include "value/composite.h"
#include "value/range.h"

/* No policy holds a longer one. */
#define LITERAL_MAX ((size_t)1 << 20)

static struct span put_array(struct arena *a, const struct value_shape *s, struct span text)
{
	struct value_shape as_text = *s, of = value_part(s, 0);
	struct array_reader r;
	struct array_writer w;
	struct span element;
	size_t i;

	as_text.format = VALUE_TEXT_FORMAT;
	if (!array_open(&r, &as_text, text))
		return (struct span){0};
	array_start(&w, s, &r.dims, a, LITERAL_MAX);
	for (i = 0; i < r.dims.elements; i++) {
		if (!array_next(&r, a, &element))
			return (struct span){0};
		if (element.p) {
			element = value_put_literal(a, &of, element);
			if (!element.p)
				return element;
		}
		array_put(&w, element);
	}
	return array_finish(&w);
}

static struct span put_composite(struct arena *a, const struct value_shape *s, struct span text)
{
	struct value_shape as_text = *s;
	struct composite_reader r;
	struct composite_writer w;
	struct span field;
	unsigned i;

	as_text.format = VALUE_TEXT_FORMAT;
	composite_open(&r, &as_text, text);
	composite_start(&w, s, a, LITERAL_MAX);
	for (i = 0; i < s->desc->n; i++) {
		struct value_shape of = value_part(s, i);

		if (!composite_next(&r, a, &field))
			return (struct span){0};
		if (field.p) {
			field = value_put_literal(a, &of, field);
			if (!field.p)
				return field;
		}
		composite_put(&w, field);
	}
	return composite_end(&r) ? composite_finish(&w) : (struct span){0};
}

static struct span put_label(struct arena *a, const struct value_shape *s, struct span text)
{
	unsigned i;

	for (i = 0; i < s->desc->n; i++)
		if (span_is(text, s->desc->labels[i])) {
			uint8_t *p = arena_alloc(a, text.n);

			if (p && text.n)
				memcpy(p, text.p, text.n);
			return p ? span_of(p, text.n) : (struct span){0};
		}
	return (struct span){0};
}

struct span literal_put(struct arena *a, const struct value_shape *s, struct span text)
{
	switch (s->desc->kind) {
	case DESC_ARRAY: return put_array(a, s, text);
	case DESC_COMPOSITE: return put_composite(a, s, text);
	case DESC_ENUM: return put_label(a, s, text);
	case DESC_RANGE:
	case DESC_MULTIRANGE: return range_put_literal(a, s, text);
	}
	return (struct span){0};
}
