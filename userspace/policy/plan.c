/* SPDX-License-Identifier: MIT */
/* A plan is made in one direction only: everything starts as DENY and ACTION_NULL, and each step below must
 * find a reason to give more. What the analysis did not understand never gets that far. */
#include "policy/plan.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "policy/judge.h"
#include "policy/show.h"
#include "sql/unseen.h"

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
	judge_deny(j, p, "42501",
		arena_printf(j->a, "%s() of the masked column %s may be over too few values",
			via_name((enum via)c.via), judge_column_name(j, c)),
		hint ? hint : JUDGE_NO_MEMORY);
	return true;
}

/* What a statement that is refused for what its targets use may be instead: one where nobody evaluates them.
 */
static const char *unseen(struct judge *j, const struct statement *st, const bool *refused)
{
	struct target v[TARGETS_MAX];
	unsigned n = 0;

	for (unsigned i = 0; i < st->ntargets; i++)
		if (refused[i])
			v[n++] = st->targets[i];
	return j->alone ? unseen_text(j->a, j->text, v, n) : NULL;
}

static void deny_use(struct judge *j, const struct use *u, struct plan *p)
{
	judge_deny(j, p, "42501",
		arena_printf(j->a, "column %s is masked and may not be used in %s",
			judge_column_name(j, u->column), u->where),
		judge_hint(j, binding_column(j->b, u->column)));
}

/* false: p holds the denial. */
static bool check_used(struct judge *j, const struct statement *st, struct plan *p)
{
	bool refused[TARGETS_MAX] = {0};
	const struct use *first = NULL;

	for (unsigned i = 0; i < st->nuses; i++) {
		const struct use *u = &st->uses[i];
		const struct masking *m = binding_column(j->b, u->column);

		if (open_to_all(m) || (u->asked && m->permit.predicates == PREDICATES_EQUALITY))
			continue;
		if (deny_group(j, u->column, m, p))
			return false;
		if (!u->target) {
			deny_use(j, u, p);
			return false;
		}
		refused[u->target - 1] = true;
		first = first ? first : u;
	}
	if (!first)
		return true;
	deny_use(j, first, p);
	p->instead = unseen(j, st, refused);
	return false;
}

/* paid: only by what the statement's asks say. */
static bool check_tested(struct judge *j, const struct colset *tested, bool paid, struct plan *p)
{
	for (unsigned i = 0; i < tested->n; i++) {
		const struct masking *m = binding_column(j->b, tested->v[i]);

		if (open_to_all(m) || (paid && m->permit.predicates == PREDICATES_EQUALITY))
			continue;
		judge_deny(j, p, "42501",
			arena_printf(j->a,
				"column %s is masked and a constraint checks what is written against it: the "
				"outcome would tell which values exist",
				judge_column_name(j, tested->v[i])),
			judge_hint(j, m));
		return false;
	}
	return true;
}

/* Reasons against a statement as a whole; false: p holds the denial. */
static bool check_uses(struct judge *j, const struct statement *st, struct plan *p)
{
	if (!check_used(j, st, p))
		return false;
	for (unsigned i = 0; i < st->stored.n; i++) {
		const struct masking *m = binding_column(j->b, st->stored.v[i]);

		if (!m)
			continue;
		judge_deny(j, p, "42501",
			arena_printf(j->a, "column %s is masked and may not be written elsewhere",
				judge_column_name(j, st->stored.v[i])),
			judge_hint(j, m));
		return false;
	}
	return check_tested(j, &st->tested, false, p) && check_tested(j, &st->paid, true, p);
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
		judge_deny(j, p, "42501",
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

static void plan_column(struct judge *j, const struct output *o, struct column_plan *cp)
{
	const struct masking *m = binding_set(j->b, &o->from);
	const struct mask *mask;

	cp->type = o->type;
	cp->typmod = o->typmod;
	if (!m) {
		cp->mask = judge_written(j->b, o);
		cp->action = cp->mask ? ACTION_MASK : ACTION_PASS;
		return;
	}
	cp->rule = m->rule;
	cp->derived = !o->direct || binding_mixed(j->b, &o->from);
	cp->mask = cp->derived ? judge_json(j, o) : NULL;
	if (cp->mask) {
		cp->action = ACTION_MASK;
		cp->parts = true;
		return;
	}
	mask = cp->derived ? m->derived : m->direct;
	if (!mask || mask->kind == MASK_NULL || (cp->derived && mask_reads_input(mask->kind)))
		return; /* ACTION_NULL */
	cp->action = ACTION_MASK;
	cp->mask = mask;
}

static bool plan_columns(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned n = st->noutputs;

	if (st->kind == STATEMENT_EXPLAIN)
		n = 1; /* one column of text that no row of a table reaches */
	p->open = p->open || st->open;
	p->columns = arena_array(j->a, n ? n : 1, sizeof(*p->columns));
	if (!p->columns) {
		judge_deny(j, p, "53200", NULL, NULL);
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
		judge_entity(j, st, &st->outputs[i], &p->columns[i]);
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
		judge_deny(j, p, "42501", "this COPY is not understood", NULL);
		return false;
	}
	quote_columns(st, p);
	for (unsigned i = 0; i < p->ncolumns; i++)
		doubt |= p->copy->null_doubtful && p->columns[i].action == ACTION_MASK;
	if (doubt)
		judge_deny(j, p, "42501",
			"a masked value that is written as NULL is could be told from others by it",
			"Leave NULL to its default, or use CSV, which puts such a value into quotes.");
	if (doubt || !p->masks || !p->copy->odd)
		return !doubt;
	judge_deny(j, p, "42501",
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
	for (unsigned i = 0; i < st->paid.n; i++)
		if (binding_column(j->b, st->paid.v[i]))
			return true;
	for (unsigned i = 0; i < st->ncopied; i++)
		if (binding_set(j->b, &st->copied[i].from))
			return true;
	return false;
}

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
static bool plan_explain(struct judge *j, const struct statement *st, struct plan *p)
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
	if (o->analyze && reads_masked(j, st->inner, p->inner))
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

/* SHOW pgveil.… is answered by a query of ours. false: it is not one of these. */
static bool plan_show(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned n = 0;

	p->instead = st->setting ? show_query(j->b, st->setting, j->a, &n) : NULL;
	if (!n)
		return false;
	p->columns = arena_array(j->a, n, sizeof(*p->columns));
	if (!p->instead || !p->columns) {
		judge_deny(j, p, "53200", NULL, NULL);
		return true;
	}
	p->ncolumns = n;
	for (unsigned i = 0; i < n; i++)
		p->columns[i].action = ACTION_PASS;
	p->rows = true;
	p->verdict = ALLOW;
	return true;
}

/* Whether only the server itself can raise an error of this statement, and none of a constraint over what is
 * masked. A foreign table's server is another one. */
static bool names_only(struct judge *j, const struct statement *st, const struct plan *p)
{
	bool plain = st->kind == STATEMENT_SELECT || st->kind == STATEMENT_INSERT ||
		     st->kind == STATEMENT_UPDATE || st->kind == STATEMENT_DELETE;

	for (unsigned i = 0; plain && i < st->nrelations; i++) {
		const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), st->relations[i]);

		plain = r && r->kind != 'f';
	}
	return plain && !p->code && !st->nopaque && !reads_masked(j, st, p);
}

static bool tag_is(const struct statement *st, const char *tag)
{
	return st->tag && strcasecmp(st->tag, tag) == 0;
}

struct own_types {
	const struct binding *b;
	bool masked; /* a column of one of them */
};

static bool finds_type(void *arg, const struct relation *r)
{
	struct own_types *t = arg;

	for (unsigned i = 0; i < r->ncols && !t->masked; i++) {
		const struct masking *m =
			r->cols[i].type_oid < FIRST_USER_OID
				? NULL
				: binding_column(t->b, (struct colref){r->oid, r->cols[i].attnum});

		t->masked = m && m->rule;
	}
	return !t->masked;
}

/* Whether the statement may look at values of masked relations that it does not name: all that have a type
 * are held against a new constraint of it. */
static bool roams(struct judge *j, const struct statement *st)
{
	struct own_types t = {.b = j->b};

	if (tag_is(st, "ALTER DOMAIN") || tag_is(st, "ALTER TYPE"))
		catalog_each_relation(binding_catalog(j->b), finds_type, &t);
	return t.masked ||
	       (st->nrelations == 0 && (st->surveys || tag_is(st, "REINDEX") || tag_is(st, "CLUSTER")));
}

/* Whether what the server finds wrong with the text itself is of the text: literals are read while it is
 * analysed, and where a type of theirs runs code that is noted. */
static bool analysed(const struct statement *st, const struct plan *p)
{
	static const enum statement_kind kinds[] = {STATEMENT_SELECT, STATEMENT_INSERT, STATEMENT_UPDATE,
		STATEMENT_DELETE, STATEMENT_MERGE, STATEMENT_EXPLAIN, STATEMENT_PREPARE, STATEMENT_DECLARE,
		STATEMENT_COPY_OUT};
	bool known = false;

	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++)
		known = known || st->kind == kinds[i];
	return known && !p->code && !st->nopaque && !st->watched && (!p->inner || p->inner->analysed);
}

/* Who lets all code show what it gives lets it raise what it likes; then what the server itself says is of
 * this statement, and what that has of masked columns counts, with those that refer to it. */
static bool frank(struct judge *j, const struct statement *st, const struct plan *p)
{
	if (binding_opaque(j->b, NULL) != OPAQUE_ALLOW || roams(j, st) || reads_masked(j, st, p))
		return false;
	for (unsigned i = 0; i < st->nrelations; i++) {
		const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), st->relations[i]);

		if (!r || judge_masks(j->b, r->oid))
			return false;
		for (unsigned k = 0; k < r->nreferences; k++)
			if (judge_masks(j->b, r->references[k].relid))
				return false;
	}
	return !p->inner || p->inner->frank;
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
		judge_deny(j, p, p->inner->sqlstate, p->inner->reason, p->inner->hint);
		p->position = p->inner->position;
		p->retry = p->inner->retry;
		p->instead = p->inner->instead;
		return false;
	}
	p->sanitize |= p->inner->sanitize;
	p->retry |= p->inner->retry;
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

	return hint ? hint : JUDGE_NO_MEMORY;
}

static bool check_opaque(struct judge *j, const struct statement *st, struct plan *p)
{
	for (unsigned i = 0; i < st->nopaque; i++) {
		const struct opaque *o = &st->opaque[i];
		enum opaque_mode mode = binding_opaque(j->b, o->function);

		if (mode == OPAQUE_ALLOW || (mode == OPAQUE_MASK && may_be_masked(o)))
			continue;
		judge_deny(j, p, "42501",
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
		judge_deny(j, p, "42501",
			arena_printf(j->a, "EXPLAIN could show what %s gives", in->opaque[i].name),
			opaque_hint(j, &in->opaque[i]));
		return false;
	}
	return true;
}

/* Where code may do anything a session may be whom it likes: it could have a function do what it wants. What
 * names then mean the session asks the server. A relayed login is one that may not. */
static bool is_role(const struct judge *j, const char *name)
{
	return !j->relayed && binding_opaque(j->b, NULL) == OPAQUE_ALLOW &&
	       (!strcmp(name, "role") || !strcmp(name, "session_authorization"));
}

/* Which role the session has is settled: SET ROLE to that one changes nothing. */
static bool setting_allowed(const struct judge *j, const char *name, const char *value, const char **why)
{
	return is_role(j, name) ||
	       (binding_opaque(j->b, NULL) == OPAQUE_ALLOW && plan_setting_of_code(name)) ||
	       (!strcmp(name, "role") && value && j->user && !strcmp(value, j->user)) ||
	       plan_setting_allowed(name, value, why);
}

static bool check_settings(struct judge *j, const struct statement *st, struct plan *p)
{
	const char *why = NULL, *name = st->setting ? st->setting : "";
	bool ok = st->kind != STATEMENT_SET || setting_allowed(j, name, st->value, &why);

	for (unsigned i = 0; ok && i < st->nchanges; i++) {
		const struct setting_change *c = &st->changes[i];

		name = c->name;
		ok = c->any && !is_role(j, name) ? plan_setting_open(name, &why)
						 : setting_allowed(j, name, c->value, &why);
	}
	if (!ok)
		judge_deny(j, p, "42501", arena_printf(j->a, "parameter \"%s\" cannot be changed here", name),
			why);
	return ok;
}

static void plan_allow(struct judge *j, const struct statement *st, struct plan *p)
{
	if (!check_opaque(j, st, p) || !judge_entities(j, st, p) || !check_uses(j, st, p) ||
		!judge_copies(j, st, p) || !check_relations(j, st, p) || !judge_spends(j, st, p))
		return;
	if (st->kind == STATEMENT_OTHER) {
		judge_deny(j, p, "42501",
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
		judge_deny(j, p, "42501",
			"a setting of nobody's may carry anything that a function put into it",
			"A caller with masked columns may read the server's own settings.");
		return;
	}
	if (!judge_doubt(j, st, p) || !judge_made(j, st, p))
		return;
	if (((st->kind == STATEMENT_DEFINE && !st->copies) || st->apart) && !judge_defined(j, st, p))
		return;
	p->code = st->triggers || st->code || st->nopaque;
	if (!judge_heirs(j, st, p))
		return;
	p->sanitize = p->code || st->watched || tag_is(st, "COMMIT") || tag_is(st, "END") ||
		      tag_is(st, "SET CONSTRAINTS");
	for (unsigned i = 0; !p->sanitize && i < st->nrelations; i++)
		p->sanitize = judge_masks(j->b, st->relations[i]);
	if (!check_explain(j, st, p))
		return;
	if (!plan_inner(j, st, p)) {
		if (!p->reason)
			judge_deny(j, p, "53200", NULL, NULL);
		return;
	}
	p->rows = st->rows;
	/* a rule may make a query of it */
	if (st->apart && !st->rows && binding_opaque(j->b, NULL) == OPAQUE_ALLOW &&
		(st->kind == STATEMENT_INSERT || st->kind == STATEMENT_UPDATE ||
			st->kind == STATEMENT_DELETE))
		p->rows = p->open = true;
	if ((p->rows || st->kind == STATEMENT_COPY_OUT) && st->kind != STATEMENT_EXECUTE &&
		st->kind != STATEMENT_FETCH && !plan_columns(j, st, p))
		return;
	if (st->kind == STATEMENT_COPY_OUT && !plan_copy(j, st, p))
		return;
	if (st->kind == STATEMENT_EXPLAIN && !plan_explain(j, st, p))
		return;
	p->names = names_only(j, st, p);
	p->analysed = analysed(st, p);
	p->frank = frank(j, st, p);
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
	p->retry = st->retry;
	if (st->problem) {
		judge_problem(j, st, st->problem, p);
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
	struct judge j = {.b = b, .a = a, .text = text, .user = scope->user, .relayed = scope->role != 0};
	struct analysis an = {0};
	struct err why = {0};
	struct name_scope names = *scope;
	int position = 0, r;

	names.trusted = binding_trusted(b, &names.ntrusted);
	names.unfollowed = binding_opaque(b, NULL) == OPAQUE_ALLOW;
	*out = (struct judged){.policy_version = policy_version(binding_policy(b)),
		.catalog_version = catalog_version(binding_catalog(b))};
	r = analyze(&names, text, a, &an, &position, &why);
	if (!r && an.n > PLAN_STATEMENTS_MAX)
		r = err_sql(
			&why, -E2BIG, "54000", "more than %d statements in one text", PLAN_STATEMENTS_MAX);
	j.alone = an.n == 1;
	out->n = r ? 1 : an.n;
	out->plans = arena_array(a, out->n ? out->n : 1, sizeof(*out->plans));
	if (!out->plans)
		return err_sql(e, -ENOMEM, "53200", "%s", JUDGE_NO_MEMORY);
	if (r) {
		struct plan *p = arena_zalloc(a, sizeof(*p));

		if (!p)
			return err_sql(e, -ENOMEM, "53200", "%s", JUDGE_NO_MEMORY);
		judge_deny(&j, p, why.sqlstate, arena_strdup(a, why.msg), NULL);
		p->position = position;
		out->plans[0] = p;
	}
	for (unsigned i = 0; !r && i < an.n; i++) {
		out->plans[i] = plan_statement(&j, &an.statements[i]);
		if (!out->plans[i])
			return err_sql(e, -ENOMEM, "53200", "%s", JUDGE_NO_MEMORY);
	}
	if (!r && an.n == 1)
		keep_constants(&an.statements[0], out);
	return j.failed ? err_sql(e, -ENOMEM, "53200", "%s", JUDGE_NO_MEMORY) : 0;
}
