/* SPDX-License-Identifier: MIT */
/* nested: a mask on a cell of a type that is made of others, by its elements and fields. */
#ifndef PGVEIL_MASK_NESTED_H
#define PGVEIL_MASK_NESTED_H

#include "mask/mask.h"
#include "mask/work.h"

/* mask_apply where shape->desc is not NULL. Arrays keep their dimensions, and NULL elements and fields stay
 * NULL; every other element and field is masked as a cell of its own type. An enum and a range have no parts:
 * they become a literal, empty, or NULL. What cannot be decoded becomes NULL. */
struct span nested_apply(const struct mask *m, const struct value_shape *shape, struct span cell,
	struct work *w, struct arena *a);

#endif
