/* SPDX-License-Identifier: MIT */
#include "policy/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

struct search {
	const struct grant *g;
	const struct catalog *c;
	const struct bound_column *bound; /* before */
	size_t nbound;
	struct bound_column *now; /* named by a rule, by its name or since it once was */
	size_t nnow, now_cap;
	struct row_filter *v;
	unsigned n, cap;
	struct arena *mem;
	bool no_memory;
};

static bool filterable(const struct relation *r)
{
	return strchr("rpvmf", r->kind) != NULL;
}

static bool remembered(const struct search *s, const struct row_rule *rule, uint32_t relid)
{
	for (size_t i = 0; i < s->nbound; i++)
		if (s->bound[i].column.relid == relid && !s->bound[i].column.attnum &&
			!strcmp(s->bound[i].pattern, rule->key))
			return true;
	return false;
}

static bool names(const struct search *s, const struct row_rule *rule, const struct relation *r)
{
	return pattern_names(&rule->relation, r->schema, r->name, r->system) || remembered(s, rule, r->oid);
}

static bool names_remote(const struct row_rule *rule, const struct relation *r)
{
	return r->remote_name && pattern_names(&rule->relation, r->remote_schema, r->remote_name, false);
}

static void remember(struct search *s, const struct row_rule *rule, uint32_t relid)
{
	if (s->nnow == s->now_cap) {
		size_t cap = s->now_cap ? 2 * s->now_cap : 16;
		struct bound_column *v = reallocarray(s->now, cap, sizeof(*v));

		s->no_memory = s->no_memory || !v;
		if (!v)
			return;
		s->now = v;
		s->now_cap = cap;
	}
	s->now[s->nnow++] = (struct bound_column){rule->key, {.relid = relid}};
}

static const char *kept(struct search *s, const char *text)
{
	s->no_memory = s->no_memory || !text;
	return text ? text : "out of memory";
}

static struct row_filter *filter_of(struct search *s, uint32_t relid)
{
	struct row_filter *v = s->v;

	if (s->n && v[s->n - 1].relid == relid)
		return &v[s->n - 1];
	if (s->n == s->cap) {
		unsigned cap = s->cap ? 2 * s->cap : 8;

		v = arena_array(s->mem, cap, sizeof(*v));
		s->no_memory = s->no_memory || !v;
		if (!v)
			return NULL;
		if (s->n)
			memcpy(v, s->v, s->n * sizeof(*v));
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n] = (struct row_filter){.relid = relid};
	return &s->v[s->n++];
}

static void apply(struct search *s, const struct row_rule *rule, const struct relation *r, bool remote)
{
	struct row_filter *f = filter_of(s, r->oid);
	const char *problem = NULL, *sql = filter_sql(rule->filter);

	if (!f)
		return;
	f->where = f->where ? f->where : rule->where;
	if (remote)
		problem = kept(s,
			arena_printf(s->mem, "%s.%s is a foreign table of a relation that has a row filter",
				r->schema, r->name));
	else if (r->system)
		problem = kept(s, arena_printf(s->mem, "%s.%s is of the system, and cannot be filtered",
					  r->schema, r->name));
	else
		problem = filter_misfit(rule->filter, s->c, r, s->mem);
	f->problem = f->problem ? f->problem : problem;
	f->condition = f->condition ? kept(s, arena_printf(s->mem, "(%s AND %s)", f->condition, sql)) : sql;
}

static bool search_relation(void *arg, const struct relation *r)
{
	struct search *s = arg;

	for (unsigned i = 0; filterable(r) && i < s->g->nrows; i++) {
		const struct row_rule *rule = s->g->rows[i];
		bool own = names(s, rule, r), remote = !own && names_remote(rule, r), above = false;

		if (own)
			remember(s, rule, r->oid);
		for (unsigned k = 0; !own && k < r->nparents && !above; k++) {
			const struct relation *p = catalog_relation_by_oid(s->c, r->parents[k]);

			above = p && names(s, rule, p);
		}
		if (own || remote || above)
			apply(s, rule, r, remote);
	}
	return !s->no_memory;
}

static int by_relid(const void *x, const void *y)
{
	const struct row_filter *a = x, *b = y;

	return a->relid < b->relid ? -1 : a->relid > b->relid;
}

/* What reads a relation reads those below it. */
static void find_parents(struct search *s)
{
	struct row_filters found = {s->v, s->n};

	for (unsigned i = 0; i < found.n && !s->no_memory; i++) {
		const struct relation *r = catalog_relation_by_oid(s->c, found.v[i].relid);

		for (unsigned k = 0; r && k < r->nparents; k++) {
			const struct row_filter of = found.v[i];
			struct row_filter *f =
				row_filter_of(&found, r->parents[k]) ? NULL : filter_of(s, r->parents[k]);

			if (f)
				*f = (struct row_filter){.relid = r->parents[k],
					.parent = true,
					.where = of.where,
					.problem = "relations that inherit from it have row filters"};
		}
	}
}

static void sort(struct search *s)
{
	unsigned n = 0;

	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), by_relid);
	for (unsigned i = 0; i < s->n; i++)
		if (!n || s->v[n - 1].relid != s->v[i].relid)
			s->v[n++] = s->v[i];
	s->n = n;
}

static void find_all(struct search *s, struct place *place)
{
	if (place)
		s->bound = place_bound(place, &s->nbound);
	catalog_each_relation(s->c, search_relation, s);
	sort(s);
	find_parents(s);
	sort(s);
}

int row_filters_find(struct row_filters *out, const struct grant *g, const struct catalog *c,
	struct place *place, bool own, struct arena *mem, struct err *e)
{
	struct search s = {.g = g, .c = c, .mem = mem};
	int r = 0;

	*out = (struct row_filters){0};
	if (!g->nrows)
		return 0;
	if (place)
		place_hold(place);
	find_all(&s, place);
	if (s.no_memory)
		r = err_sql(e, -ENOMEM, "53200", "out of memory");
	else if (place)
		r = place_keep(place, own ? NULL : c, s.now, s.nnow, e);
	if (place)
		place_release(place);
	free(s.now);
	*out = (struct row_filters){s.v, s.n};
	return r;
}

const struct row_filter *row_filter_of(const struct row_filters *f, uint32_t relid)
{
	struct row_filter key = {.relid = relid};

	return f->n ? bsearch(&key, f->v, f->n, sizeof(*f->v), by_relid) : NULL;
}
