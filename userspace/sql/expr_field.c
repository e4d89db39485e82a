/* SPDX-License-Identifier: MIT */
/* (x).field, x[1], x[1:2], (x).*: fields must be known ones, since f(x) can be written (x).f too. */
#include "sql/lineage.h"

#include <string.h>

static struct taint derived(struct lineage *l, const struct taint *t, uint32_t type, bool odd)
{
	struct taint acc = {0}, copy = *t;

	copy.foreign = NULL;
	taint_mix(l, &acc, &copy);
	acc.type = type;
	acc.odd = odd;
	return acc;
}

/* A part of t that is of the type of column c: what reads a literal beside it is that type's. */
static struct taint part(struct lineage *l, const struct taint *t, const struct column *c)
{
	struct taint out = derived(l, t, c->type_oid, !c->simple);

	out.foreign = c->foreign;
	return out;
}

static struct taint field(struct lineage *l, const struct taint *t, const char *name, int location)
{
	const struct relation *r = lineage_row(l, t->type);
	struct taint out = {0};

	if (t->row && !t->row->open && item_find(l, t->row, name, &out) == 1) {
		out.calm = false;
		return out;
	}
	for (unsigned i = 0; r && i < r->ncols && t->nfields == r->ncols; i++)
		if (!strcmp(r->cols[i].name, name))
			return part(l, &t->fields[i], &r->cols[i]);
	for (unsigned i = 0; r && i < r->ncols; i++)
		if (!strcmp(r->cols[i].name, name))
			return part(l, t, &r->cols[i]);
	for (unsigned i = 0; i < t->ncols; i++) {
		if (strcmp(t->cols[i], name) != 0)
			continue;
		out = derived(l, t, 0, true);
		out.foreign = t->foreign;
		return out;
	}
	lineage_odd(l, location, "a field of this value (or a function in field notation)");
	return out;
}

/* Of what the server needs not convert, or converts when it reads the statement. */
static bool index_fits(const struct taint *t, bool document)
{
	return !t->odd && !t->foreign && t->type &&
	       (t->type == type_builtin("int4") || (document && t->type == type_builtin("text")));
}

/* again: another subscript follows. Those of an array count as one. */
static void subscript(
	struct lineage *l, struct scope *sc, const PgQuery__AIndices *i, bool again, struct taint *t)
{
	uint32_t array = type_base(l->names->catalog, t->type), element = type_builtin_element(array);
	bool document = taint_of_type(l, t, "jsonb"), total = document ? !i->is_slice : element && !again;
	struct taint acc = derived(l, t, 0, true), index;
	const PgQuery__Node *v[] = {i->lidx, i->uidx};

	lineage_seen(l, i);
	for (unsigned k = 0; k < ARRAY_LEN(v); k++) {
		if (!v[k])
			continue;
		index = expr(l, sc, v[k]);
		total = total && index_fits(&index, document);
		taint_mix(l, &acc, &index);
	}
	if (!total || t->foreign)
		lineage_use(l, &acc, "a subscript");
	acc.odd = true;
	if (total) {
		acc.type = document || i->is_slice ? array : element;
		acc.odd = acc.collated || !type_simple_builtin(acc.type);
	}
	acc.foreign = t->foreign;
	*t = acc;
}

/* All but the last n of the steps. */
static struct taint steps(struct lineage *l, struct scope *sc, const PgQuery__AIndirection *ind, size_t n)
{
	struct taint t = {0};

	lineage_seen(l, ind);
	if (!ind->arg) {
		lineage_odd(l, -1, "this field");
		return t;
	}
	t = expr(l, sc, ind->arg);
	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		const PgQuery__Node *step = ind->indirection[i];

		if (step->node_case == PG_QUERY__NODE__NODE_A_INDICES)
			subscript(l, sc, step->a_indices,
				i + 1 < ind->n_indirection &&
					ind->indirection[i + 1]->node_case == PG_QUERY__NODE__NODE_A_INDICES,
				&t);
		else if (step->node_case == PG_QUERY__NODE__NODE_STRING)
			t = field(l, &t, step->string->sval, -1);
		else
			lineage_odd(l, -1, "this field");
	}
	return t;
}

struct taint expr_indirection(struct lineage *l, struct scope *sc, const PgQuery__AIndirection *ind)
{
	return steps(l, sc, ind, ind->n_indirection);
}

void expr_indirection_star(
	struct lineage *l, struct scope *sc, const PgQuery__AIndirection *ind, struct outputs *out)
{
	struct taint t = steps(l, sc, ind, ind->n_indirection - 1);
	const struct relation *r = lineage_row(l, t.type);

	if (lineage_stopped(l))
		return;
	if (t.row && !t.row->open && !t.row->nstarless) {
		for (unsigned i = 0; i < item_ncols(t.row) && !lineage_stopped(l); i++)
			outputs_add(l, out, item_name(t.row, i), item_taint(l, t.row, i));
		return;
	}
	if (r) {
		for (unsigned i = 0; i < r->ncols && !lineage_stopped(l); i++)
			outputs_add(l, out, r->cols[i].name, part(l, &t, &r->cols[i]));
		return;
	}
	for (unsigned i = 0; i < t.ncols; i++) {
		struct taint one = derived(l, &t, 0, true);

		one.foreign = t.foreign;
		outputs_add(l, out, t.cols[i], one);
	}
	if (!t.ncols)
		lineage_odd(l, -1, "a star over this value");
}
