/* SPDX-License-Identifier: MIT */
/* float: float4 and float8 between their text and IEEE 754. Never rounds a text that a float can hold to
 * another one. */
#ifndef PGVEIL_VALUE_FLOAT_H
#define PGVEIL_VALUE_FLOAT_H

#include "base/buf.h"

#define FLOAT_TEXT_MAX 32

/* "1.5", "1e+15", "-0", "NaN", "Infinity", "-Infinity"; false where it overflows. single: float4. */
MUSTCHECK bool float_get(struct span text, bool single, double *v);
/* The shortest text that reads back as v, or almost. Returns its length. */
size_t float_put(char text[FLOAT_TEXT_MAX], bool single, double v);

#endif
