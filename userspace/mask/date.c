/* SPDX-License-Identifier: MIT */
#include "mask/kind.h"

#include "value/datetime.h"

static struct span trunc_date(
	const struct mask *m, const struct value_shape *s, struct span iso, struct arena *a)
{
	int32_t days;

	if (!date_get(iso, &days) || !date_in_range(days) || !date_truncate(days, m->unit, &days))
		return (struct span){0};
	return value_put_date(a, s, days);
}

static struct span trunc_timestamp(
	const struct mask *m, const struct value_shape *s, struct span iso, struct arena *a)
{
	int64_t usecs;

	if (!datetime_get(iso, s->type == VALUE_TIMESTAMPTZ, &usecs) || !datetime_in_range(usecs) ||
		!datetime_truncate(usecs, m->unit, &usecs))
		return (struct span){0};
	return value_put_timestamp(a, s, usecs);
}

struct span mask_date(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	bool date = value_family(s->type) == FAMILY_DATE;
	struct span iso;

	if (!date && value_family(s->type) != FAMILY_TIMESTAMP)
		return (struct span){0};
	if (!value_canonical(a, s, cell, &iso))
		return mask_redact(s, a);
	return date ? trunc_date(m, s, iso, a) : trunc_timestamp(m, s, iso, a);
}
