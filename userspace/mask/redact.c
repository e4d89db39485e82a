/* SPDX-License-Identifier: MIT */
#include "mask/kind.h"
#include "value/datetime.h"
#include "value/interval.h"

#define UNIX_EPOCH_DAYS (-10957) /* 1970-01-01 since 2000-01-01 */

struct span mask_redact(const struct value_shape *s, struct arena *a)
{
	static const uint8_t nil[16];

	switch (value_family(s->type)) {
	case FAMILY_OTHER:
	case FAMILY_BYTES:
	case FAMILY_CHAR:
	case FAMILY_JSON:
	case FAMILY_XML:
	case FAMILY_NET:
	case FAMILY_MAC:
	case FAMILY_BITS: break;
	case FAMILY_TEXT: return value_put_text(a, s, HIDDEN);
	case FAMILY_INTEGER:
	case FAMILY_NUMERIC:
	case FAMILY_FLOAT:
	case FAMILY_MONEY: return value_put_int(a, s, 0);
	case FAMILY_BOOL: return value_put_bool(a, s, false);
	case FAMILY_DATE: return value_put_date(a, s, UNIX_EPOCH_DAYS);
	case FAMILY_TIMESTAMP: return value_put_timestamp(a, s, UNIX_EPOCH_DAYS * DAY_USECS);
	case FAMILY_TIME: return value_put_time(a, s, 0, 0);
	case FAMILY_INTERVAL: return value_put_interval(a, s, &(struct interval){0});
	case FAMILY_UUID: return value_put_uuid(a, s, nil);
	}
	return (struct span){0};
}
