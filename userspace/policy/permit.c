/* SPDX-License-Identifier: MIT */
#include "policy/permit.h"

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static unsigned most(unsigned a, unsigned b)
{
	return a > b ? a : b;
}

struct permit permit_copy(const struct permit *p)
{
	return (struct permit){
		.predicates = p->predicates == PREDICATES_ALLOW ? PREDICATES_ALLOW : PREDICATES_DENY,
		.aggregates = p->aggregates & 1u << VIA_COUNT,
		.copies = p->copies,
	};
}

struct permit permit_meet(const struct permit *a, const struct permit *b)
{
	struct permit out = a->predicates <= b->predicates ? *a : *b;

	/* fewer of the two numbers in the longer of the two times is within either */
	if (a->predicates == PREDICATES_EQUALITY && b->predicates == PREDICATES_EQUALITY) {
		out.constants = least(a->constants, b->constants);
		out.period_s = most(a->period_s, b->period_s);
	}
	out.aggregates = a->aggregates & b->aggregates;
	out.min_group = most(a->min_group, b->min_group);
	out.copies = a->copies < b->copies ? a->copies : b->copies;
	return out;
}

bool permit_covers(const struct permit *a, const struct permit *b)
{
	if (a->predicates > b->predicates || a->copies > b->copies || (a->aggregates & ~b->aggregates) ||
		((a->aggregates & ~(1u << VIA_COUNT)) && a->min_group < b->min_group))
		return false;
	return a->predicates != PREDICATES_EQUALITY || b->predicates != PREDICATES_EQUALITY ||
	       (a->constants <= b->constants && a->period_s >= b->period_s);
}

static bool listed(const struct permit *p, struct colref c)
{
	return c.via != VIA_VALUE && c.via < VIA_MAX && (p->aggregates >> c.via & 1);
}

bool permit_shows(const struct permit *p, struct colref c)
{
	if (c.via == VIA_DECISION)
		return p->predicates == PREDICATES_ALLOW;
	return listed(p, c) && (c.via == VIA_COUNT || c.group >= most(p->min_group, PERMIT_GROUP_MIN));
}

bool permit_wants_group(const struct permit *p, struct colref c)
{
	return listed(p, c) && !permit_shows(p, c);
}
