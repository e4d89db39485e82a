/* SPDX-License-Identifier: MIT */
/* index_kind: which lists of a statement the index holds. */
#ifndef PGVEIL_RECORD_INDEX_KIND_H
#define PGVEIL_RECORD_INDEX_KIND_H

#include "record/body.h"

/* As they stand in the index. X(name, number) */
#define INDEX_KINDS(X)                                                                                       \
	X(RELATION, 1)                                                                                       \
	X(COLUMN, 2)                                                                                         \
	X(RULE, 3)                                                                                           \
	X(VERDICT, 4)                                                                                        \
	X(EFFECT, 5)
#define X(name, number) INDEX_##name = (number),
enum index_kind { INDEX_KINDS(X) };
#undef X

/* 0: it is none of them. */
static inline unsigned index_kind_of(unsigned field)
{
	switch (field) {
#define X(name, number)                                                                                      \
	case BODY_##name: return number;
		INDEX_KINDS(X)
#undef X
	default: return 0;
	}
}

#endif
