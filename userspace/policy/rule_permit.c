/* SPDX-License-Identifier: MIT */
/* What a rule lets through: predicates and aggregates. */
#include "policy/section.h"

#include <string.h>

#define PREDICATES "spec.mask[].predicates"
#define AGGREGATES "spec.mask[].aggregates"

static void read_equality(struct reading *r, const struct node *n, struct permit *out)
{
	static const struct key keys[] = {{"constants", KEY_READ}, {"period", KEY_READ}};
	unsigned long constants;

	if (!section_map(r, n, PREDICATES ".equality", keys, ARRAY_LEN(keys)))
		return;
	if (section_number(r, node_get(n, "constants"), PREDICATES ".equality.constants", 1,
		    PERMIT_CONSTANTS_MAX, &constants))
		out->constants = (unsigned)constants;
	section_period(
		r, node_get(n, "period"), PREDICATES ".equality.period", PERMIT_PERIOD_MAX_S, &out->period_s);
}

static void read_predicates(struct reading *r, const struct node *n, struct permit *out)
{
	static const struct key keys[] = {{"equality", KEY_READ}};
	bool map = n && n->kind == NODE_MAP;

	if (!n || node_says(n, "deny"))
		return;
	if (node_says(n, "allow")) {
		out->predicates = PREDICATES_ALLOW;
		return;
	}
	if (map && !section_map(r, n, PREDICATES, keys, ARRAY_LEN(keys)))
		return;
	if (!node_is(n, "equality") && (!map || n->n != 1 || !node_get(n, "equality"))) {
		section_wrong(r, n, PREDICATES " is deny, equality, {equality: {…}} or allow");
		return;
	}
	out->predicates = PREDICATES_EQUALITY;
	out->constants = PERMIT_CONSTANTS;
	out->period_s = PERMIT_PERIOD_S;
	if (map)
		read_equality(r, node_get(n, "equality"), out);
}

static void read_aggregate(struct reading *r, const struct node *n, struct permit *out)
{
	static const char *const one[] = {"min", "max"};
	struct key names[VIA_MAX];
	const char *text = n->kind == NODE_SCALAR ? n->text : "", *guess;
	enum via via = via_of(text);

	for (unsigned i = 0; i < ARRAY_LEN(one); i++)
		if (strcmp(text, one[i]) == 0) {
			section_wrong(r, n, AGGREGATES ".allow: %s shows one person's value as it is", text);
			return;
		}
	for (unsigned v = 1; v < VIA_MAX; v++)
		names[v - 1] = (struct key){via_name((enum via)v), KEY_READ};
	guess = via ? NULL : section_guess(text, names, VIA_MAX - 1);
	if (!via)
		section_wrong(r, n,
			AGGREGATES ".allow: \"%.60s\" is none of count, sum, avg, stddev, stddev_pop, "
				   "stddev_samp, variance, var_pop and var_samp%s%s%s",
			text, guess ? "; did you mean \"" : "", guess ? guess : "", guess ? "\"?" : "");
	else if (out->aggregates >> via & 1)
		section_wrong(r, n, "\"%s\" stands in this list already", text);
	out->aggregates |= 1u << via;
}

static void read_aggregates(struct reading *r, const struct node *n, struct permit *out)
{
	static const struct key keys[] = {{"allow", KEY_READ}, {"minGroup", KEY_READ}};
	const struct node *allow = node_get(n, "allow");
	unsigned long group;

	out->aggregates = 1u << VIA_COUNT;
	out->min_group = PERMIT_GROUP;
	if (!n || !section_map(r, n, AGGREGATES, keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, AGGREGATES, "allow");
	if (section_number(r, node_get(n, "minGroup"), AGGREGATES ".minGroup", PERMIT_GROUP_MIN,
		    COLREF_GROUP_MAX, &group))
		out->min_group = (unsigned)group;
	if (!allow)
		return;
	out->aggregates = 0;
	if (allow->kind != NODE_LIST) /* an empty one lets none */
		section_list(r, allow, AGGREGATES ".allow");
	else
		for (const struct node *c = allow->child; c; c = c->next)
			read_aggregate(r, c, out);
}

static void read_copies(struct reading *r, const struct node *n, struct permit *out)
{
	if (!n || node_is(n, "deny"))
		return;
	if (node_is(n, "taint"))
		out->copies = COPIES_TAINT;
	else
		section_wrong(r, n, "spec.mask[].copies is deny or taint");
}

void permit_read(struct reading *r, const struct node *rule, struct permit *out)
{
	read_copies(r, node_get(rule, "copies"), out);
	read_predicates(r, node_get(rule, "predicates"), out);
	read_aggregates(r, node_get(rule, "aggregates"), out);
}
