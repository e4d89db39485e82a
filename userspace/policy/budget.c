/* SPDX-License-Identifier: MIT */
/* Time is cut into pieces, SLOTS of them as long as a period, and what was spent is counted by piece. What
 * counts is the piece under way and SLOTS before it: all of the last period, and at most one piece more. */
#include "policy/budget.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 32
#define RING  (SLOTS + 1)
_Static_assert(RING == BUDGET_PIECES, "all that counts is handed over");
#define BUCKETS 4096
#define SWEEP   64 /* buckets that a new entry looks through for old ones */

struct who {
	struct who *next;
	unsigned entries;
	char identity[];
};

struct entry {
	struct entry *next;
	struct who *who;
	uint32_t relid;
	int16_t attnum;
	uint64_t slot_ms;
	uint64_t newest;      /* number of the newest piece that counts */
	uint32_t spent[RING]; /* by number % RING */
	uint64_t asked;       /* by the spending under way */
};

struct budget {
	pthread_mutex_t lock;
	struct who *whos[BUCKETS];
	struct entry *entries[BUCKETS];
	unsigned n, swept; /* entries; the bucket to look through next */
	bool given;        /* to the daemon that has taken over */
};

int budget_new(struct budget **out, struct err *e)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	pthread_mutex_init(&(*out)->lock, NULL);
	return 0;
}

static unsigned hash(uint64_t h, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return (unsigned)(h ^ h >> 32) % BUCKETS;
}

static unsigned bucket_of(const struct who *w, uint32_t relid, int16_t attnum)
{
	return hash(0xcbf29ce484222325u ^ (uintptr_t)w ^ (uint64_t)relid << 20, &attnum, sizeof(attnum));
}

static void drop_who(struct budget *b, struct who *w)
{
	struct who **p = &b->whos[hash(0xcbf29ce484222325u, w->identity, strlen(w->identity))];

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	free(w);
}

static void drop(struct budget *b, struct entry **at)
{
	struct entry *x = *at;

	*at = x->next;
	b->n--;
	if (--x->who->entries == 0)
		drop_who(b, x->who);
	free(x);
}

void budget_free(struct budget *b)
{
	if (!b)
		return;
	for (unsigned i = 0; i < BUCKETS; i++)
		while (b->entries[i])
			drop(b, &b->entries[i]);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* Forgets the pieces that do not count any more. The clock of one thread may be a little behind another's. */
static void advance(struct entry *x, uint64_t now_ms)
{
	uint64_t now = now_ms / x->slot_ms;

	if (now <= x->newest)
		return;
	if (now - x->newest >= RING)
		memset(x->spent, 0, sizeof(x->spent));
	else
		for (uint64_t i = x->newest + 1; i <= now; i++)
			x->spent[i % RING] = 0;
	x->newest = now;
}

static uint64_t used(const struct entry *x)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < RING; i++)
		sum += x->spent[i];
	return sum;
}

/* Old entries make room; those of a spending under way stay. */
static void sweep(struct budget *b, uint64_t now_ms)
{
	for (unsigned i = 0; i < SWEEP; i++) {
		struct entry **at = &b->entries[b->swept++ % BUCKETS];

		while (*at) {
			advance(*at, now_ms);
			if (used(*at) == 0 && (*at)->asked == 0)
				drop(b, at);
			else
				at = &(*at)->next;
		}
	}
}

static struct who *find_who(struct budget *b, const char *identity, bool make)
{
	size_t n = strlen(identity);
	struct who **list = &b->whos[hash(0xcbf29ce484222325u, identity, n)], *w;

	for (w = *list; w; w = w->next)
		if (strcmp(w->identity, identity) == 0)
			return w;
	w = make ? calloc(1, sizeof(*w) + n + 1) : NULL;
	if (!w)
		return NULL;
	memcpy(w->identity, identity, n + 1);
	w->next = *list;
	*list = w;
	return w;
}

static struct entry *find(const struct budget *b, const struct who *w, struct colref c)
{
	struct entry *x = b->entries[bucket_of(w, c.relid, c.attnum)];

	while (x && (x->who != w || x->relid != c.relid || x->attnum != c.attnum))
		x = x->next;
	return x;
}

static uint64_t slot_of(unsigned period_s)
{
	uint64_t ms = ((uint64_t)period_s * 1000 + SLOTS - 1) / SLOTS;

	return ms ? ms : 1;
}

/* A longer period than before: of what was spent only the sum is known, and it counts as if it were now. A
 * shorter one takes effect when nothing counts any more. */
static void fit(struct entry *x, unsigned period_s, uint64_t now_ms)
{
	uint64_t slot_ms = slot_of(period_s), sum;

	advance(x, now_ms);
	sum = used(x);
	if (slot_ms == x->slot_ms || (sum && slot_ms < x->slot_ms))
		return;
	memset(x->spent, 0, sizeof(x->spent));
	x->slot_ms = slot_ms;
	x->newest = now_ms / slot_ms;
	x->spent[x->newest % RING] = sum < UINT32_MAX ? (uint32_t)sum : UINT32_MAX;
}

static int entry_new(struct budget *b, struct who *w, struct colref c, uint64_t slot_ms, struct entry **out)
{
	struct entry **list = &b->entries[bucket_of(w, c.relid, c.attnum)], *x;

	if (w->entries >= BUDGET_COLUMNS_MAX || b->n >= BUDGET_ENTRIES_MAX)
		return -ENOSPC;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	*x = (struct entry){
		.next = *list, .who = w, .relid = c.relid, .attnum = c.attnum, .slot_ms = slot_ms};
	*list = x;
	w->entries++;
	b->n++;
	*out = x;
	return 0;
}

static int entry_of(
	struct budget *b, struct who *w, const struct budget_item *it, uint64_t now_ms, struct entry **out)
{
	int r = 0;

	*out = find(b, w, it->column);
	if (*out) {
		fit(*out, it->period_s, now_ms);
		return 0;
	}
	r = entry_new(b, w, it->column, slot_of(it->period_s), out);
	if (!r)
		(*out)->newest = now_ms / (*out)->slot_ms;
	return r;
}

/* When enough pieces are forgotten that want fits into limit. */
static uint64_t wait_of(const struct entry *x, uint64_t want, unsigned limit, uint64_t now_ms)
{
	uint64_t left = used(x);

	if (want > limit)
		return 0;
	for (uint64_t i = 1; i <= RING; i++) {
		left -= x->spent[(x->newest + i) % RING]; /* the oldest first */
		if (left + want <= limit) {
			uint64_t at = (x->newest + i) * x->slot_ms;

			return at > now_ms ? at - now_ms : 1;
		}
	}
	return 1;
}

static void add(struct entry *x, uint64_t n)
{
	uint32_t *spent = &x->spent[x->newest % RING];

	*spent = n < UINT32_MAX - *spent ? *spent + (uint32_t)n : UINT32_MAX;
}

/* Under the lock: what it wants stands in the entries' asked. */
static int ask(struct budget *b, struct who *w, const struct budget_item *v, unsigned n, uint64_t now_ms,
	unsigned *which, uint64_t *wait_ms)
{
	for (unsigned i = 0; i < n; i++) {
		struct entry *x;
		int r = entry_of(b, w, &v[i], now_ms, &x);

		*which = i;
		if (r)
			return r;
		x->asked = v[i].count < UINT64_MAX - x->asked ? x->asked + v[i].count : UINT64_MAX;
		if (x->asked > v[i].constants || used(x) + x->asked > v[i].constants) {
			*wait_ms = wait_of(x, x->asked, v[i].constants, now_ms);
			return -EDQUOT;
		}
	}
	return 0;
}

static void settle(struct budget *b, const struct who *w, const struct budget_item *v, unsigned n, bool spend)
{
	for (unsigned i = 0; i < n; i++) {
		struct entry *x = find(b, w, v[i].column);

		if (x && spend)
			add(x, x->asked);
		if (x)
			x->asked = 0;
	}
}

/* Under the lock. */
static int spend_by_all(struct budget *b, struct who *const *w, unsigned nw, const struct budget_item *v,
	unsigned n, uint64_t now_ms, unsigned *which, uint64_t *wait_ms)
{
	int r = 0;

	for (unsigned i = 0; i < nw && !r; i++)
		r = ask(b, w[i], v, n, now_ms, which, wait_ms);
	for (unsigned i = 0; i < nw; i++)
		settle(b, w[i], v, n, r == 0);
	return r;
}

int budget_spend(struct budget *b, struct budget_payers who, const struct budget_item *v, unsigned n,
	uint64_t now_ms, unsigned *which, uint64_t *wait_ms)
{
	struct who *w[BUDGET_PAYERS_MAX];
	unsigned nw = 0;
	int r = 0;

	*which = 0;
	*wait_ms = 0;
	if (!who.n || who.n > BUDGET_PAYERS_MAX)
		return -ENOSPC;
	pthread_mutex_lock(&b->lock);
	sweep(b, now_ms);
	if (b->given)
		r = -ESHUTDOWN;
	while (!r && nw < who.n) {
		w[nw] = find_who(b, who.v[nw], true);
		if (w[nw])
			nw++;
		else
			r = -ENOMEM;
	}
	if (!r)
		r = spend_by_all(b, w, nw, v, n, now_ms, which, wait_ms);
	for (unsigned i = 0; i < nw; i++)
		if (w[i]->entries == 0)
			drop_who(b, w[i]);
	pthread_mutex_unlock(&b->lock);
	return r;
}

void budget_charge(
	struct budget *b, struct budget_payers who, const struct budget_item *v, unsigned n, uint64_t now_ms)
{
	pthread_mutex_lock(&b->lock);
	for (unsigned k = 0; k < who.n; k++) {
		const struct who *w = find_who(b, who.v[k], false);

		for (unsigned i = 0; w && i < n; i++) {
			struct entry *x = find(b, w, v[i].column);

			if (!x)
				continue;
			advance(x, now_ms);
			add(x, v[i].count);
		}
	}
	pthread_mutex_unlock(&b->lock);
}

void budget_give(struct budget *b, void (*fn)(void *arg, const struct budget_saved *v), void *arg)
{
	pthread_mutex_lock(&b->lock);
	b->given = true;
	for (unsigned i = 0; i < BUCKETS; i++) {
		for (const struct entry *x = b->entries[i]; x; x = x->next) {
			struct budget_saved v = {
				.identity = x->who->identity,
				.column = {.relid = x->relid, .attnum = x->attnum},
				.piece_ms = x->slot_ms,
				.newest = x->newest,
			};

			memcpy(v.spent, x->spent, sizeof(v.spent));
			fn(arg, &v);
		}
	}
	pthread_mutex_unlock(&b->lock);
}

void budget_take_back(struct budget *b)
{
	pthread_mutex_lock(&b->lock);
	b->given = false;
	pthread_mutex_unlock(&b->lock);
}

int budget_restore(struct budget *b, const struct budget_saved *v)
{
	struct entry *x = NULL;
	struct who *w;
	int r = -ENOMEM;

	if (!v->piece_ms)
		return -EINVAL;
	pthread_mutex_lock(&b->lock);
	w = find_who(b, v->identity, true);
	if (w)
		r = find(b, w, v->column) ? -EINVAL : entry_new(b, w, v->column, v->piece_ms, &x);
	if (!r) {
		x->newest = v->newest;
		memcpy(x->spent, v->spent, sizeof(x->spent));
	}
	if (w && w->entries == 0)
		drop_who(b, w);
	pthread_mutex_unlock(&b->lock);
	return r;
}
