/* SPDX-License-Identifier: MIT */
#include "policy/masked.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 256

struct place {
	struct masked masked;
	struct place *next;
	char where[];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* over the lists, not what is counted */
static struct place *places[BUCKETS];
static unsigned count;
static struct masked none, others;

static struct place **bucket(const char *where)
{
	uint32_t h = 0x811c9dc5;

	for (; *where; where++)
		h = (h ^ (uint8_t)*where) * 0x01000193;
	return &places[h % BUCKETS];
}

/* NULL: no memory, or there are too many. */
static struct place *place_new(const char *where, struct place **list)
{
	size_t n = strlen(where) + 1;
	struct place *p = count < MASKED_MAX ? calloc(1, sizeof(*p) + n) : NULL;

	if (!p)
		return NULL;
	memcpy(p->where, where, n);
	p->next = *list;
	*list = p;
	count++;
	return p;
}

struct masked *masked_of(const char *where)
{
	struct place **list, *p;

	if (!where)
		return &none;
	list = bucket(where);
	pthread_mutex_lock(&lock);
	for (p = *list; p && strcmp(p->where, where) != 0; p = p->next)
		;
	if (!p)
		p = place_new(where, list);
	pthread_mutex_unlock(&lock);
	return p ? &p->masked : &others;
}

static uint64_t get(const struct masked *m)
{
	return atomic_load_explicit(&m->cells, memory_order_relaxed);
}

void masked_each(void (*fn)(void *arg, const char *where, uint64_t cells), void *arg)
{
	fn(arg, MASKED_NONE, get(&none));
	if (get(&others))
		fn(arg, MASKED_OTHERS, get(&others));
	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < BUCKETS; i++)
		for (const struct place *p = places[i]; p; p = p->next)
			fn(arg, p->where, get(&p->masked));
	pthread_mutex_unlock(&lock);
}
