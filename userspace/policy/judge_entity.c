/* SPDX-License-Identifier: MIT */
/* Dates that are shifted by whose they are. */
#include <string.h>

#include "policy/judge.h"

/* Which output is the column that m's entity names in the row that date is of; 0: none. Two rows of a join
 * would not do: with the entities of others a date could be asked for until its shifts cancel out. */
static unsigned entity_of(
	struct judge *j, const struct statement *st, const struct output *date, const struct mask *m)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), date->own.relid);

	for (unsigned i = 0; date->own.relid && r && i < st->noutputs; i++) {
		const struct output *o = &st->outputs[i];
		const struct column *c =
			o->own.relid == r->oid ? relation_column_by_attnum(r, o->own.attnum) : NULL;

		if (c && !strcmp(c->name, m->entity))
			return i + 1;
	}
	return 0;
}

void judge_entity(struct judge *j, const struct statement *st, const struct output *o, struct column_plan *cp)
{
	if (cp->action != ACTION_MASK || cp->mask->kind != MASK_SHIFT)
		return;
	cp->entity = entity_of(j, st, o, cp->mask);
	if (!cp->entity)
		cp->action = ACTION_NULL;
}

/* The shifted date of r, or of a child of it, that column is, or says whose it is; NULL: none. */
static const struct masking *dated_by(struct judge *j, const struct relation *r, const struct column *column)
{
	for (unsigned k = 0; k < r->ncols; k++) {
		const struct column *date = &r->cols[k];
		const struct masking *m = binding_column(j->b, (struct colref){r->oid, date->attnum});

		if (!m)
			m = binding_set(j->b, &date->from);
		if (m && m->direct->kind == MASK_SHIFT &&
			(date == column || !strcmp(m->direct->entity, column->name)))
			return m;
	}
	return NULL;
}

static bool check_entity(struct judge *j, struct colref to, struct plan *p)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), to.relid);
	const struct column *column = r ? relation_column_by_attnum(r, to.attnum) : NULL;
	const struct masking *m = column ? dated_by(j, r, column) : NULL;

	if (!m)
		return true;
	judge_deny(j, p, "42501",
		arena_printf(j->a,
			"column %s is a date that is shifted, or says whose one is, and may not be written",
			judge_column_name(j, to)),
		judge_hint(j, m));
	return false;
}

/* Who writes the entity's column, or the key that it refers to, could give a date to one entity after the
 * other; and who writes a date sees by how much it is moved, and with it all of the entity's. */
bool judge_entities(struct judge *j, const struct statement *st, struct plan *p)
{
	for (unsigned i = 0; i < st->assigned.n; i++)
		if (!check_entity(j, st->assigned.v[i], p))
			return false;
	for (unsigned i = 0; i < st->tested.n; i++)
		if (!check_entity(j, st->tested.v[i], p))
			return false;
	for (unsigned i = 0; i < st->paid.n; i++)
		if (!check_entity(j, st->paid.v[i], p))
			return false;
	return true;
}
