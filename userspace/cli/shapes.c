/* SPDX-License-Identifier: MIT */
/* A group is all that has the same key; a statement of it is one way of what may have to stay as it is. When
 * two that ran differ in a place, that place is open, and new statements are not told apart by it any more:
 * so a function that is called with a million numbers takes the room of two. */
#include "cli/shapes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "record/entry.h"

#define SLOTS ((size_t)1 << 16)

struct group {
	struct shape_group told;
	uint8_t digest[ENTRY_HASH];
	struct shape shape; /* in block */
	void *block;
	bool *open;           /* by part: different ones were met, or it is not known */
	uint32_t first, next; /* statement that ran first; group with the same slot */
};

struct statement {
	uint8_t digest[ENTRY_HASH];
	uint32_t group, next;
	struct span *v; /* by part, those that may have to stay; p NULL: any; in one block */
};

struct shapes {
	struct group *groups;
	struct statement *statements;
	struct group **listed;
	unsigned ngroups, nstatements, nlisted, most;
	size_t bytes, bytes_most;
	uint32_t by_key[SLOTS], by_statement[SLOTS];
	struct arena texts;
};

int shapes_new(struct shapes **out, unsigned most, size_t bytes, struct err *e)
{
	struct shapes *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->most = most;
	s->bytes_most = bytes;
	memset(s->by_key, 0xff, sizeof(s->by_key));
	memset(s->by_statement, 0xff, sizeof(s->by_statement));
	s->groups = calloc(most, sizeof(*s->groups));
	s->statements = calloc(most, sizeof(*s->statements));
	if (s->groups && s->statements) {
		*out = s;
		return 0;
	}
	shapes_free(s);
	return err_set(e, -ENOMEM, "out of memory");
}

void shapes_free(struct shapes *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->ngroups; i++)
		free(s->groups[i].block);
	for (unsigned i = 0; i < s->nstatements; i++)
		free(s->statements[i].v);
	arena_fini(&s->texts);
	free(s->groups);
	free(s->statements);
	free(s->listed);
	free(s);
}

static size_t slot_of(const uint8_t digest[ENTRY_HASH])
{
	return (size_t)(digest[0] << 8 | digest[1]) % SLOTS;
}

static void *room(struct shapes *s, size_t n)
{
	void *p = n > s->bytes_most - s->bytes ? NULL : malloc(n ? n : 1);

	s->bytes += p ? n : 0;
	return p;
}

/* Bytes of the parts' texts. */
static size_t weight(const struct shape *x)
{
	size_t n = 0;

	for (unsigned i = 0; i < x->n; i++)
		n += x->v[i].text.n;
	return n;
}

static struct group *find_group(struct shapes *s, const struct shape *x, uint8_t digest[ENTRY_HASH])
{
	entry_digest(x->key, digest);
	for (uint32_t i = s->by_key[slot_of(digest)]; i != SHAPES_NONE; i = s->groups[i].next)
		if (memcmp(s->groups[i].digest, digest, ENTRY_HASH) == 0 && s->groups[i].shape.n == x->n)
			return &s->groups[i];
	return NULL;
}

static struct group *add_group(struct shapes *s, const struct shape *x, const uint8_t digest[ENTRY_HASH])
{
	size_t parts = x->n * sizeof(struct shape_part), opens = x->n * sizeof(bool);
	struct group *g = s->ngroups < s->most ? &s->groups[s->ngroups] : NULL;
	struct shape_part *v;
	uint8_t *p;

	if (g)
		g->block = room(s, parts + opens + weight(x));
	if (!g || !g->block)
		return NULL;
	v = g->block;
	g->open = (bool *)((uint8_t *)g->block + parts);
	p = (uint8_t *)g->block + parts + opens;
	memset(g->open, 0, opens);
	for (unsigned i = 0; i < x->n; i++) {
		v[i] = x->v[i];
		v[i].text.p = p;
		memcpy(p, x->v[i].text.p, x->v[i].text.n);
		p += x->v[i].text.n;
	}
	g->shape = (struct shape){.v = v, .n = x->n};
	g->first = SHAPES_NONE;
	memcpy(g->digest, digest, ENTRY_HASH);
	g->next = s->by_key[slot_of(digest)];
	s->by_key[slot_of(digest)] = s->ngroups++;
	return g;
}

static bool may_stay(const struct group *g, const struct shape *x, unsigned part)
{
	return x->v[part].is == SHAPE_TIGHT && !x->v[part].hidden && !g->open[part];
}

/* Of what may have to stay. */
static bool digest_of(
	const struct shapes *s, const struct group *g, const struct shape *x, uint8_t digest[ENTRY_HASH])
{
	size_t cap = sizeof(uint32_t) + weight(x) + x->n * sizeof(uint32_t), n = sizeof(uint32_t);
	uint32_t number = (uint32_t)(g - s->groups);
	uint8_t *p = malloc(cap);

	if (!p)
		return false;
	memcpy(p, &number, sizeof(number));
	for (unsigned i = 0; i < x->n; i++) {
		uint32_t len = (uint32_t)x->v[i].text.n;

		if (!may_stay(g, x, i))
			continue;
		memcpy(p + n, &len, sizeof(len));
		memcpy(p + n + sizeof(len), x->v[i].text.p, len);
		n += sizeof(len) + len;
	}
	entry_digest(span_of(p, n), digest);
	free(p);
	return true;
}

static struct statement *add_statement(
	struct shapes *s, const struct group *g, const struct shape *x, const uint8_t digest[ENTRY_HASH])
{
	struct statement *t = s->nstatements < s->most ? &s->statements[s->nstatements] : NULL;
	size_t spans = x->n * sizeof(struct span), n = 0;
	uint8_t *p;

	for (unsigned i = 0; i < x->n; i++)
		n += may_stay(g, x, i) ? x->v[i].text.n : 0;
	if (t)
		t->v = room(s, spans + n);
	if (!t || !t->v)
		return NULL;
	p = (uint8_t *)t->v + spans;
	memset(t->v, 0, spans);
	for (unsigned i = 0; i < x->n; i++) {
		if (!may_stay(g, x, i))
			continue;
		t->v[i] = span_of(p, x->v[i].text.n);
		memcpy(p, x->v[i].text.p, x->v[i].text.n);
		p += x->v[i].text.n;
	}
	t->group = (uint32_t)(g - s->groups);
	memcpy(t->digest, digest, ENTRY_HASH);
	t->next = s->by_statement[slot_of(digest)];
	s->by_statement[slot_of(digest)] = s->nstatements++;
	return t;
}

uint32_t shapes_add(struct shapes *s, const struct shape *x)
{
	uint8_t digest[ENTRY_HASH];
	struct group *g = find_group(s, x, digest);
	struct statement *t;

	if (!g)
		g = add_group(s, x, digest);
	if (!g || !digest_of(s, g, x, digest))
		return SHAPES_NONE;
	for (uint32_t i = s->by_statement[slot_of(digest)]; i != SHAPES_NONE; i = s->statements[i].next)
		if (memcmp(s->statements[i].digest, digest, ENTRY_HASH) == 0)
			return i;
	t = add_statement(s, g, x, digest);
	return t ? (uint32_t)(t - s->statements) : SHAPES_NONE;
}

void shapes_ran(struct shapes *s, uint32_t statement)
{
	const struct statement *t = &s->statements[statement], *first;
	struct group *g = &s->groups[t->group];

	if (g->first == SHAPES_NONE)
		g->first = statement;
	first = &s->statements[g->first];
	for (unsigned i = 0; i < g->shape.n; i++)
		if (g->shape.v[i].is != SHAPE_FIXED)
			g->open[i] |= !t->v[i].p || !span_eq(t->v[i], first->v[i]);
}

struct shape_group *shapes_group(struct shapes *s, uint32_t statement, unsigned *number)
{
	*number = s->statements[statement].group;
	return &s->groups[*number].told;
}

/* ---- the list ---- */

static int by_text(const void *a, const void *b)
{
	struct group *const *x = a, *const *y = b;

	return strcmp((*x)->told.text, (*y)->told.text);
}

/* What was always the same when it ran stays; of what never ran, as it was met first. */
static int tell(struct shapes *s, struct group *g)
{
	struct shape_part *v = (struct shape_part *)g->shape.v;
	const struct span *own = g->first != SHAPES_NONE ? s->statements[g->first].v : NULL;
	const char *why;
	int r;

	for (unsigned i = 0; i < g->shape.n; i++) {
		if (v[i].is == SHAPE_FIXED || g->open[i] || !own || !own[i].p)
			continue;
		v[i].is = SHAPE_TIGHT;
		v[i].hidden = false;
		v[i].text = own[i];
	}
	g->told.text = shape_text(&g->shape, g->open, &s->texts);
	if (!g->told.text)
		return -ENOMEM;
	r = stencil_parse(&g->told.pattern, g->told.text, &s->texts, &why);
	/* Nobody could list it (policy/node.c has these characters for itself): whatever ran by it is said
	 * not to be let through. */
	g->told.listed = r == 0 && !strstr(g->told.text, "\xee\x80");
	return r == -ENOMEM ? r : 0;
}

int shapes_finish(struct shapes *s, bool failed, struct err *e)
{
	s->listed = calloc(s->ngroups + 1, sizeof(struct group *));
	if (!s->listed)
		return err_set(e, -ENOMEM, "out of memory");
	for (unsigned i = 0; i < s->ngroups; i++) {
		struct group *g = &s->groups[i];

		if (!g->told.ran && !(failed && g->told.failed))
			continue;
		if (tell(s, g))
			return err_set(e, -ENOMEM, "out of memory");
		if (g->told.listed)
			s->listed[s->nlisted++] = g;
	}
	qsort(s->listed, s->nlisted, sizeof(struct group *), by_text);
	return 0;
}

unsigned shapes_count(const struct shapes *s)
{
	return s->nlisted;
}

const struct shape_group *shapes_at(const struct shapes *s, unsigned i)
{
	return &s->listed[i]->told;
}

struct shape_group *shapes_match(struct shapes *s, const struct shape *x, struct arena *a)
{
	uint8_t digest[ENTRY_HASH];
	struct group *g = find_group(s, x, digest);
	struct stencil own;

	if (stencil_of(&own, x->text, a))
		return NULL;
	if (g && g->told.listed && stencil_fits(&g->told.pattern, &own))
		return &g->told;
	for (unsigned i = 0; i < s->nlisted; i++)
		if (stencil_fits(&s->listed[i]->told.pattern, &own))
			return &s->listed[i]->told;
	return NULL;
}
