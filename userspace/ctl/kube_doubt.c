/* SPDX-License-Identifier: MIT */
/* A list of the one namespace, without a resource version: the server answers it by what is so when it is
 * asked (Kubernetes API concepts, "Resource versions"), and who may list namespaces may do it. */
#include "ctl/kube_doubt.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "ctl/clock.h"
#include "kube/book.h"

#define ASK_S    10u
#define WAIT_MS  250u /* where there is no news: doubled up to … */
#define WAITS_MS 16000u

struct kube_doubt {
	struct kube_api *api;
	struct book *book;
	pthread_t thread;
	bool running, told;
	pthread_mutex_t lock; /* of the two below */
	pthread_cond_t wake;
	bool news, stopping;
};

int kube_doubt_open(
	struct kube_doubt **out, const struct kube_access *access, struct book *book, struct err *e)
{
	struct kube_doubt *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return err_set(e, -ENOMEM, "out of memory");
	d->book = book;
	pthread_mutex_init(&d->lock, NULL);
	clock_cond_init(&d->wake);
	r = kube_api_open(&d->api, access, e);
	if (r) {
		kube_doubt_close(d);
		return r;
	}
	*out = d;
	return 0;
}

/* Until there is news, or for so long (0: for ever). false: the end. */
static bool wait_for(struct kube_doubt *d, uint64_t ms)
{
	uint64_t until = clock_ms() + ms;
	bool go_on;

	pthread_mutex_lock(&d->lock);
	while (!d->stopping && !d->news) {
		if (!ms)
			pthread_cond_wait(&d->wake, &d->lock);
		else if (clock_wait(&d->wake, &d->lock, until))
			break;
	}
	d->news = false;
	go_on = !d->stopping;
	pthread_mutex_unlock(&d->lock);
	return go_on;
}

/* Once until it is heard again. */
static void complain(struct kube_doubt *d, const struct err *e)
{
	if (!d->told)
		log_with(LOG_WARN, "kube.trouble", LOG_FIELDS(LOG_TEXT("collection", "namespaces")),
			"pods that are not labelled are refused: %s", e->msg);
	d->told = true;
}

/* Whether it is settled. */
static bool ask(struct kube_doubt *d, const char *name, uint64_t news)
{
	char path[sizeof("/api/v1/namespaces?fieldSelector=metadata.name%3D") + NAMESPACE_NAME_MAX];
	const struct kube_call c = {.method = "GET", .path = path, .timeout_s = ASK_S};
	json_t *list = NULL;
	struct err e = {0};
	bool sure;

	snprintf(path, sizeof(path), "/api/v1/namespaces?fieldSelector=metadata.name%%3D%s", name);
	if (kube_api_do(d->api, &c, &list, &e)) {
		if (e.code != -ECANCELED)
			complain(d, &e);
		return false;
	}
	d->told = false;
	sure = book_sure(d->book, name, news, json_array_get(json_object_get(list, "items"), 0));
	json_decref(list);
	return sure;
}

static bool plain(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(name);
}

static void *settle(void *arg)
{
	char name[NAMESPACE_NAME_MAX];
	struct kube_doubt *d = arg;
	uint64_t ms = 0, news;

	while (wait_for(d, ms)) {
		bool sure = true;

		while (sure && book_doubt(d->book, name, &news))
			sure = plain(name) && ask(d, name, news);
		ms = sure ? 0 : !ms ? WAIT_MS : ms < WAITS_MS ? 2 * ms : WAITS_MS;
	}
	return NULL;
}

int kube_doubt_start(struct kube_doubt *d, struct err *e)
{
	int r = pthread_create(&d->thread, NULL, settle, d);

	if (r)
		return err_set(e, -r, "a thread cannot be made: %s", strerror(r));
	d->running = true;
	return 0;
}

void kube_doubt_news(struct kube_doubt *d)
{
	pthread_mutex_lock(&d->lock);
	d->news = true;
	pthread_cond_broadcast(&d->wake);
	pthread_mutex_unlock(&d->lock);
}

void kube_doubt_close(struct kube_doubt *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->lock);
	d->stopping = true;
	pthread_cond_broadcast(&d->wake);
	pthread_mutex_unlock(&d->lock);
	if (d->api)
		kube_api_stop(d->api);
	if (d->running)
		pthread_join(d->thread, NULL);
	kube_api_close(d->api);
	pthread_cond_destroy(&d->wake);
	pthread_mutex_destroy(&d->lock);
	free(d);
}
