/* SPDX-License-Identifier: MIT */
/* What the documents' guards say of a statement, in words for the client. */
#include "policy/judge.h"

#include <string.h>

static const char *effect_word(uint64_t effect)
{
	for (unsigned i = 0; i < EFFECT_COUNT; i++)
		if (effect >> i & 1)
			return effect_name(i);
	return "?";
}

/* What was done to what. */
const char *judge_deed(struct judge *j, const struct guard_answer *a)
{
	const struct deed *d = a->deed;
	const char *word = effect_word(a->effect);
	char *s;

	if (d->escapes && d->relation)
		s = arena_printf(j->a, "%s of %s.%s (which would have another name)", word,
			d->relation->schema, d->relation->name);
	else if (d->escapes)
		s = arena_printf(j->a, "%s of %s%s%s (which would have another name)", word,
			d->schema ? d->schema : "", d->schema && d->name ? "." : "", d->name ? d->name : "");
	else if (d->unknown && d->relation)
		s = arena_printf(
			j->a, "%s of whatever %s.%s shows", word, d->relation->schema, d->relation->name);
	else if (d->unknown && d->name)
		s = arena_printf(
			j->a, "%s (%s.%s() may do anything)", word, d->schema ? d->schema : "?", d->name);
	else if (d->unknown)
		s = arena_printf(
			j->a, "%s (a part of the statement, or code that it runs, may do anything)", word);
	else if (d->relation)
		s = arena_printf(j->a, "%s of %s.%s", word, d->relation->schema, d->relation->name);
	else if (d->name)
		s = arena_printf(j->a, "%s of %s%s%s%s", word, d->schema ? d->schema : "",
			d->schema ? "." : "", d->name, d->function ? "()" : "");
	else if (d->schema)
		s = arena_printf(j->a, "%s in schema %s", word, d->schema);
	else
		s = arena_printf(j->a, "%s", word);
	return s;
}

static const char *missing_text(const struct guard_answer *a)
{
	return a->rule && a->rule->where_missing && a->deed->whole
		       ? " without a WHERE that says which rows: column = constant, or one of a list of these"
		       : "";
}

const char *judge_rule(struct judge *j, const struct guard_answer *a)
{
	const char *where = a->rule ? a->rule->where : a->guard->where;
	const char *what = a->rule ? "Policy rule" : "The default of the policy's statements at";

	if (a->verdict == ASK)
		return arena_printf(
			j->a, "%s %s asks for an approval before such a statement runs.", what, where);
	if (a->deed->unknown && a->deed->name)
		return arena_printf(j->a,
			"%s %s denies it. If the function does nothing of the kind, the owner of that policy "
			"may list it in statements.opaque.allow.",
			what, where);
	return arena_printf(
		j->a, "%s %s denies it; ask the owner of that policy if you need more.", what, where);
}

/* ---- settings ---- */
/* Of one transaction; put back to its default it is that it may write. */
static bool leaves_read_only(const char *name)
{
	return !strcmp(name, "transaction_read_only");
}

/* Back to its default is back to what the login pinned. reset: it is that. */
static bool may_set(struct judge *j, const char *name, bool reset, struct plan *p)
{
	unsigned n = 0;
	const struct guard *const *guards = binding_guards(j->b, &n);
	const struct setting_pin *pin = guard_pin(guards, n, name);
	const char *where = pin && !reset ? pin->where : NULL, *how;

	if (guard_read_only(guards, n) &&
		(leaves_read_only(name) || (!reset && !strcmp(name, "default_transaction_read_only"))))
		where = guard_read_only(guards, n);
	if (!where)
		return true;
	p->by = where;
	how = arena_printf(j->a, "Policy rule %s pins it.", where);
	p->guarded = true;
	judge_deny(j, p, "42501", arena_printf(j->a, "parameter \"%s\" cannot be changed here", name),
		how ? how : JUDGE_NO_MEMORY);
	return false;
}

/* SET SESSION CHARACTERISTICS sets the defaults of transactions to come. */
static bool may_characterize(struct judge *j, struct plan *p)
{
	return may_set(j, "default_transaction_isolation", false, p) &&
	       may_set(j, "default_transaction_deferrable", false, p);
}

/* What a call changes, of whichever name, while the statement runs; also in a view and in what is followed.
 */
static bool judge_calls(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned n = 0, npins = 0;
	const struct guard *const *guards = binding_guards(j->b, &n);
	const char *where = NULL, *how;

	for (unsigned i = 0; i < n; i++) {
		npins += guards[i]->npins;
		where = where || !guards[i]->npins ? where : guards[i]->pins->where;
	}
	for (unsigned i = 0; i < st->ndeeds; i++) {
		const struct deed *d = &st->deeds[i];

		if (!(d->effects & DOES_SETTINGS) || !d->function || d->unknown)
			continue;
		if (d->setting && !may_set(j, d->setting, false, p))
			return false;
		if (d->setting || !npins || strcmp(d->name, "set_config") != 0)
			continue;
		how = arena_printf(j->a,
			"Policy rule %s pins a setting; write as a constant which one to change.", where);
		judge_deny(j, p, "42501",
			"set_config() of a setting that is not known beforehand is not allowed here",
			how ? how : JUDGE_NO_MEMORY);
		return false;
	}
	return true;
}

static bool judge_settings(struct judge *j, const struct statement *st, struct plan *p)
{
	const char *name = st->setting ? st->setting : "", *where = NULL, *how;
	unsigned n = 0;
	const struct guard *const *guards = binding_guards(j->b, &n);

	/* also what EXPLAIN, DECLARE or COPY runs */
	for (const struct statement *in = st; in; in = in->inner)
		for (unsigned i = 0; i < in->nchanges; i++)
			if (!may_set(j, in->changes[i].name, !in->changes[i].value && !in->changes[i].any, p))
				return false;
	if (!judge_calls(j, st, p))
		return false;
	if (st->kind == STATEMENT_SET && !may_set(j, name, !st->value, p))
		return false;
	if (st->kind == STATEMENT_SET && !strcmp(name, "session characteristics") && !may_characterize(j, p))
		return false;
	if (st->read_write)
		where = guard_read_only(guards, n);
	if (!where)
		return true;
	p->by = where;
	how = arena_printf(j->a, "Policy rule %s makes the session read-only.", where);
	p->guarded = true;
	judge_deny(j, p, "42501", "READ WRITE is not allowed here", how ? how : JUDGE_NO_MEMORY);
	return false;
}

/* ---- shapes ---- */
static bool fits_any(const struct guard *g, const struct stencil *s)
{
	for (unsigned i = 0; i < g->nonly; i++)
		if (stencil_fits(&g->only[i], s))
			return true;
	return false;
}

bool judge_only(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned n = 0;
	const struct guard *const *guards = binding_guards(j->b, &n);
	size_t at = st->location > 0 ? (size_t)st->location : 0;
	size_t len = st->len > 0 ? (size_t)st->len : 0;
	struct stencil shape = {0};
	const char *how;

	if (st->kind == STATEMENT_EMPTY)
		return true;
	for (unsigned i = 0; i < n; i++) {
		if (!guards[i]->nonly)
			continue;
		if (!shape.v && (at > j->text.n || len > j->text.n - at ||
					stencil_of(&shape, span_of(j->text.p + at, len), j->a))) {
			judge_deny(j, p, "53200", NULL, NULL);
			return false;
		}
		if (fits_any(guards[i], &shape))
			continue;
		p->by = guards[i]->only_where;
		how = arena_printf(j->a,
			"Only the statements that are listed at %s run here; ask the owner of that policy if "
			"you "
			"need another.",
			guards[i]->only_where);
		p->guarded = true;
		judge_deny(j, p, "42501", "the statement is none of those that are allowed here",
			how ? how : JUDGE_NO_MEMORY);
		return false;
	}
	return true;
}

bool judge_reads_constants(const struct binding *b)
{
	unsigned n = 0;
	const struct guard *const *guards = binding_guards(b, &n);

	for (unsigned i = 0; i < n; i++)
		if (guards[i]->nonly)
			return true;
	return false;
}

/* ---- deeds ---- */
/* What is asked of pgveil itself, or told it, does nothing at the server. */
static bool is_ours(const struct statement *st)
{
	return (st->kind == STATEMENT_SHOW || st->kind == STATEMENT_SET) && st->setting &&
	       strncmp(st->setting, "pgveil.", 7) == 0;
}

/* What is only explained, shown or written down for later is of no rows. */
static bool judge_counts(const struct statement *st)
{
	return st->kind != STATEMENT_SHOW && !(st->kind == STATEMENT_DEFINE && st->makes_kind == 'v') &&
	       (st->kind != STATEMENT_EXPLAIN || st->explain.analyze);
}

void judge_thresholds(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned n = 0, found, max;
	const struct guard *const *guards = binding_guards(j->b, &n);
	struct guard_answer *v;
	struct threshold *out;

	max = judge_counts(st) ? guard_estimated(guards, n) : 0;
	v = max ? arena_array(j->a, max, sizeof(*v)) : NULL;
	out = max ? arena_array(j->a, max, sizeof(*out)) : NULL;
	if (!v || !out) {
		j->failed = j->failed || max;
		return;
	}
	found = guard_thresholds(guards, n, binding_catalog(j->b), st->deeds, st->ndeeds, v);
	for (unsigned i = 0; i < found; i++) {
		const char *text = judge_deed(j, &v[i]), *how = judge_rule(j, &v[i]);

		text = text ? arena_printf(j->a, "%s%s %s", text, missing_text(&v[i]),
				      v[i].verdict == ASK ? "needs an approval" : "is not allowed here")
			    : NULL;
		j->failed = j->failed || !text || !how;
		out[p->nthresholds++] =
			(struct threshold){v[i].rule->rows, v[i].verdict, v[i].rule, text, how};
	}
	p->thresholds = out;
}

bool judge_guard(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned n = 0;
	const struct guard *const *guards = binding_guards(j->b, &n);
	/* of which nobody said what it does */
	static const struct deed anything = {.effects = DOES_ALL, .whole = true, .unknown = true};
	bool said = st->ndeeds || st->kind == STATEMENT_EMPTY || is_ours(st);
	struct guard_answer a = guard_judge(guards, n, binding_catalog(j->b), said ? st->deeds : &anything,
		said ? st->ndeeds : 1, judge_counts(st));
	const char *text, *how;

	if (!judge_settings(j, st, p))
		return false;
	if (a.verdict == ALLOW)
		return true;
	text = judge_deed(j, &a);
	how = judge_rule(j, &a);
	p->guard = a.rule;
	p->by = a.rule ? a.rule->where : a.guard->where;
	judge_deny(j, p, "42501",
		text ? arena_printf(j->a, "%s%s %s", text, missing_text(&a),
			       a.verdict == ASK ? "needs an approval" : "is not allowed here")
		     : NULL,
		how ? how : JUDGE_NO_MEMORY);
	p->verdict = a.verdict;
	p->guarded = a.verdict == DENY;
	return a.verdict != DENY;
}
