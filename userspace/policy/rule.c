/* SPDX-License-Identifier: MIT */
#include "policy/section.h"

#include <errno.h>
#include <string.h>

#include "policy/masked.h"
#include "policy/pattern.h"
#include "policy/strict.h"

#define WHERE "spec.mask[]"

static void read_columns(struct reading *r, const struct node *list, const char *where, struct rule *out)
{
	const char **columns, *why;
	struct pattern p;

	if (!section_list(r, list, where))
		return;
	columns = section_array(r, list->n, sizeof(*columns));
	if (!columns)
		return;
	for (const struct node *c = list->child; c; c = c->next) {
		const char *text = section_text(r, c, where);

		if (!text)
			continue;
		if (pattern_parse(&p, text, r->m->mem, &why) == -EINVAL)
			section_wrong(r, c, "column \"%.100s\" %s", text, why);
		columns[out->ncolumns++] = text;
	}
	out->columns = columns;
}

static bool detects(const struct node *rule)
{
	return node_get(rule, "detect") || node_get(rule, "patterns");
}

/* The patterns of a rule stand in "columns", or where something is detected in "in". */
static const struct node *columns_of(const struct node *rule)
{
	return node_get(rule, detects(rule) ? "in" : "columns");
}

void rule_read(struct reading *r, const struct node *n, struct rule *out)
{
	static const struct key keys[] = {{"columns", KEY_READ}, {"with", KEY_READ}, {"predicates", KEY_READ},
		{"derived", KEY_READ}, {"aggregates", KEY_READ}, {"detect", KEY_READ}, {"in", KEY_READ},
		{"copies", KEY_READ}, {"patterns", KEY_READ}};
	const struct node *with = node_get(n, "with"), *derived = node_get(n, "derived"), *wrong_list;
	bool detect = detects(n);

	out->where = section_where(r, n);
	out->masked = masked_of(out->where);
	if (!section_map(r, n, WHERE, keys, ARRAY_LEN(keys)))
		return;
	section_missing(r, n, WHERE, detect ? "in" : "columns");
	section_missing(r, n, WHERE, "with");
	wrong_list = node_get(n, detect ? "columns" : "in");
	if (wrong_list)
		section_wrong(r, wrong_list,
			detect ? WHERE " with detect has in, not columns" : WHERE ".in is for detect");
	read_columns(r, columns_of(n), detect ? WHERE ".in" : WHERE ".columns", out);
	permit_read(r, n, &out->permit);
	if (detect)
		mask_read_detect(r, n, with, WHERE ".with", &out->mask);
	else if (with)
		mask_read(r, with, WHERE ".with", &out->mask);
	if (derived)
		mask_read(r, derived, WHERE ".derived", &out->derived);
	/* a count of one row says whether there is a value, which null alone hides */
	if (out->mask.kind == MASK_NULL && !node_get(n, "aggregates"))
		out->permit.aggregates = 0;
	if (mask_reads_input(out->derived.kind))
		section_wrong(r, derived,
			WHERE ".derived can only be null, redact or fixed: a value that was computed has no "
			      "shape to keep");
}

/* One column pattern of the document, for the search of rules that never fire. */
struct place {
	const struct node *node;
	const struct rule *rule;
	struct pattern pattern;
};

/* Whatever b would be used for, a is used instead. */
static bool beats(const struct place *a, const struct place *b)
{
	return pattern_covers(&a->pattern, &b->pattern) && strict_covers(&a->rule->mask, &b->rule->mask) &&
	       strict_covers(&a->rule->derived, &b->rule->derived) &&
	       permit_covers(&a->rule->permit, &b->rule->permit);
}

static void check_places(struct reading *r, const struct place *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned j = 0; j < n; j++) {
			/* Of two that beat each other the later one is told. */
			if (i == j || !beats(&v[j], &v[i]) || (j > i && beats(&v[i], &v[j])))
				continue;
			section_wrong(r, v[i].node,
				"\"%.80s\" never fires here: \"%.80s\" at line %u masks the same at least as "
				"strictly",
				v[i].node->text, v[j].node->text, v[j].node->line);
			break;
		}
}

/* Comparing all with all is for documents that people write. */
#define PLACES_MAX 2000

void rule_check_all(struct reading *r, const struct node *list, const struct rule *v, unsigned n)
{
	const struct node *c = list->child;
	struct place *places;
	unsigned count = 0, used = 0;
	const char *why;

	for (unsigned i = 0; i < n; i++)
		count += v[i].ncolumns;
	if (count > PLACES_MAX) {
		section_wrong(r, list, "spec.mask has more than %d columns", PLACES_MAX);
		return;
	}
	places = arena_array(r->m->mem, count ? count : 1, sizeof(*places));
	if (!places) {
		r->failed = -ENOMEM;
		return;
	}
	for (unsigned i = 0; i < n && c; i++, c = c->next) {
		const struct node *columns = columns_of(c);

		for (const struct node *p = columns ? columns->child : NULL; p && used < count; p = p->next) {
			places[used] = (struct place){.node = p, .rule = &v[i]};
			if (p->kind == NODE_SCALAR &&
				!pattern_parse(&places[used].pattern, p->text, r->m->mem, &why))
				used++;
		}
	}
	check_places(r, places, used);
}
