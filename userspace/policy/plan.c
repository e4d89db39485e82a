/* SPDX-License-Identifier: MIT */
/* A plan is made in one direction only: everything starts as DENY and ACTION_NULL, and each step below must
 * find a reason to give more. What the analysis did not understand never gets that far. */
#include "policy/plan.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "policy/show.h"

struct judge {
	const struct binding *b;
	struct arena *a;
	bool failed; /* out of memory */
};

#define SPENDS_MAX 1024 /* of one statement */

static const char OUT_OF_MEMORY[] = "out of memory while judging the statement";

static const char *column_name(struct judge *j, struct colref c)
{
	const struct catalog *cat = binding_catalog(j->b);
	const struct relation *r = catalog_relation_by_oid(cat, c.relid);
	const struct column *col = r ? relation_column_by_attnum(r, c.attnum) : NULL;
	char *s;

	if (c.attnum == COLREF_OPAQUE)
		return "that a function gave";
	if (!r)
		return "a column of an unknown relation";
	s = arena_printf(j->a, "%s.%s.%s", r->schema, r->name, col ? col->name : "?");
	return s ? s : OUT_OF_MEMORY;
}

static const char *hint_for(struct judge *j, const struct masking *m)
{
	char *s;

	if (!m || !m->rule)
		return "Catalogue columns that carry values of other columns may only be shown, as NULL.";
	s = arena_printf(j->a,
		"The mask of policy rule %s applies. A masked column may stand only as a plain output "
		"column%s; "
		"ask the owner of that policy if you need more.",
		m->rule->where,
		m->permit.predicates == PREDICATES_EQUALITY
			? ", and be compared by = or IN with constants as a part of the statement's own WHERE"
			: "");
	return s ? s : OUT_OF_MEMORY;
}

static void deny(struct judge *j, struct plan *p, const char *sqlstate, const char *reason, const char *hint)
{
	p->verdict = DENY;
	memcpy(p->sqlstate, sqlstate, 5);
	p->reason = reason ? reason : OUT_OF_MEMORY;
	p->hint = hint;
	if (!reason)
		j->failed = true;
}

static bool relation_masked(const struct binding *b, uint32_t relid)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(b), relid);

	if (!r)
		return true;
	for (unsigned i = 0; i < r->ncols; i++) {
		const struct masking *m = binding_column(b, (struct colref){relid, r->cols[i].attnum});

		if (m && m->rule)
			return true;
	}
	return false;
}

/* Its rule lets everybody ask about it. */
static bool open_to_all(const struct masking *m)
{
	return !m || m->permit.predicates == PREDICATES_ALLOW;
}

/* An aggregate that the rule lists, of a group that may be too small. */
static bool deny_group(struct judge *j, struct colref c, const struct masking *m, struct plan *p)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), c.relid);
	const struct column *col = r ? relation_column_by_attnum(r, c.attnum) : NULL;
	char *hint;

	if (!col || !permit_wants_group(&m->permit, c))
		return false;
	hint = arena_printf(j->a,
		"Policy rule %s shows it for %u values or more: select from %s.%s alone and add HAVING "
		"count(%s) >= %u, by AND beside any other condition.",
		m->rule->where, m->permit.min_group, r->schema, r->name, col->name, m->permit.min_group);
	deny(j, p, "42501",
		arena_printf(j->a, "%s() of the masked column %s may be over too few values",
			via_name((enum via)c.via), column_name(j, c)),
		hint ? hint : OUT_OF_MEMORY);
	return true;
}

/* Reasons against a statement as a whole; false: p holds the denial. */
static bool check_uses(struct judge *j, const struct statement *st, struct plan *p)
{
	for (unsigned i = 0; i < st->nuses; i++) {
		const struct masking *m = binding_column(j->b, st->uses[i].column);

		if (open_to_all(m) || (st->uses[i].asked && m->permit.predicates == PREDICATES_EQUALITY))
			continue;
		if (deny_group(j, st->uses[i].column, m, p))
			return false;
		deny(j, p, "42501",
			arena_printf(j->a, "column %s is masked and may not be used in %s",
				column_name(j, st->uses[i].column), st->uses[i].where),
			hint_for(j, m));
		return false;
	}
	for (unsigned i = 0; i < st->stored.n; i++) {
		const struct masking *m = binding_column(j->b, st->stored.v[i]);

		if (!m)
			continue;
		deny(j, p, "42501",
			arena_printf(j->a, "column %s is masked and may not be written elsewhere",
				column_name(j, st->stored.v[i])),
			hint_for(j, m));
		return false;
	}
	for (unsigned i = 0; i < st->tested.n; i++) {
		const struct masking *m = binding_column(j->b, st->tested.v[i]);

		if (open_to_all(m))
			continue;
		deny(j, p, "42501",
			arena_printf(j->a,
				"column %s is masked and a constraint checks what is written against it: the "
				"outcome would tell which values exist",
				column_name(j, st->tested.v[i])),
			hint_for(j, m));
		return false;
	}
	return true;
}

static bool add_spend(struct judge *j, struct plan *p, unsigned *cap, struct spend s, const struct masking *m)
{
	struct spend *v = (struct spend *)(uintptr_t)p->spends;

	if (!m || m->permit.predicates != PREDICATES_EQUALITY)
		return true;
	if (p->nspends == SPENDS_MAX) {
		deny(j, p, "54000", "the statement compares masked columns with constants too often", NULL);
		return false;
	}
	if (p->nspends == *cap) {
		v = arena_array(j->a, *cap ? *cap * 2 : 8, sizeof(*v));
		if (!v) {
			deny(j, p, "53200", NULL, NULL);
			return false;
		}
		if (p->nspends)
			memcpy(v, p->spends, p->nspends * sizeof(*v));
		*cap = *cap ? *cap * 2 : 8;
		p->spends = v;
	}
	s.constants = m->permit.constants;
	s.period_s = m->permit.period_s;
	s.rule = m->rule;
	v[p->nspends++] = s;
	return true;
}

/* A partition's column is a part of its parent's: asked about by itself, it costs of both, or each partition
 * would be one more budget for the parent. */
static bool add_parents(struct judge *j, struct plan *p, unsigned *cap, const struct ask *a, struct colref c)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), c.relid);
	const struct column *col = r ? relation_column_by_attnum(r, c.attnum) : NULL;

	for (unsigned i = 0; col && i < r->nparents; i++) {
		const struct relation *up = catalog_relation_by_oid(binding_catalog(j->b), r->parents[i]);
		const struct column *same = up ? relation_column(up, col->name) : NULL;
		struct colref ref = {r->parents[i], same ? same->attnum : 0, 0, 0};

		if (same && !colset_has(&a->columns, ref) &&
			!add_spend(j, p, cap, (struct spend){ref, a->constants, a->param, 0, 0, NULL},
				binding_column(j->b, ref)))
			return false;
	}
	return true;
}

/* What its comparisons cost; false: p holds a denial. */
static bool plan_spends(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned cap = 0;

	for (unsigned i = 0; i < st->nasks; i++) {
		const struct ask *a = &st->asks[i];

		for (unsigned k = 0; k < a->columns.n; k++)
			if (!add_spend(j, p, &cap,
				    (struct spend){a->columns.v[k], a->constants, a->param, 0, 0, NULL},
				    binding_column(j->b, a->columns.v[k])) ||
				!add_parents(j, p, &cap, a, a->columns.v[k]))
				return false;
	}
	return true;
}

/* Views and tables of the system that are made of other columns' values or other sessions' statements. */
static bool check_relations(struct judge *j, const struct statement *st, struct plan *p)
{
	for (unsigned i = 0; i < st->nrelations; i++) {
		const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), st->relations[i]);
		bool all = r && r->system && r->ncols > 0;

		for (unsigned k = 0; all && k < r->ncols; k++)
			all = r->cols[k].sensitive;
		if (!all)
			continue;
		deny(j, p, "42501",
			arena_printf(j->a, "%s.%s may carry values of masked columns", r->schema, r->name),
			"A caller with masked columns may read the catalogues that describe the schema.");
		return false;
	}
	return true;
}

/* false: p holds the denial. */
static bool check_groups(struct judge *j, const struct output *o, struct plan *p)
{
	for (unsigned i = 0; i < o->from.n; i++) {
		const struct masking *m = binding_column(j->b, o->from.v[i]);

		if (m && deny_group(j, o->from.v[i], m, p))
			return false;
	}
	return true;
}

/* What is defined anew must not be what a rule masks: its values would be checked, converted or lose their
 * mask. */
static bool check_defined(struct judge *j, const struct statement *st, struct plan *p)
{
	for (unsigned i = 0; i < st->nrelations; i++) {
		const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), st->relations[i]);

		if (!relation_masked(j->b, st->relations[i]))
			continue;
		deny(j, p, "42501",
			arena_printf(j->a, "%s.%s has masked columns and may not be redefined here",
				r ? r->schema : "?", r ? r->name : "?"),
			"A caller with masked columns may define tables, and change those without masked "
			"columns.");
		return false;
	}
	return true;
}

static bool check_doubt(struct judge *j, const struct statement *st, struct plan *p)
{
	if (!st->doubt || binding_opaque(j->b, NULL) == OPAQUE_ALLOW)
		return true;
	deny(j, p, "42501", st->doubt,
		"Columns are masked for this caller, so only statements whose every effect on them is "
		"understood may "
		"pass. A policy with statements.opaque.default: allow lets more of them pass.");
	p->position = st->position;
	return false;
}

struct namesake {
	struct judge *j;
	const char *name, *schema;
	const struct relation *masked;
};

static bool finds_masked(void *arg, const struct relation *r)
{
	struct namesake *n = arg;

	if (!strcmp(r->name, n->name) && strcmp(r->schema, n->schema) != 0 &&
		relation_masked(n->j->b, r->oid))
		n->masked = r;
	return !n->masked;
}

/* Who writes to a masked table by its bare name would write to another one. */
static bool check_made(struct judge *j, const struct statement *st, struct plan *p)
{
	struct namesake n = {.j = j, .name = st->makes, .schema = st->makes_in ? st->makes_in : ""};

	if (n.name)
		catalog_each_relation(binding_catalog(j->b), finds_masked, &n);
	if (n.masked)
		deny(j, p, "42501",
			arena_printf(j->a,
				"%s.%s has masked columns: another of the same name could take what is "
				"written there",
				n.masked->schema, n.masked->name),
			"Choose another name.");
	return !n.masked;
}

static void plan_column(struct judge *j, const struct output *o, struct column_plan *cp)
{
	const struct masking *m = binding_set(j->b, &o->from);
	const struct mask *mask;

	cp->type = o->type;
	cp->typmod = o->typmod;
	if (!m) {
		cp->action = ACTION_PASS;
		return;
	}
	cp->rule = m->rule;
	cp->derived = !o->direct || binding_mixed(j->b, &o->from);
	mask = cp->derived ? m->derived : m->direct;
	if (!mask || mask->kind == MASK_NULL || (cp->derived && mask_reads_input(mask->kind)))
		return; /* ACTION_NULL */
	cp->action = ACTION_MASK;
	cp->mask = mask;
}

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

static void plan_entity(
	struct judge *j, const struct statement *st, const struct output *o, struct column_plan *cp)
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
	deny(j, p, "42501",
		arena_printf(j->a,
			"column %s is a date that is shifted, or says whose one is, and may not be written",
			column_name(j, to)),
		hint_for(j, m));
	return false;
}

/* Who writes the entity's column, or the key that it refers to, could give a date to one entity after the
 * other; and who writes a date sees by how much it is moved, and with it all of the entity's. */
static bool check_entities(struct judge *j, const struct statement *st, struct plan *p)
{
	for (unsigned i = 0; i < st->assigned.n; i++)
		if (!check_entity(j, st->assigned.v[i], p))
			return false;
	for (unsigned i = 0; i < st->tested.n; i++)
		if (!check_entity(j, st->tested.v[i], p))
			return false;
	return true;
}

static bool plan_columns(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned n = st->noutputs;

	if (st->kind == STATEMENT_EXPLAIN)
		n = 1; /* one column of text that no row of a table reaches */
	p->columns = arena_array(j->a, n ? n : 1, sizeof(*p->columns));
	if (!p->columns) {
		deny(j, p, "53200", NULL, NULL);
		return false;
	}
	p->ncolumns = n;
	for (unsigned i = 0; i < n; i++) {
		if (st->kind == STATEMENT_EXPLAIN || st->kind == STATEMENT_SHOW) {
			p->columns[i].action = ACTION_PASS;
			continue;
		}
		if (!check_groups(j, &st->outputs[i], p))
			return false;
		plan_column(j, &st->outputs[i], &p->columns[i]);
		plan_entity(j, st, &st->outputs[i], &p->columns[i]);
		p->masks |= p->columns[i].action != ACTION_PASS;
	}
	return true;
}

/* FORCE_QUOTE: each name means the first column of that name. */
static void quote_columns(const struct statement *st, struct plan *p)
{
	const struct copy_options *o = st->copy;

	for (unsigned i = 0; i < p->ncolumns && o->quote_all; i++)
		p->columns[i].quoted = true;
	for (unsigned i = 0; i < o->nquoted; i++) {
		unsigned k = 0;

		while (k < p->ncolumns && strcmp(st->outputs[k].name, o->quoted[i]) != 0)
			k++;
		if (k < p->ncolumns)
			p->columns[k].quoted = true;
	}
}

/* Rows can be masked where it is certain how they are written. */
static bool plan_copy(struct judge *j, const struct statement *st, struct plan *p)
{
	bool doubt = false;

	p->copy = st->copy;
	if (!p->copy) {
		deny(j, p, "42501", "this COPY is not understood", NULL);
		return false;
	}
	quote_columns(st, p);
	for (unsigned i = 0; i < p->ncolumns; i++)
		doubt |= p->copy->null_doubtful && p->columns[i].action == ACTION_MASK;
	if (doubt)
		deny(j, p, "42501",
			"a masked value that is written as NULL is could be told from others by it",
			"Leave NULL to its default, or use CSV, which puts such a value into quotes.");
	if (doubt || !p->masks || !p->copy->odd)
		return !doubt;
	deny(j, p, "42501",
		arena_printf(j->a, "masked columns cannot be copied with these options or of this table: %s",
			p->copy->odd),
		"Use COPY (SELECT …) with PostgreSQL's own delimiters, quotes and NULL.");
	return false;
}

/* Whether a masked column is anything else than a plain output column. */
static bool reads_masked(struct judge *j, const struct statement *st, const struct plan *p)
{
	for (unsigned i = 0; i < p->ncolumns; i++)
		if (p->columns[i].action != ACTION_PASS && p->columns[i].derived)
			return true;
	for (unsigned i = 0; i < st->nuses; i++)
		if (binding_column(j->b, st->uses[i].column))
			return true;
	for (unsigned i = 0; i < st->tested.n; i++)
		if (binding_column(j->b, st->tested.v[i]))
			return true;
	return false;
}

/* How long it takes to compute something of a value, and how many rows each step gives, tell of the value. A
 * plain output column is not even looked at: its rows go nowhere. */
static bool plan_explain(struct judge *j, const struct statement *st, struct plan *p)
{
	const struct explain_options *o = &st->explain;
	const char *reason = NULL;

	if (o->analyze && reads_masked(j, st->inner, p->inner))
		reason = "EXPLAIN ANALYZE is not allowed where masked columns are used otherwise than as "
			 "plain "
			 "output columns: its times and counts tell of them";
	else if (o->measures && p->inner->masks)
		reason = "EXPLAIN (SERIALIZE) of masked columns is not allowed: it tells how long they are";
	else if (o->settings && (p->inner->code || p->code))
		reason = "EXPLAIN (SETTINGS) is not allowed where code of the database's own runs, which may "
			 "set "
			 "them";
	if (reason)
		deny(j, p, "42501", reason, "Use EXPLAIN without this option, or without these columns.");
	return !reason;
}

/* SHOW pgveil.… is answered by a query of ours. false: it is not one of these. */
static bool plan_show(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned n = 0;

	p->instead = st->setting ? show_query(j->b, st->setting, j->a, &n) : NULL;
	if (!n)
		return false;
	p->columns = arena_array(j->a, n, sizeof(*p->columns));
	if (!p->instead || !p->columns) {
		deny(j, p, "53200", NULL, NULL);
		return true;
	}
	p->ncolumns = n;
	for (unsigned i = 0; i < n; i++)
		p->columns[i].action = ACTION_PASS;
	p->rows = true;
	p->verdict = ALLOW;
	return true;
}

static bool tag_is(const struct statement *st, const char *tag)
{
	return st->tag && strcasecmp(st->tag, tag) == 0;
}

static struct plan *plan_statement(struct judge *j, const struct statement *st);

/* PREPARE, DECLARE, EXPLAIN and COPY (query) stand or fall with what is inside. */
static bool plan_inner(struct judge *j, const struct statement *st, struct plan *p)
{
	if (!st->inner)
		return st->kind != STATEMENT_PREPARE && st->kind != STATEMENT_DECLARE &&
		       st->kind != STATEMENT_EXPLAIN;
	p->inner = plan_statement(j, st->inner);
	if (!p->inner)
		return false;
	if (p->inner->verdict == DENY) {
		deny(j, p, p->inner->sqlstate, p->inner->reason, p->inner->hint);
		p->position = p->inner->position;
		p->retry = p->inner->retry;
		return false;
	}
	p->sanitize |= p->inner->sanitize;
	if (st->kind != STATEMENT_PREPARE) {
		p->spends = p->inner->spends;
		p->nspends = p->inner->nspends;
	}
	return true;
}

/* What a VOLATILE function does is not only its result; what it is declared to be is believed. */
static bool may_be_masked(const struct opaque *o)
{
	return o->function && o->function->kind == 'f' && !o->function->volatile_;
}

static const char *opaque_hint(struct judge *j, const struct opaque *o)
{
	const char *hint =
		o->function
			? arena_printf(j->a,
				  "Nobody looked into what %s reads. The owner of the policy may list it, "
				  "with its "
				  "argument types, in statements.opaque.allow.",
				  o->name)
			: "A caller with masked columns may use the pure functions, operators and types of "
			  "pg_catalog.";

	return hint ? hint : OUT_OF_MEMORY;
}

static bool check_opaque(struct judge *j, const struct statement *st, struct plan *p)
{
	for (unsigned i = 0; i < st->nopaque; i++) {
		const struct opaque *o = &st->opaque[i];
		enum opaque_mode mode = binding_opaque(j->b, o->function);

		if (mode == OPAQUE_ALLOW || (mode == OPAQUE_MASK && may_be_masked(o)))
			continue;
		deny(j, p, "42501",
			arena_printf(j->a, "%s is not known to depend on its arguments only", o->name),
			opaque_hint(j, o));
		return false;
	}
	return true;
}

/* The planner computes immutable functions, and EXPLAIN shows what they gave. */
static bool check_explain(struct judge *j, const struct statement *st, struct plan *p)
{
	const struct statement *in = st->kind == STATEMENT_EXPLAIN ? st->inner : NULL;

	for (unsigned i = 0; in && i < in->nopaque; i++) {
		if (binding_opaque(j->b, in->opaque[i].function) == OPAQUE_ALLOW)
			continue;
		deny(j, p, "42501",
			arena_printf(j->a, "EXPLAIN could show what %s gives", in->opaque[i].name),
			opaque_hint(j, &in->opaque[i]));
		return false;
	}
	return true;
}

static bool check_settings(struct judge *j, const struct statement *st, struct plan *p)
{
	const char *why = NULL, *name = st->setting ? st->setting : "";
	bool ok = st->kind != STATEMENT_SET || plan_setting_allowed(name, st->value, &why);

	for (unsigned i = 0; ok && i < st->nchanges; i++) {
		const struct setting_change *c = &st->changes[i];

		name = c->name;
		ok = c->any ? plan_setting_open(name, &why) : plan_setting_allowed(name, c->value, &why);
	}
	if (!ok)
		deny(j, p, "42501", arena_printf(j->a, "parameter \"%s\" cannot be changed here", name), why);
	return ok;
}

static void plan_allow(struct judge *j, const struct statement *st, struct plan *p)
{
	if (!check_opaque(j, st, p) || !check_entities(j, st, p) || !check_uses(j, st, p) ||
		!check_relations(j, st, p) || !plan_spends(j, st, p))
		return;
	if (st->kind == STATEMENT_OTHER) {
		deny(j, p, "42501",
			arena_printf(j->a, "%s is not allowed here", st->tag ? st->tag : "this statement"),
			"A caller with masked columns may query and change data, not define objects or run "
			"code.");
		return;
	}
	if (!check_settings(j, st, p))
		return;
	if (st->kind == STATEMENT_SHOW && plan_show(j, st, p))
		return;
	if (st->kind == STATEMENT_SHOW && (!st->setting || strchr(st->setting, '.'))) {
		deny(j, p, "42501", "a setting of nobody's may carry anything that a function put into it",
			"A caller with masked columns may read the server's own settings.");
		return;
	}
	if (!check_doubt(j, st, p) || !check_made(j, st, p))
		return;
	if (((st->kind == STATEMENT_DEFINE && !st->copies) || st->apart) && !check_defined(j, st, p))
		return;
	p->code = st->triggers || st->code || st->nopaque;
	p->sanitize = p->code || st->watched || tag_is(st, "COMMIT") || tag_is(st, "END") ||
		      tag_is(st, "SET CONSTRAINTS");
	for (unsigned i = 0; !p->sanitize && i < st->nrelations; i++)
		p->sanitize = relation_masked(j->b, st->relations[i]);
	if (!check_explain(j, st, p))
		return;
	if (!plan_inner(j, st, p)) {
		if (!p->reason)
			deny(j, p, "53200", NULL, NULL);
		return;
	}
	p->rows = st->rows;
	if ((st->rows || st->kind == STATEMENT_COPY_OUT) && st->kind != STATEMENT_EXECUTE &&
		st->kind != STATEMENT_FETCH && !plan_columns(j, st, p))
		return;
	if (st->kind == STATEMENT_COPY_OUT && !plan_copy(j, st, p))
		return;
	if (st->kind == STATEMENT_EXPLAIN && !plan_explain(j, st, p))
		return;
	p->verdict = ALLOW;
}

/* What is let do anything may define something too; what is listed is said not to. */
static bool may_define(struct judge *j, const struct statement *st)
{
	for (unsigned i = 0; i < st->nopaque; i++)
		if (binding_opaque(j->b, NULL) == OPAQUE_ALLOW && !may_be_masked(&st->opaque[i]))
			return true;
	return false;
}

/* NULL: out of memory. */
static struct plan *plan_statement(struct judge *j, const struct statement *st)
{
	struct plan *p = arena_zalloc(j->a, sizeof(*p));

	if (!p)
		return NULL;
	p->kind = st->kind;
	p->tag = st->tag;
	p->location = st->location > 0 ? (unsigned)st->location : 0;
	p->len = st->len > 0 ? (unsigned)st->len : 0;
	p->name = st->name;
	p->hold = st->hold;
	p->setting = st->setting;
	p->args = st->args;
	p->nargs = st->nargs;
	p->value = st->value;
	p->by_path = st->by_path;
	p->relations = st->relations;
	p->nrelations = st->nrelations;
	p->changes = st->changes;
	p->nchanges = st->nchanges;
	p->followed = st->followed;
	p->defines = st->defines || may_define(j, st);
	p->temporary = st->temporary;
	p->watched = st->watched;
	if (st->problem) {
		bool refused = strcmp(st->sqlstate, "0A000") == 0 || strcmp(st->sqlstate, "42501") == 0;

		/* What is not understood is refused by the same name as what is forbidden. */
		deny(j, p, refused ? "42501" : st->sqlstate, st->problem,
			refused ? "Columns are masked for this caller, so only statements whose every effect "
				  "on them is "
				  "understood may pass."
				: NULL);
		p->position = st->position;
		p->retry = st->retry;
		return p;
	}
	plan_allow(j, st, p);
	return p;
}

/* A refusal tells where in the text it is; the other kinds carry parts of the text in their plans. */
static void keep_constants(const struct statement *st, struct judged *out)
{
	if (out->plans[0]->verdict != ALLOW ||
		(st->kind != STATEMENT_SELECT && st->kind != STATEMENT_INSERT &&
			st->kind != STATEMENT_UPDATE && st->kind != STATEMENT_DELETE))
		return;
	out->constants = st->constants;
	out->nconstants = st->nconstants;
}

int plan_judge(const struct binding *b, const struct name_scope *scope, struct span text, struct arena *a,
	struct judged *out, struct err *e)
{
	struct judge j = {.b = b, .a = a};
	struct analysis an = {0};
	struct err why = {0};
	struct name_scope names = *scope;
	int position = 0, r;

	names.trusted = binding_trusted(b, &names.ntrusted);
	*out = (struct judged){.policy_version = policy_version(binding_policy(b)),
		.catalog_version = catalog_version(binding_catalog(b))};
	r = analyze(&names, text, a, &an, &position, &why);
	if (!r && an.n > PLAN_STATEMENTS_MAX)
		r = err_sql(
			&why, -E2BIG, "54000", "more than %d statements in one text", PLAN_STATEMENTS_MAX);
	out->n = r ? 1 : an.n;
	out->plans = arena_array(a, out->n ? out->n : 1, sizeof(*out->plans));
	if (!out->plans)
		return err_sql(e, -ENOMEM, "53200", "%s", OUT_OF_MEMORY);
	if (r) {
		struct plan *p = arena_zalloc(a, sizeof(*p));

		if (!p)
			return err_sql(e, -ENOMEM, "53200", "%s", OUT_OF_MEMORY);
		deny(&j, p, why.sqlstate, arena_strdup(a, why.msg), NULL);
		p->position = position;
		out->plans[0] = p;
	}
	for (unsigned i = 0; !r && i < an.n; i++) {
		out->plans[i] = plan_statement(&j, &an.statements[i]);
		if (!out->plans[i])
			return err_sql(e, -ENOMEM, "53200", "%s", OUT_OF_MEMORY);
	}
	if (!r && an.n == 1)
		keep_constants(&an.statements[0], out);
	return j.failed ? err_sql(e, -ENOMEM, "53200", "%s", OUT_OF_MEMORY) : 0;
}
