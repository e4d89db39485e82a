/* SPDX-License-Identifier: MIT */
#include "policy/matches.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int colref_order(struct colref a, struct colref b)
{
	return a.relid != b.relid ? (a.relid > b.relid) - (a.relid < b.relid)
				  : (a.attnum > b.attnum) - (a.attnum < b.attnum);
}

static int compare_match(const void *x, const void *y)
{
	const struct match *a = x, *b = y;
	int r = colref_order(a->column, b->column);

	return r ? r : (a->laid > b->laid) - (a->laid < b->laid);
}

static int compare_laid(const void *x, const void *y)
{
	const struct laid *a = x, *b = y;
	int r = strcmp(a->pattern.canonical, b->pattern.canonical);

	return r ? r : (a->rule > b->rule) - (a->rule < b->rule);
}

static void add(struct matches *m, uint32_t relid, int16_t attnum, unsigned laid)
{
	if (m->n == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 64;
		struct match *v = reallocarray(m->v, cap, sizeof(*v));

		if (!v) {
			m->no_memory = true;
			return;
		}
		m->v = v;
		m->cap = cap;
	}
	m->v[m->n++] = (struct match){{relid, attnum}, laid};
}

static int lay_patterns(struct matches *m, const struct grant *g, struct arena *mem, struct err *e)
{
	unsigned n = 0;

	for (unsigned i = 0; i < g->nrules; i++)
		n += g->rules[i]->ncolumns;
	m->laid = arena_array(mem, n ? n : 1, sizeof(*m->laid));
	if (!m->laid)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	for (unsigned i = 0; i < g->nrules; i++)
		for (unsigned j = 0; j < g->rules[i]->ncolumns; j++) {
			struct laid *l = &m->laid[m->nlaid++];
			const char *why = "out of memory";
			int r = pattern_parse(&l->pattern, g->rules[i]->columns[j], mem, &why);

			if (r)
				return err_set(
					e, r, "mask rule at %.100s: column %s", g->rules[i]->where, why);
			l->rule = g->rules[i];
		}
	qsort(m->laid, m->nlaid, sizeof(*m->laid), compare_laid);
	return 0;
}

/* Of a foreign table also by the names that it has where it is: it shows what stands there. */
static void match_foreign(struct matches *m, const struct relation *r)
{
	for (unsigned i = 0; r->remote_name && i < m->nlaid; i++) {
		if (!pattern_has_relation(&m->laid[i].pattern, r->remote_schema, r->remote_name, r->system))
			continue;
		for (unsigned j = 0; j < r->ncols; j++)
			if (r->cols[j].remote && pattern_has_column(&m->laid[i].pattern, r->cols[j].remote))
				add(m, r->oid, r->cols[j].attnum, i);
	}
}

/* A sensitive column is left out everywhere: without a match it is hidden, which no rule may loosen. */
static bool match_relation(void *arg, const struct relation *r)
{
	struct matches *m = arg;

	if (r->kind == 't')
		return true;
	for (unsigned i = 0; i < m->nlaid; i++) {
		if (!pattern_has_relation(&m->laid[i].pattern, r->schema, r->name, r->system))
			continue;
		for (unsigned j = 0; j < r->ncols; j++)
			if (!r->cols[j].sensitive && pattern_has_column(&m->laid[i].pattern, r->cols[j].name))
				add(m, r->oid, r->cols[j].attnum, i);
	}
	match_foreign(m, r);
	return !m->no_memory;
}

/* The pattern that bound a column decides, not the mask it had: a rule whose mask was changed keeps what it
 * holds. */
static void carry_over(struct matches *m, const struct place *place)
{
	size_t n = 0;
	const struct bound_column *v = place_bound(place, &n);

	for (size_t i = 0; i < n && !m->no_memory; i++) {
		struct colref c = v[i].column;
		const char *canonical = v[i].pattern;
		const struct relation *r = catalog_relation_by_oid(m->catalog, c.relid);
		const struct column *column = r ? relation_column_by_attnum(r, c.attnum) : NULL;
		unsigned lo = 0, hi = m->nlaid;

		if (!column || column->sensitive)
			continue;
		while (lo < hi) {
			unsigned mid = lo + (hi - lo) / 2;

			if (strcmp(m->laid[mid].pattern.canonical, canonical) < 0)
				lo = mid + 1;
			else
				hi = mid;
		}
		for (; lo < m->nlaid && strcmp(m->laid[lo].pattern.canonical, canonical) == 0; lo++)
			add(m, c.relid, c.attnum, lo);
	}
}

static void sort(struct matches *m)
{
	size_t n = 0;

	if (m->n)
		qsort(m->v, m->n, sizeof(*m->v), compare_match);
	for (size_t i = 0; i < m->n; i++)
		if (!n || compare_match(&m->v[i], &m->v[n - 1]) != 0)
			m->v[n++] = m->v[i];
	m->n = n;
}

/* relation.children holds all levels, so one pass is enough. */
static void match_children(struct matches *m)
{
	size_t n = m->n;

	for (size_t i = 0; i < n && !m->no_memory; i++) {
		struct match parent = m->v[i];
		const struct relation *r = catalog_relation_by_oid(m->catalog, parent.column.relid);
		const struct column *c = r ? relation_column_by_attnum(r, parent.column.attnum) : NULL;

		for (unsigned j = 0; c && j < r->nchildren; j++) {
			const struct relation *child = catalog_relation_by_oid(m->catalog, r->children[j]);
			const struct column *same = child ? relation_column(child, c->name) : NULL;

			if (same && !same->sensitive)
				add(m, child->oid, same->attnum, parent.laid);
		}
	}
	sort(m);
}

/* For the next time here, whoever comes. */
static int hand_on(struct matches *m, struct place *place, bool own, struct err *e)
{
	struct bound_column *v = calloc(m->n ? m->n : 1, sizeof(*v));
	int r;

	if (!v)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	for (size_t i = 0; i < m->n; i++)
		v[i] = (struct bound_column){m->laid[m->v[i].laid].pattern.canonical, m->v[i].column};
	r = place_keep(place, own ? NULL : m->catalog, v, m->n, e);
	free(v);
	return r;
}

int matches_find(struct matches *m, const struct grant *g, const struct catalog *c, struct place *place,
	bool own, struct arena *mem, struct err *e)
{
	int r;

	*m = (struct matches){.catalog = c};
	r = lay_patterns(m, g, mem, e);
	if (r)
		return r;
	if (place)
		place_hold(place);
	catalog_each_relation(c, match_relation, m);
	if (place)
		carry_over(m, place);
	match_children(m);
	if (m->no_memory)
		r = err_sql(e, -ENOMEM, "53200", "out of memory");
	else if (place)
		r = hand_on(m, place, own, e);
	if (place)
		place_release(place);
	return r;
}

void matches_free(struct matches *m)
{
	free(m->v);
}
