/* SPDX-License-Identifier: MIT */
#include "record/body.h"

#include <stdlib.h>
#include <string.h>

#include "record/be.h"

#define ITEM_HEAD  5
#define BODY_BEGIN 512 /* bytes of a body's first memory of its own */

const char *body_field_name(unsigned field)
{
	switch (field) {
#define X(name, number, word, type)                                                                          \
	case number: return word;
		BODY_FIELDS(X)
#undef X
	default: return NULL;
	}
}

enum body_type body_field_type(unsigned field)
{
	switch (field) {
#define X(name, number, word, type)                                                                          \
	case number: return BODY_AS_##type;
		BODY_FIELDS(X)
#undef X
	default: return BODY_AS_BYTES;
	}
}

void body_init(struct body *b, uint8_t *p, size_t cap)
{
	*b = (struct body){.p = p, .cap = cap};
}

void body_grow(struct body *b, size_t max)
{
	*b = (struct body){.max = max};
}

void body_fini(struct body *b)
{
	if (b->max)
		free(b->p);
	*b = (struct body){0};
}

/* Room for n more bytes. */
static bool make_room(struct body *b, size_t n)
{
	size_t cap = b->cap ? b->cap : BODY_BEGIN;
	uint8_t *p;

	if (n <= b->cap - b->n)
		return true;
	if (n > b->max || b->n > b->max - n)
		return false;
	while (cap < b->n + n)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	p = realloc(b->p, cap);
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

void body_put(struct body *b, enum body_field f, struct span v)
{
	uint8_t *p;

	if (b->failed || v.n > UINT32_MAX - ITEM_HEAD || !make_room(b, ITEM_HEAD + v.n)) {
		b->failed = true;
		return;
	}
	p = put_be(put_be(b->p + b->n, f, 1), v.n, 4);
	if (v.n)
		memcpy(p, v.p, v.n);
	b->n += ITEM_HEAD + v.n;
}

void body_put_head(struct body *b, enum body_field f, size_t n)
{
	if (b->failed || n > UINT32_MAX - ITEM_HEAD || !make_room(b, ITEM_HEAD)) {
		b->failed = true;
		return;
	}
	put_be(put_be(b->p + b->n, f, 1), n, 4);
	b->n += ITEM_HEAD;
}

void body_put_text(struct body *b, enum body_field f, const char *s)
{
	if (s && *s)
		body_put(b, f, span_of(s, strlen(s)));
}

void body_put_number(struct body *b, enum body_field f, uint64_t v)
{
	uint8_t bytes[8];

	put_be(bytes, v, sizeof(bytes));
	body_put(b, f, span_of(bytes, sizeof(bytes)));
}

enum wire body_next(struct span *in, struct body_item *out)
{
	struct cur c, number;

	if (!in->n)
		return WIRE_MORE;
	c = cur_of(*in);
	*out = (struct body_item){.field = cur_u8(&c)};
	out->v = cur_take(&c, cur_be32(&c));
	if (c.bad)
		return WIRE_BAD;
	if (body_field_type(out->field) == BODY_AS_NUMBER) {
		number = cur_of(out->v);
		out->number = cur_be64(&number);
		if (cur_end(&number) != WIRE_OK)
			return WIRE_BAD;
	}
	*in = cur_rest(&c);
	return WIRE_OK;
}

bool body_find(struct span body, enum body_field f, struct body_item *out)
{
	while (body_next(&body, out) == WIRE_OK)
		if (out->field == (unsigned)f)
			return true;
	*out = (struct body_item){0};
	return false;
}

struct span body_bytes(struct span body, enum body_field f)
{
	struct body_item it;

	(void)body_find(body, f, &it);
	return it.v;
}

uint64_t body_number(struct span body, enum body_field f)
{
	struct body_item it;

	(void)body_find(body, f, &it);
	return it.number;
}
