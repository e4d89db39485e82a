/* SPDX-License-Identifier: MIT */
/* colset: a set of base columns, the currency of lineage. Lives in an arena; never shrinks. */
#ifndef PGVEIL_SQL_COLSET_H
#define PGVEIL_SQL_COLSET_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"

struct colref {
	uint32_t relid;
	int16_t attnum;
};

struct colset { /* sorted by relid, attnum; all zero is empty */
	struct colref *v;
	unsigned n, cap;
};

/* false: out of memory; the caller must then treat the whole statement as not understood. */
MUSTCHECK bool colset_add(struct arena *a, struct colset *s, struct colref c);
MUSTCHECK bool colset_union(struct arena *a, struct colset *s, const struct colset *other);
bool colset_has(const struct colset *s, struct colref c);

#endif
