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
static const char *deed_text(struct judge *j, const struct guard_answer *a)
{
	const struct deed *d = a->deed;
	const char *word = effect_word(a->effect);
	char *s;

	if (d->unknown && d->name)
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

static const char *hint(struct judge *j, const struct guard_answer *a)
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

bool judge_guard(struct judge *j, const struct statement *st, struct plan *p)
{
	unsigned n = 0;
	const struct guard *const *guards = binding_guards(j->b, &n);
	struct guard_answer a = guard_judge(guards, n, binding_catalog(j->b), st->deeds, st->ndeeds);
	const char *text, *how;

	if (a.verdict == ALLOW)
		return true;
	text = deed_text(j, &a);
	how = hint(j, &a);
	p->guard = a.rule;
	judge_deny(j, p, "42501",
		text ? arena_printf(j->a, "%s%s %s", text, missing_text(&a),
			       a.verdict == ASK ? "needs an approval" : "is not allowed here")
		     : NULL,
		how ? how : JUDGE_NO_MEMORY);
	p->verdict = a.verdict;
	return a.verdict != DENY;
}
