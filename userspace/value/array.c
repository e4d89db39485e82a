/* SPDX-License-Identifier: MIT */
/* Text (array_out): [1:2][0:1]={{a,"b c"},{NULL,""}}; the bounds only where one does not begin at 1.
 * Binary (array_send): be32 dimensions, be32 whether an element is NULL, be32 the elements' oid, for each
 * dimension be32 its size and be32 its lower bound; then for each element be32 its length (-1: NULL) and its
 * bytes. An empty array has no dimensions. */
#include "value/array.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FLAGS_AT 4 /* of the binary form */

/* array_isspace of the server: the same in every locale */
static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool next_is(const struct cur *c, uint8_t b)
{
	return cur_left(c) && *c->p == b;
}

/* ---- text ---- */
enum token { TOKEN_BAD, TOKEN_END, TOKEN_OPEN, TOKEN_CLOSE, TOKEN_DELIM, TOKEN_ELEMENT };

struct element {
	struct span raw; /* without its quotes; .p == NULL: NULL */
	bool escaped;
};

static void skip_space(struct cur *c)
{
	while (cur_left(c) && is_space(*c->p))
		c->p++;
}

static enum token quoted(struct cur *c, struct element *e)
{
	const uint8_t *start = c->p;
	uint8_t b;

	e->escaped = false;
	while ((b = cur_u8(c)) != '"' && !c->bad)
		if (b == '\\') {
			e->escaped = true;
			cur_u8(c);
		}
	e->raw = span_of(start, (size_t)(c->p - 1 - start));
	return c->bad ? TOKEN_BAD : TOKEN_ELEMENT;
}

static enum token bare(struct cur *c, uint8_t delim, struct element *e)
{
	const uint8_t *start = c->p, *end = start;

	for (; cur_left(c) && *c->p != delim && *c->p != '}'; c->p++) {
		if (*c->p == '{' || *c->p == '"' || *c->p == '\\')
			return TOKEN_BAD;
		if (!is_space(*c->p))
			end = c->p + 1;
	}
	*e = (struct element){.raw = span_of(start, (size_t)(end - start))};
	if (!e->raw.n)
		return TOKEN_BAD;
	if (e->raw.n == 4 && !strncasecmp((const char *)start, "NULL", 4))
		e->raw = (struct span){0};
	return TOKEN_ELEMENT;
}

static enum token next_token(struct cur *c, uint8_t delim, struct element *e)
{
	skip_space(c);
	if (!cur_left(c))
		return TOKEN_END;
	if (*c->p == delim) {
		c->p++;
		return TOKEN_DELIM;
	}
	switch (*c->p) {
	case '{': c->p++; return TOKEN_OPEN;
	case '}': c->p++; return TOKEN_CLOSE;
	case '"': c->p++; return quoted(c, e);
	default: return bare(c, delim, e);
	}
}

static int32_t bound(struct cur *c)
{
	bool negative = next_is(c, '-');
	int64_t v = 0;

	if (negative)
		c->p++;
	if (!cur_left(c) || *c->p < '0' || *c->p > '9')
		c->bad = true;
	while (!c->bad && cur_left(c) && *c->p >= '0' && *c->p <= '9') {
		v = v * 10 + (*c->p++ - '0');
		if (v > INT64_C(1) << 31)
			c->bad = true;
	}
	v = negative ? -v : v;
	if (v > INT32_MAX)
		c->bad = true;
	return (int32_t)v;
}

/* [1:2][0:1]= */
static bool bounds(struct cur *c, struct array_dims *d)
{
	while (next_is(c, '[')) {
		int64_t upper;

		if (d->n == ARRAY_DIMS_MAX)
			return false;
		c->p++;
		d->lower[d->n] = bound(c);
		if (cur_u8(c) != ':')
			return false;
		upper = bound(c);
		if (cur_u8(c) != ']' || upper < d->lower[d->n] || upper - d->lower[d->n] >= INT32_MAX)
			return false;
		d->size[d->n] = (int32_t)(upper - d->lower[d->n] + 1);
		d->n++;
	}
	return !d->n || cur_u8(c) == '=';
}

/* Where the scan of one text is. invariant: count[i] items were seen in the open brace of level i. */
struct scan {
	unsigned depth, ndim; /* ndim 0: no element was seen */
	int32_t size[ARRAY_DIMS_MAX], count[ARRAY_DIMS_MAX];
	bool item; /* an item ended just now: a delimiter or a brace must come */
	bool comma;
	bool done;
};

static bool scan_item(struct scan *s)
{
	if (s->depth == 0) {
		s->done = true;
	} else {
		if (s->count[s->depth - 1] == INT32_MAX)
			return false;
		s->count[s->depth - 1]++;
	}
	s->item = true;
	s->comma = false;
	return true;
}

static bool scan_close(struct scan *s)
{
	int32_t n;

	if (!s->depth || s->comma)
		return false;
	s->depth--;
	n = s->count[s->depth];
	if (!s->ndim) /* no element: only {} is an array */
		return s->depth == 0 && scan_item(s);
	if (!n || (s->size[s->depth] && s->size[s->depth] != n))
		return false;
	s->size[s->depth] = n;
	return scan_item(s);
}

static bool scan_token(struct scan *s, enum token t)
{
	switch (t) {
	case TOKEN_OPEN:
		if (s->done || s->item || s->depth == ARRAY_DIMS_MAX || (s->ndim && s->depth == s->ndim))
			return false;
		s->count[s->depth++] = 0;
		s->comma = false;
		return true;
	case TOKEN_CLOSE: return scan_close(s);
	case TOKEN_DELIM:
		if (s->done || !s->item)
			return false;
		s->item = false;
		s->comma = true;
		return true;
	case TOKEN_ELEMENT:
		if (s->done || s->item || !s->depth || (s->ndim && s->depth != s->ndim))
			return false;
		s->ndim = s->depth;
		return scan_item(s);
	case TOKEN_BAD:
	case TOKEN_END: break;
	}
	return false;
}

static bool fits(struct array_dims *d)
{
	unsigned i;

	d->elements = d->n ? 1 : 0;
	for (i = 0; i < d->n; i++)
		if (d->size[i] < 1 || (int64_t)d->lower[i] + d->size[i] > INT32_MAX ||
			__builtin_mul_overflow(d->elements, (size_t)d->size[i], &d->elements))
			return false;
	return true;
}

static bool open_text(struct array_reader *r)
{
	struct array_dims said = {0};
	struct scan s = {0};
	struct element e;
	struct cur c;
	enum token t;
	unsigned i;

	if (!bounds(&r->c, &said))
		return false;
	for (c = r->c; (t = next_token(&c, r->delim, &e)) != TOKEN_END;)
		if (!scan_token(&s, t))
			return false;
	if (!s.done || (said.n && said.n != s.ndim))
		return false;
	r->dims.n = s.ndim;
	for (i = 0; i < s.ndim; i++) {
		r->dims.size[i] = s.size[i];
		r->dims.lower[i] = said.n ? said.lower[i] : 1;
		if (said.n && said.size[i] != s.size[i])
			return false;
	}
	return fits(&r->dims);
}

static bool unescape(struct arena *a, struct span raw, struct span *text)
{
	uint8_t *p = arena_alloc(a, raw.n);
	size_t i, n = 0;

	if (!p)
		return false;
	for (i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\')
			i++;
		p[n++] = raw.p[i];
	}
	*text = span_of(p, n);
	return true;
}

/* The structure was checked by open_text: braces and delimiters only stand between elements. */
static bool next_text(struct array_reader *r, struct arena *a, struct span *element)
{
	struct element e;
	enum token t;

	do {
		t = next_token(&r->c, r->delim, &e);
		if (t == TOKEN_BAD || t == TOKEN_END)
			return false;
	} while (t != TOKEN_ELEMENT);
	*element = e.raw;
	return !e.escaped || unescape(a, e.raw, element);
}

/* ---- binary ---- */
static bool element_cell(struct cur *c, struct span *cell)
{
	uint32_t n = cur_be32(c);

	*cell = (struct span){0};
	if (n != UINT32_MAX) {
		if (n > INT32_MAX)
			c->bad = true;
		*cell = cur_take(c, n);
	}
	return !c->bad;
}

static bool open_binary(struct array_reader *r, uint32_t oid)
{
	struct array_dims *d = &r->dims;
	uint32_t flags;
	struct span cell;
	struct cur c;
	size_t k;

	d->n = cur_be32(&r->c);
	flags = cur_be32(&r->c);
	if (r->c.bad || d->n > ARRAY_DIMS_MAX || flags > 1 || cur_be32(&r->c) != oid)
		return false;
	for (unsigned i = 0; i < d->n; i++) {
		d->size[i] = (int32_t)cur_be32(&r->c);
		d->lower[i] = (int32_t)cur_be32(&r->c);
	}
	if (r->c.bad || !fits(d) || d->elements > cur_left(&r->c) / 4)
		return false;
	c = r->c;
	for (k = 0; k < d->elements; k++)
		if (!element_cell(&c, &cell))
			return false;
	return cur_end(&c) == WIRE_OK;
}

bool array_open(struct array_reader *r, const struct value_shape *s, struct span cell)
{
	bool ok;

	*r = (struct array_reader){
		.c = cur_of(cell), .text = s->format == VALUE_TEXT_FORMAT, .delim = (uint8_t)s->desc->delim};
	ok = r->text ? open_text(r) : open_binary(r, s->desc->parts[0].oid);
	r->left = ok ? r->dims.elements : 0;
	return ok;
}

bool array_next(struct array_reader *r, struct arena *a, struct span *element)
{
	if (!r->left)
		return false;
	r->left--;
	return r->text ? next_text(r, a, element) : element_cell(&r->c, element);
}

/* ---- writing ---- */
static void put_bounds(struct array_writer *w)
{
	bool needed = false;
	char text[32];
	unsigned i;

	for (i = 0; i < w->dims.n; i++)
		needed = needed || w->dims.lower[i] != 1;
	for (i = 0; needed && i < w->dims.n; i++)
		sink_put(&w->out, text,
			(size_t)snprintf(text, sizeof(text), "[%" PRId32 ":%" PRId32 "]", w->dims.lower[i],
				w->dims.lower[i] + w->dims.size[i] - 1));
	if (needed)
		sink_u8(&w->out, '=');
}

void array_start(struct array_writer *w, const struct value_shape *s, const struct array_dims *dims,
	struct arena *a, size_t max)
{
	*w = (struct array_writer){
		.dims = *dims, .text = s->format == VALUE_TEXT_FORMAT, .delim = (uint8_t)s->desc->delim};
	sink_init(&w->out, a, max);
	if (w->text) {
		put_bounds(w);
		return;
	}
	sink_be32(&w->out, dims->n);
	sink_be32(&w->out, 0);
	sink_be32(&w->out, s->desc->parts[0].oid);
	for (unsigned i = 0; i < dims->n; i++) {
		sink_be32(&w->out, (uint32_t)dims->size[i]);
		sink_be32(&w->out, (uint32_t)dims->lower[i]);
	}
}

/* How many braces stand where element i begins: those of all levels of which it is the first. */
static unsigned braces(const struct array_dims *d, size_t i)
{
	size_t inside = d->elements;
	unsigned k, n = 0;

	for (k = 0; k < d->n; k++) {
		n += i % inside == 0;
		inside /= (size_t)d->size[k];
	}
	return n;
}

static void repeat(struct sink *s, uint8_t c, unsigned n)
{
	while (n-- > 0)
		sink_u8(s, c);
}

static bool needs_quotes(struct span text, uint8_t delim)
{
	size_t i;

	if (!text.n || (text.n == 4 && !strncasecmp((const char *)text.p, "NULL", 4)))
		return true;
	for (i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c == '"' || c == '\\' || c == '{' || c == '}' || c == delim || is_space(c))
			return true;
	}
	return false;
}

static void put_text(struct array_writer *w, struct span element)
{
	if (w->written)
		sink_u8(&w->out, w->delim);
	repeat(&w->out, '{', braces(&w->dims, w->written));
	if (!element.p)
		sink_put(&w->out, "NULL", 4);
	else if (needs_quotes(element, w->delim))
		sink_quoted(&w->out, element, '\\');
	else
		sink_put(&w->out, element.p, element.n);
	repeat(&w->out, '}', braces(&w->dims, w->written + 1));
}

void array_put(struct array_writer *w, struct span element)
{
	if (w->written >= w->dims.elements) {
		w->out.failed = true;
		return;
	}
	if (w->text) {
		put_text(w, element);
	} else {
		if (!element.p)
			sink_be32_at(&w->out, FLAGS_AT, 1);
		sink_cell(&w->out, element);
	}
	w->written++;
}

struct span array_finish(struct array_writer *w)
{
	if (w->written != w->dims.elements)
		w->out.failed = true;
	if (w->text && !w->dims.elements)
		sink_put(&w->out, "{}", 2);
	return sink_span(&w->out);
}
