/* SPDX-License-Identifier: MIT */
#include "value/datetime.h"

#include <string.h>

#include "base/attr.h"
#include "value/cell.h"

#define EPOCH_DAYS 10957 /* from 1970-01-01 to 2000-01-01 */
/* timestamp.h of the server: 4714-11-24 BC; 5874898-01-01 and 294277-01-01 are the first days too late. */
#define FIRST_DAY         (-2451545)
#define DATE_END_DAY      2145031949
#define TIMESTAMP_END_DAY 106751983
#define ZONE_END          (16 * 3600) /* MAX_TZDISP_HOUR + 1, in seconds */

static const char months[12][4] = {
	"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekdays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

bool date_in_range(int32_t days)
{
	return days >= FIRST_DAY && days < DATE_END_DAY;
}

bool datetime_in_range(int64_t usecs)
{
	return usecs >= FIRST_DAY * DAY_USECS && usecs < TIMESTAMP_END_DAY * DAY_USECS;
}

bool time_in_range(int64_t usecs, int32_t west)
{
	return usecs >= 0 && usecs <= DAY_USECS && west > -ZONE_END && west < ZONE_END;
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

static int64_t to_days(struct cur *c, int year, int month, int day, bool bc)
{
	int back_month, back_day;
	int64_t days, back_year;

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

/* Whether the day stands before the month in 02/03/2024 (SQL) or 02-03-2024 (Postgres); c goes bad where that
 * is not known. */
static bool day_first(struct cur *c, const struct value_style *style, enum date_style is)
{
	if (!style || style->date != is || style->order == DATE_ORDER_UNKNOWN)
		c->bad = true;
	return !c->bad && style->order == DATE_ORDER_DMY;
}

static int64_t get_day(struct cur *c, const struct value_style *style, bool bc)
{
	uint8_t sep = cur_left(c) > 2 ? c->p[2] : 0;
	int first, second, year;

	if (sep >= '0' && sep <= '9') { /* the year stands first: ISO */
		year = digits(c, 4, 7);
		expect(c, '-');
		first = digits(c, 2, 2);
		expect(c, '-');
		second = digits(c, 2, 2);
		return to_days(c, year, first, second, bc);
	}
	first = digits(c, 2, 2);
	expect(c, sep);
	second = digits(c, 2, 2);
	expect(c, sep);
	year = digits(c, 4, 7);
	if (sep != '.' && sep != '/' && sep != '-')
		c->bad = true;
	if (sep == '.' || day_first(c, style, sep == '/' ? DATE_STYLE_SQL : DATE_STYLE_POSTGRES))
		return to_days(c, year, second, first, bc);
	return to_days(c, year, first, second, bc);
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

static bool take_utc(struct cur *c)
{
	if (cur_left(c) < 3 || (memcmp(c->p, "UTC", 3) != 0 && memcmp(c->p, "GMT", 3) != 0))
		return false;
	(void)cur_take(c, 3);
	return true;
}

/* Z, UTC, GMT, or +hh[[:]mm[:ss]]; seconds east of UTC. */
static int32_t get_offset(struct cur *c)
{
	int hour, minute = 0, second = 0;
	uint8_t sign;

	if (take_utc(c))
		return 0;
	sign = cur_u8(c);
	if (sign == 'Z')
		return 0;
	hour = digits(c, 2, 2);
	if (cur_left(c) && *c->p >= '0' && *c->p <= '9') {
		minute = digits(c, 2, 2);
	} else if (next_is(c, ':')) {
		cur_u8(c);
		minute = digits(c, 2, 2);
		if (next_is(c, ':')) {
			cur_u8(c);
			second = digits(c, 2, 2);
		}
	}
	if ((sign != '+' && sign != '-') || hour > 15 || minute > 59 || second > 59)
		c->bad = true;
	second += (hour * 60 + minute) * 60;
	return sign == '-' ? -second : second;
}

static bool infinite(struct span text)
{
	return span_is(text, "infinity") || span_is(text, "-infinity");
}

bool date_get(const struct value_style *style, struct span text, int32_t *days)
{
	struct cur c;
	int64_t d;
	bool bc;

	if (infinite(text)) {
		*days = text.p[0] == '-' ? DATE_MINUS_INFINITY : DATE_INFINITY;
		return true;
	}
	bc = before_christ(&text);
	c = cur_of(text);
	d = get_day(&c, style, bc);
	if (cur_end(&c) != WIRE_OK || d < FIRST_DAY || d >= DATE_END_DAY)
		return false;
	*days = (int32_t)d;
	return true;
}

static int month_of(struct cur *c)
{
	struct span name = cur_take(c, 3);

	for (int i = 0; !c->bad && i < 12; i++)
		if (memcmp(name.p, months[i], 3) == 0)
			return i + 1;
	c->bad = true;
	return 0;
}

/* "Thu Feb 29 23:59:59 2024" or "Thu 29 Feb …": the names leave no doubt. */
static int64_t get_postgres(struct cur *c, bool bc, int64_t *of_day)
{
	int month = 0, day, year;

	(void)cur_take(c, 3);
	expect(c, ' ');
	if (cur_left(c) && *c->p > '9') {
		month = month_of(c);
		expect(c, ' ');
	}
	day = digits(c, 2, 2);
	expect(c, ' ');
	if (!month) {
		month = month_of(c);
		expect(c, ' ');
	}
	*of_day = get_time(c);
	expect(c, ' ');
	year = digits(c, 4, 7);
	return to_days(c, year, month, day, bc);
}

/* Behind the time; seconds east of UTC. What the server writes behind a blank is a name, which is the
 * session's to choose: it may look like an offset too. */
static int32_t get_zone(struct cur *c, const struct value_style *style)
{
	if (!next_is(c, ' '))
		return get_offset(c);
	cur_u8(c);
	if (!style)
		return get_offset(c);
	if (!style->utc || !take_utc(c))
		c->bad = true;
	return 0;
}

bool datetime_get(const struct value_style *style, struct span text, bool zone, int64_t *usecs)
{
	int64_t d, of_day = 0;
	struct cur c;
	bool bc;

	if (infinite(text)) {
		*usecs = text.p[0] == '-' ? DATETIME_MINUS_INFINITY : DATETIME_INFINITY;
		return true;
	}
	bc = before_christ(&text);
	c = cur_of(text);
	if (cur_left(&c) && *c.p > '9') {
		d = get_postgres(&c, bc, &of_day);
	} else {
		d = get_day(&c, style, bc);
		if (!c.bad && cur_left(&c)) {
			expect(&c, next_is(&c, 'T') ? 'T' : ' ');
			of_day = get_time(&c);
		}
	}
	/* invariant: within these days no sum below overflows, whatever the time and the offset. */
	if (c.bad || d < FIRST_DAY || d >= TIMESTAMP_END_DAY)
		return false;
	*usecs = d * DAY_USECS + of_day;
	if (zone && cur_left(&c))
		*usecs -= get_zone(&c, style) * INT64_C(1000000);
	return cur_end(&c) == WIRE_OK && datetime_in_range(*usecs);
}

bool time_get(struct span text, bool zone, int64_t *usecs, int32_t *west)
{
	struct cur c = cur_of(text);

	*west = 0;
	if (cur_left(&c) >= 8 && memcmp(c.p, "24:00:00", 8) == 0) {
		(void)cur_take(&c, 8);
		*usecs = DAY_USECS;
	} else {
		*usecs = get_time(&c);
	}
	if (zone && cur_left(&c))
		*west = -get_offset(&c);
	return cur_end(&c) == WIRE_OK && time_in_range(*usecs, *west);
}

static size_t put_infinity(char *text, bool negative)
{
	struct pen w = {text};

	pen_str(&w, negative ? "-infinity" : "infinity");
	return (size_t)(w.p - text);
}

struct civil {
	int64_t days, year; /* year 0 is 1 BC */
	int month, day;
};

static struct civil civil_at(int64_t days)
{
	struct civil v = {.days = days};

	date_to_civil(days, &v.year, &v.month, &v.day);
	return v;
}

static void pen_year(struct pen *w, const struct civil *v)
{
	pen_digits(w, (uint64_t)(v->year > 0 ? v->year : 1 - v->year), 4);
}

static void pen_bc(struct pen *w, const struct civil *v)
{
	if (v->year <= 0)
		pen_str(w, " BC");
}

static bool dmy(const struct value_style *style)
{
	return style->date == DATE_STYLE_GERMAN || style->order == DATE_ORDER_DMY;
}

/* Without the era. */
static void pen_day(struct pen *w, const struct value_style *style, const struct civil *v)
{
	char sep = style && style->date == DATE_STYLE_SQL      ? '/'
		   : style && style->date == DATE_STYLE_GERMAN ? '.'
							       : '-';
	bool iso = !style || style->date == DATE_STYLE_UNKNOWN || style->date == DATE_STYLE_ISO;

	if (iso) {
		pen_year(w, v);
		pen_char(w, '-');
	}
	pen_digits(w, (uint64_t)(!iso && dmy(style) ? v->day : v->month), 2);
	pen_char(w, sep);
	pen_digits(w, (uint64_t)(!iso && dmy(style) ? v->month : v->day), 2);
	if (!iso) {
		pen_char(w, sep);
		pen_year(w, v);
	}
}

static void pen_time(struct pen *w, int64_t usecs)
{
	uint64_t seconds = (uint64_t)usecs / 1000000;

	pen_digits(w, seconds / 3600, 2);
	pen_char(w, ':');
	pen_digits(w, seconds / 60 % 60, 2);
	pen_char(w, ':');
	pen_digits(w, seconds % 60, 2);
	pen_fraction(w, (unsigned)((uint64_t)usecs % 1000000));
}

/* NULL for a style that the server itself does not read again: with YMD it writes 02/29/2024, and refuses it.
 * ISO it reads in any. */
static const struct value_style *written(const struct value_style *style)
{
	if (!style)
		return NULL;
	switch (style->order) {
	case DATE_ORDER_UNKNOWN:
	case DATE_ORDER_YMD: return NULL;
	case DATE_ORDER_MDY: return style->date == DATE_STYLE_GERMAN ? NULL : style;
	case DATE_ORDER_DMY: break;
	}
	return style;
}

size_t date_put(const struct value_style *style, char text[DATETIME_TEXT_MAX], int32_t days)
{
	struct pen w = {text};
	struct civil v;

	if (!date_in_range(days))
		return put_infinity(text, days < 0);
	v = civil_at(days);
	pen_day(&w, written(style), &v);
	pen_bc(&w, &v);
	return (size_t)(w.p - text);
}

/* "Thu Feb 29 23:59:59 2024" */
static void pen_postgres(
	struct pen *w, const struct value_style *style, const struct civil *v, int64_t of_day)
{
	/* 2000-01-01 was a Saturday. */
	pen_str(w, weekdays[((v->days % 7) + 7 + 6) % 7]);
	pen_char(w, ' ');
	if (dmy(style)) {
		pen_digits(w, (uint64_t)v->day, 2);
		pen_char(w, ' ');
		pen_str(w, months[v->month - 1]);
	} else {
		pen_str(w, months[v->month - 1]);
		pen_char(w, ' ');
		pen_digits(w, (uint64_t)v->day, 2);
	}
	pen_char(w, ' ');
	pen_time(w, of_day);
	pen_char(w, ' ');
	pen_year(w, v);
}

size_t datetime_put(const struct value_style *style, char text[DATETIME_TEXT_MAX], bool zone, int64_t usecs)
{
	struct pen w = {text};
	struct civil v;
	int64_t days;

	if (!datetime_in_range(usecs))
		return put_infinity(text, usecs < 0);
	/* In a session of another zone, what is called UTC is its affair. */
	style = zone && style && !style->utc ? NULL : written(style);
	days = (usecs >= 0 ? usecs : usecs - (DAY_USECS - 1)) / DAY_USECS;
	v = civil_at(days);
	if (style && style->date == DATE_STYLE_POSTGRES) {
		pen_postgres(&w, style, &v, usecs - days * DAY_USECS);
	} else {
		pen_day(&w, style, &v);
		pen_char(&w, ' ');
		pen_time(&w, usecs - days * DAY_USECS);
	}
	if (zone)
		pen_str(&w, style && style->date != DATE_STYLE_ISO ? " UTC" : "+00");
	pen_bc(&w, &v);
	return (size_t)(w.p - text);
}

size_t time_put(char text[DATETIME_TEXT_MAX], bool zone, int64_t usecs, int32_t west)
{
	struct pen w = {text};
	unsigned off = (unsigned)(west < 0 ? -west : west);

	pen_time(&w, usecs);
	if (zone) {
		pen_char(&w, west <= 0 ? '+' : '-');
		pen_digits(&w, off / 3600, 2);
		if (off % 3600) {
			pen_char(&w, ':');
			pen_digits(&w, off / 60 % 60, 2);
		}
		if (off % 60) {
			pen_char(&w, ':');
			pen_digits(&w, off % 60, 2);
		}
	}
	return (size_t)(w.p - text);
}
