/* SPDX-License-Identifier: MIT */
/* UNION, INTERSECT, EXCEPT and VALUES: several sources for one output column. */
#include "sql/lineage.h"

#include <stdio.h>
#include <string.h>

/* Of what one round makes a value longer it makes it as many times longer as there are rounds: twice is too
 * much for any number of them, a little more is not. */
#define ROUND_SIZE     (TAINT_SIZE_MAX / 2)
#define RECURSIVE_SIZE (TAINT_SIZE_MAX / 8)

#define OID_TEXT    25
#define OID_VARCHAR 1043

/* A copy stays a copy where both are copies and no arm is converted. */
static bool same_type(uint32_t a, uint32_t b)
{
	return a && b &&
	       (a == b || ((a == OID_TEXT || a == OID_VARCHAR) && (b == OID_TEXT || b == OID_VARCHAR)));
}

static struct taint either(struct lineage *l, struct taint a, struct taint b, const char *where)
{
	struct taint out = taint_either(l, a, b, where);

	out.direct = a.direct && b.direct && same_type(a.type, b.type);
	out.foreign = a.foreign ? a.foreign : b.foreign;
	return out;
}

static bool same_taint(const struct taint *a, const struct taint *b)
{
	return a->direct == b->direct && a->constant == b->constant && a->calm == b->calm &&
	       a->odd == b->odd && a->type == b->type && a->size == b->size && a->from.n == b->from.n;
}

/* out := out ∪ arm, column by column; true: something changed. */
static bool add_arm(struct lineage *l, struct outputs *out, const struct outputs *arm, const char *word)
{
	bool changed = false;

	if (lineage_stopped(l))
		return false;
	if (out->n != arm->n) {
		lineage_fail(l, "42601", -1, "each %s query must have the same number of columns", word);
		return false;
	}
	for (unsigned i = 0; i < out->n && !lineage_stopped(l); i++) {
		struct taint t = either(l, out->v[i].t, arm->v[i].t, word);

		changed = changed || !same_taint(&t, &out->v[i].t);
		out->v[i].t = t;
		out->v[i].own = (struct colref){0};
	}
	return changed;
}

static void use_outputs(struct lineage *l, const struct outputs *o, const char *where)
{
	for (unsigned i = 0; i < o->n && !lineage_stopped(l); i++)
		lineage_use(l, &o->v[i].t, where);
}

static const char *word_of(PgQuery__SetOperation op)
{
	return op == PG_QUERY__SET_OPERATION__SETOP_UNION       ? "UNION"
	       : op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT ? "INTERSECT"
	       : op == PG_QUERY__SET_OPERATION__SETOP_EXCEPT    ? "EXCEPT"
								: NULL;
}

/* What the recursive arm sees of the query itself: the columns so far, under the WITH item's names. */
static void publish(struct lineage *l, struct cte *self, const struct outputs *so_far)
{
	const PgQuery__CommonTableExpr *c = self->node;

	self->cols = (struct outputs){0};
	if (c->n_aliascolnames > so_far->n) {
		lineage_fail(l, "42P10", c->location,
			"WITH query \"%s\" has %u columns available but %zu columns specified", c->ctename,
			so_far->n, c->n_aliascolnames);
		return;
	}
	for (unsigned i = 0; i < so_far->n; i++) {
		struct taint t = so_far->v[i].t;

		t.size = type_grows(l->names->catalog, t.type) ? ROUND_SIZE : 0;
		outputs_add(l, &self->cols,
			i < c->n_aliascolnames ? node_string(c->aliascolnames[i]) : so_far->v[i].name, t);
	}
	self->known = true;
}

void select_set(struct lineage *l, struct scope *sc, const PgQuery__SelectStmt *q, struct cte *self,
	struct outputs *out)
{
	const char *word = word_of(q->op);
	bool again;

	if (!word || !q->larg || !q->rarg || (self && (q->op != PG_QUERY__SET_OPERATION__SETOP_UNION))) {
		lineage_odd(l, -1, "this set operation");
		return;
	}
	select_query(l, sc, q->larg, NULL, out);
	do {
		struct outputs right = {0};

		if (self)
			publish(l, self, out);
		select_query(l, sc, q->rarg, NULL, &right);
		if (!q->all || strcmp(word, "UNION") != 0) {
			use_outputs(l, out, word);
			use_outputs(l, &right, word);
		}
		again = add_arm(l, out, &right, word);
	} while (self && again && lineage_spend(l, 1));
	for (unsigned i = 0; self && i < out->n; i++)
		if (out->v[i].t.size > RECURSIVE_SIZE && out->v[i].t.size < TAINT_SIZE_MAX)
			out->v[i].t.size = RECURSIVE_SIZE;
}

static struct taint value(struct lineage *l, struct scope *sc, const PgQuery__Node *n)
{
	if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && n->column_ref->n_fields &&
		n->column_ref->fields[n->column_ref->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR)
		lineage_odd(l, n->column_ref->location, "a star in VALUES");
	lineage_free(l, n);
	return expr(l, sc, n);
}

static void values_row(struct lineage *l, struct scope *sc, const PgQuery__List *row, struct outputs *out)
{
	for (size_t i = 0; i < row->n_items && !lineage_stopped(l); i++) {
		char name[32];

		snprintf(name, sizeof(name), "column%zu", i + 1);
		outputs_add(l, out, arena_strdup(l->a, name), value(l, sc, row->items[i]));
		if (!lineage_stopped(l) && !out->v[out->n - 1].name)
			l->oom = true;
	}
}

void select_values(struct lineage *l, struct scope *sc, const PgQuery__SelectStmt *q, struct outputs *out)
{
	for (size_t i = 0; i < q->n_values_lists && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = q->values_lists[i];

		if (n->node_case != PG_QUERY__NODE__NODE_LIST) {
			lineage_odd(l, -1, "a VALUES list");
			return;
		}
		if (i > 0 && n->list->n_items != out->n) {
			lineage_fail(l, "42601", -1, "VALUES lists must all be the same length");
			return;
		}
		if (i == 0) {
			values_row(l, sc, n->list, out);
			continue;
		}
		for (size_t k = 0; k < n->list->n_items && !lineage_stopped(l); k++)
			out->v[k].t = either(l, out->v[k].t, value(l, sc, n->list->items[k]), "VALUES");
	}
}
