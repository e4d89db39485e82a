/* SPDX-License-Identifier: MIT */
/* What a statement names, and what a definition makes another thing of: what stands between them is
 * sql/gate.h. */
#include "sql/lineage.h"

#include <string.h>

static void add(struct lineage *l, struct colset *s, uint32_t oid)
{
	if (!colset_add(l->a, s, (struct colref){oid, 0}))
		l->oom = true;
}

/* What nobody else can change is nobody else's concern. */
static bool is_shared(const struct lineage *l, const struct relation *r)
{
	return r && !r->system && !(l->names->temp && !strcmp(r->schema, l->names->temp));
}

void lineage_named(struct lineage *l, const struct relation *r)
{
	if (is_shared(l, r))
		add(l, &l->s->named, r->oid);
	/* functions in a view's definition look up theirs when they run */
	for (unsigned i = 0; i < r->nbelow && strchr("vm", r->kind); i++)
		if (is_shared(l, catalog_relation_by_oid(l->names->catalog, r->below[i])))
			add(l, &l->s->named, r->below[i]);
}

const struct relation *lineage_row(struct lineage *l, uint32_t oid)
{
	const struct type *t = oid ? catalog_type_by_oid(l->names->catalog, oid) : NULL;
	const struct relation *r = type_row(l->names->catalog, t && t->elem ? t->elem : oid);

	if (is_shared(l, r))
		add(l, &l->s->named, r->oid);
	return t && t->elem ? NULL : r;
}

void lineage_redefines(struct lineage *l, const struct relation *r)
{
	if (!lineage_spend(l, 1ul + r->nchildren))
		return;
	add(l, &l->s->redefined, r->oid);
	for (unsigned i = 0; i < r->nchildren; i++)
		add(l, &l->s->redefined, r->children[i]);
}

struct hanging {
	struct lineage *l;
	const struct relation *on;
};

static bool has_column_of(const struct catalog *c, const struct relation *r, const struct relation *row)
{
	for (unsigned i = 0; i < r->ncols; i++) {
		const struct type *t = catalog_type_by_oid(c, r->cols[i].type_oid);

		if (t && type_row(c, t->elem ? t->elem : r->cols[i].type_oid) == row)
			return true;
	}
	return false;
}

/* Views over it go, and columns of its row type. */
static bool note_hanging(void *arg, const struct relation *r)
{
	struct hanging *h = arg;
	bool hangs = false;

	for (unsigned i = 0; i < r->nbelow && strchr("vm", r->kind); i++)
		hangs = hangs || r->below[i] == h->on->oid;
	if (!r->system && (hangs || has_column_of(h->l->names->catalog, r, h->on)))
		lineage_redefines(h->l, r);
	return !lineage_stopped(h->l);
}

void lineage_cascades(struct lineage *l, const struct relation *r)
{
	catalog_each_relation(l->names->catalog, note_hanging, &(struct hanging){l, r});
}

static void add_name(struct lineage *l, struct looked_up *names, const char *name)
{
	for (unsigned i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return;
	if (!lineage_spend(l, 1ul + names->n) || names->n == LOOKED_UP_MAX)
		return;
	if (!names->v)
		names->v = lineage_alloc(l, LOOKED_UP_MAX, sizeof(*names->v));
	if (names->v)
		names->v[names->n++] = name;
}

void lineage_claims(struct lineage *l, const char *name)
{
	add_name(l, &l->s->claimed, name);
}

void lineage_looks_up(struct lineage *l, const char *schema, const char *name)
{
	if (schema && *schema)
		return;
	add_name(l, &l->s->looked_up, name);
	/* what is not noted another session could put something in front of */
	if (l->s->looked_up.n == LOOKED_UP_MAX)
		lineage_fail(l, "54000", -1, "too many relations without a schema in one statement");
}
