/* SPDX-License-Identifier: MIT */
#include "value/datetime.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DAY_USECS  INT64_C(86400000000)
#define EPOCH_DAYS 10957 /* from 1970-01-01 to 2000-01-01 */
/* timestamp.h of the server: 4714-11-24 BC; 5874898-01-01 and 294277-01-01 are the first days too late. */
#define FIRST_DAY         (-2451545)
#define DATE_END_DAY      2145031949
#define TIMESTAMP_END_DAY 106751983

bool date_in_range(int32_t days)
{
	return days >= FIRST_DAY && days < DATE_END_DAY;
}

bool datetime_in_range(int64_t usecs)
{
	return usecs >= FIRST_DAY * DAY_USECS && usecs < TIMESTAMP_END_DAY * DAY_USECS;
}

/* Days and civil dates in the proleptic Gregorian calendar, counted in years that begin in March, in eras of
 * 400 years (Howard Hinnant, "chrono-compatible low-level date algorithms"). Year 0 is 1 BC. */
int64_t date_from_civil(int64_t year, int month, int day)
{
	int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468 - EPOCH_DAYS;
}

void date_to_civil(int64_t days, int64_t *year, int *month, int *day)
{
	int64_t z = days + EPOCH_DAYS + 719468, era = (z >= 0 ? z : z - 146096) / 146097,
		doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2);
}

static bool next_is(const struct cur *c, uint8_t byte)
{
	return cur_left(c) && *c->p == byte;
}

/* min to max digits; anything else makes c bad. */
static int digits(struct cur *c, unsigned min, unsigned max)
{
	unsigned n;
	int v = 0;

	for (n = 0; n < max && cur_left(c) && *c->p >= '0' && *c->p <= '9'; n++)
		v = v * 10 + (cur_u8(c) - '0');
	if (n < min)
		c->bad = true;
	return v;
}

static void expect(struct cur *c, uint8_t byte)
{
	if (cur_u8(c) != byte)
		c->bad = true;
}

/* " BC" stands at the very end, after the time and the zone. */
static bool before_christ(struct span *text)
{
	if (text->n < 3 || memcmp(text->p + text->n - 3, " BC", 3) != 0)
		return false;
	text->n -= 3;
	return true;
}

static int64_t get_day(struct cur *c, bool bc)
{
	int year, month, day, back_month, back_day;
	int64_t days, back_year;

	year = digits(c, 4, 7);
	expect(c, '-');
	month = digits(c, 2, 2);
	expect(c, '-');
	day = digits(c, 2, 2);
	if (c->bad || year < 1 || month < 1 || month > 12 || day < 1 || day > 31) {
		c->bad = true;
		return 0;
	}
	days = date_from_civil(bc ? 1 - year : year, month, day);
	date_to_civil(days, &back_year, &back_month, &back_day);
	if (back_day != day) /* 30 February */
		c->bad = true;
	return days;
}

static int64_t get_time(struct cur *c)
{
	int hour, minute, second, usecs = 0, unit = 100000;

	hour = digits(c, 2, 2);
	expect(c, ':');
	minute = digits(c, 2, 2);
	expect(c, ':');
	second = digits(c, 2, 2);
	if (next_is(c, '.')) {
		cur_u8(c);
		usecs = digits(c, 1, 1) * unit;
		while (!c->bad && cur_left(c) && *c->p >= '0' && *c->p <= '9' && unit > 1)
			usecs += (unit /= 10) * digits(c, 1, 1);
	}
	if (hour > 23 || minute > 59 || second > 59)
		c->bad = true;
	return ((hour * 60 + minute) * 60 + second) * INT64_C(1000000) + usecs;
}

/* Z, or +hh[:mm[:ss]]; what must be subtracted to get to UTC. */
static int64_t get_offset(struct cur *c)
{
	uint8_t sign = cur_u8(c);
	int hour, minute = 0, second = 0;
	int64_t usecs;

	if (sign == 'Z')
		return 0;
	hour = digits(c, 2, 2);
	if (next_is(c, ':')) {
		cur_u8(c);
		minute = digits(c, 2, 2);
		if (next_is(c, ':')) {
			cur_u8(c);
			second = digits(c, 2, 2);
		}
	}
	if ((sign != '+' && sign != '-') || hour > 15 || minute > 59 || second > 59)
		c->bad = true;
	usecs = ((hour * 60 + minute) * 60 + second) * INT64_C(1000000);
	return sign == '-' ? -usecs : usecs;
}

bool date_get(struct span text, int32_t *days)
{
	struct cur c;
	int64_t d;
	bool bc;

	if (span_is(text, "infinity") || span_is(text, "-infinity")) {
		*days = text.p[0] == '-' ? DATE_MINUS_INFINITY : DATE_INFINITY;
		return true;
	}
	bc = before_christ(&text);
	c = cur_of(text);
	d = get_day(&c, bc);
	if (cur_end(&c) != WIRE_OK || d < FIRST_DAY || d >= DATE_END_DAY)
		return false;
	*days = (int32_t)d;
	return true;
}

bool datetime_get(struct span text, bool zone, int64_t *usecs)
{
	struct cur c;
	int64_t d;
	bool bc;

	if (span_is(text, "infinity") || span_is(text, "-infinity")) {
		*usecs = text.p[0] == '-' ? DATETIME_MINUS_INFINITY : DATETIME_INFINITY;
		return true;
	}
	bc = before_christ(&text);
	c = cur_of(text);
	d = get_day(&c, bc);
	/* invariant: within these days no sum below overflows, whatever the time and the offset. */
	if (c.bad || d < FIRST_DAY || d >= TIMESTAMP_END_DAY)
		return false;
	*usecs = d * DAY_USECS;
	if (cur_left(&c)) {
		expect(&c, next_is(&c, 'T') ? 'T' : ' ');
		*usecs += get_time(&c);
		if (zone && cur_left(&c))
			*usecs -= get_offset(&c);
	}
	return cur_end(&c) == WIRE_OK && datetime_in_range(*usecs);
}

static size_t put_infinity(char *text, bool negative)
{
	return (size_t)snprintf(text, DATETIME_TEXT_MAX, "%sinfinity", negative ? "-" : "");
}

size_t date_put(char text[DATETIME_TEXT_MAX], int32_t days)
{
	int month, day;
	int64_t year;

	if (!date_in_range(days))
		return put_infinity(text, days < 0);
	date_to_civil(days, &year, &month, &day);
	return (size_t)snprintf(text, DATETIME_TEXT_MAX, "%04" PRId64 "-%02d-%02d%s",
		year > 0 ? year : 1 - year, month, day, year > 0 ? "" : " BC");
}

size_t datetime_put(char text[DATETIME_TEXT_MAX], bool zone, int64_t usecs)
{
	int64_t days, of_day, year;
	int month, day, seconds, fraction, n;
	char point[16] = "";

	if (!datetime_in_range(usecs))
		return put_infinity(text, usecs < 0);
	days = (usecs >= 0 ? usecs : usecs - (DAY_USECS - 1)) / DAY_USECS;
	of_day = usecs - days * DAY_USECS;
	seconds = (int)(of_day / 1000000);
	fraction = (int)(of_day % 1000000);
	if (fraction) {
		n = snprintf(point, sizeof(point), ".%06d", fraction);
		while (point[n - 1] == '0')
			point[--n] = '\0';
	}
	date_to_civil(days, &year, &month, &day);
	return (size_t)snprintf(text, DATETIME_TEXT_MAX, "%04" PRId64 "-%02d-%02d %02d:%02d:%02d%s%s%s",
		year > 0 ? year : 1 - year, month, day, seconds / 3600, seconds / 60 % 60, seconds % 60,
		point, zone ? "+00" : "", year > 0 ? "" : " BC");
}
