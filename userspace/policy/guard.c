/* SPDX-License-Identifier: MIT */
/* Each effect of each deed is judged by itself: a rule that lets one through says nothing of the others.
 * Where nobody knows what a deed is done to, rules that refuse hold and rules that allow do not. */
#include "policy/guard.h"

#include <string.h>
#include <strings.h>

#include "sql/estimate.h"

const char *verdict_name(enum verdict v)
{
	switch (v) {
	case DENY: return "deny";
	case ASK: return "ask";
	case ALLOW: return "allow";
	}
	return "?";
}

struct place {                     /* what the names of a rule are held against */
	const char *schema, *name; /* NULL: not known, whichever */
	bool system;
};

static struct place place_of(const struct relation *r)
{
	return (struct place){r->schema, r->name, r->system};
}

/* strict: what is not known matches. */
static bool fits(const struct pattern_name *p, const struct place *at, bool strict)
{
	if (!at->schema && !at->name)
		return strict;
	if (!at->schema)
		return strict ? pattern_names(p, NULL, at->name, false)
			      : pattern_any(&p->schema) && pattern_names(p, NULL, at->name, false);
	if (!at->name)
		return pattern_names(p, at->schema, NULL, at->system) &&
		       (strict || !p->named || pattern_any(&p->name));
	return pattern_names(p, at->schema, at->name, at->system);
}

static bool any_fits(const struct pattern_name *v, unsigned n, const struct place *at, bool strict)
{
	for (unsigned i = 0; i < n; i++)
		if (fits(&v[i], at, strict))
			return true;
	return false;
}

/* A rule about a table is about its partitions and its other children too. */
static bool relation_fits(const struct pattern_name *v, unsigned n, const struct catalog *c,
	const struct relation *r, bool strict)
{
	struct place at = place_of(r);

	if (any_fits(v, n, &at, strict))
		return true;
	for (unsigned i = 0; i < r->nparents; i++) {
		const struct relation *up = catalog_relation_by_oid(c, r->parents[i]);

		if (!up && strict)
			return true;
		if (!up)
			continue;
		at = place_of(up);
		if (any_fits(v, n, &at, strict))
			return true;
	}
	return false;
}

static bool has_place(const struct deed *d)
{
	return d->relation || d->schema || d->name || d->unknown;
}

static bool relations_fit(
	const struct guard_rule *r, const struct catalog *c, const struct deed *d, bool strict)
{
	struct place at = {d->schema, d->name, false};

	if (!has_place(d))
		return false;
	if (d->unknown)
		return strict;
	if (d->function)
		return false;
	return d->relation ? relation_fits(r->relations, r->nrelations, c, d->relation, strict)
			   : any_fits(r->relations, r->nrelations, &at, strict);
}

static bool functions_fit(const struct guard_rule *r, const struct deed *d, bool strict)
{
	struct place at = {d->schema, d->name, d->schema && !strcmp(d->schema, "pg_catalog")};

	if (d->unknown && strict)
		return true; /* it may call any */
	return d->function && !d->unknown && any_fits(r->functions, r->nfunctions, &at, strict);
}

static bool schemas_fit(
	const struct guard_rule *r, const struct catalog *c, const struct deed *d, bool strict)
{
	struct place at = {d->schema, d->name, d->schema && !strcmp(d->schema, "pg_catalog")};

	if (!has_place(d))
		return false;
	if (d->unknown)
		return strict;
	return d->relation ? relation_fits(r->schemas, r->nschemas, c, d->relation, strict)
			   : any_fits(r->schemas, r->nschemas, &at, strict);
}

static bool rule_fits(
	const struct guard_rule *r, const struct catalog *c, const struct deed *d, uint64_t effect)
{
	bool strict = r->verdict != ALLOW;

	if (!(r->effects & effect))
		return false;
	if (d->escapes && !r->nrelations && !r->nschemas && !r->nfunctions)
		return false;
	if (r->where_missing && (!d->whole || !(effect & (DOES_UPDATE | DOES_DELETE))))
		return false;
	if (r->nowhere && has_place(d) && !(strict && d->unknown))
		return false;
	return (!r->nrelations || relations_fit(r, c, d, strict)) &&
	       (!r->nfunctions || functions_fit(r, d, strict)) &&
	       (!r->nschemas || schemas_fit(r, c, d, strict));
}

/* Of how many rows something is done can be asked about what is done to rows. */
static bool of_rows(
	const struct guard_rule *r, const struct catalog *c, const struct deed *d, uint64_t effect)
{
	return (effect & ESTIMATE_EFFECTS) && rule_fits(r, c, d, effect);
}

/* Whatever the server estimates of the statement, it does not estimate this. */
static bool beyond_estimates(const struct deed *d, bool counts)
{
	return d->unknown || (counts && d->keyed);
}

/* What comes with another deed (a partition, what is below a view, a foreign key's action) is not asked for
 * where no rule speaks of it: the other is. */
static struct guard_answer judge_effect(
	const struct guard *g, const struct catalog *c, const struct deed *d, uint64_t effect, bool counts)
{
	struct guard_answer out = {.verdict = ALLOW, .guard = g, .deed = d, .effect = effect};
	bool found = false;

	for (unsigned i = 0; i < g->nrules; i++) {
		const struct guard_rule *r = &g->rules[i];

		if (r->estimated || !rule_fits(r, c, d, effect) || (found && r->verdict >= out.verdict))
			continue;
		found = true;
		out.verdict = r->verdict;
		out.rule = r;
	}
	if (!found && !d->derived)
		out.verdict = g->normal;
	/* a rule with an estimate never lets through what is not let through without it */
	for (unsigned i = 0; i < g->nrules && beyond_estimates(d, counts); i++) {
		const struct guard_rule *r = &g->rules[i];

		if (!r->estimated || !of_rows(r, c, d, effect) || r->verdict >= out.verdict)
			continue;
		out.verdict = r->verdict;
		out.rule = r;
	}
	return out;
}

unsigned guard_estimated(const struct guard *const *guards, unsigned n)
{
	unsigned all = 0;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < guards[i]->nrules; k++)
			all += guards[i]->rules[k].estimated;
	return all;
}

static bool threshold(const struct guard_rule *r, const struct catalog *c, const struct deed *deeds,
	unsigned n, struct guard_answer *out)
{
	for (unsigned k = 0; k < n; k++)
		for (unsigned e = 0; e < EFFECT_COUNT; e++) {
			uint64_t effect = UINT64_C(1) << e;

			if (!(deeds[k].effects & effect) || !of_rows(r, c, &deeds[k], effect))
				continue;
			out->deed = &deeds[k];
			out->effect = effect;
			return true;
		}
	return false;
}

unsigned guard_thresholds(const struct guard *const *guards, unsigned n, const struct catalog *c,
	const struct deed *deeds, unsigned ndeeds, struct guard_answer *v)
{
	unsigned found = 0;

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < guards[i]->nrules; k++) {
			const struct guard_rule *r = &guards[i]->rules[k];
			struct guard_answer a = {.verdict = r->verdict, .guard = guards[i], .rule = r};

			if (r->estimated && threshold(r, c, deeds, ndeeds, &a))
				v[found++] = a;
		}
	return found;
}

struct guard_answer guard_judge(const struct guard *const *guards, unsigned n, const struct catalog *c,
	const struct deed *deeds, unsigned ndeeds, bool counts)
{
	struct guard_answer out = {.verdict = ALLOW};

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < ndeeds; k++)
			for (unsigned e = 0; e < EFFECT_COUNT; e++) {
				struct guard_answer a;

				if (!(deeds[k].effects >> e & 1))
					continue;
				a = judge_effect(guards[i], c, &deeds[k], UINT64_C(1) << e, counts);
				if (a.verdict < out.verdict)
					out = a;
			}
	return out;
}

static bool all_covered(const struct pattern_name *a, unsigned na, const struct pattern_name *b, unsigned nb)
{
	if (!na || !nb)
		return !na;
	for (unsigned i = 0; i < nb; i++) {
		bool one = false;

		for (unsigned k = 0; k < na && !one; k++)
			one = pattern_name_covers(&a[k], &b[i]);
		if (!one)
			return false;
	}
	return true;
}

bool guard_rule_covers(const struct guard_rule *a, const struct guard_rule *b)
{
	return (a->effects & b->effects) == b->effects && (!a->where_missing || b->where_missing) &&
	       (!a->nowhere || b->nowhere) &&
	       !(b->nowhere && (a->nrelations || a->nschemas || a->nfunctions)) &&
	       (!a->estimated || (b->estimated && a->rows <= b->rows)) &&
	       all_covered(a->relations, a->nrelations, b->relations, b->nrelations) &&
	       all_covered(a->schemas, a->nschemas, b->schemas, b->nschemas) &&
	       all_covered(a->functions, a->nfunctions, b->functions, b->nfunctions);
}

const char *setting_canonical(const char *name)
{
	static const char *const old[][2] = {{"sort_mem", "work_mem"}, {"vacuum_mem", "maintenance_work_mem"},
		{"force_parallel_mode", "debug_parallel_query"}};

	for (unsigned i = 0; i < ARRAY_LEN(old); i++)
		if (!strcasecmp(old[i][0], name))
			return old[i][1];
	return name;
}

const struct setting_pin *guard_pin(const struct guard *const *guards, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < guards[i]->npins; k++)
			if (!strcasecmp(guards[i]->pins[k].name, setting_canonical(name)))
				return &guards[i]->pins[k];
	return NULL;
}

const char *guard_read_only(const struct guard *const *guards, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (guards[i]->read_only)
			return guards[i]->read_only;
	return NULL;
}
