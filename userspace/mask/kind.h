/* SPDX-License-Identifier: MIT */
/* kind: one function for each kind of mask, for mask.c and for masks made of others. They keep the promises
 * of mask_apply. */
#ifndef PGVEIL_MASK_KIND_H
#define PGVEIL_MASK_KIND_H

#include "mask/mask.h"

#define HIDDEN SPAN_LIT("****")

/* What every kind falls back to where it cannot read the cell. */
struct span mask_redact(const struct value_shape *s, struct arena *a);
struct span mask_hash(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
struct span mask_email(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);
struct span mask_partial(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a);

#endif
