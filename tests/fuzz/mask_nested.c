/* SPDX-License-Identifier: MIT */
/* One mask on one cell of a type that is made of others. Input: kind, format, parameters, then a type (a few
 * bytes, see part_of), then the cell. The result must be a value of the type to the readers, must hold
 * nothing of what the mask hides (cells of the corpus hold MARK), and a cell that can be written in binary
 * must give the same value in both formats. */
#include "mask/mask.h"

#include <stdlib.h>
#include <string.h>

#include "value/array.h"
#include "value/composite.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define REQUIRE(ok) ((ok) ? (void)0 : abort())
#define MARK        "QUORVEX"
#define FIELDS_MAX  5

struct input {
	struct arena *a;
	const uint8_t *p, *end;
	unsigned parts;
};

static uint8_t next(struct input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static struct desc_part part_of(struct input *in, unsigned depth);

static const struct value_desc *desc_of(struct input *in, uint8_t what, unsigned depth)
{
	static const char *const labels[] = {"ok", "a b", "\"", ""};
	struct value_desc *d = arena_zalloc(in->a, sizeof(*d));
	struct desc_part *parts;

	REQUIRE(d);
	d->kind = (enum desc_kind)(what % 5);
	d->delim = what & 0x40 ? ';' : ',';
	d->n = d->kind == DESC_ARRAY ? 1 : d->kind == DESC_COMPOSITE ? what / 5 % FIELDS_MAX : 4;
	d->labels = labels;
	d->bound = what & 0x40 ? VALUE_DATE : VALUE_OTHER;
	if (d->kind != DESC_ARRAY && d->kind != DESC_COMPOSITE)
		return d;
	parts = arena_array(in->a, d->n + 1, sizeof(*parts));
	REQUIRE(parts);
	for (unsigned i = 0; i < d->n; i++)
		parts[i] = part_of(in, depth + 1);
	d->parts = parts;
	return d;
}

/* A byte says what it is: a scalar, or (with the high bit) something made of others. */
static struct desc_part part_of(struct input *in, unsigned depth)
{
	uint8_t what = next(in);
	struct desc_part p = {.oid = 16384u + what % 4, .typmod = -1};

	if (what & 0x80 && depth < DESC_DEPTH_MAX && ++in->parts < 64) {
		p.desc = desc_of(in, what & 0x7f, depth);
	} else {
		p.type = (enum value_type)(what % VALUE_TYPE_COUNT);
		p.oid = value_type_oid(p.type);
		if (value_is_text(p.type) && what & 0x40)
			p.typmod = 4 + 8;
	}
	return p;
}

static void check_value(const struct value_shape *s, struct span cell, struct arena *a);

static void check_array(const struct value_shape *s, struct span cell, struct arena *a)
{
	const struct value_shape of = value_part(s, 0);
	struct array_reader r;
	struct span e;

	REQUIRE(array_open(&r, s, cell));
	for (size_t i = 0; i < r.dims.elements; i++) {
		REQUIRE(array_next(&r, a, &e));
		if (e.p)
			check_value(&of, e, a);
	}
	REQUIRE(!array_next(&r, a, &e));
}

static void check_composite(const struct value_shape *s, struct span cell, struct arena *a)
{
	struct composite_reader r;
	struct span f;

	composite_open(&r, s, cell);
	for (unsigned i = 0; i < s->desc->n; i++) {
		const struct value_shape of = value_part(s, i);

		REQUIRE(composite_next(&r, a, &f));
		if (f.p)
			check_value(&of, f, a);
	}
	REQUIRE(composite_end(&r));
}

/* The cell is a value of the shape, as far as its readers can tell. */
static void check_value(const struct value_shape *s, struct span cell, struct arena *a)
{
	struct span text;
	unsigned i;

	if (!s->desc) {
		REQUIRE(s->type != VALUE_OTHER);
		REQUIRE(!value_is_text(s->type) ||
			(value_get_text(s, cell, &text) && value_text_fits(s, cell)));
		return;
	}
	switch (s->desc->kind) {
	case DESC_ARRAY: check_array(s, cell, a); return;
	case DESC_COMPOSITE: check_composite(s, cell, a); return;
	case DESC_ENUM:
		for (i = 0; i < s->desc->n && !span_is(cell, s->desc->labels[i]); i++)
			;
		REQUIRE(i < s->desc->n);
		return;
	case DESC_RANGE:
	case DESC_MULTIRANGE: REQUIRE(cell.n > 0); return;
	}
}

static struct mask mask_of(struct input *in)
{
	static const char *const literals[] = {"n/a", "0", "{}", "{a,\"b c\",NULL}", "(x,1)", "ok", "empty",
		"[2000-01-01,2001-01-01)", "{{1,2},{3,4}}", "1970-01-01", "", "(\"(,)\",{t})"};
	static const char *const fills[] = {"*", "\xe2\x80\xa2", "\"", "\\"};
	/* Not regex and detect: what they show is their author's choice, and text as mask_cell has it. */
	static const enum mask_kind kinds[] = {MASK_NULL, MASK_REDACT, MASK_FIXED, MASK_HASH, MASK_DATE,
		MASK_NUMBER, MASK_EMAIL, MASK_PARTIAL, MASK_TOKEN, MASK_FPE, MASK_NOISE, MASK_FAKE};
	struct mask m = {.kind = kinds[next(in) % ARRAY_LEN(kinds)], .domain = "fuzz"};
	uint8_t what = next(in), key[HMAC_KEY_LEN];

	m.first = what & 3;
	m.last = what >> 2 & 3; /* together fewer than MARK has characters */
	strcpy(m.fill, fills[what >> 4 & 3]);
	m.fixed = (char *)literals[what % ARRAY_LEN(literals)];
	m.unit = (enum time_unit)(what & 7);
	m.step = 2 + what;
	m.bucket = what & 1;
	m.mail = what & 1;
	m.fake = (enum fake)(what & 7);
	m.noise = 1000u * what + 1;
	m.relative = what & 1;
	strcpy(m.alphabet, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
	memset(key, what, sizeof(key));
	mask_key_init(&m, key);
	return m;
}

static struct span apply(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	uint8_t *own = malloc(cell.n ? cell.n : 1); /* its own block, so that ASan sees one byte too many */
	struct span out;

	REQUIRE(own);
	if (cell.n)
		memcpy(own, cell.p, cell.n);
	out = mask_apply(m, s, span_of(own, cell.n), a);
	free(own); /* the result may not borrow from the cell */
	if (!out.p)
		return out;
	check_value(s, out, a);
	REQUIRE(!out.n || !memmem(out.p, out.n, MARK, strlen(MARK)));
	REQUIRE(out.n <= cell.n * 40 + ((size_t)1 << 20));
	return out;
}

/* The same value in binary, masked, is the masked value in binary. Where a literal cannot be written of a
 * part (the masked text of a float, an infinite date) there is nothing to compare. */
static void check_formats(
	const struct mask *m, const struct value_shape *s, struct span cell, struct span out, struct arena *a)
{
	struct value_shape binary = *s, text = *s;
	struct span b, masked, again;

	binary.format = VALUE_BINARY_FORMAT;
	text.format = VALUE_TEXT_FORMAT;
	b = value_put_literal(a, &binary, cell);
	again = value_put_literal(a, &text, cell);
	/* Only a cell that is written as the server would: " {a}" is a literal and no cell. */
	if (!b.p || !again.p || !span_eq(again, cell))
		return;
	masked = apply(m, &binary, b, a);
	REQUIRE((masked.p != NULL) == (out.p != NULL));
	if (!out.p)
		return;
	/* Nor where a literal is not taken as it stands: of xml it becomes the text of an element. */
	again = value_put_literal(a, &text, out);
	b = value_put_literal(a, &binary, out);
	REQUIRE(!b.p || !again.p || !span_eq(again, out) || span_eq(b, masked));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena a = {0};
	struct input in = {.a = &a, .p = data, .end = data + n};
	struct value_shape s = {.typmod = -1};
	struct span cell, out, blind;
	struct mask m;

	if (n < 4 || n > 4096)
		return 0;
	m = mask_of(&in);
	s.format = next(&in) & 1 ? VALUE_BINARY_FORMAT : VALUE_TEXT_FORMAT;
	s.desc = desc_of(&in, next(&in) & 0x7f, 0);
	cell = span_of(in.p, (size_t)(in.end - in.p));

	out = apply(&m, &s, cell, &a);
	REQUIRE(m.kind != MASK_NULL || !out.p);
	if (s.format == VALUE_TEXT_FORMAT)
		check_formats(&m, &s, cell, out, &a);
	blind = mask_blind(&m, &s, &a);
	if (blind.p)
		check_value(&s, blind, &a);
	arena_fini(&a);
	return 0;
}
