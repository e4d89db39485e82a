/* SPDX-License-Identifier: MIT */
/* A binding is made of what the rules' patterns bind (policy/matches.h): the strictest masks of each column
 * make the table, and copies of masked columns inherit from it. */
#include "policy/binding.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mask/words.h"
#include "policy/matches.h"
#include "policy/strict.h"
#include "sql/signature.h"

struct entry {
	struct colref column;
	struct masking masking;
	const struct colset *sources; /* of an heir's column */
};

struct binding {
	atomic_uint refs;
	struct policy *policy;
	struct catalog *catalog;
	struct matches matches;
	struct entry *entries; /* sorted by column; attnum 0: the whole row */
	size_t nentries;
	enum opaque_mode opaque;
	const struct function **trusted;
	unsigned ntrusted;
	bool masks; /* there are mask rules, or row filters */
	struct row_filters rows;
	bool counts_hidden;          /* how many rows there are is not shown */
	const struct guard **guards; /* the policy's */
	unsigned nguards;
	bool heirs;
	struct arena mem; /* patterns, masks made of two, and what heirs are copies of */
};

static const struct mask to_null = {.kind = MASK_NULL};
static const struct masking hidden = {.direct = &to_null, .derived = &to_null};

static int compare_entry(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;

	return colref_order(a->column, b->column);
}

/* What a column's values are, or those that its arrays are of. */
static enum value_type leaf_type(const struct catalog *c, struct colref ref)
{
	const struct relation *r = catalog_relation_by_oid(c, ref.relid);
	const struct column *column = r ? relation_column_by_attnum(r, ref.attnum) : NULL;
	uint32_t oid = column ? column->type_oid : 0, inner = oid;

	for (unsigned depth = 0; inner && depth < DESC_DEPTH_MAX; depth++) {
		const struct type *t = catalog_type_by_oid(c, oid = inner);

		inner = t && t->kind == TYPE_DOMAIN ? t->base : catalog_type_element(c, oid);
	}
	return value_type_of(oid);
}

/* Two masks that do not cover each other (their detectors differ) are made into one that does both. Where one
 * of them is none for the type, its rule says NULL: the other, though a stricter kind, would show more. */
static bool tighten(struct binding *b, struct masking *m, const struct rule *r, enum value_type type)
{
	bool stricter = !m->direct || strict_compare(&r->mask, m->direct) < 0;
	struct mask *both;

	m->permit = m->direct ? permit_meet(&m->permit, &r->permit) : r->permit;

	if (m->direct && (!mask_has_form(r->mask.kind, type) || !mask_has_form(m->direct->kind, type))) {
		m->direct = &to_null;
	} else if (!m->direct || strict_covers(&r->mask, m->direct)) {
		m->direct = &r->mask;
	} else if (!strict_covers(m->direct, &r->mask)) {
		both = arena_alloc(&b->mem, sizeof(*both));
		if (!both || !strict_meet(both, &r->mask, m->direct, &b->mem))
			return false;
		m->direct = both;
	}
	if (stricter)
		m->rule = r;
	if (!m->derived || strict_compare(&r->derived, m->derived) < 0)
		m->derived = &r->derived;
	return true;
}

/* A column's name can be a word for what is in it. */
static bool name_words(struct binding *b, struct entry *entry)
{
	const struct mask *direct = entry->masking.direct;
	const struct relation *r = catalog_relation_by_oid(b->catalog, entry->column.relid);
	const struct column *column = r ? relation_column_by_attnum(r, entry->column.attnum) : NULL;
	struct detectors named = {0};
	struct mask *own;

	if (!column || detectors_none(&direct->detectors))
		return true;
	words_of(&named, (const uint8_t *)column->name, 0, strlen(column->name));
	for (unsigned i = 0; i < DETECTOR_WORDS; i++)
		named.bits[i] &= direct->detectors.bits[i];
	if (detectors_none(&named))
		return true;
	own = arena_alloc(&b->mem, sizeof(*own));
	if (!own)
		return false;
	*own = *direct;
	own->named = named;
	entry->masking.direct = own;
	return true;
}

static int make_entries(struct binding *b, struct err *e)
{
	struct entry *row = NULL, *last = NULL;

	/* At most one entry a match and one whole row each. */
	b->entries = calloc(b->matches.n * 2 + 1, sizeof(*b->entries));
	if (!b->entries)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	for (size_t i = 0; i < b->matches.n; i++) {
		const struct match *m = &b->matches.v[i];
		const struct rule *rule = b->matches.laid[m->laid].rule;

		if (!row || row->column.relid != m->column.relid) {
			row = &b->entries[b->nentries++];
			row->column = (struct colref){m->column.relid, 0};
			row->masking = (struct masking){&to_null, &to_null, rule, {0}};
		}
		if (!last || colref_order(last->column, m->column) != 0) {
			last = &b->entries[b->nentries++];
			last->column = m->column;
		}
		if (!tighten(b, &last->masking, rule, leaf_type(b->catalog, m->column)))
			return err_sql(e, -ENOMEM, "53200", "out of memory");
	}
	for (size_t i = 0; i < b->nentries; i++)
		if (!name_words(b, &b->entries[i]))
			return err_sql(e, -ENOMEM, "53200", "out of memory");
	/* A column number below 0 would stand before its whole row. */
	qsort(b->entries, b->nentries, sizeof(*b->entries), compare_entry);
	return 0;
}

/* ---- heirs ---- */
static struct entry *find_entry(const struct binding *b, struct colref c)
{
	struct entry key = {.column = {c.relid, c.attnum, 0, 0}};

	return bsearch(&key, b->entries, b->nentries, sizeof(*b->entries), compare_entry);
}

static bool put_entry(struct binding *b, const struct entry *new)
{
	struct entry *found = find_entry(b, new->column), *v;
	size_t at = 0;

	if (found) {
		*found = *new;
		return true;
	}
	v = reallocarray(b->entries, b->nentries + 1, sizeof(*v));
	if (!v)
		return false;
	b->entries = v;
	while (at < b->nentries && compare_entry(&v[at], new) < 0)
		at++;
	memmove(&v[at + 1], &v[at], (b->nentries++ - at) * sizeof(*v));
	v[at] = *new;
	return true;
}

/* Two masks that are not the same, or dates whose entity is somewhere else: nothing is shown. */
static void inherit(struct masking *to, const struct masking *from)
{
	struct permit p = permit_copy(&from->permit);

	if (!to->direct)
		*to = (struct masking){from->direct, from->derived, from->rule, p};
	else if (to->direct != from->direct || to->derived != from->derived)
		*to = (struct masking){
			&to_null, &to_null, to->rule ? to->rule : from->rule, permit_meet(&to->permit, &p)};
	else
		to->permit = permit_meet(&to->permit, &p);
	if (to->direct->kind == MASK_SHIFT)
		to->direct = to->derived = &to_null;
}

static bool inherit_column(struct binding *b, const struct relation *r, const struct heir_column *h)
{
	const struct column *c = relation_column(r, h->name);
	struct colset *from = arena_zalloc(&b->mem, sizeof(*from));
	struct entry e = {.column = {r->oid, c->attnum, 0, 0}, .sources = from};
	const struct entry *before = find_entry(b, e.column);

	if (!from || !colset_union(&b->mem, from, &h->from) ||
		(before && before->sources && !colset_union(&b->mem, from, before->sources)))
		return false;
	if (before)
		inherit(&e.masking, &before->masking);
	for (unsigned i = 0; i < h->from.n; i++) {
		const struct masking *m = binding_column(b, h->from.v[i]);

		if (m)
			inherit(&e.masking, m);
	}
	return !e.masking.direct || put_entry(b, &e);
}

static bool hide(struct binding *b, struct colref c)
{
	return put_entry(b, &(struct entry){.column = c, .masking = hidden});
}

/* A relation of its name that is another one, perhaps made since, shows nothing. */
static bool bind_heir(struct binding *b, const struct relation *r, const struct heir *h)
{
	bool same = true, ok = hide(b, (struct colref){r->oid, 0, 0, 0}) &&
			       hide(b, (struct colref){r->oid, COLREF_PLACE, 0, 0});

	for (unsigned i = 0; i < h->ncolumns; i++)
		same = same && relation_column(r, h->columns[i].name);
	for (unsigned i = 0; ok && same && i < h->ncolumns; i++)
		ok = inherit_column(b, r, &h->columns[i]);
	for (unsigned i = 0; ok && !same && i < r->ncols; i++)
		ok = hide(b, (struct colref){r->oid, r->cols[i].attnum, 0, 0});
	return ok;
}

struct heir_search {
	const struct heirs *heirs;
	const struct relation **found;
	unsigned n, max;
};

static bool finds_heir(void *arg, const struct relation *r)
{
	struct heir_search *s = arg;

	for (unsigned i = 0; strncmp(r->schema, "pg_temp_", 8) == 0 && i < heirs_count(s->heirs); i++)
		if (strcmp(r->name, heirs_at(s->heirs, i)->name) == 0 && r->kind != 'v') {
			if (s->n < s->max)
				s->found[s->n] = r;
			s->n++;
			break;
		}
	return true;
}

/* Those of that name in any temporary schema: nobody can read those of others. */
static int bind_heirs(struct binding *b, const struct heirs *heirs, struct err *e)
{
	struct heir_search s = {.heirs = heirs};
	bool ok;

	if (!b->heirs)
		return 0;
	catalog_each_relation(b->catalog, finds_heir, &s);
	s.max = s.n;
	s.n = 0;
	s.found = arena_array(&b->mem, s.max ? s.max : 1, sizeof(*s.found));
	ok = s.found != NULL;
	if (ok)
		catalog_each_relation(b->catalog, finds_heir, &s);
	for (unsigned i = 0; ok && i < s.n; i++)
		for (unsigned k = 0; ok && k < heirs_count(heirs); k++)
			if (strcmp(s.found[i]->name, heirs_at(heirs, k)->name) == 0)
				ok = bind_heir(b, s.found[i], heirs_at(heirs, k));
	return ok ? 0 : err_sql(e, -ENOMEM, "53200", "out of memory");
}

static void binding_free(struct binding *b)
{
	free(b->entries);
	matches_free(&b->matches);
	arena_fini(&b->mem);
	catalog_unref(b->catalog);
	policy_unref(b->policy);
	free(b);
}

static bool lists(const struct opaque_rule *o, const struct catalog *c, const struct function *f)
{
	for (unsigned i = 0; i < o->nallow; i++)
		if (signature_find(c, o->allow[i]) == f)
			return true;
	return false;
}

static bool trusted(const struct binding *b, const struct grant *g, const struct function *f)
{
	for (unsigned i = 0; i < g->nopaque; i++)
		if ((g->opaque[i]->mode != OPAQUE_ALLOW || g->opaque[i]->guarded) &&
			!lists(g->opaque[i], b->catalog, f))
			return false;
	return true;
}

static int bind_guards(struct binding *b, const struct grant *g, struct err *e)
{
	b->counts_hidden = g->nrows > 0;
	b->masks = grant_hides(g) || !g->nopaque; /* a grant that says nothing is the strictest */
	b->guards = arena_array(&b->mem, g->nguards ? g->nguards : 1, sizeof(*b->guards));
	if (!b->guards)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	for (unsigned i = 0; i < g->nguards; i++)
		b->guards[b->nguards++] = g->guards[i];
	return 0;
}

/* Of several documents the strictest: a function must be allowed by each. */
static int bind_opaque(struct binding *b, const struct grant *g, struct err *e)
{
	unsigned n = 0;

	b->opaque = g->nopaque ? OPAQUE_ALLOW : OPAQUE_DENY;
	for (unsigned i = 0; i < g->nopaque; i++) {
		n += g->opaque[i]->nallow;
		if (g->opaque[i]->mode < b->opaque)
			b->opaque = g->opaque[i]->mode;
	}
	b->trusted = arena_array(&b->mem, n ? n : 1, sizeof(*b->trusted));
	if (!b->trusted)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	/* what was said not to read a masked column may read a copy of one */
	for (unsigned i = 0; !b->heirs && i < g->nopaque; i++)
		for (unsigned j = 0; j < g->opaque[i]->nallow; j++) {
			const struct function *f = signature_find(b->catalog, g->opaque[i]->allow[j]);

			if (f && trusted(b, g, f))
				b->trusted[b->ntrusted++] = f;
		}
	return 0;
}

int binding_new(struct binding **out, struct policy *p, const struct grant *g, struct catalog *c,
	struct place *place, bool own, const struct heirs *heirs, struct err *e)
{
	struct binding *b = calloc(1, sizeof(*b));
	int r;

	*out = NULL;
	if (!b)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	atomic_init(&b->refs, 1);
	b->policy = policy_ref(p);
	b->catalog = catalog_ref(c);
	b->heirs = heirs_count(heirs) > 0;
	r = matches_find(&b->matches, g, c, place, own, &b->mem, e);
	if (!r)
		r = bind_opaque(b, g, e);
	if (!r)
		r = bind_guards(b, g, e);
	if (!r)
		r = row_filters_find(&b->rows, g, c, place, own, &b->mem, e);
	if (!r)
		r = make_entries(b, e);
	if (!r)
		r = bind_heirs(b, heirs, e);
	if (r)
		binding_free(b);
	else
		*out = b;
	return r;
}

struct binding *binding_ref(struct binding *b)
{
	atomic_fetch_add(&b->refs, 1);
	return b;
}

void binding_unref(struct binding *b)
{
	if (b && atomic_fetch_sub(&b->refs, 1) == 1)
		binding_free(b);
}

struct catalog *binding_catalog(const struct binding *b)
{
	return b->catalog;
}

struct policy *binding_policy(const struct binding *b)
{
	return b->policy;
}

bool binding_heirs(const struct binding *b)
{
	return b->heirs;
}

bool binding_inherits(const struct binding *b, uint32_t relid)
{
	return b->heirs && find_entry(b, (struct colref){relid, COLREF_PLACE, 0, 0});
}

const struct colset *binding_sources(const struct binding *b, struct colref c)
{
	const struct entry *e = b->heirs ? find_entry(b, c) : NULL;

	return e ? e->sources : NULL;
}

enum opaque_mode binding_opaque(const struct binding *b, const struct function *f)
{
	for (unsigned i = 0; f && i < b->ntrusted; i++)
		if (b->trusted[i] == f)
			return OPAQUE_ALLOW;
	return b->opaque;
}

const struct row_filters *binding_rows(const struct binding *b)
{
	return &b->rows;
}

bool binding_masks(const struct binding *b)
{
	return b->masks;
}

const struct guard *const *binding_guards(const struct binding *b, unsigned *n)
{
	*n = b->nguards;
	return b->guards;
}

const struct function *const *binding_trusted(const struct binding *b, unsigned *n)
{
	*n = b->ntrusted;
	return b->trusted;
}

static bool opaque_hidden(const struct binding *b, uint32_t function)
{
	for (unsigned i = 0; i < b->ntrusted; i++)
		if (b->trusted[i]->oid == function)
			return false;
	return b->opaque != OPAQUE_ALLOW;
}

static bool secret(const struct binding *b, const struct relation *r, const struct column *c)
{
	return c->sensitive || (b->counts_hidden && r->system && catalog_counts(r->name, c->name));
}

/* What no rule speaks of. A toast table holds what its table's columns hold. */
static const struct masking *unruled(const struct binding *b, struct colref c)
{
	const struct relation *r = catalog_relation_by_oid(b->catalog, c.relid);
	const struct column *column;

	if (!b->masks)
		return NULL;
	if (c.attnum == COLREF_OPAQUE)
		return opaque_hidden(b, c.relid) ? &hidden : NULL;
	if (c.attnum == COLREF_WRITTEN)
		return NULL;
	if (!r || r->kind == 't')
		return &hidden;
	if (c.attnum < 0) /* but an heir's: ctid, xmin, tableoid … say nothing of any value */
		return NULL;
	if (c.attnum > 0) {
		column = relation_column_by_attnum(r, c.attnum);
		return column && !secret(b, r, column) ? NULL : &hidden;
	}
	for (unsigned i = 0; i < r->ncols; i++)
		if (secret(b, r, &r->cols[i]))
			return &hidden;
	return NULL;
}

const struct masking *binding_column(const struct binding *b, struct colref c)
{
	struct entry key = {.column = c};
	const struct entry *found =
		bsearch(&key, b->entries, b->nentries, sizeof(*b->entries), compare_entry);

	if (!found)
		return unruled(b, c);
	return permit_shows(&found->masking.permit, c) ? NULL : &found->masking;
}

const struct masking *binding_set(const struct binding *b, const struct colset *s)
{
	const struct masking *strictest = NULL;

	for (unsigned i = 0; i < s->n; i++) {
		const struct masking *m = binding_column(b, s->v[i]);
		int r = m && strictest ? strict_compare(m->direct, strictest->direct) : 0;

		if (m && strictest && !r)
			r = strict_compare(m->derived, strictest->derived);
		if (m && (!strictest || r < 0))
			strictest = m;
	}
	return strictest;
}

bool binding_mixed(const struct binding *b, const struct colset *s)
{
	const struct masking *first = NULL;

	for (unsigned i = 0; i < s->n; i++) {
		const struct masking *m = binding_column(b, s->v[i]);

		if (m && first && m->direct != first->direct && strict_compare(m->direct, first->direct) != 0)
			return true;
		if (m && !first)
			first = m;
	}
	return false;
}
