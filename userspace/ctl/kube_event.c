/* SPDX-License-Identifier: MIT */
#include "ctl/kube_event.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <time.h>
#include "base/attr.h"
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/kube_api.h"
#include "kube/book.h"
#include "kube/pod_path.h"

#define QUEUE_MAX    256u  /* lines that wait to be looked at */
#define TEXT_MAX     8192u /* of a line; what is longer is none of those that are wanted */
#define SERIES_MAX   512u
#define MESSAGE_MAX  400u
#define AGAIN_MS     10000u /* a series is written no more often */
#define BURST        25u    /* requests at once, then one in PACE_MS: the API server is everybody's */
#define PACE_MS      200u
#define RETRY_MS     1000u
#define RETRY_MAX_MS 60000u
#define TRIES        5u /* of one that the server does not take */

/* What is told of, and as what. The words are the log's own: no statement and no constant stands in them. */
static const struct kind {
	const char *event, *reason, *type;
	const char *before; /* of the message; NULL: it is not the log's */
	const char *instead;
} kinds[] = {
	{"pod.classified", "Denied", "Warning", "its database connects are refused: ", NULL},
	{"cgroup.ready", "Enrolled", "Normal", NULL, "its database connects go to pgveild on its node"},
	{"connect.refused", "Refused", "Warning", "", NULL},
	{"socket.refused", "Refused", "Warning", "", NULL},
	{"packet.dropped", "Refused", "Warning", "", NULL},
	{"foreign.denied", "Refused", "Warning", "", NULL},
	{"approval.asked", "Held", "Normal", "", NULL},
};

struct item {
	STAILQ_ENTRY(item) next;
	const struct kind *kind;
	size_t len;
	char line[];
};

/* One Event: pod, reason and message. */
struct series {
	LIST_ENTRY(series) next;
	const struct kind *kind;
	struct pod *pod;
	char message[MESSAGE_MAX];
	char name[254];                          /* of the object */
	bool made;                               /* it was there */
	unsigned objects;                        /* so many before it are no more */
	uint64_t count, told, first_ms, last_ms; /* told: the count that was written; times of the wall */
	uint64_t due_ms;                         /* not before */
	unsigned tries;                          /* in vain */
};

struct kube_event {
	struct kube_event_config cfg;
	struct kube_api *api;
	pthread_t thread;
	bool running;
	/* Its thread's. */
	LIST_HEAD(, series) all; /* what was added to last comes first */
	unsigned nall;
	uint64_t next_ms, retry_ms, failing_ms;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	bool stopping, left;
	STAILQ_HEAD(, item) queue;
	unsigned n;
	struct kube_event_counts counts;
};

int kube_event_open(struct kube_event **out, const struct kube_event_config *cfg, struct err *e)
{
	struct kube_event *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_set(e, -ENOMEM, "out of memory");
	k->cfg = *cfg;
	k->cfg.access = NULL;
	STAILQ_INIT(&k->queue);
	LIST_INIT(&k->all);
	pthread_mutex_init(&k->lock, NULL);
	clock_cond_init(&k->wake);
	r = kube_api_open(&k->api, cfg->access, e);
	if (r) {
		kube_event_close(k);
		return r;
	}
	*out = k;
	return 0;
}

void kube_event_add(struct kube_event *k, const char *event, const char *line, size_t len)
{
	const struct kind *kind = NULL;
	struct item *it;

	for (size_t i = 0; i < ARRAY_LEN(kinds) && !kind; i++)
		if (strcmp(kinds[i].event, event) == 0)
			kind = &kinds[i];
	if (!kind || len > TEXT_MAX)
		return;
	it = malloc(sizeof(*it) + len);
	if (it) {
		it->kind = kind;
		it->len = len;
		memcpy(it->line, line, len);
	}
	pthread_mutex_lock(&k->lock);
	if (it && k->n < QUEUE_MAX && !k->stopping && !k->left) {
		STAILQ_INSERT_TAIL(&k->queue, it, next);
		k->n++;
		it = NULL;
		pthread_cond_signal(&k->wake);
	} else if (!k->left) {
		k->counts.dropped++;
	}
	pthread_mutex_unlock(&k->lock);
	free(it);
}

void kube_event_leave(struct kube_event *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->left = true;
	pthread_mutex_unlock(&k->lock);
}

/* ---- which series ---- */

static const char *text(const json_t *doc, const char *key)
{
	const char *s = json_string_value(json_object_get(doc, key));

	return s ? s : "";
}

static void forget(struct kube_event *k, struct series *s)
{
	LIST_REMOVE(s, next);
	pod_unref(s->pod);
	free(s);
	k->nall--;
}

/* Of the one that was silent longest; what it had still to say is lost, and counted as that. */
static void make_room(struct kube_event *k)
{
	struct series *s, *last = NULL;

	if (k->nall < SERIES_MAX)
		return;
	LIST_FOREACH(s, &k->all, next)
	last = s;
	if (last->told < last->count) {
		pthread_mutex_lock(&k->lock);
		k->counts.dropped += last->count - last->told;
		pthread_mutex_unlock(&k->lock);
	}
	forget(k, last);
}

static struct series *series_of(
	struct kube_event *k, const struct kind *kind, struct pod *pod, const char *message)
{
	struct series *s;

	LIST_FOREACH(s, &k->all, next)
	{
		if (s->kind->reason == kind->reason && strcmp(s->pod->uid, pod->uid) == 0 &&
			strcmp(s->message, message) == 0) {
			LIST_REMOVE(s, next);
			LIST_INSERT_HEAD(&k->all, s, next);
			return s;
		}
	}
	make_room(k);
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->kind = kind;
	s->pod = pod_ref(pod);
	snprintf(s->message, sizeof(s->message), "%s", message);
	s->first_ms = k->cfg.wall_ms();
	LIST_INSERT_HEAD(&k->all, s, next);
	k->nall++;
	return s;
}

/* Cut where a character ends: the API server takes UTF-8 only. */
static void message_of(const struct kind *kind, const json_t *doc, char out[MESSAGE_MAX])
{
	const char *reason = kind->before && kind->before[0] ? "" : text(doc, "reason");
	size_t n;
	int len = kind->instead ? snprintf(out, MESSAGE_MAX, "%s", kind->instead)
				: snprintf(out, MESSAGE_MAX, "%s%s%s%s%s", kind->before, text(doc, "msg"),
					  *reason ? " (" : "", reason, *reason ? ")" : "");

	if (len < (int)MESSAGE_MAX)
		return;
	for (n = MESSAGE_MAX - 1; n && ((unsigned char)out[n - 1] & 0xc0) == 0x80; n--)
		;
	out[n ? n - 1 : 0] = '\0';
}

/* A pod that is none of ours is told nothing: what was refused before anybody knew of it, was. */
static bool concerns(const struct kind *kind, const struct pod_verdict *v)
{
	if (!v->pod || v->state == POD_EXEMPT)
		return false;
	return strcmp(kind->event, "pod.classified") != 0 || v->state == POD_DENIED;
}

static void take(struct kube_event *k, const struct item *it)
{
	json_t *doc = json_loadb(it->line, it->len, 0, NULL);
	char message[MESSAGE_MAX];
	struct pod_path path;
	struct pod_verdict v;
	struct series *s;

	if (doc && pod_path_read(text(doc, "cgroup"), &path)) {
		book_verdict(k->cfg.book, path.uid, &v);
		if (concerns(it->kind, &v)) {
			message_of(it->kind, doc, message);
			s = series_of(k, it->kind, v.pod, message);
			if (s) {
				s->count++;
				s->last_ms = k->cfg.wall_ms();
			}
		}
		pod_verdict_fini(&v);
	}
	json_decref(doc);
}

/* ---- what is written ---- */

/* The pod's name, and a digest of whatever makes this object another one: asked for again, because an answer
 * was lost, it is there. */
static int name_it(const struct kube_event *k, struct series *s)
{
	char words[MESSAGE_MAX + 900];
	uint8_t digest[32];
	unsigned len = sizeof(digest);
	int n = snprintf(words, sizeof(words), "%.253s|%.63s|%s|%s|%llu|%u", k->cfg.node, s->pod->uid,
		s->kind->reason, s->message, (unsigned long long)s->first_ms, s->objects);

	if (n < 0 || EVP_Digest(words, (size_t)n, digest, &len, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	n = snprintf(s->name, sizeof(s->name), "%.220s", s->pod->name);
	n = n > 220 ? 220 : n;
	/* cut off where no part of a name may end */
	while (n && !isalnum((unsigned char)s->name[n - 1]))
		n--;
	s->name[n++] = '.';
	for (unsigned i = 0; i < 8; i++)
		n += snprintf(s->name + n, sizeof(s->name) - (size_t)n, "%02x", digest[i]);
	return 0;
}

static json_t *made(const struct kube_event *k, const struct series *s)
{
	const struct pod *p = s->pod;

	return json_pack(
		"{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s, s:s, s:s}, s:s, s:s, s:s, s:{s:s, s:s}, s:o, "
		"s:o, s:I, s:s, s:s}",
		"apiVersion", "v1", "kind", "Event", "metadata", "name", s->name, "namespace", p->namespace,
		"involvedObject", "apiVersion", "v1", "kind", "Pod", "namespace", p->namespace, "name",
		p->name, "uid", p->uid, "reason", s->kind->reason, "type", s->kind->type, "message",
		s->message, "source", "component", "pgveild", "host", k->cfg.node, "firstTimestamp",
		kube_api_time(s->first_ms), "lastTimestamp", kube_api_time(s->last_ms), "count",
		(json_int_t)s->count, "reportingComponent", "pgveil.dev/pgveild", "reportingInstance",
		k->cfg.node);
}

static json_t *counted(const struct series *s)
{
	return json_pack(
		"{s:I, s:o}", "count", (json_int_t)s->count, "lastTimestamp", kube_api_time(s->last_ms));
}

static int send(struct kube_event *k, const struct series *s, bool again, struct err *e)
{
	char path[600];
	json_t *body = again ? counted(s) : made(k, s);
	int r;

	/* Names of pods and namespaces are DNS labels and subdomains: nothing in them has to be encoded. */
	snprintf(path, sizeof(path), "/api/v1/namespaces/%.63s/events%s%s", s->pod->namespace,
		again ? "/" : "", again ? s->name : "");
	if (!body)
		r = err_set(e, -ENOMEM, "out of memory");
	else
		r = kube_api_do(k->api, &(struct kube_call){again ? "PATCH" : "POST", path, body}, NULL, e);
	json_decref(body);
	return r;
}

/* The API server forgets Events after a while (an hour, most often): then there is another. One that is there
 * before it is made is this, made by a try whose answer was lost. */
static int write_one(struct kube_event *k, struct series *s, struct err *e)
{
	int r = s->made ? send(k, s, true, e) : -ENOENT;

	if (r != -ENOENT)
		return r;
	*e = (struct err){0};
	if (s->made)
		s->objects++;
	s->made = false;
	if (name_it(k, s))
		return err_set(e, -ENOMEM, "out of memory");
	r = send(k, s, false, e);
	s->made = !r || r == -EEXIST;
	if (r != -EEXIST)
		return r;
	*e = (struct err){0};
	return send(k, s, true, e);
}

/* What the server does not take of one series says nothing of the others; that it is not there does. */
static void failed(struct kube_event *k, struct series *s, int r, uint64_t now)
{
	if (r == -EIO || r == -EBUSY || r == -ECANCELED || r == -ENOMEM) {
		k->failing_ms = !k->failing_ms                     ? RETRY_MS
				: k->failing_ms < RETRY_MAX_MS / 2 ? k->failing_ms * 2
								   : RETRY_MAX_MS;
		k->retry_ms = now + k->failing_ms;
		return;
	}
	if (++s->tries == TRIES)
		forget(k, s);
	else
		s->due_ms = now + (RETRY_MS << s->tries);
}

static void tell(struct kube_event *k, struct series *s, uint64_t now)
{
	struct err e = {0};
	int r = write_one(k, s, &e);
	bool known;

	k->next_ms = (k->next_ms > now ? k->next_ms : now) + PACE_MS;
	pthread_mutex_lock(&k->lock);
	known = strcmp(k->counts.trouble, e.msg) == 0;
	k->counts.written += r == 0;
	k->counts.failed += r != 0;
	snprintf(k->counts.trouble, sizeof(k->counts.trouble), "%s", r ? e.msg : "");
	pthread_mutex_unlock(&k->lock);
	if (!r) {
		s->told = s->count;
		s->due_ms = now + AGAIN_MS;
		s->tries = 0;
		k->failing_ms = 0;
		return;
	}
	if (!known && r != -ECANCELED)
		log_event(LOG_WARN, "kube.untold", "an Event on a pod: %s", e.msg);
	failed(k, s, r, now);
}

/* Writes what is due; returns when there is something to do again, 0: not before a line comes. */
static uint64_t tell_all(struct kube_event *k)
{
	struct series *s, *after;
	uint64_t now = clock_ms(), at = 0;

	for (s = LIST_FIRST(&k->all); s; s = after) {
		uint64_t due = s->due_ms;

		after = LIST_NEXT(s, next);
		if (s->told == s->count)
			continue;
		if (due < k->retry_ms)
			due = k->retry_ms;
		if (k->next_ms > now + BURST * PACE_MS && due < k->next_ms - BURST * PACE_MS)
			due = k->next_ms - BURST * PACE_MS;
		if (due <= now) {
			tell(k, s, now);
			return now;
		}
		if (!at || due < at)
			at = due;
	}
	return at;
}

/* The lines that came until at (0: whenever one comes); false: the end. */
static bool wait_for(struct kube_event *k, uint64_t at, struct item **first)
{
	bool go_on;

	pthread_mutex_lock(&k->lock);
	while (!k->stopping && STAILQ_EMPTY(&k->queue)) {
		if (!at)
			pthread_cond_wait(&k->wake, &k->lock);
		else if (clock_wait(&k->wake, &k->lock, at))
			break;
	}
	*first = STAILQ_FIRST(&k->queue);
	STAILQ_INIT(&k->queue);
	k->n = 0;
	go_on = !k->stopping;
	pthread_mutex_unlock(&k->lock);
	return go_on;
}

static void *write_down(void *arg)
{
	struct kube_event *k = arg;
	struct item *it, *after;
	uint64_t at = 0;

	while (wait_for(k, at, &it)) {
		for (; it; it = after) {
			after = STAILQ_NEXT(it, next);
			take(k, it);
			free(it);
		}
		at = tell_all(k);
	}
	for (; it; it = after) {
		after = STAILQ_NEXT(it, next);
		free(it);
	}
	return NULL;
}

int kube_event_start(struct kube_event *k, struct err *e)
{
	int r = pthread_create(&k->thread, NULL, write_down, k);

	if (r)
		return err_set(e, -r, "a thread cannot be made: %s", strerror(r));
	k->running = true;
	return 0;
}

void kube_event_counts(struct kube_event *k, struct kube_event_counts *out)
{
	pthread_mutex_lock(&k->lock);
	*out = k->counts;
	pthread_mutex_unlock(&k->lock);
}

void kube_event_close(struct kube_event *k)
{
	struct series *s;
	struct item *it;

	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_broadcast(&k->wake);
	pthread_mutex_unlock(&k->lock);
	if (k->api)
		kube_api_stop(k->api);
	if (k->running)
		pthread_join(k->thread, NULL);
	while ((it = STAILQ_FIRST(&k->queue))) {
		STAILQ_REMOVE_HEAD(&k->queue, next);
		free(it);
	}
	while ((s = LIST_FIRST(&k->all)))
		forget(k, s);
	kube_api_close(k->api);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
