/* SPDX-License-Identifier: MIT */
#include "value/style.h"

#include <string.h>

#include "base/attr.h"

static void take_date_style(struct value_style *s, struct span value)
{
	static const char *const styles[] = {"", "ISO", "SQL", "Postgres", "German"};
	static const char *const orders[] = {"", "MDY", "DMY", "YMD"};
	const uint8_t *comma = value.n ? memchr(value.p, ',', value.n) : NULL;
	struct span style, order;

	s->date = DATE_STYLE_UNKNOWN;
	s->order = DATE_ORDER_UNKNOWN;
	if (!comma || comma + 2 > value.p + value.n || comma[1] != ' ')
		return;
	style = span_of(value.p, (size_t)(comma - value.p));
	order = span_of(comma + 2, (size_t)(value.p + value.n - comma - 2));
	for (size_t i = 1; i < ARRAY_LEN(styles); i++)
		if (span_is(style, styles[i]))
			s->date = (enum date_style)i;
	for (size_t i = 1; i < ARRAY_LEN(orders); i++)
		if (span_is(order, orders[i]))
			s->order = (enum date_order)i;
}

static void take_interval_style(struct value_style *s, struct span value)
{
	static const char *const styles[] = {"", "postgres", "postgres_verbose", "sql_standard", "iso_8601"};

	s->interval = INTERVAL_STYLE_UNKNOWN;
	for (size_t i = 1; i < ARRAY_LEN(styles); i++)
		if (span_is(value, styles[i]))
			s->interval = (enum interval_style)i;
}

static void take_zone(struct value_style *s, struct span value)
{
	static const char *const names[] = {"UTC", "Etc/UTC", "GMT", "Etc/GMT"};

	s->utc = false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		s->utc = s->utc || span_is(value, names[i]);
}

void style_take(struct value_style *s, struct span name, struct span value)
{
	if (span_is(name, "DateStyle"))
		take_date_style(s, value);
	else if (span_is(name, "IntervalStyle"))
		take_interval_style(s, value);
	else if (span_is(name, "TimeZone"))
		take_zone(s, value);
}
