/* SPDX-License-Identifier: MIT */
/* What EXPLAIN may tell of masked columns. */
#include "policy/judge.h"

static const struct mask measured = {.kind = MASK_DETECT, .plan_text = true};

/* Whether EXPLAIN ANALYZE may measure masked columns: those that are shown or asked about, and, where there
 * is more to the statement than one query of tables, any that its relations have. How much a sort takes of
 * memory says how long the values are that it has; estimates are of a column as a whole. */
static bool measures_masked(struct judge *j, const struct statement *in, const struct plan *p)
{
	bool deep = in->kind != STATEMENT_SELECT || in->levels > 1;

	for (unsigned i = 0; i < in->nuses; i++)
		if (binding_column(j->b, in->uses[i].column))
			return true;
	for (unsigned i = 0; i < in->nrelations && !deep; i++) {
		const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), in->relations[i]);

		deep = !r || r->kind == 'v';
	}
	for (unsigned i = 0; i < in->nrelations && deep; i++)
		if (judge_masks(j->b, in->relations[i]))
			return true;
	return p->masks;
}

static bool key_masked(struct judge *j, const struct relation *r)
{
	for (unsigned i = 0; r && i < r->ncols; i++)
		if (r->cols[i].partition_key && binding_set(j->b, &r->cols[i].read))
			return true;
	return false;
}

/* Whether what it reads or writes is divided by a masked column, at any level: how many rows come of each
 * partition tells of their values. */
static bool divided_masked(struct judge *j, const struct statement *in)
{
	for (unsigned i = 0; i < in->nrelations; i++) {
		const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), in->relations[i]);

		if (!r || key_masked(j, r))
			return true;
		for (unsigned k = 0; k < r->nparents; k++)
			if (key_masked(j, catalog_relation_by_oid(binding_catalog(j->b), r->parents[k])))
				return true;
	}
	return false;
}

/* How long it takes to compute something of a value, and how many rows each step gives, tell of the value. A
 * plain output column is not even looked at: its rows go nowhere. */
bool judge_explain(struct judge *j, const struct statement *st, struct plan *p)
{
	const struct explain_options *o = &st->explain;
	const char *reason = NULL;

	for (unsigned i = 0; i < st->inner->nrelations && !reason; i++)
		if (binding_inherits(j->b, st->inner->relations[i]))
			reason = "EXPLAIN would tell how much space copies of masked columns take";
	if (reason) {
		judge_deny(j, p, "42501", reason, NULL);
		return false;
	}
	if (o->analyze && judge_reads(j, st->inner, p->inner))
		reason = "EXPLAIN ANALYZE is not allowed where masked columns are used otherwise than as "
			 "plain "
			 "output columns: its times and counts tell of them";
	else if (o->analyze && divided_masked(j, st->inner))
		reason = "EXPLAIN ANALYZE is not allowed where a table is divided by a masked column: its "
			 "counts tell how many rows are in each partition";
	else if (o->measures && p->inner->masks)
		reason = "EXPLAIN (SERIALIZE) of masked columns is not allowed: it tells how long they are";
	else if (o->settings && (p->inner->code || p->code))
		reason = "EXPLAIN (SETTINGS) is not allowed where code of the database's own runs, which may "
			 "set "
			 "them";
	if (reason)
		judge_deny(
			j, p, "42501", reason, "Use EXPLAIN without this option, or without these columns.");
	else if (o->analyze && measures_masked(j, st->inner, p->inner))
		p->columns[0] = (struct column_plan){.action = ACTION_MASK, .mask = &measured};
	p->masks = p->columns[0].action != ACTION_PASS;
	return !reason;
}
