/* SPDX-License-Identifier: MIT */
/* numeric: PostgreSQL's numeric as decimal digits and an exponent. Exact: never rounds and never calculates.
 */
#ifndef PGVEIL_VALUE_NUMERIC_H
#define PGVEIL_VALUE_NUMERIC_H

#include "base/arena.h"
#include "base/buf.h"

enum numeric_kind { NUMERIC_NAN = 0, NUMERIC_INFINITY, NUMERIC_FINITE };

/* One value, in normal form: 1.50 and 1.5 are the same struct. */
struct numeric {
	enum numeric_kind kind;
	bool negative;         /* never for NaN and zero */
	const uint8_t *digits; /* ASCII; neither the first nor the last is '0'; borrows from the arena */
	size_t n;              /* 0: the value is zero (or not finite) */
	int32_t exp;           /* value = digits * 10^exp; 0 for zero */
};

/* false where typmod is none (-1) or one that the server cannot have made. Since PostgreSQL 15 -1000 <= scale
 * <= 1000, before 0 <= scale <= precision. */
bool numeric_typmod(int32_t typmod, int *precision, int *scale);

/* Readers. Text is what the server writes, and also 1e5 and .5; "NaN", "Infinity" and "-Infinity" are spelt
 * so. */
MUSTCHECK bool numeric_get_text(struct arena *a, struct span text, struct numeric *v);
MUSTCHECK bool numeric_get_binary(struct arena *a, struct span cell, struct numeric *v);

/* Writers for a column of that typmod. .p == NULL where the value is not finite, would have to be rounded or
 * is out of range, or where memory ran out. */
struct span numeric_put_text(struct arena *a, const struct numeric *v, int32_t typmod);
struct span numeric_put_binary(struct arena *a, const struct numeric *v, int32_t typmod);

/* The normal form as text: "7", "15e-1", "-1e3", "0", "NaN". Not expanded: ten bytes in binary may stand for
 * 131072 digits. .p == NULL where memory ran out. */
struct span numeric_canonical(struct arena *a, const struct numeric *v);

#endif
