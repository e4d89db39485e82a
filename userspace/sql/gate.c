/* SPDX-License-Identifier: MIT */
#include "sql/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS  256
#define NAME_BIT (1ull << 63)

/* Of a key that somebody holds. */
struct held {
	struct held *next;
	uint64_t key;
	unsigned reads, changes; /* sessions */
};

struct gate {
	pthread_mutex_t lock;
	unsigned refs;
	_Atomic uint64_t since_ms; /* written under the lock */
	struct held *bucket[BUCKETS];
	unsigned reads_all, changes_all, readers, changers; /* sessions: of all; of any */
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

/* FNV-1a. Two names of one key wait for each other without need. */
uint64_t gate_name(const char *relname)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (; *relname; relname++)
		h = (h ^ (uint8_t)*relname) * 0x100000001b3ull;
	return h | NAME_BIT;
}

static struct held **place(struct gate *g, uint64_t key)
{
	struct held **at = &g->bucket[(key ^ key >> 8) % BUCKETS];

	while (*at && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

static struct held *hold(struct gate *g, uint64_t key)
{
	struct held **at = place(g, key);

	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (*at)
			(*at)->key = key;
	}
	return *at;
}

/* Where nobody holds it any more. */
static void drop(struct held **at)
{
	struct held *h = *at;

	if (!h || h->reads || h->changes)
		return;
	*at = h->next;
	free(h);
}

static bool reads(const struct gate_pass *p)
{
	return p->nreads || p->reads_all;
}

static bool has_read(const struct gate_pass *p, uint32_t relation)
{
	for (unsigned i = 0; i < p->nreads; i++)
		if (p->reads[i] == relation)
			return true;
	return false;
}

static bool has_change(const struct gate_pass *p, uint64_t key)
{
	for (unsigned i = 0; i < p->nchanges; i++)
		if (p->changes[i] == key)
			return true;
	return false;
}

/* Whether others than p … */
static bool others_change(struct gate *g, const struct gate_pass *p, uint64_t key)
{
	const struct held *h = *place(g, key);

	return g->changes_all > p->changes_all || (h && h->changes > has_change(p, key));
}

static bool others_read(struct gate *g, const struct gate_pass *p, uint64_t key)
{
	const struct held *h = *place(g, key);

	if (key & NAME_BIT)
		return false;
	return g->reads_all > p->reads_all || (h && h->reads > has_read(p, (uint32_t)key));
}

/* Likewise. */
static void end_reading(struct gate *g, struct gate_pass *p, unsigned n)
{
	bool before = reads(p);

	while (p->nreads > n) {
		struct held **at = place(g, p->reads[--p->nreads]);

		(*at)->reads--;
		drop(at);
	}
	g->readers -= before && !reads(p);
}

static bool add_read(struct gate *g, struct gate_pass *p, uint32_t relation)
{
	struct held *h;

	if (p->reads_all || has_read(p, relation))
		return true;
	if (p->nreads == GATE_PASS_MAX) {
		p->reads_all = true;
		g->reads_all++;
		return true;
	}
	h = hold(g, relation);
	if (!h)
		return false;
	g->readers += !reads(p);
	h->reads++;
	p->reads[p->nreads++] = relation;
	return true;
}

static bool may_read(struct gate *g, const struct gate_pass *p, const uint32_t *relations, unsigned n)
{
	/* many become all */
	if (p->nreads + n > GATE_PASS_MAX && g->changers > gate_changes(p))
		return false;
	for (unsigned i = 0; i < n; i++)
		if (others_change(g, p, relations[i]))
			return false;
	return true;
}

static bool has_all(const struct gate_pass *p, const uint32_t *relations, unsigned n)
{
	for (unsigned i = 0; i < n && !p->reads_all; i++)
		if (!has_read(p, relations[i]))
			return false;
	return true;
}

bool gate_read(struct gate *g, struct gate_pass *p, const uint32_t *relations, unsigned n)
{
	unsigned before = p->nreads;
	bool may;

	if (has_all(p, relations, n))
		return true;
	pthread_mutex_lock(&g->lock);
	may = may_read(g, p, relations, n);
	for (unsigned i = 0; i < n && may; i++)
		may = add_read(g, p, relations[i]);
	if (!may)
		end_reading(g, p, before);
	pthread_mutex_unlock(&g->lock);
	return may;
}

/* All but the first n keys; what is meant by all stays. */
static void end_changing(struct gate *g, struct gate_pass *p, unsigned n)
{
	bool before = gate_changes(p);

	while (p->nchanges > n) {
		struct held **at = place(g, p->changes[--p->nchanges]);

		(*at)->changes--;
		drop(at);
	}
	g->changers -= before && !gate_changes(p);
}

static bool add_change(struct gate *g, struct gate_pass *p, uint64_t key)
{
	struct held *h;

	if (p->changes_all || has_change(p, key))
		return true;
	h = hold(g, key);
	if (!h)
		return false;
	g->changers += !gate_changes(p);
	h->changes++;
	p->changes[p->nchanges++] = key;
	return true;
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
	struct gate *g, const struct gate_pass *p, const uint64_t *keys, unsigned n, bool all)
{
	for (unsigned i = 0; i < n && !all; i++)
		if (others_change(g, p, keys[i]))
			return true;
	return all && g->changers > gate_changes(p);
}

static bool read_by_others(
	struct gate *g, const struct gate_pass *p, const uint64_t *keys, unsigned n, bool all)
{
	for (unsigned i = 0; i < n && !all; i++)
		if (others_read(g, p, keys[i]))
			return true;
	return all && g->readers > reads(p);
}

bool gate_change(struct gate *g, struct gate_pass *p, const uint64_t *keys, unsigned n, bool all)
{
	unsigned before = p->nchanges;
	bool may;

	all = all || n + p->nchanges > GATE_PASS_MAX;
	pthread_mutex_lock(&g->lock);
	may = !changed_by_others(g, p, keys, n, all) && !read_by_others(g, p, keys, n, all);
	for (unsigned i = 0; i < n && !all && may; i++)
		may = add_change(g, p, keys[i]);
	if (may && all)
		add_all(g, p);
	if (!may)
		end_changing(g, p, before);
	pthread_mutex_unlock(&g->lock);
	return may;
}

void gate_end_reading(struct gate *g, struct gate_pass *p)
{
	if (!reads(p))
		return;
	pthread_mutex_lock(&g->lock);
	g->reads_all -= p->reads_all; /* only where there are others beside */
	p->reads_all = false;
	end_reading(g, p, 0);
	pthread_mutex_unlock(&g->lock);
}

void gate_end_changing(struct gate *g, struct gate_pass *p, uint64_t at_ms)
{
	if (!gate_changes(p))
		return;
	pthread_mutex_lock(&g->lock);
	/* what was read in the same millisecond may have been read before */
	if (at_ms && at_ms >= g->since_ms)
		g->since_ms = at_ms + 1;
	g->changes_all -= p->changes_all;
	g->changers -= p->changes_all && !p->nchanges;
	p->changes_all = false;
	end_changing(g, p, 0);
	pthread_mutex_unlock(&g->lock);
}

void gate_shorten(struct gate *g, struct gate_pass *p, unsigned n)
{
	if (p->changes_all || p->nchanges <= n)
		return;
	pthread_mutex_lock(&g->lock);
	end_changing(g, p, n);
	pthread_mutex_unlock(&g->lock);
}

uint64_t gate_since_ms(struct gate *g)
{
	return g->since_ms;
}
