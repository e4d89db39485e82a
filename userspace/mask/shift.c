/* SPDX-License-Identifier: MIT */
/* Dates of one entity are moved by the same number of whole days, so that what lies between them stays; those
 * of another by another. How many is a keyed hash of the entity and of nothing else. */
#include "mask/keyed.h"
#include "mask/kind.h"
#include "value/datetime.h"

static const struct span none = {0};

/* -days to days, but not 0. */
static int32_t days_of(const struct mask *m, struct span entity)
{
	uint8_t mac[HMAC_LEN];
	int32_t d;

	keyed_mac(m, "shift", entity, mac);
	d = (int32_t)(keyed_be64(mac) % (m->days * UINT64_C(2))) - (int32_t)m->days;
	return d < 0 ? d : d + 1;
}

struct span mask_shift(const struct mask *m, const struct value_shape *shape, struct span cell,
	const struct value_shape *entity_shape, struct span entity, struct arena *a)
{
	enum value_family f = value_family(shape->type);
	int32_t date, days;
	struct span whose;
	int64_t usecs;

	if ((f != FAMILY_DATE && f != FAMILY_TIMESTAMP) || !m->days || m->days > MASK_DAYS_MAX || !entity.p ||
		entity_shape->desc || !value_canonical(a, entity_shape, entity, &whose))
		return none;
	days = days_of(m, whose);
	if (f == FAMILY_DATE) {
		if (!value_get_date(shape, cell, &date))
			return mask_redact(shape, a);
		return date_in_range(date) ? value_put_date(a, shape, date + days) : none;
	}
	if (!value_get_timestamp(shape, cell, &usecs))
		return mask_redact(shape, a);
	if (!datetime_in_range(usecs) || __builtin_add_overflow(usecs, days * DAY_USECS, &usecs))
		return none;
	return value_put_timestamp(a, shape, usecs);
}
