/* SPDX-License-Identifier: MIT */
/* type: which of PostgreSQL's built-in types an oid is, as far as masks need to know. Never looks at a
 * catalogue: a domain or an array is resolved by whoever asks. */
#ifndef PGVEIL_VALUE_TYPE_H
#define PGVEIL_VALUE_TYPE_H

#include <stdbool.h>
#include <stdint.h>

/* X(enum name, oid, typname, family) */
#define VALUE_TYPES(X)                                                                                       \
	X(BOOL, 16, "bool", BOOL)                                                                            \
	X(BYTEA, 17, "bytea", BYTES)                                                                         \
	X(CHAR, 18, "char", CHAR)                                                                            \
	X(NAME, 19, "name", TEXT)                                                                            \
	X(INT8, 20, "int8", INTEGER)                                                                         \
	X(INT2, 21, "int2", INTEGER)                                                                         \
	X(INT4, 23, "int4", INTEGER)                                                                         \
	X(TEXT, 25, "text", TEXT)                                                                            \
	X(JSON, 114, "json", JSON)                                                                           \
	X(XML, 142, "xml", XML)                                                                              \
	X(CIDR, 650, "cidr", NET)                                                                            \
	X(FLOAT4, 700, "float4", FLOAT)                                                                      \
	X(FLOAT8, 701, "float8", FLOAT)                                                                      \
	X(MACADDR8, 774, "macaddr8", MAC)                                                                    \
	X(MONEY, 790, "money", MONEY)                                                                        \
	X(MACADDR, 829, "macaddr", MAC)                                                                      \
	X(INET, 869, "inet", NET)                                                                            \
	X(BPCHAR, 1042, "bpchar", TEXT)                                                                      \
	X(VARCHAR, 1043, "varchar", TEXT)                                                                    \
	X(DATE, 1082, "date", DATE)                                                                          \
	X(TIME, 1083, "time", TIME)                                                                          \
	X(TIMESTAMP, 1114, "timestamp", TIMESTAMP)                                                           \
	X(TIMESTAMPTZ, 1184, "timestamptz", TIMESTAMP)                                                       \
	X(INTERVAL, 1186, "interval", INTERVAL)                                                              \
	X(TIMETZ, 1266, "timetz", TIME)                                                                      \
	X(BIT, 1560, "bit", BITS)                                                                            \
	X(VARBIT, 1562, "varbit", BITS)                                                                      \
	X(NUMERIC, 1700, "numeric", NUMERIC)                                                                 \
	X(UUID, 2950, "uuid", UUID)                                                                          \
	X(JSONB, 3802, "jsonb", JSON)

enum value_type {
	VALUE_OTHER = 0, /* no mask but NULL is possible */
#define X(name, oid, typname, family) VALUE_##name,
	VALUE_TYPES(X)
#undef X
};
#define VALUE_TYPE_COUNT (VALUE_JSONB + 1) /* VALUE_OTHER included */

/* Types that are read and written alike. */
enum value_family {
	FAMILY_OTHER = 0,
	FAMILY_TEXT, /* text, varchar, bpchar, name */
	FAMILY_BOOL,
	FAMILY_INTEGER,
	FAMILY_NUMERIC,
	FAMILY_FLOAT,
	FAMILY_MONEY,
	FAMILY_DATE,
	FAMILY_TIMESTAMP,
	FAMILY_TIME,
	FAMILY_INTERVAL,
	FAMILY_UUID,
	FAMILY_BYTES,
	FAMILY_CHAR, /* "char", one byte */
	FAMILY_JSON,
	FAMILY_XML,
	FAMILY_NET,
	FAMILY_MAC,
	FAMILY_BITS,
};

enum value_type value_type_of(uint32_t oid);
const char *value_type_name(enum value_type t); /* "other" for VALUE_OTHER */
uint32_t value_type_oid(enum value_type t);     /* 0 for VALUE_OTHER */
enum value_family value_family(enum value_type t);
bool value_is_text(enum value_type t); /* FAMILY_TEXT */

#endif
