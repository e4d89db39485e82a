/* SPDX-License-Identifier: MIT */
/* Text (record_out): (1,"b c",,"") where nothing is NULL and quotes and backslashes are doubled.
 * Binary (record_send): be32 fields, then for each be32 its type's oid, be32 its length (-1: NULL), its
 * bytes. */
#include "value/composite.h"

/* ---- reading ---- */
void composite_open(struct composite_reader *r, const struct value_shape *s, struct span cell)
{
	*r = (struct composite_reader){
		.desc = s->desc, .c = cur_of(cell), .text = s->format == VALUE_TEXT_FORMAT};
	if (r->text ? cur_u8(&r->c) != '(' : cur_be32(&r->c) != s->desc->n)
		r->c.bad = true;
}

/* Behind the opening quote; up to one that is not doubled. */
static bool quoted(struct cur *c, struct arena *a, struct span *field)
{
	const uint8_t *p;
	uint8_t *text;
	size_t n = 0;

	for (p = c->p; p < c->end; p++, n++) {
		if (*p == '"' && (p + 1 == c->end || p[1] != '"'))
			break;
		if ((*p == '"' || *p == '\\') && ++p == c->end)
			return false;
	}
	if (p == c->end)
		return false;
	if (n == (size_t)(p - c->p)) {
		*field = span_of(c->p, n);
		c->p = p + 1;
		return true;
	}
	text = arena_alloc(a, n);
	if (!text)
		return false;
	*field = span_of(text, n);
	for (; c->p < p; c->p++) {
		if (*c->p == '"' || *c->p == '\\')
			c->p++;
		*text++ = *c->p;
	}
	c->p = p + 1;
	return true;
}

static bool bare(struct cur *c, struct span *field)
{
	const uint8_t *start = c->p;

	for (; cur_left(c) && *c->p != ',' && *c->p != ')'; c->p++)
		if (*c->p == '"' || *c->p == '\\' || *c->p == '(')
			return false;
	*field = span_of(start, (size_t)(c->p - start));
	if (!field->n)
		field->p = NULL;
	return true;
}

static bool next_text(struct composite_reader *r, struct arena *a, struct span *field)
{
	bool last = r->at + 1 == r->desc->n;

	if (cur_left(&r->c) && *r->c.p == '"') {
		r->c.p++;
		if (!quoted(&r->c, a, field))
			return false;
	} else if (!bare(&r->c, field)) {
		return false;
	}
	return cur_u8(&r->c) == (last ? ')' : ',');
}

static bool next_binary(struct composite_reader *r, struct span *field)
{
	uint32_t n;

	if (cur_be32(&r->c) != r->desc->parts[r->at].oid)
		return false;
	n = cur_be32(&r->c);
	*field = (struct span){0};
	if (n == UINT32_MAX)
		return !r->c.bad;
	if (n > INT32_MAX)
		return false;
	*field = cur_take(&r->c, n);
	return !r->c.bad;
}

bool composite_next(struct composite_reader *r, struct arena *a, struct span *field)
{
	if (r->c.bad || r->at >= r->desc->n)
		return false;
	if (!(r->text ? next_text(r, a, field) : next_binary(r, field))) {
		r->c.bad = true;
		return false;
	}
	r->at++;
	return true;
}

bool composite_end(struct composite_reader *r)
{
	if (r->text && !r->desc->n && cur_u8(&r->c) != ')')
		return false;
	return r->at == r->desc->n && cur_end(&r->c) == WIRE_OK;
}

/* ---- writing ---- */
void composite_start(struct composite_writer *w, const struct value_shape *s, struct arena *a, size_t max)
{
	*w = (struct composite_writer){.desc = s->desc, .text = s->format == VALUE_TEXT_FORMAT};
	sink_init(&w->out, a, max);
	if (w->text)
		sink_u8(&w->out, '(');
	else
		sink_be32(&w->out, s->desc->n);
}

static bool needs_quotes(struct span text)
{
	size_t i;

	for (i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '"' || c == '\\' || c == '(' || c == ')' || c == ',' || c == ' ' ||
			(c >= '\t' && c <= '\r'))
			return true;
	}
	return !text.n;
}

void composite_put(struct composite_writer *w, struct span field)
{
	if (w->written >= w->desc->n) {
		w->out.failed = true;
		return;
	}
	if (!w->text) {
		sink_be32(&w->out, w->desc->parts[w->written].oid);
		sink_cell(&w->out, field);
	} else {
		if (w->written)
			sink_u8(&w->out, ',');
		if (field.p && needs_quotes(field))
			sink_quoted(&w->out, field, 0);
		else
			sink_put(&w->out, field.p, field.n);
	}
	w->written++;
}

struct span composite_finish(struct composite_writer *w)
{
	if (w->written != w->desc->n)
		w->out.failed = true;
	if (w->text)
		sink_u8(&w->out, ')');
	return sink_span(&w->out);
}
