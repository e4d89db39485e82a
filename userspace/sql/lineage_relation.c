/* SPDX-License-Identifier: MIT */
/* Which relations a statement reads and writes, and by which way it came to them (sql/lineage.h). */
#include <string.h>

#include "sql/lineage.h"

static void note(struct lineage *l, uint32_t oid)
{
	const struct relation *r = catalog_relation_by_oid(l->names->catalog, oid);

	/* policies run on every row, also of what a view reads */
	l->s->policies = l->s->policies || (r && r->row_security);
	l->s->code = l->s->code || (r && r->row_security && r->loud);
	if (r && r->row_security)
		lineage_code_of(l, r);
	if (r && r->row_security && r->uses.n) {
		char *where = arena_printf(l->a, "a row security policy of %s.%s", r->schema, r->name);

		if (where)
			lineage_use_set(l, &r->uses, where);
		else
			l->oom = true;
	}
	if (!colset_add(l->a, &l->rels, (struct colref){oid, 0}))
		l->oom = true;
}

/* Which rows a partition has, and whether it takes one, is what its bounds say of the keys of those above it.
 */
static void note_bounds(struct lineage *l, const struct relation *r)
{
	struct colset keys = {0};
	char *where;

	for (unsigned i = 0; i < r->nparents; i++)
		lineage_partition_keys(l, catalog_relation_by_oid(l->names->catalog, r->parents[i]), &keys);
	if (!keys.n || lineage_stopped(l))
		return;
	where = arena_printf(l->a, "the rows of the partition %s.%s", r->schema, r->name);
	if (where)
		lineage_use_set(l, &keys, where);
	else
		l->oom = true;
}

static void add_relation(struct lineage *l, struct colset *to, uint32_t oid)
{
	if (!colset_add(l->a, to, (struct colref){oid, 0, 0, 0}))
		l->oom = true;
}

/* Places in a function's body or a default are none of the text. */
static bool of_text(const struct lineage *l)
{
	return !l->body && !l->fallback && !l->need;
}

struct mention *lineage_mention(struct lineage *l, int location)
{
	struct statement *s = l->s;

	for (unsigned i = s->nmentions; of_text(l) && i-- > 0;)
		if (s->mentions[i].location == location)
			return &s->mentions[i];
	return NULL;
}

static bool mention(struct lineage *l, const struct relation *r, const PgQuery__RangeVar *rv)
{
	struct statement *s = l->s;
	struct mention *v = lineage_mention(l, rv->location);

	if (v)
		return v->relid == r->oid; /* what is walked twice */
	if (!of_text(l) || rv->location < 0 || s->nmentions == MENTIONS_MAX)
		return false;
	if (s->nmentions == l->mentions_cap) {
		unsigned cap = l->mentions_cap ? l->mentions_cap * 2 : 4;

		v = lineage_alloc(l, cap, sizeof(*v));
		if (!v)
			return false;
		if (s->nmentions)
			memcpy(v, s->mentions, s->nmentions * sizeof(*v));
		s->mentions = v;
		l->mentions_cap = cap;
	}
	s->mentions[s->nmentions++] = (struct mention){
		.location = rv->location, .relid = r->oid, .only = !rv->inh, .alias = rv->alias != NULL};
	return true;
}

void lineage_schema_ref(struct lineage *l, const struct relation *r, int location)
{
	struct statement *s = l->s;
	struct schema_ref *v;

	for (unsigned i = s->nschema_refs; i-- > 0;)
		if (s->schema_refs[i].location == location && s->schema_refs[i].relid == r->oid)
			return;
	if (!of_text(l))
		return;
	if (s->nschema_refs == l->schema_refs_cap) {
		unsigned cap = l->schema_refs_cap ? l->schema_refs_cap * 2 : 8;

		v = lineage_alloc(l, cap, sizeof(*v));
		if (!v || !lineage_spend(l, cap))
			return;
		if (s->nschema_refs)
			memcpy(v, s->schema_refs, s->nschema_refs * sizeof(*v));
		s->schema_refs = v;
		l->schema_refs_cap = cap;
	}
	s->schema_refs[s->nschema_refs++] = (struct schema_ref){location, r->oid};
}

static void note_relation(struct lineage *l, const struct relation *r)
{
	if (!lineage_spend(l, 1ul + r->nchildren + r->nbelow + r->nparents))
		return;
	lineage_named(l, r);
	note(l, r->oid);
	note_bounds(l, r);
	for (unsigned i = 0; i < r->nchildren; i++)
		note(l, r->children[i]);
	for (unsigned i = 0; i < r->nbelow; i++)
		note(l, r->below[i]);
	for (unsigned i = 0; i < r->nbelow; i++)
		add_relation(l, &l->s->elsewhere, r->below[i]);
}

void lineage_relation(struct lineage *l, const struct relation *r)
{
	note_relation(l, r);
	lineage_elsewhere(l, r);
}

void lineage_elsewhere(struct lineage *l, const struct relation *r)
{
	add_relation(l, &l->s->elsewhere, r->oid);
	for (unsigned i = 0; i < r->nchildren && lineage_spend(l, 1); i++)
		add_relation(l, &l->s->elsewhere, r->children[i]);
}

void lineage_reads(struct lineage *l, const struct relation *r, const PgQuery__RangeVar *rv)
{
	if (mention(l, r, rv))
		note_relation(l, r);
	else
		lineage_relation(l, r);
}

void lineage_writes(struct lineage *l, const struct relation *r, bool inserts)
{
	struct colset *to = inserts && of_text(l) ? &l->s->inserted : &l->s->changed;

	note_relation(l, r);
	add_relation(l, to, r->oid);
	for (unsigned i = 0; i < r->nchildren; i++)
		add_relation(l, to, r->children[i]);
}
