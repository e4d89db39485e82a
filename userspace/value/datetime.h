/* SPDX-License-Identifier: MIT */
/* datetime: PostgreSQL's dates, times and timestamps between their text in each DateStyle and their count
 * since 2000-01-01. Knows no time zones but offsets; what could be read two ways is not read. */
#ifndef PGVEIL_VALUE_DATETIME_H
#define PGVEIL_VALUE_DATETIME_H

#include "base/buf.h"
#include "value/style.h"

/* The server's own marks for infinity. */
#define DATE_INFINITY           INT32_MAX
#define DATE_MINUS_INFINITY     INT32_MIN
#define DATETIME_INFINITY       INT64_MAX
#define DATETIME_MINUS_INFINITY INT64_MIN
#define DAY_USECS               INT64_C(86400000000)
/* Enough for any text form and a NUL. */
#define DATETIME_TEXT_MAX 64

/* Finite, and one that the server accepts. */
bool date_in_range(int32_t days);
bool datetime_in_range(int64_t usecs);
bool time_in_range(int64_t usecs, int32_t west); /* 00:00 to 24:00, less than 16 hours from UTC */

/* Days since 2000-01-01 and civil dates, of any year; year 0 is 1 BC. */
int64_t date_from_civil(int64_t year, int month, int day);
void date_to_civil(int64_t days, int64_t *year, int *month, int *day);

/* Readers. "2024-02-29", "0044-03-15 BC" and "infinity" are read whatever the style, since no other style
 * writes anything like them, and so are "29.02.2024" and "Thu Feb 29 23:59:59 2024"; 02/03/2024 and
 * 02-03-2024 only where style says what comes first. style may be NULL. */
MUSTCHECK bool date_get(const struct value_style *style, struct span text, int32_t *days);
/* "2024-02-29 23:59:59.5", with zone also "… +05:30"; an operator may write T for the space, Z for +00 and
 * leave out the time. The result is in UTC. The zone of the other styles is a name: of those only UTC and GMT
 * are read, where the style says that the zone is UTC. style NULL: an operator's text, which means what it
 * says. */
MUSTCHECK bool datetime_get(const struct value_style *style, struct span text, bool zone, int64_t *usecs);
/* "23:59:59.5", with zone also "+05:30"; west: seconds west of UTC, as the binary format has it. */
MUSTCHECK bool time_get(struct span text, bool zone, int64_t *usecs, int32_t *west);

/* As the server writes it in the style (unknown or NULL: ISO) and in UTC, for a value in range or infinite.
 * Return the length. */
size_t date_put(const struct value_style *style, char text[DATETIME_TEXT_MAX], int32_t days);
size_t datetime_put(const struct value_style *style, char text[DATETIME_TEXT_MAX], bool zone, int64_t usecs);
size_t time_put(char text[DATETIME_TEXT_MAX], bool zone, int64_t usecs, int32_t west);

#endif
