/* SPDX-License-Identifier: MIT */
/* colset: a set of base columns, the currency of lineage, each as its values or by way of an aggregate. Lives
 * in an arena; never shrinks. */
#ifndef PGVEIL_SQL_COLSET_H
#define PGVEIL_SQL_COLSET_H

#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"

/* Aggregates that a policy may call harmless. X(name, word) */
#define VIAS(X)                                                                                              \
	X(COUNT, "count")                                                                                    \
	X(SUM, "sum")                                                                                        \
	X(AVG, "avg")                                                                                        \
	X(STDDEV, "stddev")                                                                                  \
	X(STDDEV_POP, "stddev_pop")                                                                          \
	X(STDDEV_SAMP, "stddev_samp")                                                                        \
	X(VARIANCE, "variance")                                                                              \
	X(VAR_POP, "var_pop")                                                                                \
	X(VAR_SAMP, "var_samp")
#define X(name, word) VIA_##name,
/* VIA_DECISION: by deciding which of several values is shown, as what CASE asks does. */
enum via { VIA_VALUE = 0, VIAS(X) VIA_MAX, VIA_DECISION = VIA_MAX };
#undef X
const char *via_name(enum via v);  /* VIA_VALUE: "" */
enum via via_of(const char *name); /* of a function of pg_catalog; VIA_VALUE: of no such */

/* A column that something reveals. via an aggregate: nothing but that over values of the
 * column itself, each of a row of its own, and never over fewer than group of them. */
struct colref {
	uint32_t relid;
	int16_t attnum;
	uint8_t via, group;
};
#define COLREF_GROUP_MAX 255

/* The attnum of what an opaque function gave: relid is the function's. It may be anything. */
#define COLREF_OPAQUE INT16_MIN
/* The attnum of what is text of definitions or comments (pg_get_constraintdef() …); relid is 0. */
#define COLREF_WRITTEN (INT16_MIN + 1)

#define COLREF_PLACE (-1) /* ctid */

struct colset { /* sorted by relid, attnum, via, group; all zero is empty */
	struct colref *v;
	unsigned n, cap;
};

/* false: out of memory; the caller must then treat the whole statement as not understood. */
MUSTCHECK bool colset_add(struct arena *a, struct colset *s, struct colref c);
MUSTCHECK bool colset_union(struct arena *a, struct colset *s, const struct colset *other);
bool colset_has(const struct colset *s, struct colref c);
bool colset_equal(const struct colset *a, const struct colset *b);

#endif
