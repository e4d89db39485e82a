/* SPDX-License-Identifier: MIT */
#include "sql/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct gate {
	pthread_mutex_t lock; /* held for a few stores only */
	unsigned refs;
	_Atomic uint64_t since_ms; /* written under the lock */
	/* Sessions of each stripe, and of all; readers: of any. */
	uint32_t reads[GATE_STRIPES], changes[GATE_STRIPES];
	uint32_t reads_all, changes_all, readers, changers;
};

int gate_new(struct gate **out, struct err *e)
{
	struct gate *g = calloc(1, sizeof(*g));

	*out = g;
	if (!g)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	pthread_mutex_init(&g->lock, NULL);
	g->refs = 1;
	return 0;
}

struct gate *gate_ref(struct gate *g)
{
	pthread_mutex_lock(&g->lock);
	g->refs++;
	pthread_mutex_unlock(&g->lock);
	return g;
}

void gate_unref(struct gate *g)
{
	bool last;

	if (!g)
		return;
	pthread_mutex_lock(&g->lock);
	last = --g->refs == 0;
	pthread_mutex_unlock(&g->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* Oids are given one after the other. */
static uint16_t stripe(uint32_t relation)
{
	return (uint16_t)((relation * 2654435761u >> 16) % GATE_STRIPES);
}

static bool has(const uint16_t *v, unsigned n, uint16_t stripe)
{
	for (unsigned i = 0; i < n; i++)
		if (v[i] == stripe)
			return true;
	return false;
}

static bool reads(const struct gate_pass *p)
{
	return p->nreads || p->reads_all;
}

/* Whether others than p … */
static bool others_change(const struct gate *g, const struct gate_pass *p, uint16_t s)
{
	return g->changes[s] > has(p->changes, p->nchanges, s) || g->changes_all > p->changes_all;
}

static bool others_read(const struct gate *g, const struct gate_pass *p, uint16_t s)
{
	return g->reads[s] > has(p->reads, p->nreads, s) || g->reads_all > p->reads_all;
}

static void add_read(struct gate *g, struct gate_pass *p, uint16_t s)
{
	if (p->reads_all || has(p->reads, p->nreads, s))
		return;
	g->readers += !reads(p);
	if (p->nreads < GATE_PASS_MAX) {
		p->reads[p->nreads++] = s;
		g->reads[s]++;
	} else {
		p->reads_all = true;
		g->reads_all++;
	}
}

static bool may_read(const struct gate *g, const struct gate_pass *p, const uint32_t *relations, unsigned n)
{
	/* many become all */
	if (p->nreads + n > GATE_PASS_MAX && g->changers > gate_changes(p))
		return false;
	for (unsigned i = 0; i < n; i++)
		if (others_change(g, p, stripe(relations[i])))
			return false;
	return true;
}

/* Who has got one may keep it: who waits to change it waits for this too. */
static bool has_all(const struct gate_pass *p, const uint32_t *relations, unsigned n)
{
	for (unsigned i = 0; i < n && !p->reads_all; i++)
		if (!has(p->reads, p->nreads, stripe(relations[i])))
			return false;
	return true;
}

bool gate_read(struct gate *g, struct gate_pass *p, const uint32_t *relations, unsigned n)
{
	bool may;

	if (has_all(p, relations, n))
		return true;
	pthread_mutex_lock(&g->lock);
	may = may_read(g, p, relations, n);
	for (unsigned i = 0; i < n && may; i++)
		add_read(g, p, stripe(relations[i]));
	pthread_mutex_unlock(&g->lock);
	return may;
}

static void add_change(struct gate *g, struct gate_pass *p, uint16_t s)
{
	if (p->changes_all || has(p->changes, p->nchanges, s))
		return;
	g->changers += !gate_changes(p);
	p->changes[p->nchanges++] = s;
	g->changes[s]++;
}

static void add_all(struct gate *g, struct gate_pass *p)
{
	if (p->changes_all)
		return;
	g->changers += !gate_changes(p);
	p->changes_all = true;
	g->changes_all++;
}

static bool changed_by_others(
	const struct gate *g, const struct gate_pass *p, const uint32_t *relations, unsigned n, bool all)
{
	if (all)
		return g->changers > gate_changes(p);
	for (unsigned i = 0; i < n; i++)
		if (others_change(g, p, stripe(relations[i])))
			return true;
	return false;
}

static bool read_by_others(
	const struct gate *g, const struct gate_pass *p, const uint32_t *relations, unsigned n, bool all)
{
	if (all)
		return g->readers > reads(p);
	for (unsigned i = 0; i < n; i++)
		if (others_read(g, p, stripe(relations[i])))
			return true;
	return false;
}

bool gate_change(struct gate *g, struct gate_pass *p, const uint32_t *relations, unsigned n, bool all)
{
	bool may = false;

	all = all || n + p->nchanges > GATE_PASS_MAX;
	pthread_mutex_lock(&g->lock);
	if (!changed_by_others(g, p, relations, n, all)) {
		may = !read_by_others(g, p, relations, n, all);
		for (unsigned i = 0; i < n && !all; i++)
			add_change(g, p, stripe(relations[i]));
		if (all)
			add_all(g, p);
		p->waits = !may;
	}
	pthread_mutex_unlock(&g->lock);
	return may;
}

void gate_end_reading(struct gate *g, struct gate_pass *p)
{
	if (!reads(p))
		return;
	pthread_mutex_lock(&g->lock);
	for (unsigned i = 0; i < p->nreads; i++)
		g->reads[p->reads[i]]--;
	g->reads_all -= p->reads_all;
	g->readers--;
	pthread_mutex_unlock(&g->lock);
	p->nreads = 0;
	p->reads_all = false;
}

void gate_end_changing(struct gate *g, struct gate_pass *p, uint64_t at_ms)
{
	if (!gate_changes(p))
		return;
	pthread_mutex_lock(&g->lock);
	/* what was read in the same millisecond may have been read before */
	if (at_ms && at_ms >= g->since_ms)
		g->since_ms = at_ms + 1;
	for (unsigned i = 0; i < p->nchanges; i++)
		g->changes[p->changes[i]]--;
	g->changes_all -= p->changes_all;
	g->changers--;
	pthread_mutex_unlock(&g->lock);
	p->nchanges = 0;
	p->changes_all = p->waits = false;
}

uint64_t gate_since_ms(struct gate *g)
{
	return g->since_ms;
}
