/* SPDX-License-Identifier: MIT */
/* range: cells of range and multirange types. They are never read: of a range no part can be changed without
 * knowing its type's order, so only whole values are written, that are beyond doubt values of the type. */
#ifndef PGVEIL_VALUE_RANGE_H
#define PGVEIL_VALUE_RANGE_H

#include "value/value.h"

/* The empty range, or the multirange of no ranges: a value of every such type. */
struct span range_put_empty(struct arena *a, const struct value_shape *s);
/* "empty", and "{}" for a multirange. Of the built-in ranges of integers, dates and timestamps also a bound
 * on one side, or both where they stand in order, as [lower,upper): ISO dates, in quotes or not. .p == NULL:
 * anything else, and no memory. */
struct span range_put_literal(struct arena *a, const struct value_shape *s, struct span text);

#endif
