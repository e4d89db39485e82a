/* SPDX-License-Identifier: MIT */
/* What a statement compares with masked columns is paid for here, each time it is about to run and before the
 * server gets it: a judgement says which constants there are, and holds for any number of runs. Paid is a
 * simple Query (EXECUTE in it by what the name means now) and a Bind, with what stands in its parameters; an
 * Execute runs a portal whose constants are paid. */
#include <errno.h>
#include <string.h>

#include "policy/budget.h"
#include "session/state.h"

#define ITEMS_MAX 4096 /* of one message */

/* Where a statement's parameters are given. */
struct given {
	const struct array_arg *args; /* EXECUTE: in its text; NULL: bind alone */
	unsigned nargs;
	const struct msg_bind *bind; /* NULL: none */
};

struct bill {
	struct budget_item *v;
	const struct rule **rules;
	unsigned n, cap;
};

/* The elements of an array in the form that array_recv reads, or more. */
static uint64_t binary_elements(struct span cell)
{
	struct cur c = cur_of(cell);
	uint32_t dims = cur_be32(&c);
	uint64_t n = 1;

	cur_take(&c, 8); /* flags, element type */
	if (c.bad || dims > 6)
		return 0;
	for (uint32_t i = 0; i < dims; i++) {
		uint64_t size = cur_be32(&c);

		cur_take(&c, 4);
		if (c.bad || size > INT32_MAX || n * size > INT32_MAX)
			return 0;
		n *= size;
	}
	return n ? n : 1;
}

/* … and in text: each but the last is followed by a comma. */
static uint64_t text_elements(struct span cell)
{
	uint64_t n = 1;

	if (!cell.n || cell.p[0] != '{')
		return 0;
	for (size_t i = 0; i < cell.n; i++)
		n += cell.p[i] == ',';
	return n;
}

/* How many constants parameter number is as an array; 0: nobody can tell. */
static uint64_t bound_elements(const struct msg_bind *m, unsigned number)
{
	struct cur c = cur_of(m->params), formats = cur_of(m->param_formats);
	struct span cell = {0};
	unsigned format = 0;

	if (number == 0 || number > m->nparams)
		return 0;
	for (unsigned i = 0; i < number; i++)
		if (msg_cell_next(&c, &cell) != WIRE_OK)
			return 0;
	for (unsigned i = 0; i < number && i < m->nparam_formats; i++)
		format = cur_be16(&formats);
	if (!cell.p)
		return 1;
	if (format > 1 || formats.bad)
		return 0;
	return format ? binary_elements(cell) : text_elements(cell);
}

static uint64_t elements(const struct given *g, unsigned number)
{
	if (g->args) {
		const struct array_arg *a = number && number <= g->nargs ? &g->args[number - 1] : NULL;

		if (!a || a->elements)
			return a ? a->elements : 0;
		number = a->param;
	}
	return g->bind ? bound_elements(g->bind, number) : 0;
}

static int put(struct session *s, struct bill *b, const struct spend *sp, uint64_t count, struct err *e)
{
	unsigned cap = b->cap ? b->cap * 2 : 16;

	if (b->n == ITEMS_MAX)
		return err_sql(e, -EACCES, "54000", "too many comparisons with masked columns at once");
	if (b->n == b->cap) {
		struct budget_item *v = arena_array(&s->scratch, cap, sizeof(*v));
		const struct rule **rules = arena_array(&s->scratch, cap, sizeof(*rules));

		if (!v || !rules)
			return err_sql(e, -EACCES, "53200", "out of memory");
		if (b->n) {
			memcpy(v, b->v, b->n * sizeof(*v));
			memcpy(rules, b->rules, b->n * sizeof(*rules));
		}
		b->v = v;
		b->rules = rules;
		b->cap = cap;
	}
	b->rules[b->n] = sp->rule;
	b->v[b->n++] = (struct budget_item){sp->column, count, sp->constants, sp->period_s};
	return 0;
}

static int put_plan(
	struct session *s, struct bill *b, const struct plan *p, const struct given *g, struct err *e)
{
	for (unsigned i = 0; p && i < p->nspends; i++) {
		const struct spend *sp = &p->spends[i];
		uint64_t more = sp->param ? elements(g, sp->param) : 0;
		int r;

		if (sp->param && !more)
			return err_sql(e, -EACCES, "42501",
				"the array that a masked column is compared with cannot be counted");
		r = put(s, b, sp, sp->count + more, e);
		if (r)
			return r;
	}
	return 0;
}

/* The newest plan of what a name means. */
static const struct plan *target_plan(const struct step *st)
{
	return st->newer ? judge_inner(st->newer) : st->target ? st->target->plan : NULL;
}

static int put_step(struct session *s, struct bill *b, const struct plan *p, const struct step *st,
	const struct msg_bind *m, struct err *e)
{
	static const struct array_arg none;
	struct given g = {NULL, 0, m};

	if (!p || p->kind != STATEMENT_EXECUTE)
		return put_plan(s, b, p, &g, e);
	g.args = p->nargs ? p->args : &none;
	g.nargs = p->nargs;
	return put_plan(s, b, target_plan(st), &g, e);
}

static const char *column_name(struct session *s, struct colref c)
{
	const struct relation *r =
		s->binding ? catalog_relation_by_oid(binding_catalog(s->binding), c.relid) : NULL;
	const struct column *col = r ? relation_column_by_attnum(r, c.attnum) : NULL;
	const char *name = col ? arena_printf(&s->scratch, "%s.%s.%s", r->schema, r->name, col->name) : NULL;

	return name ? name : "a masked column";
}

static int over(struct session *s, const struct bill *b, unsigned which, uint64_t wait_ms, const char **hint,
	struct err *e)
{
	const struct budget_item *it = &b->v[which];
	const char *rule = b->rules[which] ? b->rules[which]->where : "?";

	if (wait_ms)
		*hint = arena_printf(&s->scratch,
			"Policy rule %s lets %u constants in %u seconds be compared with it. There is room "
			"again in "
			"%llu seconds.",
			rule, it->constants, it->period_s, (unsigned long long)(wait_ms + 999) / 1000);
	else
		*hint = arena_printf(&s->scratch,
			"Policy rule %s lets %u constants in %u seconds be compared with it: ask with fewer.",
			rule, it->constants, it->period_s);
	return err_sql(e, -EACCES, "53400",
		"too many constants were compared with column %s, which is masked",
		column_name(s, it->column));
}

static struct budget_payers payers(const struct session *s)
{
	return (struct budget_payers){s->grant.shares, s->grant.nshares};
}

static int pay(struct session *s, const struct bill *b, const char **hint, struct err *e)
{
	unsigned which;
	uint64_t wait_ms;
	int r;

	if (!b->n)
		return 0;
	if (!s->env->budget || !s->grant.nshares)
		return err_sql(
			e, -EACCES, "53400", "nobody counts what is compared with masked columns here");
	r = budget_spend(s->env->budget, payers(s), b->v, b->n, s->now_ms, &which, &wait_ms);
	if (r == -ESHUTDOWN)
		return session_moved(s, e);
	if (r == -EDQUOT)
		s->cause = CAUSE_BUDGET;
	if (r == -EDQUOT)
		return over(s, b, which, wait_ms, hint, e);
	if (r == -ENOSPC)
		return err_sql(e, -EACCES, "53400",
			"too many masked columns are compared with constants: no more are counted");
	return r ? err_sql(e, -EACCES, "53200", "out of memory") : 0;
}

int spend_query(struct session *s, const struct judged *js, const struct step *steps, const char **hint,
	struct err *e)
{
	struct bill b = {0};

	*hint = NULL;
	for (unsigned i = 0; i < js->n; i++) {
		int r = put_step(s, &b, js->plans[i], &steps[i], NULL, e);

		if (r)
			return r;
	}
	return pay(s, &b, hint, e);
}

int spend_bind(struct session *s, const struct msg_bind *m, const struct prepared *p, const struct step *st,
	const char **hint, struct err *e)
{
	struct bill b = {0};
	int r = put_step(s, &b, p->plan, st, m, e);

	*hint = NULL;
	return r ? r : pay(s, &b, hint, e);
}

/* ---- what failed ---- */
static int put_once(struct session *s, struct bill *b, const struct plan *p)
{
	struct err e = {0};

	for (unsigned i = 0; p && i < p->nspends; i++) {
		bool there = false;

		for (unsigned k = 0; k < b->n && !there; k++)
			there = b->v[k].column.relid == p->spends[i].column.relid &&
				b->v[k].column.attnum == p->spends[i].column.attnum;
		if (!there && put(s, b, &p->spends[i], 1, &e))
			return -ENOMEM;
	}
	return 0;
}

/* An error about data says one bit more than that there was no row. */
void spend_failed(struct session *s, const struct expected *x, struct span sqlstate)
{
	struct bill b = {0};
	int r = 0;

	if (!s->env->budget || !s->grant.nshares || sqlstate.n != 5 ||
		(memcmp(sqlstate.p, "22", 2) != 0 && memcmp(sqlstate.p, "23", 2) != 0))
		return;
	for (unsigned i = 0; x->kind == EXPECT_QUERY && i < x->nsteps && !r; i++) {
		r = put_once(s, &b, x->steps[i].plan);
		if (!r)
			r = put_once(s, &b, target_plan(&x->steps[i]));
	}
	if (x->kind == EXPECT_EXECUTE || x->kind == EXPECT_BIND) {
		r = put_once(s, &b, x->portal->prepared->plan);
		if (!r && x->portal->target)
			r = put_once(s, &b, x->portal->target->plan);
	}
	if (b.n)
		budget_charge(s->env->budget, payers(s), b.v, b.n, s->now_ms);
}
