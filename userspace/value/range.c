/* SPDX-License-Identifier: MIT */
/* Text (range_out): empty, or [lower,upper) with a bound left out where there is none, in quotes where it
 * must be. Binary (range_send): a byte of flags, then be32 length and bytes of each bound that there is. A
 * multirange is {range,range} in text, and be32 ranges, each with be32 length, in binary. */
#include "value/range.h"

#include <string.h>
#include <strings.h>

#include "value/datetime.h"
#include "value/sink.h"

#define RANGE_EMPTY          0x01
#define RANGE_LOWER_INCLUDED 0x02
#define RANGE_NO_LOWER       0x08
#define RANGE_NO_UPPER       0x10
#define RANGE_BYTES_MAX      256

bool desc_builtin_range(uint32_t oid, struct value_desc *d)
{
	static const struct {
		uint32_t range, multirange;
		enum value_type bound;
	} types[] = {{3904, 4451, VALUE_INT4}, {3906, 4532, VALUE_OTHER}, {3908, 4533, VALUE_TIMESTAMP},
		{3910, 4534, VALUE_TIMESTAMPTZ}, {3912, 4535, VALUE_DATE}, {3926, 4536, VALUE_INT8}};

	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (oid != types[i].range && oid != types[i].multirange)
			continue;
		*d = (struct value_desc){.kind = oid == types[i].range ? DESC_RANGE : DESC_MULTIRANGE,
			.bound = types[i].bound};
		return true;
	}
	return false;
}

struct span range_put_empty(struct arena *a, const struct value_shape *s)
{
	bool text = s->format == VALUE_TEXT_FORMAT;
	struct sink out;

	sink_init(&out, a, RANGE_BYTES_MAX);
	if (s->desc->kind == DESC_MULTIRANGE && text)
		sink_put(&out, "{}", 2);
	else if (s->desc->kind == DESC_MULTIRANGE)
		sink_be32(&out, 0);
	else if (text)
		sink_put(&out, "empty", 5);
	else
		sink_u8(&out, RANGE_EMPTY);
	return sink_span(&out);
}

struct bound {
	struct span text; /* .p == NULL: none */
	struct span cell;
	int64_t order;
};

/* The bound's place in its type's order; only for the types that desc.bound may name. */
static bool order_of(enum value_type type, struct span text, int64_t *order)
{
	const struct value_shape int8 = {.type = VALUE_INT8, .typmod = -1};
	int32_t days;

	if (type == VALUE_INT4 || type == VALUE_INT8)
		return value_get_int(&int8, text, order);
	if (type == VALUE_TIMESTAMP || type == VALUE_TIMESTAMPTZ)
		return datetime_get(NULL, text, type == VALUE_TIMESTAMPTZ, order);
	if (type != VALUE_DATE || !date_get(NULL, text, &days))
		return false;
	*order = days;
	return true;
}

static bool get_bound(struct arena *a, const struct value_shape *s, struct span text, struct bound *b)
{
	struct value_shape of = *s;

	*b = (struct bound){0};
	if (!text.n)
		return true;
	if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"')
		text = span_of(text.p + 1, text.n - 2);
	of.type = s->desc->bound;
	of.typmod = -1;
	of.desc = NULL;
	b->text = text;
	b->cell = value_put_literal(a, &of, text);
	return b->cell.p && order_of(of.type, text, &b->order);
}

static void put_bound(struct sink *out, const struct bound *b, bool text)
{
	if (!b->text.p)
		return;
	if (!text)
		sink_cell(out, b->cell);
	else if (memchr(b->cell.p, ' ', b->cell.n))
		sink_quoted(out, b->cell, 0);
	else
		sink_put(out, b->cell.p, b->cell.n);
}

static struct span put_range(
	struct arena *a, const struct value_shape *s, const struct bound *lower, const struct bound *upper)
{
	bool text = s->format == VALUE_TEXT_FORMAT;
	struct sink out;

	sink_init(&out, a, RANGE_BYTES_MAX);
	if (text)
		sink_u8(&out, lower->text.p ? '[' : '(');
	else
		sink_u8(&out, (uint8_t)((lower->text.p ? RANGE_LOWER_INCLUDED : RANGE_NO_LOWER) |
					(upper->text.p ? 0 : RANGE_NO_UPPER)));
	put_bound(&out, lower, text);
	if (text)
		sink_u8(&out, ',');
	put_bound(&out, upper, text);
	if (text)
		sink_u8(&out, ')');
	return sink_span(&out);
}

struct span range_put_literal(struct arena *a, const struct value_shape *s, struct span text)
{
	const struct span none = {0};
	struct bound lower, upper;
	const uint8_t *comma;
	size_t n;

	if (s->desc->kind == DESC_MULTIRANGE)
		return span_is(text, "{}") ? range_put_empty(a, s) : none;
	if (text.n == 5 && !strncasecmp((const char *)text.p, "empty", 5))
		return range_put_empty(a, s);
	comma = text.n > 2 ? memchr(text.p, ',', text.n) : NULL;
	if (!comma || comma == text.p || text.p[text.n - 1] != ')')
		return none;
	n = (size_t)(comma - text.p) - 1;
	if (!get_bound(a, s, span_of(text.p + 1, n), &lower) ||
		!get_bound(a, s, span_of(comma + 1, text.n - n - 3), &upper))
		return none;
	/* A lower bound that is not included, and an upper one that is, are moved by one where the type is
	 * discrete, and may move out of it. */
	if (text.p[0] != (lower.text.p ? '[' : '('))
		return none;
	if (lower.text.p && upper.text.p && lower.order >= upper.order)
		return none;
	return put_range(a, s, &lower, &upper);
}
