/* SPDX-License-Identifier: MIT */
#include "ctl/kube_watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include "base/attr.h"
#include "base/log.h"
#include "ctl/clock.h"
#include "web/http.h"
#include "ctl/kube_api.h"

#define LIST_S    60u
#define SILENCE_S 150u /* a bookmark comes about each minute; without, the connection is taken for dead */

struct kube_watch {
	struct kube_watch_config cfg;
	struct reflector *reflector; /* its thread's */
	struct http *http;
	pthread_t thread;
	bool running;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	bool stopping;
	/* What is told of it. */
	enum reflector_view view;
	uint64_t as_of_ms, made_ms;
	struct reflector_counts counts;
	char trouble[200];
};

int kube_watch_open(struct kube_watch **out, const struct kube_access *access,
	const struct kube_watch_config *cfg, struct err *e)
{
	struct kube_watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return err_set(e, -ENOMEM, "out of memory");
	w->cfg = *cfg;
	w->made_ms = clock_ms();
	pthread_mutex_init(&w->lock, NULL);
	clock_cond_init(&w->wake);
	if (getrandom(&w->cfg.reflector.seed, sizeof(w->cfg.reflector.seed), 0) < 0)
		w->cfg.reflector.seed = (uint64_t)time(NULL);
	r = reflector_new(&w->reflector, &w->cfg.reflector, e);
	if (!r)
		r = kube_access_http(access, &w->http, e);
	if (r) {
		kube_watch_free(w);
		return r;
	}
	*out = w;
	return 0;
}

/* What others may ask is copied out, so that nobody waits for a list to be read. */
static void publish(struct kube_watch *w, const char *failure)
{
	enum reflector_view view = reflector_view(w->reflector);
	const char *trouble = reflector_trouble(w->reflector);
	char before[sizeof(w->trouble)];

	pthread_mutex_lock(&w->lock);
	memcpy(before, w->trouble, sizeof(before));
	w->view = view;
	w->as_of_ms = reflector_as_of(w->reflector);
	reflector_count(w->reflector, &w->counts);
	snprintf(w->trouble, sizeof(w->trouble), "%s", failure ? failure : trouble);
	pthread_mutex_unlock(&w->lock);
	if (w->cfg.heard)
		w->cfg.heard(w->cfg.arg);
	if (strcmp(before, w->trouble) != 0 && w->trouble[0])
		log_with(LOG_WARN, "kube.trouble", LOG_FIELDS(LOG_TEXT("collection", w->cfg.name)), "%s",
			w->trouble);
	else if (before[0] && !w->trouble[0])
		log_with(LOG_INFO, "kube.current", LOG_FIELDS(LOG_TEXT("collection", w->cfg.name)),
			"the API server is heard again");
}

static void on_status(void *arg, int status, unsigned retry_after_s)
{
	struct kube_watch *w = arg;

	reflector_status(w->reflector, clock_ms(), status, retry_after_s);
	publish(w, NULL);
}

static bool on_bytes(void *arg, const void *p, size_t n)
{
	struct kube_watch *w = arg;
	enum wire got = reflector_body(w->reflector, clock_ms(), p, n);

	publish(w, NULL);
	return got == WIRE_OK;
}

/* false: the end. */
static bool wait_for(struct kube_watch *w, uint64_t ms)
{
	uint64_t until = clock_ms() + ms;
	bool go_on;

	pthread_mutex_lock(&w->lock);
	while (!w->stopping && clock_wait(&w->wake, &w->lock, until) == 0)
		;
	go_on = !w->stopping;
	pthread_mutex_unlock(&w->lock);
	return go_on;
}

static void *keep_up(void *arg)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	char target[REFLECTOR_TARGET_MAX];
	struct kube_watch *w = arg;
	uint64_t ms = 0;

	while (wait_for(w, ms)) {
		bool watching;
		struct err e = {0};
		struct http_request rq = {.method = "GET",
			.target = target,
			.headers = headers,
			.silence_s = SILENCE_S,
			.status = on_status,
			.bytes = on_bytes,
			.arg = w};
		int r;

		ms = 0;
		if (!reflector_next(w->reflector, clock_ms(), target, &ms))
			continue;
		watching = strstr(target, "watch=true") != NULL;
		rq.timeout_s = watching ? 0 : LIST_S;
		r = http_do(w->http, &rq, &e);
		reflector_end(w->reflector, clock_ms(), r == 0);
		publish(w, r && r != -ECANCELED ? e.msg : NULL);
	}
	return NULL;
}

int kube_watch_start(struct kube_watch *w, struct err *e)
{
	int r = pthread_create(&w->thread, NULL, keep_up, w);

	if (r)
		return err_set(e, -r, "a thread cannot be made: %s", strerror(r));
	w->running = true;
	return 0;
}

void kube_watch_stop(struct kube_watch *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->wake);
	pthread_mutex_unlock(&w->lock);
	if (w->http)
		http_stop(w->http);
	if (w->running)
		pthread_join(w->thread, NULL);
	w->running = false;
}

void kube_watch_free(struct kube_watch *w)
{
	if (!w)
		return;
	kube_watch_stop(w);
	http_free(w->http);
	reflector_free(w->reflector);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

bool kube_watch_current(struct kube_watch *w)
{
	bool current;

	pthread_mutex_lock(&w->lock);
	current = w->view == REFLECTOR_CURRENT;
	pthread_mutex_unlock(&w->lock);
	return current;
}

uint64_t kube_watch_lists(struct kube_watch *w)
{
	uint64_t lists;

	pthread_mutex_lock(&w->lock);
	lists = w->counts.lists;
	pthread_mutex_unlock(&w->lock);
	return lists;
}

void kube_watch_count(struct kube_watch *w, struct kube_watch_counts *out)
{
	uint64_t now = clock_ms(), since;

	pthread_mutex_lock(&w->lock);
	since = w->as_of_ms ? w->as_of_ms : w->made_ms;
	*out = (struct kube_watch_counts){.name = w->cfg.name,
		.current = w->view == REFLECTOR_CURRENT,
		.age_ms = now > since ? now - since : 0,
		.of = w->counts};
	pthread_mutex_unlock(&w->lock);
}

json_t *kube_watch_report(struct kube_watch *w)
{
	static const char *const views[] = {"blind", "stale", "current"};
	uint64_t now = clock_ms();
	json_t *doc;

	pthread_mutex_lock(&w->lock);
	doc = json_pack("{s:s, s:s, s:I}", "view", views[w->view], "trouble", w->trouble, "lists",
		(json_int_t)w->counts.lists);
	if (doc && w->as_of_ms)
		json_object_set_new(doc, "heard_ms_ago", json_integer((json_int_t)(now - w->as_of_ms)));
	pthread_mutex_unlock(&w->lock);
	return doc;
}
