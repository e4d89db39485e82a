/* SPDX-License-Identifier: MIT */
/* Names are kept once, and an object has a bit for each: a thousand objects of five thousand nodes are less
 * than a megabyte. */
#include "kube/roll.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WORDS (ROLL_NODES / 64)

struct node {
	char *name; /* NULL: the place is free */
	unsigned objects;
	bool missed;
};

struct page {
	char *object;
	unsigned round;
	uint64_t bits[WORDS];
};

struct roll {
	struct node node[ROLL_NODES];
	json_t *index; /* name → place */
	struct page **page;
	unsigned npages, round, turn;
};

struct roll *roll_new(void)
{
	struct roll *r = calloc(1, sizeof(*r));

	if (r && !(r->index = json_object())) {
		free(r);
		return NULL;
	}
	return r;
}

void roll_free(struct roll *r)
{
	if (!r)
		return;
	while (r->npages)
		roll_drop(r, r->page[r->npages - 1]->object);
	free(r->page);
	json_decref(r->index);
	free(r);
}

bool roll_is_name(const char *node)
{
	size_t n = strlen(node);

	return n && n < ROLL_NAME && node[0] != '-' && node[0] != '.' &&
	       strspn(node, "abcdefghijklmnopqrstuvwxyz0123456789-.") == n;
}

/* ---- places ---- */

static int place_of(const struct roll *r, const char *name)
{
	const json_t *at = json_object_get(r->index, name);

	return at ? (int)json_integer_value(at) : -1;
}

static int place_for(struct roll *r, const char *name)
{
	int at = place_of(r, name);

	if (at >= 0 || strlen(name) >= ROLL_NAME || json_object_size(r->index) >= ROLL_NODES)
		return at;
	for (at = 0; r->node[at].name; at++)
		;
	r->node[at] = (struct node){.name = strdup(name)};
	if (!r->node[at].name || json_object_set_new(r->index, name, json_integer(at))) {
		free(r->node[at].name);
		r->node[at].name = NULL;
		return -1;
	}
	return at;
}

static bool has(const struct page *p, int at)
{
	return p->bits[at / 64] >> (at % 64) & 1;
}

static void put_bit(struct roll *r, struct page *p, int at)
{
	if (at < 0 || has(p, at))
		return;
	p->bits[at / 64] |= (uint64_t)1 << (at % 64);
	r->node[at].objects++;
}

/* Nobody has it any more: its place is free. */
static void release(struct roll *r, const uint64_t bits[WORDS])
{
	for (unsigned at = 0; at < ROLL_NODES; at++) {
		struct node *n = &r->node[at];

		if (!(bits[at / 64] >> (at % 64) & 1) || --n->objects)
			continue;
		json_object_del(r->index, n->name);
		free(n->name);
		*n = (struct node){0};
	}
}

/* ---- objects ---- */

static struct page *page_of(const struct roll *r, const char *object, unsigned *at)
{
	for (unsigned i = 0; i < r->npages; i++) {
		if (strcmp(r->page[i]->object, object) == 0) {
			*at = i;
			return r->page[i];
		}
	}
	return NULL;
}

static struct page *page_for(struct roll *r, const char *object)
{
	unsigned at;
	struct page *p = page_of(r, object, &at), **v;

	if (p)
		return p;
	v = realloc(r->page, (r->npages + 1) * sizeof(struct page *));
	p = calloc(1, sizeof(*p));
	r->page = v ? v : r->page;
	if (!v || !p || !(p->object = strdup(object))) {
		free(p);
		return NULL;
	}
	r->page[r->npages++] = p;
	return p;
}

bool roll_put(struct roll *r, const char *object, const json_t *nodes)
{
	struct page *p = page_for(r, object);
	uint64_t before[WORDS];
	const char *name;
	json_t *value;

	if (!p)
		return false;
	p->round = r->round;
	memcpy(before, p->bits, sizeof(before));
	memset(p->bits, 0, sizeof(p->bits));
	json_object_foreach((json_t *)nodes, name, value)
	{
		put_bit(r, p, place_for(r, name));
	}
	release(r, before);
	return true;
}

void roll_drop(struct roll *r, const char *object)
{
	unsigned at;
	struct page *p = page_of(r, object, &at);

	if (!p)
		return;
	release(r, p->bits);
	r->page[at] = r->page[--r->npages];
	free(p->object);
	free(p);
}

void roll_begin(struct roll *r)
{
	r->round++;
}

void roll_listed(struct roll *r)
{
	for (unsigned i = r->npages; i > 0; i--)
		if (r->page[i - 1]->round != r->round)
			roll_drop(r, r->page[i - 1]->object);
}

/* ---- whom to look for ---- */

static bool wanted(const struct node *n, const char *own)
{
	return n->name && strcmp(n->name, own) != 0;
}

unsigned roll_pick(struct roll *r, const char *own, unsigned fresh, char (*out)[ROLL_NAME], unsigned n)
{
	unsigned k = 0;

	for (unsigned i = 0; i < ROLL_NODES && k < n; i++)
		if (wanted(&r->node[i], own) && r->node[i].missed)
			strcpy(out[k++], r->node[i].name);
	for (unsigned i = 0; i < ROLL_NODES && k < n && fresh; i++) {
		unsigned at = (r->turn + 1) % ROLL_NODES;

		r->turn = at;
		if (!wanted(&r->node[at], own) || r->node[at].missed)
			continue;
		strcpy(out[k++], r->node[at].name);
		fresh--;
	}
	return k;
}

bool roll_found(struct roll *r, const char *node, bool found)
{
	int at = place_of(r, node);
	bool twice = at >= 0 && !found && r->node[at].missed;

	if (at >= 0)
		r->node[at].missed = !found;
	return twice;
}

const char *roll_next(const struct roll *r, const char *node, const char *after)
{
	int at = place_of(r, node);
	const char *next = NULL;

	for (unsigned i = 0; at >= 0 && i < r->npages; i++) {
		const char *name = r->page[i]->object;

		if (has(r->page[i], at) && (!after || strcmp(name, after) > 0) &&
			(!next || strcmp(name, next) < 0))
			next = name;
	}
	return next;
}
