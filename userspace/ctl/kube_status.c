/* SPDX-License-Identifier: MIT */
/* Every node has a key of its own below status.nodes, which a merge patch changes and no other. The condition
 * Accepted is all nodes' together: whoever sees in the answer to his own patch that it does not say what the
 * nodes say writes it, for the version that he saw, so that of two nodes one looks again.
 *
 * A node that is gone says nothing any more, and nobody says it for it: what it said is taken away by any
 * that finds twice, a while apart, that the API server has no such Node. One that does not find its own knows
 * nothing of others. Whoever is there all the same sees it in the watch, and says it again: not at once
 * (kube/word.h). */
#include "ctl/kube_status.h"

#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/attr.h"
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/kube_api.h"
#include "kube/roll.h"
#include "kube/word.h"

#define NODES_PATH  "/api/v1/nodes/"
#define PATH        "/apis/pgveil.dev/v1/maskingpolicies/"
#define MESSAGE_MAX 500
#define AGAIN_MS    1000
#define AGAIN_MAX   60000
#define TRIES       5 /* of the condition, where others write it at the same time */
#define NEVER_MS    (365ull * 86400 * 1000)
#define LOOKS       4  /* for so many nodes at a time, */
#define LOOKS_AGAIN 64 /* beside those that were not there last time */

struct line {
	char *name, *uid, *message;
	int64_t generation;
	bool in_force;
	struct word word;
};

struct kube_status {
	struct kube_api *api;
	const char *node;
	uint64_t (*wall_ms)(void);
	pthread_t thread;
	bool running;
	uint64_t nodes_ms, look_ms; /* look_ms: when nodes are looked for next */
	pthread_mutex_t lock;       /* of all below */
	pthread_cond_t wake;
	bool stopping, left;
	bool failing; /* what it writes is refused: what is seen is no reason to try sooner */
	struct line *v;
	unsigned n;
	struct roll *roll;
	uint64_t round; /* of what there is to be said */
	struct kube_status_counts counts;
};

int kube_status_open(struct kube_status **out, const struct kube_access *access, const char *node,
	uint64_t nodes_ms, uint64_t (*wall_ms)(void), struct err *e)
{
	struct kube_status *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->node = node;
	s->wall_ms = wall_ms;
	s->nodes_ms = nodes_ms ? nodes_ms : NEVER_MS;
	s->look_ms = clock_ms() + s->nodes_ms;
	pthread_mutex_init(&s->lock, NULL);
	clock_cond_init(&s->wake);
	s->roll = roll_new();
	r = s->roll ? kube_api_open(&s->api, access, e) : err_set(e, -ENOMEM, "out of memory");
	if (r) {
		kube_status_close(s);
		return r;
	}
	*out = s;
	return 0;
}

static void line_fini(struct line *l)
{
	free(l->name);
	free(l->uid);
	free(l->message);
}

static void lines_free(struct line *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		line_fini(&v[i]);
	free(v);
}

static struct line *find(struct line *v, unsigned n, const char *name)
{
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(v[i].name, name) == 0)
			return &v[i];
	}
	return NULL;
}

/* The same of the same object: one that was deleted and made again has its generations from 1 on. */
static bool same(const struct line *a, const struct line *b)
{
	return strcmp(a->uid, b->uid) == 0 && a->generation == b->generation && a->in_force == b->in_force &&
	       strcmp(a->message, b->message) == 0;
}

/* What may stand in the status: no more than a person reads. */
static char *shorten(const char *message)
{
	size_t n = strlen(message);

	if (n > MESSAGE_MAX) {
		n = MESSAGE_MAX;
		while (n && ((unsigned char)message[n] & 0xc0) == 0x80)
			n--;
	}
	return strndup(message, n);
}

int kube_status_set(struct kube_status *s, const struct kube_status_line *in, unsigned n)
{
	struct line *v = calloc(n ? n : 1, sizeof(*v));
	int r = v ? 0 : -ENOMEM;

	for (unsigned i = 0; !r && i < n; i++) {
		v[i] = (struct line){.name = strdup(in[i].name),
			.uid = strdup(in[i].uid),
			.message = shorten(in[i].message),
			.generation = in[i].generation,
			.in_force = in[i].in_force};
		if (!v[i].name || !v[i].uid || !v[i].message)
			r = -ENOMEM;
	}
	if (r) {
		lines_free(v, v ? n : 0);
		return r;
	}
	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < n; i++) {
		const struct line *old = find(s->v, s->n, v[i].name);

		if (old && same(old, &v[i]))
			v[i].word = old->word;
	}
	lines_free(s->v, s->n);
	s->v = v;
	s->n = n;
	s->round++;
	pthread_cond_broadcast(&s->wake);
	pthread_mutex_unlock(&s->lock);
	return 0;
}

/* ---- what is seen ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* One of another generation is not what the line was about. */
static bool is_about(const json_t *object, const struct line *l)
{
	const json_t *meta = json_object_get(object, "metadata");

	return strcmp(text_of(meta, "uid"), l->uid) == 0 &&
	       json_integer_value(json_object_get(meta, "generation")) == l->generation;
}

static bool says(const json_t *own, const struct line *l)
{
	return json_integer_value(json_object_get(own, "generation")) == l->generation &&
	       json_is_true(json_object_get(own, "inForce")) == l->in_force &&
	       strcmp(text_of(own, "message"), l->message) == 0;
}

void kube_status_seen(struct kube_status *s, const json_t *object)
{
	const char *name = text_of(json_object_get(object, "metadata"), "name");
	const json_t *nodes = json_object_get(json_object_get(object, "status"), "nodes");
	struct line *l;

	pthread_mutex_lock(&s->lock);
	/* it is looked for later, then */
	(void)!roll_put(s->roll, name, nodes);
	l = find(s->v, s->n, name);
	if (l && is_about(object, l) &&
		word_seen(&l->word, says(json_object_get(nodes, s->node), l), clock_ms()) && !s->failing) {
		s->round++;
		pthread_cond_broadcast(&s->wake);
	}
	pthread_mutex_unlock(&s->lock);
}

void kube_status_gone(struct kube_status *s, const json_t *object)
{
	pthread_mutex_lock(&s->lock);
	roll_drop(s->roll, text_of(json_object_get(object, "metadata"), "name"));
	pthread_mutex_unlock(&s->lock);
}

void kube_status_begin(struct kube_status *s)
{
	pthread_mutex_lock(&s->lock);
	roll_begin(s->roll);
	pthread_mutex_unlock(&s->lock);
}

void kube_status_listed(struct kube_status *s)
{
	pthread_mutex_lock(&s->lock);
	roll_listed(s->roll);
	pthread_mutex_unlock(&s->lock);
}

void kube_status_leave(struct kube_status *s)
{
	pthread_mutex_lock(&s->lock);
	s->left = true;
	pthread_mutex_unlock(&s->lock);
}

/* ---- one object ---- */

static int send(struct kube_status *s, const char *name, json_t *body, json_t **answer, struct err *e)
{
	char path[sizeof(PATH) + 300];
	const struct kube_call call = {"PATCH", path, body};
	int r;

	/* A name of a custom resource is a DNS subdomain: nothing in it has to be encoded. */
	if (!body)
		return err_set(e, -ENOMEM, "out of memory");
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") != strlen(name) ||
		(size_t)snprintf(path, sizeof(path), PATH "%s/status", name) >= sizeof(path))
		r = err_set(e, -EINVAL, "%.100s: no name of an object", name);
	else
		r = kube_api_do(s->api, &call, answer, e);
	json_decref(body);
	return r;
}

/* What all nodes say of this generation: "True", "False" and of whom the message is; NULL: nobody said
 * anything. */
static const char *all_say(
	const json_t *object, json_int_t generation, const char **node, const char **message)
{
	const char *says = NULL, *name;
	json_t *one;

	*node = *message = "";
	json_object_foreach(json_object_get(json_object_get(object, "status"), "nodes"), name, one)
	{
		if (json_integer_value(json_object_get(one, "generation")) != generation)
			continue;
		if (!json_is_true(json_object_get(one, "inForce"))) {
			const char *why = json_string_value(json_object_get(one, "message"));

			*node = name;
			*message = why ? why : "";
			return "False";
		}
		says = "True";
	}
	return says;
}

static bool condition_says(const json_t *object, json_int_t generation, const char *says, const char *text)
{
	const json_t *list = json_object_get(json_object_get(object, "status"), "conditions"), *one;
	size_t i;

	json_array_foreach((json_t *)list, i, one)
	{
		const char *type = json_string_value(json_object_get(one, "type"));
		const char *is = json_string_value(json_object_get(one, "status"));
		const char *why = json_string_value(json_object_get(one, "message"));

		if (type && is && why && strcmp(type, "Accepted") == 0)
			return strcmp(is, says) == 0 && strcmp(why, text) == 0 &&
			       json_integer_value(json_object_get(one, "observedGeneration")) == generation;
	}
	return false;
}

/* NULL: the condition says it already, or nobody can say anything. */
static json_t *condition_patch(const struct kube_status *s, const json_t *object)
{
	const json_t *meta = json_object_get(object, "metadata");
	const char *version = json_string_value(json_object_get(meta, "resourceVersion"));
	json_int_t generation = json_integer_value(json_object_get(meta, "generation"));
	const char *node, *why, *says = all_say(object, generation, &node, &why);
	char text[MESSAGE_MAX + 300];

	if (!says || !version)
		return NULL;
	snprintf(text, sizeof(text), "%s%s%s", *node ? node : "every node that has it",
		*node ? ": " : " has it in force", why);
	if (condition_says(object, generation, says, text))
		return NULL;
	return json_pack("{s:{s:s}, s:{s:[{s:s, s:s, s:s, s:s, s:I, s:o}]}}", "metadata", "resourceVersion",
		version, "status", "conditions", "type", "Accepted", "status", says, "reason",
		*node ? "NotLoaded" : "InForce", "message", text, "observedGeneration", generation,
		"lastTransitionTime", kube_api_time(s->wall_ms()));
}

/* What the object is after a patch of one node's word: the condition is to say what they all say now. Takes
 * now. */
static int settle(struct kube_status *s, const char *name, json_t *now, struct err *e)
{
	json_t *next = NULL, *patch;
	int r = 0;

	for (unsigned i = 0; !r && i < TRIES && (patch = condition_patch(s, now)); i++) {
		char path[sizeof(PATH) + 300];

		r = send(s, name, patch, &next, e);
		if (r == -EAGAIN) { /* another node was there first: what does it say now? */
			snprintf(path, sizeof(path), PATH "%s", name);
			r = kube_api_do(s->api, &(struct kube_call){"GET", path, NULL}, &next, e);
		}
		json_decref(now);
		now = next;
		next = NULL;
	}
	json_decref(now);
	return r;
}

static int tell(struct kube_status *s, const struct line *l, struct err *e)
{
	json_t *now = NULL;
	int r = send(s, l->name,
		/* no text is null: of an empty one some servers (1.20) make that, and refuse it */
		json_pack("{s:{s:{s:{s:I, s:b, s:s?, s:o}}}}", "status", "nodes", s->node, "generation",
			(json_int_t)l->generation, "inForce", l->in_force, "message",
			l->message[0] ? l->message : NULL, "time", kube_api_time(s->wall_ms())),
		&now, e);

	return r ? r : settle(s, l->name, now, e);
}

/* ---- nodes that are no more ---- */

/* 0: it is there; -ENOENT: it is not. */
static int node_get(struct kube_status *s, const char *name, struct err *e)
{
	char path[sizeof(NODES_PATH) + ROLL_NAME];
	int r;

	/* what is no name of a node is of none */
	if (!roll_is_name(name))
		return -ENOENT;
	snprintf(path, sizeof(path), NODES_PATH "%s", name);
	r = kube_api_do(s->api, &(struct kube_call){"GET", path, NULL}, NULL, e);
	return r;
}

/* Without the lock, which roll's names are under. false: there is none after this one. */
static bool next_object(struct kube_status *s, const char *node, char object[ROLL_NAME])
{
	const char *next;

	pthread_mutex_lock(&s->lock);
	next = s->stopping || s->left ? NULL : roll_next(s->roll, node, object[0] ? object : NULL);
	if (next)
		snprintf(object, ROLL_NAME, "%s", next);
	pthread_mutex_unlock(&s->lock);
	return next != NULL;
}

static void strike(struct kube_status *s, const char *node)
{
	char object[ROLL_NAME] = "";
	unsigned n = 0;
	int r = 0;

	while (!r && next_object(s, node, object)) {
		struct err e = {0};
		json_t *now = NULL;

		r = send(s, object, json_pack("{s:{s:{s:n}}}", "status", "nodes", node), &now, &e);
		if (!r)
			r = settle(s, object, now, &e);
		r = r == -ENOENT ? 0 : r;
		n += r == 0;
	}
	if (n)
		log_with(LOG_INFO, "policy.node_gone",
			LOG_FIELDS(LOG_TEXT("node", node), LOG_NUMBER("objects", n)),
			"the API server has no such node: what it said of policy objects is taken away");
}

/* Called and left with the lock, which is not held meanwhile. */
static void look(struct kube_status *s)
{
	char name[LOOKS + LOOKS_AGAIN][ROLL_NAME];
	unsigned n = roll_pick(s->roll, s->node, LOOKS, name, ARRAY_LEN(name));
	struct err e = {0};
	bool twice;
	int r;

	pthread_mutex_unlock(&s->lock);
	r = n ? node_get(s, s->node, &e) : 0;
	for (unsigned i = 0; !r && i < n; i++) {
		r = node_get(s, name[i], &e);
		if (r && r != -ENOENT)
			break;
		pthread_mutex_lock(&s->lock);
		twice = roll_found(s->roll, name[i], r == 0);
		pthread_mutex_unlock(&s->lock);
		if (twice)
			strike(s, name[i]);
		r = 0;
	}
	pthread_mutex_lock(&s->lock);
}

/* ---- the thread ---- */

/* A copy of one that is still to be written. false: there is none before *at. Under the lock. */
static bool next_line(struct kube_status *s, struct line *out, uint64_t *at)
{
	uint64_t now = clock_ms();

	for (unsigned i = 0; i < s->n; i++) {
		struct line *l = &s->v[i];

		if (!word_due(&l->word, now, at))
			continue;
		*out = *l;
		out->name = strdup(l->name);
		out->uid = strdup(l->uid);
		out->message = strdup(l->message);
		if (out->name && out->uid && out->message) {
			word_send(&l->word);
			return true;
		}
		line_fini(out);
		*at = now + AGAIN_MS < *at ? now + AGAIN_MS : *at;
		return false;
	}
	return false;
}

/* What is gone, or says something else now, is another matter. Under the lock. */
static void mark(struct kube_status *s, const struct line *l, bool told)
{
	struct line *x = find(s->v, s->n, l->name);

	if (x && same(x, l))
		word_sent(&x->word, told, clock_ms());
}

static void note(struct kube_status *s, int r, const struct err *e)
{
	bool other = r && strcmp(s->counts.trouble, e->msg) != 0;

	s->counts.written += r == 0;
	s->counts.failed += r != 0;
	snprintf(s->counts.trouble, sizeof(s->counts.trouble), "%s", r ? e->msg : "");
	if (other)
		log_event(LOG_WARN, "policy.status", "%s", e->msg);
}

/* Until something is to be said, or it is at; false: the end. Under the lock. */
static bool rest(struct kube_status *s, uint64_t at)
{
	uint64_t round = s->round;

	while (!s->stopping && s->round == round && clock_wait(&s->wake, &s->lock, at) != ETIMEDOUT)
		;
	return !s->stopping;
}

static void *write_all(void *arg)
{
	struct kube_status *s = arg;
	uint64_t again = AGAIN_MS;

	pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		uint64_t at = s->look_ms;
		struct err e = {0};
		struct line l;
		int r;

		if (s->left || !next_line(s, &l, &at)) {
			rest(s, at);
			if (s->stopping || clock_ms() < s->look_ms)
				continue;
			s->look_ms = clock_ms() + s->nodes_ms;
			if (!s->left)
				look(s);
			continue;
		}
		pthread_mutex_unlock(&s->lock);
		r = tell(s, &l, &e);
		pthread_mutex_lock(&s->lock);
		/* It was deleted meanwhile, which the watch tells; or its name is none. */
		mark(s, &l, !r || r == -ENOENT || r == -EINVAL);
		if (!s->stopping)
			note(s, r == -ENOENT ? 0 : r, &e);
		line_fini(&l);
		again = !r || r == -ENOENT || r == -EINVAL ? AGAIN_MS
			: again * 2 < AGAIN_MAX            ? again * 2
							   : AGAIN_MAX;
		s->failing = again > AGAIN_MS;
		if (s->failing)
			rest(s, clock_ms() + again);
		s->failing = false;
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

int kube_status_start(struct kube_status *s, struct err *e)
{
	int r = pthread_create(&s->thread, NULL, write_all, s);

	if (r)
		return err_set(e, -r, "a thread cannot be made: %s", strerror(r));
	s->running = true;
	return 0;
}

void kube_status_counts(struct kube_status *s, struct kube_status_counts *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->counts;
	for (unsigned i = 0; i < s->n; i++)
		out->pending += !s->v[i].word.told;
	pthread_mutex_unlock(&s->lock);
}

void kube_status_close(struct kube_status *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_broadcast(&s->wake);
	pthread_mutex_unlock(&s->lock);
	if (s->api)
		kube_api_stop(s->api);
	if (s->running)
		pthread_join(s->thread, NULL);
	kube_api_close(s->api);
	lines_free(s->v, s->n);
	roll_free(s->roll);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
