/* SPDX-License-Identifier: MIT */
/* What follows from the rows: domains down to their base, who is whose child, what a read of a column shows.
 */
#include "sql/catalog_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sql/lineage.h"

static void *const *place(struct catalog_builder *b, const struct pointers *p)
{
	void **v = arena_array(&b->c->a, p->n, sizeof(*v));

	if (!v)
		b->oom = true;
	else if (p->n)
		memcpy(v, p->v, p->n * sizeof(*v));
	return v;
}

static void place_relations(struct catalog_builder *b)
{
	struct catalog *c = b->c;

	c->nrelations = b->relations.n;
	c->by_name = arena_array(&c->a, c->nrelations, sizeof(*c->by_name));
	c->by_oid = arena_array(&c->a, c->nrelations, sizeof(*c->by_oid));
	if (!c->by_name || !c->by_oid) {
		b->oom = true;
		return;
	}
	for (unsigned i = 0; i < b->relations.n; i++) {
		struct draft_relation *d = b->relations.v[i];

		c->by_name[i] = c->by_oid[i] = &d->r;
		if (b->derive_columns && (d->r.kind == 'v' || d->r.kind == 'm'))
			continue;
		d->r.ncols = (uint16_t)d->ncols;
		d->r.cols = arena_array(&c->a, d->ncols, sizeof(*d->r.cols));
		if (!d->r.cols) {
			b->oom = true;
			return;
		}
		for (unsigned k = 0; k < d->ncols; k++) {
			d->r.cols[k] = d->cols[k].c;
			d->r.cols[k].partition_key = d->cols[k].partition_key;
		}
	}
}

static void place_all(struct catalog_builder *b)
{
	struct catalog *c = b->c;

	place_relations(b);
	c->types_by_name = (struct type **)(uintptr_t)place(b, &b->types);
	c->types_by_oid = (struct type **)(uintptr_t)place(b, &b->types);
	c->functions = (struct function **)(uintptr_t)place(b, &b->functions);
	c->operators = (struct operator_ **)(uintptr_t)place(b, &b->operators);
	c->schemas = (const char **)(uintptr_t)place(b, &b->schemas);
	c->ntypes = b->types.n;
	c->nfunctions = b->functions.n;
	c->noperators = b->operators.n;
	c->nschemas = b->schemas.n;
	if (!b->oom)
		catalog_sort(c);
}

/* Domains over domains: the type at the bottom, and CHECKs of every level. */
static void resolve_domain(const struct catalog *c, struct type *t)
{
	const struct type *below = t;

	for (unsigned depth = 0; depth < 64 && below && below->kind == TYPE_DOMAIN; depth++) {
		t->checked = t->checked || below->checked;
		t->code = t->code || below->code;
		t->base = below->base;
		t->typmod = below->typmod != -1 ? below->typmod : t->typmod;
		below = catalog_type_by_oid(c, below->base);
	}
}

/* What a write of a value of the type may run. */
static void type_code(
	const struct catalog *c, struct relation *r, struct column *col, uint32_t oid, unsigned depth)
{
	const struct type *t = catalog_type_by_oid(c, oid);
	const struct relation *row = t && t->kind == TYPE_COMPOSITE ? type_row(c, oid) : NULL;

	if (!t || depth > 16)
		return;
	col->code = col->code || t->code;
	r->code = r->code || t->code || t->stores;
	r->computes = r->computes || t->code || t->stores;
	if (t->elem || t->kind == TYPE_DOMAIN)
		type_code(c, r, col, t->elem ? t->elem : t->base, depth + 1);
	for (unsigned i = 0; row && i < row->ncols; i++)
		type_code(c, r, col, row->cols[i].type_oid, depth + 1);
}

static void resolve_column_type(struct catalog_builder *b, struct relation *r, struct column *col)
{
	const struct type *t = catalog_type_by_oid(b->c, col->type_oid),
			  *f = type_foreign(b->c, col->type_oid),
			  *row = catalog_type(b->c, r->schema, r->name);

	col->base_type = t && t->kind == TYPE_DOMAIN ? t->base : col->type_oid;
	col->simple = type_simple(b->c, col->type_oid) && !col->collated;
	type_code(b->c, r, col, col->type_oid, 0);
	/* a cast of the whole row reads the column with all others */
	f = f ? f : row && row->cast ? row : NULL;
	if (!f)
		return;
	col->foreign = arena_printf(&b->c->a, "%s.%s", f->schema, f->name);
	if (!col->foreign)
		b->oom = true;
}

static void resolve_types(struct catalog_builder *b)
{
	for (unsigned i = 0; i < b->c->ntypes; i++)
		if (b->c->types_by_oid[i]->kind == TYPE_DOMAIN)
			resolve_domain(b->c, b->c->types_by_oid[i]);
	for (unsigned i = 0; i < b->c->nrelations; i++)
		for (unsigned k = 0; k < b->c->by_oid[i]->ncols; k++)
			resolve_column_type(b, b->c->by_oid[i], &b->c->by_oid[i]->cols[k]);
}

/* ---- inheritance ---- */
static int by_parent(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	return (x->parent > y->parent) - (x->parent < y->parent);
}

/* All that is reachable from start downwards, each once. */
static bool descend(struct catalog_builder *b, uint32_t start, struct colset *found)
{
	uint32_t *todo = malloc((b->nedges + 1) * sizeof(*todo));
	unsigned n = 0;
	bool ok = todo != NULL;

	if (ok)
		todo[n++] = start;
	while (ok && n > 0) {
		uint32_t parent = todo[--n];
		unsigned lo = 0, hi = b->nedges;

		while (lo < hi) {
			unsigned mid = lo + (hi - lo) / 2;

			if (b->edges[mid].parent < parent)
				lo = mid + 1;
			else
				hi = mid;
		}
		for (; ok && lo < b->nedges && b->edges[lo].parent == parent; lo++) {
			struct colref c = {b->edges[lo].child, 0};

			if (c.relid == start || colset_has(found, c) ||
				!catalog_relation_by_oid(b->c, c.relid))
				continue;
			ok = colset_add(&b->c->a, found, c);
			todo[n++] = c.relid;
		}
	}
	free(todo);
	return ok;
}

static uint32_t *append(struct catalog_builder *b, uint32_t *v, unsigned n, uint32_t oid)
{
	uint32_t *more = arena_array(&b->c->a, n + 1, sizeof(*more));

	if (!more) {
		b->oom = true;
		return v;
	}
	if (n)
		memcpy(more, v, n * sizeof(*more));
	more[n] = oid;
	return more;
}

static void resolve_inheritance(struct catalog_builder *b)
{
	if (b->nedges)
		qsort(b->edges, b->nedges, sizeof(*b->edges), by_parent);
	for (unsigned i = 0; i < b->nedges && !b->oom; i++) {
		struct relation *r =
			(struct relation *)(uintptr_t)catalog_relation_by_oid(b->c, b->edges[i].parent);
		struct colset found = {0};

		if (!r || r->nchildren)
			continue;
		if (!descend(b, r->oid, &found)) {
			b->oom = true;
			return;
		}
		r->children = arena_array(&b->c->a, found.n, sizeof(*r->children));
		if (!r->children) {
			b->oom = true;
			return;
		}
		for (unsigned k = 0; k < found.n; k++) {
			struct relation *child =
				(struct relation *)(uintptr_t)catalog_relation_by_oid(b->c, found.v[k].relid);

			r->children[r->nchildren++] = child->oid;
			child->parents = append(b, child->parents, child->nparents, r->oid);
			child->nparents += !b->oom;
		}
	}
}

/* ---- what a read shows ---- */
static void read_self(struct catalog_builder *b, const struct relation *r, struct column *c)
{
	c->read = (struct colset){0};
	if (!colset_add(&b->c->a, &c->read, (struct colref){r->oid, c->attnum}) ||
		!colset_union(&b->c->a, &c->read, &c->from))
		b->oom = true;
}

static void each_column(struct catalog_builder *b,
	void (*fn)(struct catalog_builder *, const struct relation *, struct column *))
{
	for (unsigned i = 0; i < b->c->nrelations && !b->oom; i++)
		for (unsigned k = 0; k < b->c->by_oid[i]->ncols; k++)
			fn(b, b->c->by_oid[i], &b->c->by_oid[i]->cols[k]);
}

static void read_children(struct catalog_builder *b, const struct relation *r, struct column *c)
{
	for (unsigned i = 0; i < r->nchildren && !b->oom; i++) {
		const struct relation *child = catalog_relation_by_oid(b->c, r->children[i]);
		const struct column *same = relation_column(child, c->name);

		if (!same)
			continue;
		if (!colset_add(&b->c->a, &c->read, (struct colref){child->oid, same->attnum}) ||
			!colset_union(&b->c->a, &c->read, &same->from))
			b->oom = true;
	}
}

static bool ends(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

/* What says of a partition which rows it has, or how many: a statement about one row moves its numbers. */
static bool tells_partition(const struct relation *r, const struct column *c)
{
	static const char *const sizes[] = {
		"relpartbound", "reltuples", "relpages", "relallvisible", "relallfrozen"};
	static const char *const names[] = {"relid", "indexrelid", "schemaname", "relname", "indexrelname"};
	bool counters = (!strncmp(r->name, "pg_stat_", 8) || !strncmp(r->name, "pg_statio_", 10)) &&
			(ends(r->name, "_tables") || ends(r->name, "_indexes")),
	     name = false, size = false;

	if (strcmp(r->schema, "pg_catalog") != 0)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++)
		size = size || (!strcmp(r->name, "pg_class") && !strcmp(c->name, sizes[i]));
	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		name = name || !strcmp(c->name, names[i]);
	return size || (counters && !name);
}

/* Where a row is, is a value of the partition's key. */
static void resolve_partitions(struct catalog_builder *b)
{
	struct colset keys = {0};

	for (unsigned i = 0; i < b->relations.n && !b->oom; i++) {
		const struct draft_relation *d = b->relations.v[i];

		for (unsigned k = 0; k < d->ncols && d->r.cols; k++)
			if (d->cols[k].partition_key && !colset_union(&b->c->a, &keys, &d->r.cols[k].read))
				b->oom = true;
	}
	for (unsigned i = 0; i < b->relations.n && keys.n && !b->oom; i++) {
		struct draft_relation *d = b->relations.v[i];

		for (unsigned k = 0; k < d->ncols && d->r.cols && !b->oom; k++) {
			struct column *c = &d->r.cols[k];

			if (!tells_partition(&d->r, c))
				continue;
			if (!colset_union(&b->c->a, &c->from, &keys))
				b->oom = true;
			else
				read_self(b, &d->r, c);
		}
	}
}

static struct column *last_value(const struct relation *r)
{
	return r ? (struct column *)(uintptr_t)relation_column(r, "last_value") : NULL;
}

/* A sequence's last number is a value of the column that got it. */
static void resolve_sequences(struct catalog_builder *b)
{
	struct catalog *c = b->c;
	const struct relation *all = catalog_relation(c, "pg_catalog", "pg_sequences");
	struct column *any = last_value(all);

	for (unsigned i = 0; i < b->sequences.n && !b->oom; i++) {
		const struct member *m = b->sequences.v[i];
		const struct relation *sequence = catalog_relation_by_oid(c, m->id),
				      *r = catalog_relation_by_oid(c, m->column.relid);
		const struct column *numbered = r ? relation_column_by_attnum(r, m->column.attnum) : NULL;
		struct column *last = last_value(sequence);

		if (!numbered)
			continue;
		if (!colset_union(&c->a, &c->numbered, &numbered->read) ||
			(last && !colset_union(&c->a, &last->from, &numbered->read)))
			b->oom = true;
		if (last && !b->oom)
			read_self(b, sequence, last);
	}
	if (any && !b->oom && !colset_union(&c->a, &any->from, &c->numbered))
		b->oom = true;
	if (any && !b->oom)
		read_self(b, all, any);
}

int catalog_finish(struct catalog_builder *b, struct err *e)
{
	place_all(b);
	if (!b->oom)
		resolve_types(b);
	if (!b->oom)
		resolve_inheritance(b);
	if (!b->oom)
		each_column(b, read_self);
	if (!b->oom)
		catalog_resolve_generated(b);
	if (!b->oom)
		catalog_resolve_sources(b);
	if (!b->oom)
		catalog_resolve_constraints(b);
	if (!b->oom) {
		each_column(b, read_self);
		each_column(b, read_children);
		resolve_partitions(b);
		catalog_resolve_policies(b);
		resolve_sequences(b);
	}
	if (!b->oom)
		catalog_resolve_views(b);
	if (!b->oom)
		catalog_resolve_policies(b);
	if (!b->oom)
		catalog_resolve_policy_code(b);
	return b->oom ? err_set(e, -ENOMEM, "out of memory for a catalogue") : 0;
}
