/* SPDX-License-Identifier: MIT */
/* A plan is made in one direction only: everything starts as DENY and ACTION_NULL, and each step below must
 * find a reason to give more. What the analysis did not understand never gets that far. */
#include "policy/plan.h"

#include <errno.h>
#include <string.h>

#include "policy/judge.h"
#include "policy/show.h"
#include "sql/gate.h"
#include "sql/setting.h"

/* Views and tables of the system that are made of other columns' values or other sessions' statements. */
static bool check_relations(struct judge *j, const struct statement *st, struct plan *p)
{
	for (unsigned i = 0; i < st->nrelations && binding_masks(j->b); i++) {
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

		if (m && judge_denies_group(j, o->from.v[i], m, p))
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

static struct plan *plan_statement(struct judge *j, const struct statement *st, bool guarded);

/* PREPARE, DECLARE, EXPLAIN and COPY (query) stand or fall with what is inside. */
static bool plan_inner(struct judge *j, const struct statement *st, struct plan *p)
{
	if (!st->inner)
		return st->kind != STATEMENT_PREPARE && st->kind != STATEMENT_DECLARE &&
		       st->kind != STATEMENT_EXPLAIN;
	/* what runs within is among what the whole does */
	p->inner = plan_statement(j, st->inner, st->kind == STATEMENT_PREPARE);
	if (!p->inner)
		return false;
	if (p->inner->verdict == DENY) {
		p->guard = p->inner->guard;
		p->guarded = p->inner->guarded;
		p->by = p->inner->by;
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
	if (!judge_rows(j, st, p) || !check_opaque(j, st, p) || !judge_entities(j, st, p) ||
		!judge_uses(j, st, p) || !judge_copies(j, st, p) || !check_relations(j, st, p) ||
		!judge_spends(j, st, p))
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
	if (st->kind == STATEMENT_SHOW && (!st->setting || strchr(st->setting, '.')) &&
		!(j->own_settings && st->setting && setting_custom(st->setting))) {
		judge_deny(j, p, "42501",
			"a setting of nobody's may carry anything that a function put into it",
			"A caller with masked columns may read the server's own settings.");
		return;
	}
	if (!judge_doubt(j, st, p) || !judge_made(j, st, p))
		return;
	if (((st->kind == STATEMENT_DEFINE && !st->copies) || st->apart) && !judge_defined(j, st, p))
		return;
	p->quiet = !st->triggers && !st->code && !st->nopaque;
	p->code = !p->quiet || st->policies;
	if (st->settings && (!p->quiet || st->watched) && binding_opaque(j->b, NULL) != OPAQUE_ALLOW) {
		judge_deny(j, p, "42501",
			"code of the database runs in this statement, and may set what current_setting() "
			"gives",
			"Ask for the setting in a statement of its own, before any that runs code.");
		return;
	}
	if (!judge_heirs(j, st, p))
		return;
	p->sanitize = p->code || st->watched || statement_is(st, "COMMIT") || statement_is(st, "END") ||
		      statement_is(st, "SET CONSTRAINTS");
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
	if (st->kind == STATEMENT_EXPLAIN && !judge_explain(j, st, p))
		return;
	p->names = judge_names_only(j, st, p);
	p->analysed = judge_analysed(st, p);
	p->frank = judge_frank(j, st, p);
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

static bool name_read(struct judge *j, const struct statement *st, struct plan *p)
{
	uint64_t *keys = arena_array(j->a, st->named.n + 2ul * st->looked_up.n, sizeof(*keys));

	if (!keys)
		return false;
	for (unsigned i = 0; i < st->named.n; i++)
		keys[p->nnamed++] = st->named.v[i].relid;
	for (unsigned i = 0; i < st->looked_up.n; i++) {
		keys[p->nnamed++] = gate_name(st->looked_up.v[i]);
		if (gate_of_sequence(st->looked_up.v[i]))
			keys[p->nnamed++] = GATE_SEQUENCES;
	}
	p->named = keys;
	return true;
}

static bool name_changed(struct judge *j, const struct statement *st, struct plan *p)
{
	uint64_t *keys = arena_array(j->a, 1ul + st->redefined.n + st->claimed.n, sizeof(*keys));

	if (!keys)
		return false;
	for (unsigned i = 0; i < st->redefined.n; i++)
		keys[p->nredefined++] = st->redefined.v[i].relid;
	for (unsigned i = 0; i < st->claimed.n; i++)
		keys[p->nredefined++] = gate_name(st->claimed.v[i]);
	if (st->makes_sequences)
		keys[p->nredefined++] = GATE_SEQUENCES;
	p->redefined = keys;
	return true;
}

/* What stands between it and statements of other sessions. false: out of memory. */
static bool name_keys(struct judge *j, const struct statement *st, struct plan *p)
{
	p->redefines = st->defines && !st->temporary;
	p->redefines_any = p->redefines && (!st->listed || st->claimed.n == LOOKED_UP_MAX);
	return name_read(j, st, p) && (!p->redefines || name_changed(j, st, p));
}

static void ask(struct plan *p, const struct plan *words)
{
	p->verdict = ASK;
	memcpy(p->sqlstate, words->sqlstate, sizeof(p->sqlstate));
	p->reason = words->reason;
	p->hint = words->hint;
	p->guard = words->guard;
	p->guarded = words->guarded;
	p->by = words->by;
}

/* What the guard refuses is not looked at otherwise; what it wants to be asked for must be allowed else. */
static void plan_guarded(struct judge *j, const struct statement *st, struct plan *p, bool guarded)
{
	struct plan words = {0};

	if (guarded && !judge_guard(j, st, &words)) {
		ask(p, &words);
		p->verdict = DENY;
		return;
	}
	plan_allow(j, st, p);
	if (p->verdict != ALLOW)
		return;
	if (words.verdict == ASK)
		ask(p, &words);
	else if (p->inner && p->inner->verdict == ASK)
		ask(p, p->inner);
}

/* guarded: as a statement of its own. NULL: out of memory. */
static struct plan *plan_statement(struct judge *j, const struct statement *st, bool guarded)
{
	struct plan *p = arena_zalloc(j->a, sizeof(*p));

	if (!p)
		return NULL;
	p->effects = st->effects;
	p->kind = st->kind;
	p->tag = st->tag;
	p->location = st->location > 0 ? (unsigned)st->location : 0;
	p->len = st->len > 0 ? (unsigned)st->len : 0;
	p->name = st->name;
	p->hold = st->hold;
	p->setting = st->setting;
	p->local = st->local;
	p->args = st->args;
	p->nargs = st->nargs;
	p->value = st->value;
	p->by_path = st->by_path;
	p->relations = st->relations;
	p->nrelations = st->nrelations;
	if (!name_keys(j, st, p))
		return NULL;
	p->changes = st->changes;
	p->nchanges = st->nchanges;
	p->followed = st->followed;
	p->writes = st->writes || (st->inner && st->inner->writes);
	p->defines = st->defines || may_define(j, st);
	p->temporary = st->temporary;
	p->watched = st->watched;
	p->retry = st->retry;
	if (st->problem)
		judge_problem(j, st, st->problem, p);
	else
		plan_guarded(j, st, p, guarded);
	judge_touched(j, st, p);
	if (guarded && p->verdict != DENY)
		judge_thresholds(j, st, p);
	judge_estimate(j, st, p);
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
	struct judge j = {.b = b,
		.a = a,
		.text = text,
		.user = scope->user,
		.relayed = scope->role != 0,
		.own_settings = scope->own_settings};
	struct analysis an = {0};
	struct err why = {0};
	struct name_scope names = *scope;
	bool denied = false;
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
		p->effects = DOES_ALL;
		p->position = position;
		p->intimate = true;
		out->plans[0] = p;
	}
	for (unsigned i = 0; !r && i < an.n; i++) {
		out->plans[i] = plan_statement(&j, &an.statements[i], true);
		if (!out->plans[i])
			return err_sql(e, -ENOMEM, "53200", "%s", JUDGE_NO_MEMORY);
		if (out->plans[i]->verdict != DENY)
			(void)judge_only(&j, &an.statements[i], out->plans[i]);
	}
	for (unsigned i = 0; !r && i < out->n; i++)
		denied = denied || out->plans[i]->verdict == DENY;
	if (!r && !denied && judge_wrap(&j, &names, &an, out, e))
		return -ENOMEM;
	/* what is sent of another text would be sent for this one */
	if (!r && an.n == 1 && !out->wrapped && !judge_reads_constants(b))
		keep_constants(&an.statements[0], out);
	return j.failed ? err_sql(e, -ENOMEM, "53200", "%s", JUDGE_NO_MEMORY) : 0;
}
