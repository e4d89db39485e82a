/* SPDX-License-Identifier: MIT */
/* desc: how a type that is made of others is made: an array's element, a composite's fields, an enum's
 * labels. Immutable once made, and kept by whoever made it as long as a shape points to it. Never looks at a
 * catalogue. */
#ifndef PGVEIL_VALUE_DESC_H
#define PGVEIL_VALUE_DESC_H

#include <stdint.h>

#include "value/type.h"

enum desc_kind { DESC_ARRAY, DESC_COMPOSITE, DESC_ENUM, DESC_RANGE, DESC_MULTIRANGE };

/* No type is looked into deeper than this; what lies below has no mask but NULL. */
#define DESC_DEPTH_MAX 8

struct desc_part {    /* an array's element, a composite's field */
	uint32_t oid; /* that the binary format names: a domain's own, not its base's */
	enum value_type type;
	int32_t typmod;                /* of the type below where oid is a domain */
	const struct value_desc *desc; /* NULL: a scalar */
};

struct value_desc {
	enum desc_kind kind;
	char delim;                    /* arrays: what stands between two elements in text */
	enum value_type bound;         /* ranges: of the bounds; VALUE_OTHER: their order is not known */
	unsigned n;                    /* parts or labels */
	const struct desc_part *parts; /* arrays: one; composites: one a field, dropped ones left out */
	const char *const *labels;     /* enums */
};

/* The built-in range and multirange types; false: another type. */
bool desc_builtin_range(uint32_t oid, struct value_desc *d);

#endif
