/* SPDX-License-Identifier: MIT */
/* type: which of PostgreSQL's built-in types an oid is, as far as masks need to know. Never looks at a
 * catalogue: a domain or an array is resolved by whoever asks. */
#ifndef PGVEIL_VALUE_TYPE_H
#define PGVEIL_VALUE_TYPE_H

#include <stdbool.h>
#include <stdint.h>

/* X(enum name, oid, typname) */
#define VALUE_TYPES(X)                                                                                       \
	X(BOOL, 16, "bool")                                                                                  \
	X(NAME, 19, "name")                                                                                  \
	X(INT8, 20, "int8")                                                                                  \
	X(INT2, 21, "int2")                                                                                  \
	X(INT4, 23, "int4")                                                                                  \
	X(TEXT, 25, "text")                                                                                  \
	X(BPCHAR, 1042, "bpchar")                                                                            \
	X(VARCHAR, 1043, "varchar")                                                                          \
	X(DATE, 1082, "date")                                                                                \
	X(TIMESTAMP, 1114, "timestamp")                                                                      \
	X(TIMESTAMPTZ, 1184, "timestamptz")                                                                  \
	X(NUMERIC, 1700, "numeric")                                                                          \
	X(UUID, 2950, "uuid")

enum value_type {
	VALUE_OTHER = 0, /* no mask but NULL is possible */
#define X(name, oid, typname) VALUE_##name,
	VALUE_TYPES(X)
#undef X
};

enum value_type value_type_of(uint32_t oid);
const char *value_type_name(enum value_type t); /* "other" for VALUE_OTHER */
uint32_t value_type_oid(enum value_type t);     /* 0 for VALUE_OTHER */
/* text, varchar, bpchar, name */
bool value_is_text(enum value_type t);

#endif
