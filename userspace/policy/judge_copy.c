/* SPDX-License-Identifier: MIT */
/* What is put into other columns. A copy may stand where it is masked just as it was: in a column of the same
 * rule, or, under copies: taint, in what this session makes for itself, which inherits the rule.
 *
 * Where a value that the client does not know is put into a column, whether that succeeds must not hang on
 * the value, and nothing may run that looks at it. And what a rule lets of many values, it may not let of one
 * that was copied many times. */
#include <string.h>

#include "policy/judge.h"
#include "policy/strict.h"

/* One column of a copy that is masked. */
struct source {
	struct colref column;
	const struct masking *m;
};

static const struct column *column_of(struct judge *j, struct colref c)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), c.relid);

	return r && c.attnum > 0 && c.via == VIA_VALUE ? relation_column_by_attnum(r, c.attnum) : NULL;
}

static void deny_copy(struct judge *j, struct plan *p, struct source s)
{
	judge_deny(j, p, "42501",
		arena_printf(j->a, "column %s is masked and may not be written elsewhere",
			judge_column_name(j, s.column)),
		judge_hint(j, s.m));
}

/* ---- into a column that is there ---- */
static bool inert(struct judge *j, const struct relation *r, const struct column *c)
{
	const struct type *t = catalog_type_by_oid(binding_catalog(j->b), c->type_oid);

	/* what the caller may drop he may put another in the place of, while a statement of his waits for it
	 */
	if ((r->own || j->relayed) && strncmp(r->schema, "pg_temp_", 8) != 0)
		return false;
	if (!strchr("rp", r->kind) || r->triggers || r->rules || r->code || r->computes || r->row_security)
		return false;
	if (c->against.n || c->beside.n || c->checked || c->indexed || c->partition_key || c->generated ||
		c->code)
		return false;
	return !t || t->kind != TYPE_DOMAIN;
}

/* A column's name may be a word for a detector. */
static bool same_mask(const struct mask *a, const struct mask *b)
{
	return a == b ||
	       (strict_compare(a, b) == 0 && detectors_none(&a->detectors) && detectors_none(&b->detectors));
}

static bool same_masking(const struct masking *to, const struct masking *from)
{
	const struct permit copy = permit_copy(&from->permit);

	if (!to || !to->rule || !same_mask(to->direct, from->direct) ||
		!same_mask(to->derived, from->derived) || from->direct->kind == MASK_SHIFT)
		return false;
	/* whether there is a value at all shows in whether it may be put there */
	return copy.aggregates && permit_covers(&to->permit, &copy);
}

/* What is written by the name of a parent may go into a child. */
static bool fits(struct judge *j, const struct relation *r, const char *name, struct source s)
{
	const struct column *c = r ? relation_column(r, name) : NULL, *from = column_of(j, s.column);

	return c && from && inert(j, r, c) && c->type_oid == from->type_oid && c->typmod == from->typmod &&
	       same_masking(binding_column(j->b, (struct colref){r->oid, c->attnum, 0, 0}), s.m);
}

static bool same_rule(struct judge *j, const struct copy *copy, struct source s)
{
	const struct catalog *cat = binding_catalog(j->b);
	const struct relation *r = catalog_relation_by_oid(cat, copy->to.relid);

	if (!copy->direct || !fits(j, r, copy->name, s))
		return false;
	for (unsigned i = 0; i < r->nchildren; i++)
		if (!fits(j, catalog_relation_by_oid(cat, r->children[i]), copy->name, s))
			return false;
	for (unsigned i = 0; i < r->nparents; i++) {
		const struct relation *up = catalog_relation_by_oid(cat, r->parents[i]);
		const struct column *c = up ? relation_column(up, copy->name) : NULL;

		if (!up || (c && c->partition_key))
			return false;
	}
	return true;
}

/* ---- into what the statement makes ---- */
static bool may_inherit(
	struct judge *j, const struct statement *st, const struct copy *copy, struct source s, struct plan *p)
{
	bool plain = copy->direct && *copy->name && column_of(j, s.column);

	if (!s.m->rule || s.m->permit.copies != COPIES_TAINT || s.m->direct->kind == MASK_SHIFT ||
		(st->makes_kind != 'v' && !plain)) {
		deny_copy(j, p, s);
		return false;
	}
	if (st->temporary || !st->makes)
		return true;
	judge_deny(j, p, "42501",
		arena_printf(j->a,
			st->makes_kind == 'v'
				? "column %s is masked, and a view of it that others see could take the "
				  "place "
				  "of one that they were judged by"
				: "column %s is masked, and a table that outlives the session would not keep "
				  "its mask",
			judge_column_name(j, s.column)),
		"Make a temporary table or view of it: these inherit the mask.");
	return false;
}

/* The columns of others that s is a copy of. */
static bool add_source(struct judge *j, struct heir_column *c, struct source s)
{
	const struct colset *further = binding_sources(j->b, s.column);

	if (further)
		return colset_union(j->a, &c->from, further);
	return !binding_inherits(j->b, s.column.relid) && colset_add(j->a, &c->from, s.column);
}

static bool inherit(
	struct judge *j, const struct statement *st, const struct copy *copy, struct source s, struct plan *p)
{
	struct heir *h = p->heir;
	struct heir_column *last;

	if (!may_inherit(j, st, copy, s, p))
		return false;
	if (st->makes_kind == 'm' || !st->makes)
		return true;
	if (!h) {
		h = arena_zalloc(j->a, sizeof(*h));
		if (h)
			h->columns = arena_array(j->a, st->ncopied, sizeof(*h->columns));
		if (!h || !h->columns) {
			judge_deny(j, p, "53200", NULL, NULL);
			return false;
		}
		h->name = st->makes;
		p->heir = h;
	}
	if (st->makes_kind == 'v')
		return true;
	last = h->ncolumns ? &h->columns[h->ncolumns - 1] : NULL;
	if (!last || last->name != copy->name) {
		last = &h->columns[h->ncolumns++];
		*last = (struct heir_column){.name = copy->name};
	}
	if (!add_source(j, last, s))
		judge_deny(j, p, "53200", NULL, NULL);
	return p->reason == NULL;
}

bool judge_copies(struct judge *j, const struct statement *st, struct plan *p)
{
	for (unsigned i = 0; i < st->ncopied; i++)
		for (unsigned k = 0; k < st->copied[i].from.n; k++) {
			struct source s = {.column = st->copied[i].from.v[k]};

			s.m = binding_column(j->b, s.column);
			if (!s.m)
				continue;
			if (!st->copied[i].to.relid) {
				if (!inherit(j, st, &st->copied[i], s, p))
					return false;
			} else if (!same_rule(j, &st->copied[i], s)) {
				deny_copy(j, p, s);
				return false;
			}
		}
	return true;
}

/* Code of the database's own that looks for a relation by a name would find the session's, and what VACUUM
 * and ANALYZE measure of one tells how long its values are. */
bool judge_heirs(struct judge *j, const struct statement *st, struct plan *p)
{
	bool surveys = st->surveys && st->nrelations == 0;

	if ((!binding_heirs(j->b) && !p->heir) || binding_opaque(j->b, NULL) == OPAQUE_ALLOW)
		return true;
	for (unsigned i = 0; i < st->nrelations; i++)
		surveys = surveys || (st->surveys && binding_inherits(j->b, st->relations[i]));
	if (surveys)
		judge_deny(j, p, "42501",
			"VACUUM and ANALYZE of copies of masked columns would tell how long the values are",
			"Name other tables.");
	else if (p->code)
		judge_deny(j, p, "42501",
			"code of the database's own runs here, which could read this session's copies of "
			"masked columns",
			"Do this before they are made, or behind DISCARD TEMP.");
	return p->reason == NULL;
}
