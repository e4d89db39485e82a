/* SPDX-License-Identifier: MIT */
/* Views, generated columns and the code of policies: their definitions go through the same analysis as a
 * client's statements. */
#include "sql/catalog_internal.h"

#include <string.h>
#include "sql/deed.h"
#include "sql/lineage.h"
#include "sql/parse.h"

#define DEPTH_MAX 100 /* views over views */

struct run { /* one analysis; everything in it dies with tmp */
	struct arena tmp;
	struct name_scope names;
	struct statement s;
	struct lineage l;
};

static void need(void *arg, const struct relation *r);

static void run_start(struct run *run, struct catalog_builder *b)
{
	*run = (struct run){.names = {b->c, b->path, b->npath}};
	if (b->temp)
		run->names = (struct name_scope){
			.catalog = b->c, .path = &b->temp, .npath = 1, .temp = b->temp, .temp_in_path = true};
	run->l = (struct lineage){
		.a = &run->tmp, .names = &run->names, .s = &run->s, .need = need, .need_arg = b};
}

/* The one SELECT of the text; NULL with a problem set. */
static const PgQuery__Node *run_parse(struct run *run, const char *text)
{
	struct PgQuery__ParseResult *tree;
	struct err e;
	int position;

	run->l.text = span_of(text, strlen(text));
	if (parse(run->l.text, catalog_server(run->l.names->catalog), &run->tmp, &tree, &position, &e) < 0) {
		lineage_fail(&run->l, e.sqlstate, -1, "%s", e.msg);
		return NULL;
	}
	if (tree->n_stmts != 1 || !tree->stmts[0]->stmt ||
		tree->stmts[0]->stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
		lineage_odd(&run->l, -1, "a definition that is no SELECT");
		return NULL;
	}
	return tree->stmts[0]->stmt;
}

static bool copy_set(struct catalog_builder *b, struct colset *to, const struct colset *from)
{
	bool ok = colset_union(&b->c->a, to, from);

	b->oom = b->oom || !ok;
	return ok;
}

static const char *keep(struct catalog_builder *b, const char *s)
{
	const char *copy = arena_strdup(&b->c->a, s);

	b->oom = b->oom || !copy;
	return copy;
}

static const char *keep_if(struct catalog_builder *b, const char *s)
{
	return s ? keep(b, s) : NULL;
}

/* What it does, for a statement that names it. reads: what it only reads is told, too. */
static void take_deeds(struct catalog_builder *b, struct draft_relation *d, struct run *run,
	const PgQuery__Node *n, bool reads)
{
	struct deed *v;

	if (n)
		deeds_walk(&run->l, n, !run->s.problem);
	else
		deed_unknown(&run->l, DOES_ALL, NULL, NULL);
	v = arena_array(&b->c->a, d->r.ndeeds + run->s.ndeeds, sizeof(*v));
	b->oom = b->oom || run->l.oom || !v;
	if (b->oom)
		return;
	if (d->r.ndeeds)
		memcpy(v, d->r.deeds, d->r.ndeeds * sizeof(*v));
	d->r.deeds = v;
	for (unsigned i = 0; i < run->s.ndeeds && d->r.ndeeds < DEEDS_MAX; i++) {
		struct deed one = run->s.deeds[i];

		one.effects &= reads || one.function || one.unknown ? DOES_ALL : ~DOES_READ;
		one.schema = keep_if(b, one.schema);
		one.name = keep_if(b, one.name);
		one.setting = keep_if(b, one.setting);
		if (one.effects)
			v[d->r.ndeeds++] = one;
	}
}

/* ---- generated columns ---- */
static void generated(struct catalog_builder *b, struct draft_relation *d, unsigned i)
{
	struct colref self = {d->r.oid, d->r.cols[i].attnum}, unknown = {0, COLREF_OPAQUE, 0, 0};
	const PgQuery__Node *n = d->cols[i].generated_node;
	struct item it = {.alias = d->r.name, .rel = &d->r, .named = true};
	struct scope sc = {0};
	struct taint t = {0};
	struct run run;

	run_start(&run, b);
	if (!n) {
		char *text = arena_printf(&run.tmp, "SELECT %s", d->cols[i].generated);
		const PgQuery__Node *q = text ? run_parse(&run, text) : NULL;

		n = q && q->select_stmt->n_target_list == 1 ? q->select_stmt->target_list[0]->res_target->val
							    : NULL;
		b->oom = b->oom || !text;
	}
	namespace_add(&run.l, &sc.ns, (struct visible){&it, true, true, false});
	if (n)
		t = expr(&run.l, &sc, n);
	/* not understood: it may show any column of its row */
	if (!n || run.s.problem || !lineage_covered(&run.l, n)) {
		t.from = (struct colset){0};
		for (unsigned k = 0; k < d->r.ncols; k++)
			if (!colset_union(&run.tmp, &t.from, &d->r.cols[k].read))
				b->oom = true;
	}
	/* of functions it says itself what they gave */
	for (unsigned k = 0; k < run.s.nopaque; k++)
		if (!run.s.opaque[k].function && !colset_add(&b->c->a, &d->r.cols[i].from, unknown))
			b->oom = true;
	for (unsigned k = 0; k < t.from.n; k++)
		if ((t.from.v[k].relid != self.relid || t.from.v[k].attnum != self.attnum) &&
			!colset_add(&b->c->a, &d->r.cols[i].from, t.from.v[k]))
			b->oom = true;
	b->oom = b->oom || run.l.oom;
	arena_fini(&run.tmp);
}

void catalog_resolve_generated(struct catalog_builder *b)
{
	for (unsigned i = 0; i < b->relations.n && !b->oom; i++) {
		struct draft_relation *d = b->relations.v[i];

		if (d->r.kind == 'v' || d->r.kind == 'm')
			continue;
		for (unsigned k = 0; k < d->ncols; k++)
			if (d->cols[k].generated || d->cols[k].generated_node)
				generated(b, d, k);
	}
}

/* ---- views ---- */
static void derive_columns(struct catalog_builder *b, struct draft_relation *d, const struct outputs *o)
{
	d->r.cols = arena_array(&b->c->a, o->n, sizeof(*d->r.cols));
	if (!d->r.cols) {
		b->oom = true;
		return;
	}
	for (unsigned i = 0; i < o->n; i++) {
		const char *name = i < d->naliases ? node_string(d->aliases[i]) : o->v[i].name;
		const struct type *t = catalog_type_by_oid(b->c, o->v[i].t.type);

		d->r.cols[i] = (struct column){.name = keep(b, name),
			.attnum = (int16_t)(i + 1),
			.type_oid = o->v[i].t.type,
			.typmod = -1,
			.simple = !o->v[i].t.odd,
			.base_type = t && t->kind == TYPE_DOMAIN ? t->base : o->v[i].t.type,
			.foreign = o->v[i].t.foreign ? keep(b, o->v[i].t.foreign) : NULL};
	}
	d->r.ncols = (uint16_t)o->n;
}

static void take_columns(struct catalog_builder *b, struct draft_relation *d, const struct outputs *o)
{
	for (unsigned i = 0; i < o->n && !b->oom; i++) {
		struct column *c = &d->r.cols[i];
		struct colref self = {d->r.oid, c->attnum};

		copy_set(b, &c->from, &o->v[i].t.from);
		c->direct = o->v[i].t.direct && c->from.n > 0;
		c->calm = o->v[i].t.calm;
		b->oom = b->oom || !colset_add(&b->c->a, &c->read, self);
		copy_set(b, &c->read, &c->from);
	}
}

/* What the definition uses, reads and calls, below it included: reading the view is all of that. */
static void take_facts(struct catalog_builder *b, struct draft_relation *d, const struct run *run)
{
	for (unsigned i = 0; i < run->l.groups.n; i++)
		copy_set(b, &d->r.uses, &run->l.groups.v[i].columns);
	d->r.below = arena_array(&b->c->a, run->l.rels.n, sizeof(*d->r.below));
	d->r.opaque = arena_array(&b->c->a, run->s.nopaque, sizeof(*d->r.opaque));
	if (!d->r.below || !d->r.opaque) {
		b->oom = true;
		return;
	}
	d->r.settings = run->s.settings;
	d->r.follows = run->s.follows;
	for (unsigned i = 0; i < run->l.rels.n; i++)
		d->r.below[d->r.nbelow++] = run->l.rels.v[i].relid;
	for (unsigned i = 0; i < run->s.nopaque; i++)
		d->r.opaque[d->r.nopaque++] =
			(struct opaque){keep(b, run->s.opaque[i].name), run->s.opaque[i].function};
}

static void view(struct catalog_builder *b, struct draft_relation *d)
{
	const PgQuery__Node *n = d->definition_node;
	struct outputs o = {0};
	struct run run;

	run_start(&run, b);
	run.names.own_settings = true;
	if (!n)
		n = run_parse(&run, d->definition);
	if (n)
		query(&run.l, NULL, n, &o);
	if (n && !run.s.problem)
		(void)lineage_covered(&run.l, n);
	if (!run.s.problem && b->derive_columns)
		derive_columns(b, d, &o);
	else if (!run.s.problem && o.n != d->r.ncols)
		lineage_odd(&run.l, -1, "a definition with another number of columns");
	b->oom = b->oom || run.l.oom;
	if (run.s.problem)
		d->r.problem = keep(b, run.s.problem);
	if (!b->oom && !run.s.problem)
		take_columns(b, d, &o);
	if (!b->oom)
		take_facts(b, d, &run);
	take_deeds(b, d, &run, n, true);
	arena_fini(&run.tmp);
}

static void resolve(struct catalog_builder *b, struct draft_relation *d)
{
	if (d->state == DRAFT_DONE || b->oom)
		return;
	if (d->state == DRAFT_BUSY || b->depth >= DEPTH_MAX) {
		d->r.problem = d->r.problem ? d->r.problem
					    : "views that refer to each other, or too many levels of them";
		return;
	}
	d->state = DRAFT_BUSY;
	b->depth++;
	if (d->definition || d->definition_node)
		view(b, d);
	b->depth--;
	d->state = DRAFT_DONE;
}

static void need(void *arg, const struct relation *r)
{
	if (r->kind == 'v' || r->kind == 'm')
		resolve(arg, (struct draft_relation *)(uintptr_t)r);
}

void catalog_resolve_views(struct catalog_builder *b)
{
	for (unsigned i = 0; i < b->relations.n; i++) {
		struct draft_relation *d = b->relations.v[i];

		if (d->r.kind == 'v' || d->r.kind == 'm')
			resolve(b, d);
	}
}

/* ---- row security ---- */
static bool calls(const struct draft_relation *d, const struct opaque *o)
{
	for (unsigned i = 0; i < d->r.nopaque; i++)
		if (d->r.opaque[i].function == o->function && !strcmp(d->r.opaque[i].name, o->name))
			return true;
	return false;
}

static void add_call(struct catalog_builder *b, struct draft_relation *d, const struct opaque *o)
{
	struct opaque *v = calls(d, o) ? NULL : arena_array(&b->c->a, d->r.nopaque + 1, sizeof(*v));

	if (!v) {
		b->oom = b->oom || !calls(d, o);
		return;
	}
	if (d->r.nopaque)
		memcpy(v, d->r.opaque, d->r.nopaque * sizeof(*v));
	v[d->r.nopaque] = (struct opaque){keep(b, o->name), o->function};
	d->r.opaque = v;
	d->r.nopaque++;
}

/* What the conditions use, and what they call that nobody knows. current_setting() is opaque for what it may
 * show, but it says nothing of tables, and policies live by it. */
static void policy_code(
	struct catalog_builder *b, struct draft_relation *d, const struct draft_policy *p, bool first)
{
	struct outputs o = {0};
	struct run run;
	const PgQuery__Node *n;

	run_start(&run, b);
	n = run_parse(&run, p->definition);
	if (n)
		query(&run.l, NULL, n, &o);
	if (n && !run.s.problem)
		(void)lineage_covered(&run.l, n);
	b->oom = b->oom || run.l.oom;
	d->r.follows = d->r.follows || run.s.follows;
	d->r.loud = d->r.loud || run.s.code || (!p->made && run.s.problem);
	for (unsigned i = 0; p->made && i < run.l.groups.n; i++)
		copy_set(b, &d->r.uses, &run.l.groups.v[i].columns);
	for (unsigned i = 0; i < run.s.nopaque && !b->oom; i++) {
		if (!run.s.opaque[i].function && !strcmp(run.s.opaque[i].name, "pg_catalog.current_setting"))
			continue;
		if (p->made)
			add_call(b, d, &run.s.opaque[i]);
		else
			d->r.loud = true;
	}
	if (run.s.problem && p->made && !b->oom)
		add_call(b, d, &(struct opaque){"a row security policy that is not understood", NULL});
	if (first && !b->oom)
		take_deeds(b, d, &run, n, false);
	arena_fini(&run.tmp);
}

/* Policies may read tables that have some: again, until nothing is new. */
void catalog_resolve_policy_code(struct catalog_builder *b)
{
	bool more = true;

	for (unsigned round = 0; more && round < b->policies.n && !b->oom; round++) {
		more = false;
		for (unsigned i = 0; i < b->policies.n && !b->oom; i++) {
			const struct draft_policy *p = b->policies.v[i];
			struct draft_relation *d = draft_find(b, p->relid);
			unsigned uses = d ? d->r.uses.n : 0, nopaque = d ? d->r.nopaque : 0;
			bool loud = d && d->r.loud;

			if (!d || !d->r.row_security)
				continue;
			policy_code(b, d, p, round == 0);
			more = more || d->r.uses.n != uses || d->r.nopaque != nopaque || d->r.loud != loud;
		}
	}
}
