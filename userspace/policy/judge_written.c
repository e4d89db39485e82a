/* SPDX-License-Identifier: MIT */
/* What DDL wrote (definitions, function bodies, defaults, comments) is no value of a column, but people quote
 * values in it. Who has masked columns sees such texts with what looks like personal data or a secret taken
 * out. A second net, as all detectors are: which constants are values nobody knows. */
#include "policy/judge.h"

#define BIT(d) (UINT64_C(1) << (d))

_Static_assert(DETECT_SECRET < 64, "in the first word");

static const struct mask scanned = {.kind = MASK_DETECT,
	.replace = REPLACE_REDACT,
	.detectors = {.bits = {BIT(DETECT_EMAIL) | BIT(DETECT_PAN) | BIT(DETECT_IBAN) | BIT(DETECT_US_SSN) |
			       BIT(DETECT_CARD_TRACK) | BIT(DETECT_PRIVATE_KEY) | BIT(DETECT_JWT) |
			       BIT(DETECT_CLOUD_KEY) | BIT(DETECT_ACCESS_TOKEN)}}};

const struct mask *judge_written(const struct binding *b, const struct output *o)
{
	for (unsigned i = 0; i < o->from.n; i++) {
		const struct colref *c = &o->from.v[i];
		const struct relation *r = catalog_relation_by_oid(binding_catalog(b), c->relid);
		const struct column *col = r ? relation_column_by_attnum(r, c->attnum) : NULL;

		if (c->attnum == COLREF_WRITTEN || (col && col->written))
			return &scanned;
	}
	return NULL;
}
