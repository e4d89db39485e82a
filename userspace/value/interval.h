/* SPDX-License-Identifier: MIT */
/* interval: PostgreSQL's intervals between their text in each IntervalStyle and their three parts. */
#ifndef PGVEIL_VALUE_INTERVAL_H
#define PGVEIL_VALUE_INTERVAL_H

#include "base/buf.h"
#include "value/style.h"

struct interval {
	int32_t months, days;
	int64_t usecs;
};

#define INTERVAL_TEXT_MAX 160

/* Each style says by itself which it is. */
MUSTCHECK bool interval_get(struct span text, struct interval *v);
/* As the server writes it in the style; unknown: postgres. Returns the length. */
size_t interval_put(enum interval_style style, char text[INTERVAL_TEXT_MAX], const struct interval *v);
/* Whether a column of that typmod holds v as it is. */
bool interval_fits(const struct interval *v, int32_t typmod);

#endif
