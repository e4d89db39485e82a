/* SPDX-License-Identifier: MIT */
#include "policy/strict.h"

#include <string.h>

static int order(unsigned a, unsigned b)
{
	return (a > b) - (a < b);
}

/* By what is shown: kind, then how much of the value is kept. */
static int compare_shown(const struct mask *a, const struct mask *b)
{
	if (a->kind != b->kind)
		return order(a->kind, b->kind);
	switch (a->kind) {
	case MASK_NULL:
	case MASK_REDACT:
	case MASK_FIXED:
	case MASK_HASH: return 0;
	case MASK_DATE: return order(a->unit, b->unit);
	case MASK_NUMBER: return a->step == b->step ? 0 : a->step > b->step ? -1 : 1;
	case MASK_EMAIL: return order(a->keep_domain, b->keep_domain);
	case MASK_PARTIAL: return order(a->first + a->last, b->first + b->last);
	}
	return 0;
}

int strict_compare(const struct mask *a, const struct mask *b)
{
	int r = compare_shown(a, b);

	if (r)
		return r;
	switch (a->kind) {
	case MASK_NULL:
	case MASK_REDACT:
	case MASK_DATE:
	case MASK_EMAIL: return 0;
	case MASK_NUMBER: return order(!a->bucket, !b->bucket);
	case MASK_FIXED: return strcmp(a->fixed ? a->fixed : "", b->fixed ? b->fixed : "");
	case MASK_HASH:
		r = strcmp(a->domain, b->domain);
		return r ? r : memcmp(&a->key, &b->key, sizeof(a->key));
	case MASK_PARTIAL: r = order(a->first, b->first); return r ? r : strcmp(a->fill, b->fill);
	}
	return 0;
}
