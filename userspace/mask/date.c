/* SPDX-License-Identifier: MIT */
#include "mask/kind.h"

#include "value/datetime.h"

static const struct span null = {0};

static struct span trunc_date(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	int32_t days;

	if (!value_get_date(s, cell, &days))
		return mask_redact(s, a);
	if (!date_in_range(days) || !date_truncate(days, m->unit, &days))
		return null;
	return value_put_date(a, s, days);
}

static struct span trunc_timestamp(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	int64_t usecs;

	if (!value_get_timestamp(s, cell, &usecs))
		return mask_redact(s, a);
	if (!datetime_in_range(usecs) || !datetime_truncate(usecs, m->unit, &usecs))
		return null;
	return value_put_timestamp(a, s, usecs);
}

/* The time of day that the clock showed; a timetz keeps its zone. */
static struct span trunc_time(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	int64_t usecs;
	int32_t west;

	if (!value_get_time(s, cell, &usecs, &west))
		return mask_redact(s, a);
	return time_truncate(usecs, m->unit, &usecs) ? value_put_time(a, s, usecs, west) : null;
}

struct span mask_date(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	switch (value_family(s->type)) {
	case FAMILY_DATE: return trunc_date(m, s, cell, a);
	case FAMILY_TIMESTAMP: return trunc_timestamp(m, s, cell, a);
	case FAMILY_TIME: return trunc_time(m, s, cell, a);
	case FAMILY_OTHER:
	case FAMILY_TEXT:
	case FAMILY_BOOL:
	case FAMILY_INTEGER:
	case FAMILY_NUMERIC:
	case FAMILY_FLOAT:
	case FAMILY_MONEY:
	case FAMILY_INTERVAL:
	case FAMILY_UUID:
	case FAMILY_BYTES:
	case FAMILY_CHAR:
	case FAMILY_JSON:
	case FAMILY_XML:
	case FAMILY_NET:
	case FAMILY_MAC:
	case FAMILY_BITS: break;
	}
	return null;
}
