/* SPDX-License-Identifier: MIT */
#include "cli/cell.h"

#include <string.h>
#include "cli/plain.h"
#include "value/numeric.h"
#include "value/value.h"

/* Likely written as text: what a person reads, with no control characters in it. */
static bool is_readable(struct span s)
{
	for (size_t i = 0; i < s.n;) {
		uint32_t c;
		size_t n = plain_char(span_of(s.p + i, s.n - i), &c);

		if (!n || (c < 0x20 && c != '\n' && c != '\t' && c != '\r') || c == 0x7f)
			return false;
		i += n;
	}
	return true;
}

static struct span in_hex(struct arena *a, struct span cell)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t *p = cell.n < SIZE_MAX / 4 ? arena_alloc(a, 2 * cell.n + 2) : NULL;

	if (!p)
		return SPAN_LIT("(too long)");
	p[0] = '\\';
	p[1] = 'x';
	for (size_t i = 0; i < cell.n; i++) {
		p[2 + 2 * i] = (uint8_t)digits[cell.p[i] >> 4];
		p[3 + 2 * i] = (uint8_t)digits[cell.p[i] & 15];
	}
	return span_of(p, 2 * cell.n + 2);
}

/* A date beyond what ISO writes, or what is no number at all. */
static struct span in_words(struct arena *a, const struct value_shape *s, struct span cell)
{
	struct value_shape text = {.type = VALUE_NUMERIC, .typmod = -1, .format = VALUE_TEXT_FORMAT};
	struct span out = {0};
	struct numeric n;

	if (value_family(s->type) == FAMILY_NUMERIC && value_get_number(a, s, cell, &n) &&
		n.kind == NUMERIC_FINITE)
		out = value_put_number(a, &text, &n);
	if (!out.p && value_family(s->type) == FAMILY_MONEY)
		return (struct span){0};
	if (!out.p && !value_canonical(a, s, cell, &out))
		out = (struct span){0};
	return out;
}

struct span cell_text(struct arena *a, const struct reply_column *c, struct span cell)
{
	struct value_shape s = {.type = value_type_of(c->type), .typmod = -1, .format = VALUE_BINARY_FORMAT};
	struct span out = {0};

	if (!cell.p || c->format == 0 || (c->format < 0 && is_readable(cell)))
		return cell;
	if (s.type == VALUE_BYTEA)
		return in_hex(a, cell);
	if (s.type != VALUE_OTHER)
		out = in_words(a, &s, cell);
	return out.p ? out : in_hex(a, cell);
}

const char *cell_type(struct arena *a, const struct reply_column *c)
{
	enum value_type t = value_type_of(c->type);
	const char *name = NULL;

	if (!c->type)
		return "";
	if (t != VALUE_OTHER)
		return value_type_name(t);
	name = arena_printf(a, "oid %u", (unsigned)c->type);
	return name ? name : "";
}
