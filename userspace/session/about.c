/* SPDX-License-Identifier: MIT */
#include "session/about.h"

#include <errno.h>
#include <string.h>
#include "record/body.h"

#define ROOM      16384 /* bytes; what is beyond is left out */
#define NAMES_MAX 256   /* relations, and columns, of one text */

struct making {
	struct body body;
	const struct binding *b;
	uint32_t relations[NAMES_MAX];
	struct colref columns[NAMES_MAX];
	const char *rules[NAMES_MAX];
	unsigned nrelations, ncolumns, nrules;
};

static void add_relation(struct making *m, uint32_t relid)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(m->b), relid);
	char name[2 * 64 + 2];

	for (unsigned i = 0; i < m->nrelations; i++)
		if (m->relations[i] == relid)
			return;
	if (!r || m->nrelations == NAMES_MAX)
		return;
	m->relations[m->nrelations++] = relid;
	snprintf(name, sizeof(name), "%s.%s", r->schema, r->name);
	body_put_text(&m->body, BODY_RELATION, name);
}

static void add_rule(struct making *m, const char *where)
{
	for (unsigned i = 0; i < m->nrules; i++)
		if (m->rules[i] == where)
			return;
	if (m->nrules == NAMES_MAX)
		return;
	m->rules[m->nrules++] = where;
	body_put_text(&m->body, BODY_RULE, where);
}

static void add_column(struct making *m, struct colref c)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(m->b), c.relid);
	const struct column *col = r ? relation_column_by_attnum(r, c.attnum) : NULL;
	const struct masking *masking = binding_column(m->b, c);
	char name[3 * 64 + 3];

	for (unsigned i = 0; i < m->ncolumns; i++)
		if (m->columns[i].relid == c.relid && m->columns[i].attnum == c.attnum)
			return;
	if (m->ncolumns == NAMES_MAX)
		return;
	m->columns[m->ncolumns++] = c;
	add_relation(m, c.relid);
	if (col) {
		snprintf(name, sizeof(name), "%s.%s.%s", r->schema, r->name, col->name);
		body_put_text(&m->body, BODY_COLUMN, name);
	}
	if (masking && masking->rule)
		add_rule(m, masking->rule->where);
}

/* What a statement names beside: as many as have room. */
static void add_relations(struct making *m, const struct plan *p)
{
	for (; p; p = p->inner)
		for (unsigned i = 0; i < p->nrelations; i++)
			add_relation(m, p->relations[i]);
}

static void add_plan(struct making *m, const struct plan *p)
{
	for (unsigned i = 0; i < p->ntouched; i++)
		add_column(m, p->touched[i]);
	for (unsigned i = 0; p->columns && i < p->ncolumns; i++)
		if (p->columns[i].rule)
			add_rule(m, p->columns[i].rule->where);
	if (p->by)
		add_rule(m, p->by);
	if (p->inner)
		add_plan(m, p->inner);
}

int about_make(struct about *out, const struct judged *js, const struct binding *b, struct arena *a)
{
	uint8_t room[ROOM];
	struct making m = {.b = b};
	uint64_t effects = 0;
	char *kept;

	*out = (struct about){0};
	body_init(&m.body, room, sizeof(room));
	for (unsigned i = 0; i < js->n; i++) {
		out->intimate |= js->plans[i]->intimate;
		effects |= js->plans[i]->effects;
	}
	for (unsigned i = 0; i < EFFECT_COUNT; i++)
		if (effects >> i & 1)
			body_put_text(&m.body, BODY_EFFECT, effect_name(i));
	/* What a mask or a rule is about comes first: nobody takes its room with names of his own. */
	for (unsigned i = 0; i < js->n; i++)
		add_plan(&m, js->plans[i]);
	for (unsigned i = 0; i < js->n; i++)
		add_relations(&m, js->plans[i]);
	for (unsigned i = 0; i < js->n; i++)
		body_put_text(&m.body, BODY_TAG, js->plans[i]->tag);
	kept = arena_strndup(a, m.body.n ? (const char *)room : "", m.body.n);
	if (!kept)
		return -ENOMEM;
	out->fields = span_of(kept, m.body.n);
	return 0;
}
