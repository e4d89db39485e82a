/* SPDX-License-Identifier: MIT */
/* spec.rows */
#include <errno.h>
#include <string.h>

#include "policy/rows.h"
#include "policy/section.h"

#define WHERE     "spec.rows[]"
#define RULES_MAX 500

static void read_relation(struct reading *r, const struct node *n, struct row_rule *out)
{
	const char *text = section_text(r, n, WHERE ".relation"), *why;
	int rc = text ? pattern_parse_name(&out->relation, text, true, r->mem, &why) : 0;

	if (rc == -ENOMEM)
		r->failed = rc;
	else if (rc)
		section_wrong(r, n, "\"%.100s\" %s", text, why);
	if (!text || rc)
		return;
	out->key = arena_printf(r->mem, "rows %s", text);
	if (!out->key)
		r->failed = -ENOMEM;
}

/* A filter is written on one line, or as a block, whose lines YAML has joined or kept. */
static void read_filter(struct reading *r, const struct node *n, struct row_rule *out)
{
	const char *text = section_text(r, n, WHERE ".filter"), *why = NULL;
	struct filter *f = NULL;
	unsigned at = 0;
	int rc = text ? filter_parse(&f, text, r->mem, &why, &at) : 0;

	out->filter = f;
	if (rc == -ENOMEM)
		r->failed = rc;
	else if (rc && why)
		section_wrong(
			r, n, WHERE ".filter, at \"%.40s\": %s", text + (at < strlen(text) ? at : 0), why);
}

void rows_read(struct reading *r, const struct node *list, struct document *d)
{
	static const struct key keys[] = {{"relation", KEY_READ}, {"filter", KEY_READ}};

	if (!section_list(r, list, "spec.rows"))
		return;
	if (list->n > RULES_MAX) {
		section_wrong(r, list, "spec.rows has more than %d entries", RULES_MAX);
		return;
	}
	d->rows = section_array(r, list->n, sizeof(*d->rows));
	if (!d->rows)
		return;
	for (const struct node *c = list->child; c; c = c->next) {
		struct row_rule *out = &d->rows[d->nrows];

		if (!section_map(r, c, WHERE, keys, ARRAY_LEN(keys)))
			continue;
		section_missing(r, c, WHERE, "relation");
		section_missing(r, c, WHERE, "filter");
		out->where = arena_printf(r->mem, "%s:%u", r->file, c->line);
		if (!out->where)
			r->failed = -ENOMEM;
		read_relation(r, node_get(c, "relation"), out);
		read_filter(r, node_get(c, "filter"), out);
		d->nrows++;
	}
}
