/* SPDX-License-Identifier: MIT */
/* literal: a value of a type that is made of others, from its text form in a policy. */
#ifndef PGVEIL_VALUE_LITERAL_H
#define PGVEIL_VALUE_LITERAL_H

#include "value/value.h"

/* What value_put_literal does where s->desc is not NULL: each element and field is a literal of its own type,
 * an enum's is one of its labels, a range's what range.h says. */
struct span literal_put(struct arena *a, const struct value_shape *s, struct span text);

#endif
