/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "mask/kind.h"
#include "value/utf8.h"

/* The mask's fill, or a star where that is not exactly one character. */
static struct span fill_of(const struct mask *m)
{
	struct span fill = span_of(m->fill, strnlen(m->fill, sizeof(m->fill)));

	return utf8_valid(fill) && utf8_chars(fill) == 1 ? fill : SPAN_LIT("*");
}

struct span mask_partial(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	struct span text, head = {0}, tail = {0}, fill = fill_of(m), out;
	size_t hidden, i;
	uint8_t *mem, *p;

	if (!value_is_text(s->type))
		return (struct span){0};
	if (!value_get_text(s, cell, &text))
		return mask_redact(s, a);
	hidden = utf8_chars(text);
	if (hidden > (size_t)m->first + m->last) {
		hidden -= (size_t)m->first + m->last;
		head = utf8_first(text, m->first);
		tail = utf8_last(text, m->last);
	}
	p = mem = arena_alloc(a, head.n + hidden * fill.n + tail.n);
	if (!mem)
		return (struct span){0};
	if (head.n)
		p = mempcpy(p, head.p, head.n);
	if (fill.n == 1) {
		memset(p, fill.p[0], hidden);
		p += hidden;
	}
	for (i = 0; i < hidden && fill.n > 1; i++)
		p = mempcpy(p, fill.p, fill.n);
	if (tail.n)
		p = mempcpy(p, tail.p, tail.n);
	out = span_of(mem, (size_t)(p - mem));
	/* A wider fill can be too long for a name. */
	return value_text_fits(s, out) ? value_put_text(a, s, out) : mask_redact(s, a);
}
