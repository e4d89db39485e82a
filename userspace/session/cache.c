/* SPDX-License-Identifier: MIT */
/* A judgement depends on the binding (policy, rules, catalogue), the search_path and the text; these are its
 * key. Of the text, constants that the analysis never looked at are left out (sql/outline.h): programs
 * without parameters send the same statement with other constants all day, and it is judged once.
 * So is who asks: a SET search_path in a text of several statements means what that role may use.
 * Deliberately left out: parameter types (lineage does not depend on them) and the session's settings (those
 * that change what text means are pinned). Of the session's temporary objects their schema is in the key: no
 * two sessions share one. */
#include "session/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session/about.h"
#include "session/tally.h"
#include "sql/outline.h"

#define BINDINGS_MAX   128
#define JUDGEMENTS_MAX 4096
#define BYTES_MAX      ((size_t)64 << 20)
#define JUDGEMENT_MAX  ((size_t)8 << 20) /* of one text: tree, lineage and plan */
#define BUCKETS        4096
#define CROWD_MAX      16 /* judgements of one outline, so that nobody makes their list a long one */

struct judgement {
	unsigned refs;
	struct arena mem;
	struct binding *binding;
	struct judged judged;
	struct about about;
	/* the key, and the cache's links (NULL once evicted) */
	uint64_t hash;
	struct span text;
	const char *path; /* the user, the temporary schema and how it is looked at, the names of the path:
			     each with its NUL, then an empty one */
	struct name_scope scope;       /* into path */
	const struct outline *outline; /* in mem; NULL: it holds for this text only */
	uint64_t outline_hash;
	struct judgement *next, *next_alike; /* in their buckets */
	struct judgement *newer, *older;     /* by last use */
};

struct bound {
	uint64_t rules_id;
	const struct slot *slot;
	struct binding *binding;
};

struct cache {
	struct bound bindings[BINDINGS_MAX]; /* newest first */
	unsigned nbindings;
	struct judgement *bucket[BUCKETS];
	struct judgement *alike[BUCKETS]; /* those with an outline */
	struct judgement *newest, *oldest;
	unsigned n;
	size_t bytes;
	struct tally *tally; /* NULL: nobody counts */
	uint64_t (*clock_ns)(void *arg);
	void *arg;
};

int cache_new(struct cache **out, struct err *e)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : err_sql(e, -ENOMEM, "53200", "out of memory");
}

void cache_observe(struct cache *c, struct tally *t, uint64_t (*clock_ns)(void *arg), void *arg)
{
	c->tally = t;
	c->clock_ns = clock_ns;
	c->arg = arg;
}

/* Of what the cache holds, after a change. */
static void tell(const struct cache *c)
{
	if (!c->tally)
		return;
	atomic_store_explicit(&c->tally->judgements, c->n, memory_order_relaxed);
	atomic_store_explicit(&c->tally->judgement_bytes, c->bytes, memory_order_relaxed);
	atomic_store_explicit(&c->tally->bindings, c->nbindings, memory_order_relaxed);
}

static void unlink_judgement(struct cache *c, struct judgement *j)
{
	struct judgement **p = &c->bucket[j->hash % BUCKETS], **q = &c->alike[j->outline_hash % BUCKETS];

	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	while (j->outline && *q != j)
		q = &(*q)->next_alike;
	if (j->outline)
		*q = j->next_alike;
	if (j->newer)
		j->newer->older = j->older;
	else
		c->newest = j->older;
	if (j->older)
		j->older->newer = j->newer;
	else
		c->oldest = j->newer;
	j->next = j->next_alike = j->newer = j->older = NULL;
	c->n--;
	c->bytes -= j->mem.held;
	judgement_unref(j);
}

void cache_free(struct cache *c)
{
	if (!c)
		return;
	while (c->oldest)
		unlink_judgement(c, c->oldest);
	for (unsigned i = 0; i < c->nbindings; i++)
		binding_unref(c->bindings[i].binding);
	free(c);
}

/* What was judged under it will not be asked for again, and would keep its catalogue alive. */
void cache_forget(struct cache *c, struct binding *b)
{
	struct judgement *j, *newer;

	for (j = b ? c->oldest : NULL; j; j = newer) {
		newer = j->newer;
		if (j->binding == b)
			unlink_judgement(c, j);
	}
	tell(c);
}

int cache_binding(struct cache *c, struct policy *p, const struct grant *g, const struct slot *slot,
	struct place *place, struct catalog *catalog, struct binding **out, struct err *e)
{
	unsigned i;
	int r;

	for (i = 0; i < c->nbindings; i++) {
		struct bound *b = &c->bindings[i];

		if (b->slot != slot)
			continue;
		if (b->rules_id == g->rules_id && binding_catalog(b->binding) == catalog &&
			binding_policy(b->binding) == p) {
			*out = binding_ref(b->binding);
			return 0;
		}
		if (b->rules_id == g->rules_id)
			break;
	}
	r = binding_new(out, p, g, catalog, place, false, NULL, e);
	if (r)
		return r;
	/* Takes the place of the older binding of the same rules, else of the oldest of all. */
	if (i == c->nbindings && c->nbindings < BINDINGS_MAX)
		c->nbindings++;
	else if (i == c->nbindings)
		i--;
	cache_forget(c, c->bindings[i].binding);
	binding_unref(c->bindings[i].binding);
	memmove(&c->bindings[1], &c->bindings[0], i * sizeof(c->bindings[0]));
	c->bindings[0] = (struct bound){g->rules_id, slot, binding_ref(*out)};
	tell(c);
	return 0;
}

/* FNV-1a; a collision costs a comparison, never a wrong answer. */
static uint64_t hash_bytes(uint64_t h, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

static void touch(struct cache *c, struct judgement *j)
{
	if (c->newest == j)
		return;
	j->newer->older = j->older;
	if (j->older)
		j->older->newer = j->newer;
	else
		c->oldest = j->newer;
	j->older = c->newest;
	j->newer = NULL;
	c->newest->newer = j;
	c->newest = j;
}

static void insert(struct cache *c, struct judgement *j)
{
	struct judgement **b = &c->bucket[j->hash % BUCKETS];

	j->refs++;
	j->next = *b;
	*b = j;
	if (j->outline) {
		b = &c->alike[j->outline_hash % BUCKETS];
		j->next_alike = *b;
		*b = j;
	}
	j->older = c->newest;
	if (c->newest)
		c->newest->newer = j;
	else
		c->oldest = j;
	c->newest = j;
	c->n++;
	c->bytes += j->mem.held;
	while (c->oldest != j && (c->n > JUDGEMENTS_MAX || c->bytes > BYTES_MAX))
		unlink_judgement(c, c->oldest);
	tell(c);
}

/* How the temporary schema is looked at, as a word of the key. */
static const char *temp_word(const struct name_scope *scope)
{
	static const char *const words[2][2] = {{"first", "first, doubtful"}, {"later", "later, doubtful"}};

	return scope->temp ? words[scope->temp_in_path][scope->temp_doubtful] : "none";
}

static bool next_is(const char **p, const char *word)
{
	if (strcmp(*p, word) != 0)
		return false;
	*p += strlen(word) + 1;
	return true;
}

static bool same_path(const struct judgement *j, const struct name_scope *scope)
{
	const char *p = j->path;

	if (j->scope.role != scope->role || j->scope.unsure != scope->unsure ||
		j->scope.own_settings != scope->own_settings ||
		!next_is(&p, scope->user ? scope->user : "") || !next_is(&p, temp_word(scope)) ||
		(scope->temp && !next_is(&p, scope->temp)))
		return false;
	for (unsigned i = 0; i < scope->npath; i++)
		if (!next_is(&p, scope->path[i]))
			return false;
	return *p == '\0';
}

static int copy_key(struct judgement *j, const struct name_scope *scope, struct span text)
{
	size_t n = 3 + strlen(temp_word(scope)) + (scope->user ? strlen(scope->user) : 0) +
		   (scope->temp ? strlen(scope->temp) + 1 : 0);
	const char **names;
	char *p, *t = arena_strndup(&j->mem, (const char *)text.p, text.n);

	for (unsigned i = 0; i < scope->npath; i++)
		n += strlen(scope->path[i]) + 1;
	p = arena_zalloc(&j->mem, n);
	names = arena_array(&j->mem, scope->npath ? scope->npath : 1, sizeof(*names));
	if (!p || !t || !names)
		return -ENOMEM;
	j->text = span_of(t, text.n);
	j->path = p;
	j->scope = *scope;
	j->scope.catalog = NULL;
	j->scope.path = names;
	j->scope.user = scope->user ? p : NULL;
	p = stpcpy(p, scope->user ? scope->user : "") + 1;
	p = stpcpy(p, temp_word(scope)) + 1;
	if (scope->temp) {
		j->scope.temp = p;
		p = stpcpy(p, scope->temp) + 1;
	}
	for (unsigned i = 0; i < scope->npath; i++) {
		names[i] = p;
		p = stpcpy(p, scope->path[i]) + 1;
	}
	return 0;
}

static int judge(struct cache *c, struct judgement *j, const struct name_scope *scope, struct err *e)
{
	uint64_t since_ns;
	int r;

	since_ns = c->tally ? c->clock_ns(c->arg) : 0;
	r = plan_judge(j->binding, scope, j->text, &j->mem, &j->judged, e);
	if (c->tally) {
		metric_add(&c->tally->judged_anew, 1);
		metric_took(&c->tally->took[STAGE_ANALYSIS], c->clock_ns(c->arg) - since_ns);
	}
	return r;
}

static struct judgement *find_text(const struct cache *c, const struct binding *b,
	const struct name_scope *scope, struct span text, uint64_t hash)
{
	struct judgement *j = c->bucket[hash % BUCKETS];

	while (j && (j->hash != hash || j->binding != b || !span_eq(j->text, text) || !same_path(j, scope)))
		j = j->next;
	return j;
}

/* A text that differs in nothing that the judgement depends on. *crowd: how many others of its outline there
 * are, that is with other constants that matter. */
static struct judgement *find_alike(const struct cache *c, const struct binding *b,
	const struct name_scope *scope, struct span text, const struct outline *o, uint64_t hash,
	unsigned *crowd)
{
	struct judgement *j;

	for (j = c->alike[hash % BUCKETS]; j; j = j->next_alike) {
		if (j->outline_hash != hash)
			continue;
		if (j->binding == b && outline_same(j->outline, j->text, o, text) && same_path(j, scope))
			break;
		++*crowd;
	}
	return j;
}

static int keep_outline(struct judgement *j, struct outline *o, uint64_t hash)
{
	struct outline *kept;

	if (!outline_free(j->text, o, j->judged.constants, j->judged.nconstants))
		return 0;
	kept = arena_alloc(&j->mem, sizeof(*kept));
	if (!kept)
		return -ENOMEM;
	*kept = *o;
	j->outline = kept;
	j->outline_hash = hash;
	return 0;
}

int cache_judge(struct cache *c, struct binding *b, const struct name_scope *scope, struct span text,
	struct judgement **out, struct err *e)
{
	uint64_t path = 0xcbf29ce484222325u ^ (uintptr_t)b, h, oh = 0;
	/* the clock costs as much as a part of it */
	bool measured = c->tally && metric_get(&c->tally->judged_cached) % STAGE_LOOKUPS == 0;
	uint64_t since_ns = measured ? c->clock_ns(c->arg) : 0;
	struct outline o;
	struct judgement *j;
	bool outlined = false;
	unsigned crowd = 0;
	int r;

	if (scope->user)
		path = hash_bytes(path, scope->user, strlen(scope->user) + 1);
	path = hash_bytes(path, temp_word(scope), strlen(temp_word(scope)) + 1);
	if (scope->temp)
		path = hash_bytes(path, scope->temp, strlen(scope->temp) + 1);
	for (unsigned i = 0; i < scope->npath; i++)
		path = hash_bytes(path, scope->path[i], strlen(scope->path[i]) + 1);
	h = hash_bytes(path, text.p, text.n);
	j = find_text(c, b, scope, text, h);
	if (!j && (outlined = outline_of(text, &o))) {
		oh = hash_bytes(path, &o.hash, sizeof(o.hash));
		j = find_alike(c, b, scope, text, &o, oh, &crowd);
	}
	if (j) {
		touch(c, j);
		if (c->tally)
			metric_add(&c->tally->judged_cached, 1);
		if (measured)
			metric_took(&c->tally->took[STAGE_LOOKUP], c->clock_ns(c->arg) - since_ns);
		*out = judgement_ref(j);
		return 0;
	}
	j = calloc(1, sizeof(*j));
	if (!j)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	*j = (struct judgement){.refs = 1, .hash = h, .binding = binding_ref(b)};
	arena_init(&j->mem, JUDGEMENT_MAX);
	r = copy_key(j, scope, text);
	if (!r)
		r = judge(c, j, scope, e);
	if (!r)
		r = about_make(&j->about, &j->judged, b, &j->mem);
	if (!r && outlined && crowd < CROWD_MAX)
		r = keep_outline(j, &o, oh);
	if (r) {
		judgement_unref(j);
		return err_sql(e, r, "53200", "out of memory");
	}
	insert(c, j);
	*out = j;
	return 0;
}

const struct judged *judgement_plans(const struct judgement *j)
{
	return &j->judged;
}

const struct about *judgement_about(const struct judgement *j)
{
	return &j->about;
}

struct binding *judgement_binding(const struct judgement *j)
{
	return j->binding;
}

struct span judgement_text(const struct judgement *j)
{
	return j->text;
}

const struct name_scope *judgement_scope(const struct judgement *j)
{
	return &j->scope;
}

bool judgement_looked(const struct judgement *j, const struct name_scope *scope)
{
	return same_path(j, scope);
}

size_t judgement_bytes(const struct judgement *j)
{
	return j->mem.held;
}

struct judgement *judgement_ref(struct judgement *j)
{
	j->refs++;
	return j;
}

void judgement_unref(struct judgement *j)
{
	if (!j || --j->refs)
		return;
	binding_unref(j->binding);
	arena_fini(&j->mem);
	free(j);
}
