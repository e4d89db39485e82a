/* SPDX-License-Identifier: MIT */
/* Dates and times of value.h. */
#include "value/cell.h"
#include "value/datetime.h"
#include "value/interval.h"
#include "value/value.h"

static const struct span none = {0};

/* Whether a column of that typmod, the digits of a second, holds it as it is. */
static bool precise(const struct value_shape *s, int64_t usecs)
{
	int64_t unit = 1;

	if (s->typmod < 0 || s->typmod > 6)
		return s->typmod == -1;
	for (int32_t p = s->typmod; p < 6; p++)
		unit *= 10;
	return usecs % unit == 0;
}

struct span value_put_date(struct arena *a, const struct value_shape *s, int32_t days)
{
	char text[DATETIME_TEXT_MAX];

	if (s->type != VALUE_DATE || !date_in_range(days))
		return none;
	if (s->format == VALUE_BINARY_FORMAT)
		return cell_be(a, (uint64_t)days, 4);
	return cell_copy(a, text, date_put(s->style, text, days));
}

bool value_get_date(const struct value_shape *s, struct span cell, int32_t *days)
{
	int64_t v;

	if (s->type != VALUE_DATE)
		return false;
	if (s->format == VALUE_TEXT_FORMAT)
		return date_get(s->style, cell, days);
	if (!cell_get_be(cell, 4, &v))
		return false;
	*days = (int32_t)v;
	return date_in_range(*days) || *days == DATE_INFINITY || *days == DATE_MINUS_INFINITY;
}

struct span value_put_timestamp(struct arena *a, const struct value_shape *s, int64_t usecs)
{
	char text[DATETIME_TEXT_MAX];

	if (value_family(s->type) != FAMILY_TIMESTAMP || !datetime_in_range(usecs) || !precise(s, usecs))
		return none;
	if (s->format == VALUE_BINARY_FORMAT)
		return cell_be(a, (uint64_t)usecs, 8);
	return cell_copy(a, text, datetime_put(s->style, text, s->type == VALUE_TIMESTAMPTZ, usecs));
}

bool value_get_timestamp(const struct value_shape *s, struct span cell, int64_t *usecs)
{
	static const struct value_style unknown = {0};

	if (value_family(s->type) != FAMILY_TIMESTAMP)
		return false;
	if (s->format == VALUE_TEXT_FORMAT)
		return datetime_get(
			s->style ? s->style : &unknown, cell, s->type == VALUE_TIMESTAMPTZ, usecs);
	return cell_get_be(cell, 8, usecs) && (datetime_in_range(*usecs) || *usecs == DATETIME_INFINITY ||
						      *usecs == DATETIME_MINUS_INFINITY);
}

struct span value_put_time(struct arena *a, const struct value_shape *s, int64_t usecs, int32_t west)
{
	bool zone = s->type == VALUE_TIMETZ;
	char text[DATETIME_TEXT_MAX];
	uint8_t bytes[12];

	if (value_family(s->type) != FAMILY_TIME || !time_in_range(usecs, west) || !precise(s, usecs) ||
		(!zone && west))
		return none;
	if (s->format == VALUE_TEXT_FORMAT)
		return cell_copy(a, text, time_put(text, zone, usecs, west));
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)usecs >> (56 - 8 * i));
	for (int i = 0; i < 4; i++)
		bytes[8 + i] = (uint8_t)((uint32_t)west >> (24 - 8 * i));
	return cell_copy(a, bytes, zone ? 12 : 8);
}

bool value_get_time(const struct value_shape *s, struct span cell, int64_t *usecs, int32_t *west)
{
	bool zone = s->type == VALUE_TIMETZ;
	int64_t v = 0;

	*west = 0;
	if (value_family(s->type) != FAMILY_TIME)
		return false;
	if (s->format == VALUE_TEXT_FORMAT)
		return time_get(cell, zone, usecs, west);
	if (cell.n != (zone ? 12 : 8) || !cell_get_be(span_of(cell.p, 8), 8, usecs) ||
		(zone && !cell_get_be(span_of(cell.p + 8, 4), 4, &v)))
		return false;
	*west = (int32_t)v;
	return time_in_range(*usecs, *west);
}

struct span value_put_interval(struct arena *a, const struct value_shape *s, const struct interval *v)
{
	char text[INTERVAL_TEXT_MAX];
	uint8_t bytes[16];

	if (s->type != VALUE_INTERVAL || !interval_fits(v, s->typmod))
		return none;
	if (s->format == VALUE_TEXT_FORMAT)
		return cell_copy(a, text,
			interval_put(s->style ? s->style->interval : INTERVAL_STYLE_UNKNOWN, text, v));
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)((uint64_t)v->usecs >> (56 - 8 * i));
	for (int i = 0; i < 4; i++) {
		bytes[8 + i] = (uint8_t)((uint32_t)v->days >> (24 - 8 * i));
		bytes[12 + i] = (uint8_t)((uint32_t)v->months >> (24 - 8 * i));
	}
	return cell_copy(a, bytes, 16);
}

bool value_get_interval(const struct value_shape *s, struct span cell, struct interval *v)
{
	int64_t days, months;

	if (s->type != VALUE_INTERVAL)
		return false;
	if (s->format == VALUE_TEXT_FORMAT)
		return interval_get(cell, v);
	if (cell.n != 16 || !cell_get_be(span_of(cell.p, 8), 8, &v->usecs) ||
		!cell_get_be(span_of(cell.p + 8, 4), 4, &days) ||
		!cell_get_be(span_of(cell.p + 12, 4), 4, &months))
		return false;
	v->days = (int32_t)days;
	v->months = (int32_t)months;
	return true;
}
