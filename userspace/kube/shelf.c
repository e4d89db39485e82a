/* SPDX-License-Identifier: MIT */
/* What a daemon does not see it does not mask, so nothing here is ever left out: an object that is too large,
 * or one too many, is kept as one that cannot be loaded, and the policy as a whole is not taken then. */
#include "kube/shelf.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  ((size_t)1 << 20) /* as of a file (policy/node.h) */
#define ITEMS_MAX (4 * SHELF_MAX)   /* more are not even counted: then the list fails */
#define BYTES_MAX (2 * SHELF_TEXT_MAX)

struct item {
	struct shelf_object is;
	size_t len;
	uint64_t round; /* of the list that had it last */
};

struct shelf {
	struct shelf_config cfg;
	pthread_mutex_t lock;
	struct item *v; /* by name */
	unsigned n, cap;
	size_t bytes;
	uint64_t round, as_of_ms;
	bool known, listed, listing, touched;
};

int shelf_new(struct shelf **out, const struct shelf_config *cfg, struct err *e)
{
	struct shelf *s = calloc(1, sizeof(*s));

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->cfg = *cfg;
	s->round = 1;
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return 0;
}

static void object_fini(struct shelf_object *o)
{
	free(o->name);
	free(o->uid);
	free(o->text);
}

void shelf_free(struct shelf *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n; i++)
		object_fini(&s->v[i].is);
	free(s->v);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void shelf_copy_fini(struct shelf_copy *c)
{
	for (unsigned i = 0; i < c->n; i++)
		object_fini(&c->v[i]);
	free(c->v);
	*c = (struct shelf_copy){0};
}

/* Where it is, or would be. */
static bool find(const struct shelf *s, const char *name, unsigned *at)
{
	unsigned low = 0, high = s->n;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;
		int c = strcmp(s->v[mid].is.name, name);

		if (c == 0) {
			*at = mid;
			return true;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*at = low;
	return false;
}

/* NULL: no memory. */
static struct item *insert(struct shelf *s, const char *name, unsigned at)
{
	char *copy = strdup(name);

	if (copy && s->n == s->cap) {
		unsigned cap = s->cap ? s->cap * 2 : 16;
		struct item *v = realloc(s->v, cap * sizeof(*v));

		if (!v) {
			free(copy);
			return NULL;
		}
		s->v = v;
		s->cap = cap;
	}
	if (!copy)
		return NULL;
	memmove(s->v + at + 1, s->v + at, (s->n - at) * sizeof(*s->v));
	s->v[at] = (struct item){.is = {.name = copy}};
	s->n++;
	return &s->v[at];
}

static void drop(struct shelf *s, unsigned at)
{
	s->bytes -= s->v[at].len;
	object_fini(&s->v[at].is);
	memmove(s->v + at, s->v + at + 1, (s->n - at - 1) * sizeof(*s->v));
	s->n--;
}

/* Of the object only what a file would hold. In a list's items the kind need not stand: it is the list's. */
static char *text_of(const json_t *object, const char *name)
{
	json_t *version = json_object_get(object, "apiVersion"), *kind = json_object_get(object, "kind");
	json_t *doc = json_pack("{s:O?, s:O?, s:{s:s}, s:O?}", "apiVersion", version, "kind", kind,
		"metadata", "name", name, "spec", json_object_get(object, "spec"));
	char *text;

	if (doc && !version)
		json_object_set_new(doc, "apiVersion", json_string("pgveil.dev/v1"));
	if (doc && !kind)
		json_object_set_new(doc, "kind", json_string("MaskingPolicy"));
	/* By lines, so that its parts are told apart by them. */
	text = doc ? json_dumps(doc, JSON_INDENT(1)) : NULL;
	json_decref(doc);
	return text;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Takes text. false: no memory. */
static bool put(struct shelf *s, const char *name, const char *uid, int64_t generation, char *text)
{
	char *own = strdup(uid);
	size_t len = strlen(text);
	const char *fault = len > TEXT_MAX ? "it is larger than 1 MiB" : NULL;
	struct item *x = NULL;
	unsigned at;

	if (find(s, name, &at))
		x = &s->v[at];
	else if (s->n < ITEMS_MAX)
		x = insert(s, name, at);
	if (fault) {
		free(text);
		text = NULL;
		len = 0;
	}
	if (!x || !own || s->bytes - x->len + len > BYTES_MAX) {
		free(text);
		free(own);
		return false;
	}
	x->round = s->round;
	if (x->is.generation == generation && x->is.fault == fault && same_text(x->is.text, text) &&
		same_text(x->is.uid, own)) {
		free(text); /* its status, or its metadata */
		free(own);
		return true;
	}
	s->touched = true;
	s->bytes = s->bytes - x->len + len;
	free(x->is.text);
	free(x->is.uid);
	x->is = (struct shelf_object){x->is.name, own, generation, text, fault};
	x->len = len;
	return true;
}

/* Under the lock. A list is told of when it is whole: what it did not name yet is not known to be there. */
static bool to_tell(struct shelf *s)
{
	bool tell = s->touched && !s->listing;

	if (tell)
		s->touched = false;
	return tell;
}

static void tell(struct shelf *s, bool changed)
{
	if (changed && s->cfg.changed)
		s->cfg.changed(s->cfg.arg);
}

bool shelf_put(void *arg, const json_t *object)
{
	const json_t *meta = json_object_get(object, "metadata");
	const char *name = json_string_value(json_object_get(meta, "name"));
	const char *uid = json_string_value(json_object_get(meta, "uid"));
	struct shelf *s = arg;
	bool ok, changed;
	char *text;

	if (!name || !*name)
		return false;
	text = text_of(object, name);
	if (!text)
		return false;
	pthread_mutex_lock(&s->lock);
	ok = put(s, name, uid ? uid : "", json_integer_value(json_object_get(meta, "generation")), text);
	changed = to_tell(s);
	pthread_mutex_unlock(&s->lock);
	tell(s, changed);
	return ok;
}

void shelf_gone(void *arg, const json_t *object)
{
	const char *name = json_string_value(json_object_get(json_object_get(object, "metadata"), "name"));
	struct shelf *s = arg;
	bool changed;
	unsigned at;

	pthread_mutex_lock(&s->lock);
	if (name && find(s, name, &at)) {
		drop(s, at);
		s->touched = true;
	}
	changed = to_tell(s);
	pthread_mutex_unlock(&s->lock);
	tell(s, changed);
}

void shelf_begin(void *arg)
{
	struct shelf *s = arg;

	pthread_mutex_lock(&s->lock);
	s->round++;
	s->listing = true;
	pthread_mutex_unlock(&s->lock);
}

void shelf_listed(void *arg)
{
	struct shelf *s = arg;
	bool changed;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = s->n; i > 0; i--) {
		if (s->v[i - 1].round == s->round)
			continue;
		drop(s, i - 1);
		s->touched = true;
	}
	/* The first one is told of in any case: what was loaded is known to be so now. */
	s->touched |= !s->listed;
	s->known = s->listed = true;
	s->as_of_ms = s->cfg.wall_ms();
	s->listing = false;
	changed = to_tell(s);
	pthread_mutex_unlock(&s->lock);
	tell(s, changed);
}

void shelf_heard(struct shelf *s)
{
	pthread_mutex_lock(&s->lock);
	s->as_of_ms = s->cfg.wall_ms();
	pthread_mutex_unlock(&s->lock);
}

static int copy_object(struct shelf_object *out, const struct shelf_object *o)
{
	*out = (struct shelf_object){
		strdup(o->name), strdup(o->uid), o->generation, o->fault ? NULL : strdup(o->text), o->fault};
	return out->name && out->uid && (out->text || o->fault) ? 0 : -ENOMEM;
}

int shelf_take(struct shelf *s, struct shelf_copy *out)
{
	size_t bytes = 0;
	int r = 0;

	*out = (struct shelf_copy){0};
	pthread_mutex_lock(&s->lock);
	out->known = s->known;
	out->as_of_ms = s->as_of_ms;
	out->v = calloc(s->n ? s->n : 1, sizeof(*out->v));
	if (!out->v)
		r = -ENOMEM;
	for (unsigned i = 0; !r && i < s->n; i++) {
		struct shelf_object o = s->v[i].is;

		bytes += s->v[i].len;
		if (!o.fault && i >= SHELF_MAX)
			o.fault = "there are more than 1000 objects";
		else if (!o.fault && bytes > SHELF_TEXT_MAX)
			o.fault = "all objects together are larger than 32 MiB";
		r = copy_object(&out->v[i], &o);
		out->n++;
	}
	pthread_mutex_unlock(&s->lock);
	return r;
}

json_t *shelf_save(const struct shelf_copy *c)
{
	json_t *list = json_array();
	json_t *doc = json_pack("{s:I, s:o}", "asOf", (json_int_t)c->as_of_ms, "objects", list);

	for (unsigned i = 0; doc && i < c->n; i++) {
		const struct shelf_object *o = &c->v[i];
		json_t *one = o->text ? json_pack("{s:s, s:s, s:I, s:s}", "name", o->name, "uid", o->uid,
						"generation", (json_int_t)o->generation, "text", o->text)
				      : NULL;

		/* What cannot be loaded is never in force, and only what is in force is saved. */
		if (!one || json_array_append_new(list, one) < 0) {
			json_decref(doc);
			return NULL;
		}
	}
	return doc;
}

static int load_one(struct shelf *s, const json_t *one)
{
	const char *name = json_string_value(json_object_get(one, "name"));
	const char *text = json_string_value(json_object_get(one, "text"));
	const char *uid = json_string_value(json_object_get(one, "uid"));
	char *copy;

	if (!name || !*name || !text || !uid)
		return -EINVAL;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	return put(s, name, uid, json_integer_value(json_object_get(one, "generation")), copy) ? 0 : -ENOMEM;
}

int shelf_load(struct shelf *s, const json_t *saved, struct err *e)
{
	const json_t *list = json_object_get(saved, "objects"), *one;
	size_t i;
	int r = json_is_array(list) ? 0 : -EINVAL;

	pthread_mutex_lock(&s->lock);
	json_array_foreach((json_t *)list, i, one)
	{
		if (!r)
			r = load_one(s, one);
	}
	/* Half of a policy is another one. */
	while (r && s->n)
		drop(s, s->n - 1);
	s->touched = false;
	s->known = r == 0;
	s->as_of_ms = (uint64_t)json_integer_value(json_object_get(saved, "asOf"));
	pthread_mutex_unlock(&s->lock);
	return r ? err_set(e, r, r == -EINVAL ? "what was kept of policies cannot be read" : "out of memory")
		 : 0;
}
