/* SPDX-License-Identifier: MIT */
/* datetime: PostgreSQL's dates and timestamps between their ISO text form and their count since 2000-01-01.
 * Knows no time zones but offsets, and no other DateStyle: what could be read two ways is not read. */
#ifndef PGVEIL_VALUE_DATETIME_H
#define PGVEIL_VALUE_DATETIME_H

#include "base/buf.h"

/* The server's own marks for infinity. */
#define DATE_INFINITY           INT32_MAX
#define DATE_MINUS_INFINITY     INT32_MIN
#define DATETIME_INFINITY       INT64_MAX
#define DATETIME_MINUS_INFINITY INT64_MIN
/* Enough for any text form and a NUL. */
#define DATETIME_TEXT_MAX 48

/* Finite, and one that the server accepts. */
bool date_in_range(int32_t days);
bool datetime_in_range(int64_t usecs);

/* Days since 2000-01-01 and civil dates, of any year; year 0 is 1 BC. */
int64_t date_from_civil(int64_t year, int month, int day);
void date_to_civil(int64_t days, int64_t *year, int *month, int *day);

/* "2024-02-29", "0044-03-15 BC", "infinity". */
MUSTCHECK bool date_get(struct span text, int32_t *days);
/* "2024-02-29 23:59:59.5", with zone also "… +05:30"; an operator may write T for the space, Z for +00 and
 * leave out the time. The result is in UTC. */
MUSTCHECK bool datetime_get(struct span text, bool zone, int64_t *usecs);

/* The form that the getters read, for a value in range or infinite. Return its length. */
size_t date_put(char text[DATETIME_TEXT_MAX], int32_t days);
size_t datetime_put(char text[DATETIME_TEXT_MAX], bool zone, int64_t usecs); /* zone: "+00" */

#endif
