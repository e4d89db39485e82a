/* SPDX-License-Identifier: MIT */
#include "mask/kind.h"

#include "value/datetime.h"

static struct span trunc_date(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	int32_t days;

	if (!value_get_date(s, cell, &days))
		return mask_redact(s, a);
	if (!date_in_range(days) || !date_truncate(days, m->unit, &days))
		return (struct span){0};
	return value_put_date(a, s, days);
}

static struct span trunc_timestamp(
	const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	int64_t usecs;

	if (!value_get_timestamp(s, cell, &usecs))
		return mask_redact(s, a);
	if (!datetime_in_range(usecs) || !datetime_truncate(usecs, m->unit, &usecs))
		return (struct span){0};
	return value_put_timestamp(a, s, usecs);
}

struct span mask_date(const struct mask *m, const struct value_shape *s, struct span cell, struct arena *a)
{
	if (value_family(s->type) == FAMILY_DATE)
		return trunc_date(m, s, cell, a);
	return value_family(s->type) == FAMILY_TIMESTAMP ? trunc_timestamp(m, s, cell, a) : (struct span){0};
}
