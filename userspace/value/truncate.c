/* SPDX-License-Identifier: MIT */
#include "value/truncate.h"

#include <string.h>

#include "value/datetime.h"

#define MINUTE_USECS INT64_C(60000000)
#define HOUR_USECS   (60 * MINUTE_USECS)
#define FIRST_MONDAY 2 /* 2000-01-03 */

static const char *const names[] = {
#define X(name, text) text,
	TIME_UNITS(X)
#undef X
};

const char *time_unit_name(enum time_unit u)
{
	return (size_t)u < ARRAY_LEN(names) ? names[u] : "?";
}

bool time_unit_of(const char *name, enum time_unit *u)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(names[i], name) == 0) {
			*u = (enum time_unit)i;
			return true;
		}
	return false;
}

static int64_t down_to(int64_t v, int64_t step)
{
	int64_t rest = v % step;

	return v - (rest < 0 ? rest + step : rest);
}

bool date_truncate(int32_t days, enum time_unit u, int32_t *out)
{
	int64_t year, first = days;
	int month, day;

	date_to_civil(days, &year, &month, &day);
	switch (u) {
	case UNIT_DECADE: first = date_from_civil(down_to(year, 10), 1, 1); break;
	case UNIT_YEAR: first = date_from_civil(year, 1, 1); break;
	case UNIT_QUARTER: first = date_from_civil(year, (month - 1) / 3 * 3 + 1, 1); break;
	case UNIT_MONTH: first = date_from_civil(year, month, 1); break;
	case UNIT_WEEK: first = down_to((int64_t)days - FIRST_MONDAY, 7) + FIRST_MONDAY; break;
	case UNIT_DAY:
	case UNIT_HOUR:
	case UNIT_MINUTE: return false;
	}
	*out = (int32_t)first;
	return first >= INT32_MIN && date_in_range(*out);
}

bool time_truncate(int64_t usecs, enum time_unit u, int64_t *out)
{
	if (u != UNIT_HOUR && u != UNIT_MINUTE)
		return false;
	*out = down_to(usecs, u == UNIT_HOUR ? HOUR_USECS : MINUTE_USECS);
	return true;
}

bool datetime_truncate(int64_t usecs, enum time_unit u, int64_t *out)
{
	int64_t day = down_to(usecs, DAY_USECS);
	int32_t first;

	if (u == UNIT_DAY) {
		*out = day;
	} else if (u == UNIT_HOUR || u == UNIT_MINUTE) {
		if (!time_truncate(usecs, u, out))
			return false;
	} else {
		if (!date_truncate((int32_t)(day / DAY_USECS), u, &first))
			return false;
		*out = first * DAY_USECS;
	}
	return datetime_in_range(*out);
}
