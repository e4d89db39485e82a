/* SPDX-License-Identifier: MIT */
#include "ctl/kube.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/attr.h"
#include "ctl/kube_doubt.h"
#include "ctl/kube_watch.h"
#include "kube/book.h"

#define NODE_MAX 253u /* of a DNS subdomain */

enum { PODS = 0, NAMESPACES, WATCHES };

struct kube {
	struct kube_config cfg;
	char *server;
	char selector[2 * NODE_MAX];
	struct kube_watch *watch[WATCHES];
	struct kube_doubt *doubt;
};

/* A node's name is a DNS subdomain: nothing in it has to be encoded. */
static int make_selector(struct kube *k, struct err *e)
{
	const char *node = k->cfg.node;
	size_t n = node ? strlen(node) : 0;

	if (!n || n > NODE_MAX || strspn(node, "abcdefghijklmnopqrstuvwxyz0123456789-.") != n)
		return err_set(e, -EINVAL, "%s: no name of a node", node && n ? node : "(none)");
	snprintf(k->selector, sizeof(k->selector), "fieldSelector=spec.nodeName%%3D%s", node);
	return 0;
}

static void on_heard(void *arg)
{
	struct kube *k = arg;

	if (kube_current(k))
		book_heard(k->cfg.book);
	kube_doubt_news(k->doubt);
}

static int open_watches(struct kube *k, struct err *e)
{
	const struct kube_watch_config pods = {.name = "pods",
		.reflector = {.path = "/api/v1/pods",
			.selector = k->selector,
			.put = book_pod_put,
			.gone = book_pod_gone,
			.begin = book_pods_begin,
			.listed = book_pods_listed,
			.arg = k->cfg.book},
		.heard = on_heard,
		.arg = k};
	const struct kube_watch_config namespaces = {.name = "namespaces",
		.reflector = {.path = "/api/v1/namespaces",
			.put = book_namespace_put,
			.gone = book_namespace_gone,
			.begin = book_namespaces_begin,
			.listed = book_namespaces_listed,
			.arg = k->cfg.book},
		.heard = on_heard,
		.arg = k};
	int r = kube_watch_open(&k->watch[PODS], &k->cfg.access, &pods, e);

	if (!r)
		r = kube_watch_open(&k->watch[NAMESPACES], &k->cfg.access, &namespaces, e);
	return r ? r : kube_doubt_open(&k->doubt, &k->cfg.access, k->cfg.book, e);
}

int kube_open(struct kube **out, const struct kube_config *cfg, struct err *e)
{
	struct kube *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_set(e, -ENOMEM, "out of memory");
	k->cfg = *cfg;
	r = kube_access_server(&cfg->access, &k->server, e);
	if (!r)
		r = make_selector(k, e);
	if (!r)
		r = open_watches(k, e);
	if (r) {
		kube_close(k);
		return r;
	}
	*out = k;
	return 0;
}

int kube_start(struct kube *k, struct err *e)
{
	int r = kube_doubt_start(k->doubt, e);

	for (unsigned i = 0; i < WATCHES && !r; i++)
		r = kube_watch_start(k->watch[i], e);
	return r;
}

void kube_close(struct kube *k)
{
	if (!k)
		return;
	/* A watch asks after the other, which is there until both threads have ended. */
	for (unsigned i = 0; i < WATCHES; i++)
		kube_watch_stop(k->watch[i]);
	for (unsigned i = 0; i < WATCHES; i++)
		kube_watch_free(k->watch[i]);
	kube_doubt_close(k->doubt);
	free(k->server);
	free(k);
}

bool kube_current(struct kube *k)
{
	return kube_watch_current(k->watch[PODS]) && kube_watch_current(k->watch[NAMESPACES]);
}

bool kube_listed(struct kube *k)
{
	return kube_watch_lists(k->watch[PODS]) && kube_watch_lists(k->watch[NAMESPACES]);
}

void kube_each_watch(struct kube *k, void (*fn)(void *arg, struct kube_watch *w), void *arg)
{
	for (unsigned i = 0; i < WATCHES; i++)
		fn(arg, k->watch[i]);
}

json_t *kube_report(struct kube *k)
{
	return json_pack("{s:s, s:s, s:o*, s:o*}", "server", k->server, "node", k->cfg.node, "pods",
		kube_watch_report(k->watch[PODS]), "namespaces", kube_watch_report(k->watch[NAMESPACES]));
}
