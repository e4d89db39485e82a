/* SPDX-License-Identifier: MIT */
/* truncate: the beginning of the year, month, hour … that a date or a time lies in. In UTC: knows no time
 * zones. */
#ifndef PGVEIL_VALUE_TRUNCATE_H
#define PGVEIL_VALUE_TRUNCATE_H

#include "base/buf.h"

/* From the coarsest, so that zero says least. X(enum name, name) */
#define TIME_UNITS(X)                                                                                        \
	X(DECADE, "decade")                                                                                  \
	X(YEAR, "year")                                                                                      \
	X(QUARTER, "quarter")                                                                                \
	X(MONTH, "month")                                                                                    \
	X(WEEK, "week") /* begins on Monday */                                                               \
	X(DAY, "day")                                                                                        \
	X(HOUR, "hour")                                                                                      \
	X(MINUTE, "minute")

enum time_unit {
#define X(name, text) UNIT_##name,
	TIME_UNITS(X)
#undef X
};

const char *time_unit_name(enum time_unit u); /* "?" for none of them */
MUSTCHECK bool time_unit_of(const char *name, enum time_unit *u);

/* Of finite values. false: the result is before what PostgreSQL can hold, or the unit is too fine to change
 * anything (a date's day and below, a time of day's day and above). */
MUSTCHECK bool date_truncate(int32_t days, enum time_unit u, int32_t *out);
MUSTCHECK bool datetime_truncate(int64_t usecs, enum time_unit u, int64_t *out);
/* Microseconds of a day. */
MUSTCHECK bool time_truncate(int64_t usecs, enum time_unit u, int64_t *out);

#endif
