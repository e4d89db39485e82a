/* SPDX-License-Identifier: MIT */
#include "mask/kind.h"
#include "value/datetime.h"
#include "value/interval.h"

#define UNIX_EPOCH_DAYS (-10957) /* 1970-01-01 since 2000-01-01 */

struct span mask_redact(const struct value_shape *s, struct arena *a)
{
	static const uint8_t nil[16];

	switch (value_family(s->type)) {
	case FAMILY_OTHER: break;
	case FAMILY_BYTES: return value_put_bytes(a, s, HIDDEN);
	case FAMILY_CHAR: return value_put_char(a, s, '*');
	case FAMILY_JSON: return value_put_json_string(a, s, HIDDEN);
	case FAMILY_XML: return value_put_xml(a, s, "redacted", (struct span){0});
	/* 0.0.0.0, and the network that is all networks */
	case FAMILY_NET:
		return value_put_net(a, s, &(struct netaddr){.bits = s->type == VALUE_CIDR ? 0 : 32});
	case FAMILY_MAC: return value_put_mac(a, s, nil);
	case FAMILY_BITS:
		return value_put_bits(a, s, (struct span){0},
			s->type == VALUE_BIT && s->typmod > 0 ? (size_t)s->typmod : 0);
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
