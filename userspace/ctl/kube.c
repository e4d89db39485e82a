/* SPDX-License-Identifier: MIT */
#include "ctl/kube.h"

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
#include "ctl/http.h"
#include "kube/book.h"
#include "kube/reflector.h"

#define ACCOUNT   "/var/run/secrets/kubernetes.io/serviceaccount/"
#define LIST_S    60u
#define SILENCE_S 150u /* a bookmark comes about each minute; without, the connection is taken for dead */
#define NODE_MAX  253u /* of a DNS subdomain */

enum { PODS = 0, NAMESPACES, WATCHES };

struct watch {
	struct kube *kube;
	const char *name;
	struct reflector *reflector; /* its thread's, under lock */
	struct http *http;
	pthread_t thread;
	bool running, watching;
	/* What is told of it. */
	enum reflector_view view;
	uint64_t as_of_ms, lists;
	char trouble[200], selector[2 * NODE_MAX];
};

struct kube {
	struct kube_config cfg;
	char *server;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stopping;
	struct watch watch[WATCHES];
};

/* ---- what is asked ---- */

static int find_server(struct kube *k, struct err *e)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = host && strchr(host, ':');
	int n;

	if (k->cfg.server)
		n = asprintf(&k->server, "%s", k->cfg.server);
	else if (host && port)
		n = asprintf(&k->server, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
	else
		return err_set(
			e, -EINVAL, "no Kubernetes API server is named, and this is no pod of a cluster");
	if (n < 0) {
		k->server = NULL;
		return err_set(e, -ENOMEM, "out of memory");
	}
	if (strncmp(k->server, "https://", 8) != 0)
		return err_set(e, -EINVAL, "%s: an API server is spoken to over https:// only", k->server);
	return 0;
}

/* A node's name is a DNS subdomain: nothing in it has to be encoded. */
static int make_selector(struct kube *k, struct err *e)
{
	const char *node = k->cfg.node;
	size_t n = node ? strlen(node) : 0;

	if (!n || n > NODE_MAX || strspn(node, "abcdefghijklmnopqrstuvwxyz0123456789-.") != n)
		return err_set(e, -EINVAL, "%s: no name of a node", node && n ? node : "(none)");
	snprintf(k->watch[PODS].selector, sizeof(k->watch[PODS].selector),
		"fieldSelector=spec.nodeName%%3D%s", node);
	return 0;
}

static int open_watch(struct kube *k, unsigned i, struct err *e)
{
	const struct http_config hc = {
		.server = k->server,
		.ca_file = k->cfg.ca_file ? k->cfg.ca_file : ACCOUNT "ca.crt",
		.token_file = k->cfg.token_file ? k->cfg.token_file : ACCOUNT "token",
	};
	struct reflector_config rc[WATCHES] = {
		[PODS] = {.path = "/api/v1/pods",
			.selector = k->watch[PODS].selector,
			.put = book_pod_put,
			.gone = book_pod_gone,
			.begin = book_pods_begin,
			.listed = book_pods_listed},
		[NAMESPACES] = {.path = "/api/v1/namespaces",
			.put = book_namespace_put,
			.gone = book_namespace_gone,
			.begin = book_namespaces_begin,
			.listed = book_namespaces_listed},
	};
	int r;

	if (getrandom(&rc[i].seed, sizeof(rc[i].seed), 0) < 0)
		rc[i].seed = (uint64_t)time(NULL);
	rc[i].arg = k->cfg.book;
	k->watch[i].kube = k;
	k->watch[i].name = i == PODS ? "pods" : "namespaces";
	r = reflector_new(&k->watch[i].reflector, &rc[i], e);
	return r ? r : http_new(&k->watch[i].http, &hc, e);
}

int kube_open(struct kube **out, const struct kube_config *cfg, struct err *e)
{
	struct kube *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_set(e, -ENOMEM, "out of memory");
	k->cfg = *cfg;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, NULL);
	r = find_server(k, e);
	if (!r)
		r = make_selector(k, e);
	for (unsigned i = 0; i < WATCHES && !r; i++)
		r = open_watch(k, i, e);
	if (r) {
		kube_close(k);
		return r;
	}
	*out = k;
	return 0;
}

/* ---- a watch ---- */

/* What others may ask is copied out, so that nobody waits for a list to be read. */
static void publish(struct watch *w, const char *failure)
{
	enum reflector_view view = reflector_view(w->reflector);
	const char *trouble = reflector_trouble(w->reflector);
	char before[sizeof(w->trouble)];
	bool current;

	pthread_mutex_lock(&w->kube->lock);
	memcpy(before, w->trouble, sizeof(before));
	w->view = view;
	w->as_of_ms = reflector_as_of(w->reflector);
	w->lists = reflector_lists(w->reflector);
	snprintf(w->trouble, sizeof(w->trouble), "%s", failure ? failure : trouble);
	current = w->kube->watch[PODS].view == REFLECTOR_CURRENT &&
		  w->kube->watch[NAMESPACES].view == REFLECTOR_CURRENT;
	pthread_mutex_unlock(&w->kube->lock);
	if (current)
		book_heard(w->kube->cfg.book);
	if (strcmp(before, w->trouble) != 0 && w->trouble[0])
		log_with(LOG_WARN, "kube.trouble", LOG_FIELDS(LOG_TEXT("collection", w->name)), "%s",
			w->trouble);
	else if (before[0] && !w->trouble[0])
		log_with(LOG_INFO, "kube.current", LOG_FIELDS(LOG_TEXT("collection", w->name)),
			"the API server is heard again");
}

static void on_status(void *arg, int status, unsigned retry_after_s)
{
	struct watch *w = arg;

	reflector_status(w->reflector, clock_ms(), status, retry_after_s);
	publish(w, NULL);
}

static bool on_bytes(void *arg, const void *p, size_t n)
{
	struct watch *w = arg;
	enum wire got = reflector_body(w->reflector, clock_ms(), p, n);

	publish(w, NULL);
	return got == WIRE_OK;
}

/* false: the end. */
static bool wait_for(struct kube *k, uint64_t ms)
{
	struct timespec until;
	bool go_on;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += (time_t)(ms / 1000);
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&k->lock);
	while (!k->stopping && pthread_cond_timedwait(&k->wake, &k->lock, &until) == 0)
		;
	go_on = !k->stopping;
	pthread_mutex_unlock(&k->lock);
	return go_on;
}

static void *keep_up(void *arg)
{
	static const char *const headers[] = {"Accept: application/json", NULL};
	char target[REFLECTOR_TARGET_MAX];
	struct watch *w = arg;
	uint64_t ms = 0;

	while (wait_for(w->kube, ms)) {
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

int kube_start(struct kube *k, struct err *e)
{
	for (unsigned i = 0; i < WATCHES; i++) {
		int r = pthread_create(&k->watch[i].thread, NULL, keep_up, &k->watch[i]);

		if (r)
			return err_set(e, -r, "a thread cannot be made: %s", strerror(r));
		k->watch[i].running = true;
	}
	return 0;
}

void kube_close(struct kube *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_broadcast(&k->wake);
	pthread_mutex_unlock(&k->lock);
	for (unsigned i = 0; i < WATCHES; i++) {
		if (k->watch[i].http)
			http_stop(k->watch[i].http);
		if (k->watch[i].running)
			pthread_join(k->watch[i].thread, NULL);
		http_free(k->watch[i].http);
		reflector_free(k->watch[i].reflector);
	}
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	free(k->server);
	free(k);
}

bool kube_current(struct kube *k)
{
	bool current = true;

	pthread_mutex_lock(&k->lock);
	for (unsigned i = 0; i < WATCHES; i++)
		current = current && k->watch[i].view == REFLECTOR_CURRENT;
	pthread_mutex_unlock(&k->lock);
	return current;
}

json_t *kube_report(struct kube *k)
{
	static const char *const views[] = {"blind", "stale", "current"};
	json_t *doc = json_pack("{s:s, s:s}", "server", k->server, "node", k->cfg.node);
	uint64_t now = clock_ms();

	pthread_mutex_lock(&k->lock);
	for (unsigned i = 0; doc && i < WATCHES; i++) {
		const struct watch *w = &k->watch[i];
		json_t *one = json_pack("{s:s, s:s, s:I}", "view", views[w->view], "trouble", w->trouble,
			"lists", (json_int_t)w->lists);

		if (one && w->as_of_ms)
			json_object_set_new(
				one, "heard_ms_ago", json_integer((json_int_t)(now - w->as_of_ms)));
		json_object_set_new(doc, w->name, one);
	}
	pthread_mutex_unlock(&k->lock);
	return doc;
}
