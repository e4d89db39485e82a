/* SPDX-License-Identifier: MIT */
#include "sql/gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 256

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
	unsigned changes_all, readers, changers; /* sessions: that change all; that read, change anything */
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
	/* no oid, and not GATE_SEQUENCES */
	return h | GATE_SEQUENCES | 1;
}

bool gate_of_sequence(const char *relname)
{
	size_t n = strlen(relname);

	while (n && relname[n - 1] >= '0' && relname[n - 1] <= '9')
		n--;
	return n >= 4 && strncmp(relname + n - 4, "_seq", 4) == 0;
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

static const uint64_t *keys_of(const struct gate_keys *k)
{
	return k->more ? k->more : k->few;
}

static bool has(const struct gate_keys *k, uint64_t key)
{
	const uint64_t *v = keys_of(k);

	for (unsigned i = 0; i < k->n; i++)
		if (v[i] == key)
			return true;
	return false;
}

static int add(struct gate_keys *k, uint64_t key)
{
	unsigned cap = k->more ? k->cap : GATE_KEYS_FEW;

	if (k->n == GATE_KEYS_MAX)
		return -ENOSPC;
	if (k->n == cap) {
		uint64_t *more = calloc(cap * 2, sizeof(*more));

		if (!more)
			return -ENOMEM;
		memcpy(more, keys_of(k), k->n * sizeof(*more));
		free(k->more);
		k->more = more;
		k->cap = cap * 2;
	}
	(k->more ? k->more : k->few)[k->n++] = key;
	return 0;
}

static uint64_t take(struct gate_keys *k)
{
	uint64_t key = keys_of(k)[--k->n];

	if (!k->n) {
		free(k->more);
		k->more = NULL;
	}
	return key;
}

/* Whether others than p … */
static bool others_change(struct gate *g, const struct gate_pass *p, uint64_t key)
{
	const struct held *h = *place(g, key);

	return g->changes_all > p->changes_all || (h && h->changes > has(&p->changes, key));
}

static bool others_read(struct gate *g, const struct gate_pass *p, uint64_t key)
{
	const struct held *h = *place(g, key);

	return h && h->reads > has(&p->reads, key);
}

/* All but the first n keys. */
static void end_reading(struct gate *g, struct gate_pass *p, unsigned n)
{
	bool before = p->reads.n > 0;

	while (p->reads.n > n) {
		struct held **at = place(g, take(&p->reads));

		(*at)->reads--;
		drop(at);
	}
	g->readers -= before && !p->reads.n;
}

static int add_read(struct gate *g, struct gate_pass *p, uint64_t key)
{
	struct held *h;
	int r;

	if (has(&p->reads, key))
		return 0;
	h = hold(g, key);
	r = h ? add(&p->reads, key) : -ENOMEM;
	if (r) {
		drop(place(g, key));
		return r;
	}
	h->reads++;
	g->readers += p->reads.n == 1;
	return 0;
}

static bool has_all(const struct gate_pass *p, const uint64_t *keys, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!has(&p->reads, keys[i]))
			return false;
	return true;
}

int gate_read(struct gate *g, struct gate_pass *p, const uint64_t *keys, unsigned n)
{
	unsigned before = p->reads.n;
	int r = 0;

	if (has_all(p, keys, n))
		return 0;
	pthread_mutex_lock(&g->lock);
	for (unsigned i = 0; i < n && !r; i++)
		r = others_change(g, p, keys[i]) ? -EAGAIN : add_read(g, p, keys[i]);
	if (r)
		end_reading(g, p, before);
	pthread_mutex_unlock(&g->lock);
	return r;
}

/* Likewise; what is meant by all stays. */
static void end_changing(struct gate *g, struct gate_pass *p, unsigned n)
{
	bool before = gate_changes(p);

	while (p->changes.n > n) {
		struct held **at = place(g, take(&p->changes));

		(*at)->changes--;
		drop(at);
	}
	g->changers -= before && !gate_changes(p);
}

static int add_change(struct gate *g, struct gate_pass *p, uint64_t key)
{
	bool before = gate_changes(p);
	struct held *h;
	int r;

	if (p->changes_all || has(&p->changes, key))
		return 0;
	h = hold(g, key);
	r = h ? add(&p->changes, key) : -ENOMEM;
	if (r) {
		drop(place(g, key));
		return r;
	}
	h->changes++;
	g->changers += !before;
	return 0;
}

static int add_all(struct gate *g, struct gate_pass *p)
{
	if (g->changers > gate_changes(p) || g->readers > (p->reads.n > 0))
		return -EAGAIN;
	g->changers += !gate_changes(p);
	g->changes_all += !p->changes_all;
	p->changes_all = true;
	return 0;
}

int gate_change(struct gate *g, struct gate_pass *p, const uint64_t *keys, unsigned n, bool all)
{
	unsigned before = p->changes.n;
	int r = 0;

	pthread_mutex_lock(&g->lock);
	for (unsigned i = 0; i < n && !r; i++)
		r = (keys[i] != GATE_SEQUENCES && others_change(g, p, keys[i])) || others_read(g, p, keys[i])
			    ? -EAGAIN
			    : add_change(g, p, keys[i]);
	if (!r && all)
		r = add_all(g, p);
	if (r)
		end_changing(g, p, before);
	pthread_mutex_unlock(&g->lock);
	return r;
}

void gate_end_reading(struct gate *g, struct gate_pass *p)
{
	if (!p->reads.n)
		return;
	pthread_mutex_lock(&g->lock);
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
	g->changers -= p->changes_all && !p->changes.n;
	p->changes_all = false;
	end_changing(g, p, 0);
	pthread_mutex_unlock(&g->lock);
}

void gate_shorten(struct gate *g, struct gate_pass *p, unsigned n)
{
	if (p->changes_all || p->changes.n <= n)
		return;
	pthread_mutex_lock(&g->lock);
	end_changing(g, p, n);
	pthread_mutex_unlock(&g->lock);
}

uint64_t gate_since_ms(struct gate *g)
{
	return g->since_ms;
}
