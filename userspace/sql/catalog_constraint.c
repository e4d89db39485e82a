/* SPDX-License-Identifier: MIT */
/* Constraints: which columns are held against each other, so that writing one of them asks about the rest. */
#include "sql/catalog_internal.h"

#include <stdlib.h>
#include <string.h>

static struct relation *relation(struct catalog_builder *b, uint32_t oid)
{
	return (struct relation *)(uintptr_t)catalog_relation_by_oid(b->c, oid);
}

static struct column *column(struct catalog_builder *b, struct colref c)
{
	const struct relation *r = catalog_relation_by_oid(b->c, c.relid);

	return r ? (struct column *)(uintptr_t)relation_column_by_attnum(r, c.attnum) : NULL;
}

static void add(struct catalog_builder *b, struct colset *s, struct colref c)
{
	b->oom = b->oom || !colset_add(&b->c->a, s, c);
}

static void join(struct catalog_builder *b, struct colset *s, const struct colset *other)
{
	b->oom = b->oom || !colset_union(&b->c->a, s, other);
}

/* An id is of a catalogue of its own for each kind; a generated column and its sources share one. */
static bool same_group(const struct member *x, const struct member *y)
{
	bool x_made = x->kind == MEMBER_SOURCE || x->kind == MEMBER_GENERATED,
	     y_made = y->kind == MEMBER_SOURCE || y->kind == MEMBER_GENERATED;

	return x->id == y->id && (x->kind == y->kind || (x_made && y_made));
}

static int by_group(const void *a, const void *b)
{
	const struct member *x = *(const struct member *const *)a, *y = *(const struct member *const *)b;

	if (same_group(x, y) || x->id != y->id)
		return (x->id > y->id) - (x->id < y->id);
	return x->kind < y->kind ? -1 : 1;
}

/* Calls fn for every constraint: its columns and, of a generated column, what is generated. */
static void each_group(
	struct catalog_builder *b, void (*fn)(struct catalog_builder *b, enum member_kind kind,
					   const struct colset *columns, struct column *generated))
{
	struct member **v = (struct member **)b->members.v;

	for (unsigned i = 0; i < b->members.n && !b->oom;) {
		struct column *generated = NULL;
		struct colset columns = {0};
		const struct member *first = v[i];
		enum member_kind kind = first->kind;

		for (; i < b->members.n && same_group(v[i], first); i++) {
			const struct relation *r = relation(b, v[i]->column.relid);

			if (v[i]->kind == MEMBER_GENERATED) {
				kind = MEMBER_GENERATED;
				generated = column(b, v[i]->column);
				continue;
			}
			for (unsigned k = 0; r && k < r->ncols; k++)
				if (v[i]->column.attnum == 0 || v[i]->column.attnum == r->cols[k].attnum)
					add(b, &columns, (struct colref){r->oid, r->cols[k].attnum});
		}
		fn(b, kind, &columns, generated);
	}
}

static void show_sources(struct catalog_builder *b, enum member_kind kind, const struct colset *columns,
	struct column *generated)
{
	for (unsigned i = 0; kind == MEMBER_GENERATED && generated && i < columns->n; i++) {
		const struct column *source = column(b, columns->v[i]);

		if (source && source != generated)
			join(b, &generated->from, &source->read);
	}
}

/* Lineage leaves out what a condition of the expression decides by; a statement's use of it is refused, but
 * here the value stands in the table. */
void catalog_resolve_sources(struct catalog_builder *b)
{
	if (b->members.n)
		qsort(b->members.v, b->members.n, sizeof(*b->members.v), by_group);
	each_group(b, show_sources);
}

static void hold(struct catalog_builder *b, enum member_kind kind, const struct colset *columns,
	struct column *generated)
{
	(void)generated;
	for (unsigned i = 0; i < columns->n && kind != MEMBER_POLICY; i++) {
		struct column *c = column(b, columns->v[i]);

		if (!c)
			continue;
		c->checked = c->checked || kind == MEMBER_CHECK || kind == MEMBER_GENERATED;
		if (kind == MEMBER_UNIQUE || kind == MEMBER_EQUAL) {
			join(b, &c->against, columns);
			continue;
		}
		for (unsigned k = 0; k < columns->n; k++)
			if (k != i)
				add(b, &c->beside, columns->v[k]);
	}
}

static bool *mark_of(struct catalog_builder *b, struct colref at)
{
	struct column *c = column(b, at);

	return c ? &c->equal : NULL;
}

static void equal(struct catalog_builder *b, enum member_kind kind, const struct colset *columns,
	struct column *generated)
{
	bool *mark = kind == MEMBER_EQUAL && columns->n == 1 ? mark_of(b, columns->v[0]) : NULL;

	(void)generated;
	if (mark)
		*mark = true;
}

/* What else it is held against. */
static void unequal(struct catalog_builder *b, enum member_kind kind, const struct colset *columns,
	struct column *generated)
{
	(void)generated;
	for (unsigned i = 0; i < columns->n; i++) {
		bool *mark = mark_of(b, columns->v[i]);

		if (mark && kind != MEMBER_EQUAL && kind != MEMBER_CHECK && kind != MEMBER_POLICY)
			*mark = false;
	}
}

/* A change of a source changes what is generated of it, and that is held against others in its turn. */
static void hand_on(struct catalog_builder *b, enum member_kind kind, const struct colset *columns,
	struct column *generated)
{
	for (unsigned i = 0; kind == MEMBER_GENERATED && generated && i < columns->n; i++) {
		struct column *c = column(b, columns->v[i]);

		if (!c || c == generated)
			continue;
		join(b, &c->against, &generated->against);
		join(b, &c->beside, &generated->beside);
	}
}

/* ---- foreign keys ---- */
static struct reference *reference(struct catalog_builder *b, struct relation *r, const struct foreign_key *k)
{
	struct reference *v = arena_array(&b->c->a, r->nreferences + 1, sizeof(*v));

	if (!v) {
		b->oom = true;
		return NULL;
	}
	if (r->nreferences)
		memcpy(v, r->references, r->nreferences * sizeof(*v));
	r->references = v;
	v += r->nreferences++;
	*v = (struct reference){.relid = k->from.relid, .on_delete = k->on_delete, .on_update = k->on_update};
	return v;
}

static int by_key(const void *a, const void *b)
{
	const struct foreign_key *x = *(const struct foreign_key *const *)a,
				 *y = *(const struct foreign_key *const *)b;

	return (x->id > y->id) - (x->id < y->id);
}

/* The n pairs of one foreign key. */
static void foreign_key(struct catalog_builder *b, struct foreign_key *const *k, unsigned n)
{
	struct relation *parent = relation(b, k[0]->to.relid), *child = relation(b, k[0]->from.relid);
	struct reference *ref = parent && child ? reference(b, parent, k[0]) : NULL;
	struct colset both = {0};

	if (!ref)
		return;
	for (unsigned i = 0; i < n; i++) {
		add(b, &ref->from, k[i]->from);
		add(b, &ref->to, k[i]->to);
	}
	join(b, &both, &ref->from);
	join(b, &both, &ref->to);
	/* a new row of the parent is checked against nothing; what goes or changes there, the reference says
	 */
	for (unsigned i = 0; i < ref->from.n; i++)
		if (column(b, ref->from.v[i])) {
			join(b, &column(b, ref->from.v[i])->against, &both);
			column(b, ref->from.v[i])->equal = false;
		}
	/* the check reads the parent as its owner, whom FORCE ROW LEVEL SECURITY binds too */
	child->code = child->code || parent->row_security;
}

/* Which rows there are for a role says what the policies' conditions have found. */
void catalog_resolve_policies(struct catalog_builder *b)
{
	for (unsigned i = 0; i < b->members.n && !b->oom; i++) {
		const struct member *m = b->members.v[i];
		struct relation *r = m->kind == MEMBER_POLICY ? relation(b, m->id) : NULL;
		const struct relation *from = r && r->row_security ? relation(b, m->column.relid) : NULL;

		for (unsigned k = 0; from && k < from->ncols; k++)
			if (m->column.attnum == 0 || m->column.attnum == from->cols[k].attnum)
				join(b, &r->uses, &from->cols[k].read);
	}
}

void catalog_resolve_constraints(struct catalog_builder *b)
{
	struct foreign_key **k = (struct foreign_key **)b->keys.v;

	for (unsigned i = 0; i < b->relations.n; i++) {
		struct draft_relation *d = b->relations.v[i];

		d->r.owned_code = d->r.code;
		d->r.code = d->r.code || d->r.row_security;
	}
	each_group(b, equal);
	each_group(b, unequal);
	if (b->keys.n)
		qsort(k, b->keys.n, sizeof(struct foreign_key *), by_key);
	for (unsigned i = 0, n; i < b->keys.n && !b->oom; i += n) {
		for (n = 1; i + n < b->keys.n && k[i + n]->id == k[i]->id;)
			n++;
		foreign_key(b, &k[i], n);
	}
	each_group(b, hold);
	each_group(b, hand_on);
}
