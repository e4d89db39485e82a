/* SPDX-License-Identifier: MIT */
/*  server ──watch──► shelf ──quiet for QUIET_MS──► kube_policy_objects ──► loaded? ──yes──► in force, kept
 *                                                                           └──no───► again in AGAIN_S
 * What is in force is what is kept: what does not load is not to be met again by a daemon that starts while
 * the server is away. */
#include "ctl/kube_policy.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/kube_kept.h"
#include "ctl/kube_status.h"
#include "ctl/kube_watch.h"
#include "kube/shelf.h"
#include "policy/policy.h"

#define FILE_NAME   "policies.json"
#define PREFIX      "maskingpolicy/"
#define QUIET_MS    200  /* a storm of changes is one reload … */
#define STORM_MS    2000 /* … and does not put it off for ever */
#define AGAIN_S     5    /* a secret that is missing may come */
#define KEEP_S      300  /* how wrong the age of what is kept may be */
#define MESSAGE_MAX 500

struct kube_policy {
	struct kube_policy_config cfg;
	struct shelf *shelf;
	struct kube_watch *watch;
	struct kube_status *status;
	int changed_fd;
	struct event *heard, *rest, *again, *keep;
	void (*changed)(void *arg);
	void *arg;
	uint64_t storm_ms; /* when it began; 0: there is none */
	struct shelf_copy trying, in_force;
	struct policy_object *objects; /* of trying */
	bool loaded;                   /* in_force is */
	bool leads, kept;              /* kept: and it is what another daemon knew */
};

static void on_shelf(void *arg)
{
	const struct kube_policy *k = arg;
	const uint64_t one = 1;

	if (write(k->changed_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		log_event(LOG_ERROR, "policy.unseen", "eventfd: %m");
}

static void on_heard(void *arg)
{
	struct kube_policy *k = arg;

	if (kube_watch_current(k->watch))
		shelf_heard(k->shelf);
}

static void load_kept(struct kube_policy *k)
{
	struct err e = {0};
	json_t *what = NULL;
	int r = kube_kept_load(k->cfg.state_dir, FILE_NAME, &what, &e);

	if (!r)
		r = shelf_load(k->shelf, what, &e);
	json_decref(what);
	k->kept = r == 0;
	if (r && r != -ENOENT)
		log_event(LOG_ERROR, "policy.unkept",
			"%s; nothing is let through until the API server is heard", e.msg);
}

/* ---- what the watch tells: to the shelf what is to be loaded, to the status what nodes say of it ---- */

static bool on_put(void *arg, const json_t *object)
{
	struct kube_policy *k = arg;

	kube_status_seen(k->status, object);
	return shelf_put(k->shelf, object);
}

static void on_gone(void *arg, const json_t *object)
{
	struct kube_policy *k = arg;

	kube_status_gone(k->status, object);
	shelf_gone(k->shelf, object);
}

static void on_begin(void *arg)
{
	struct kube_policy *k = arg;

	kube_status_begin(k->status);
	shelf_begin(k->shelf);
}

static void on_listed(void *arg)
{
	struct kube_policy *k = arg;

	kube_status_listed(k->status);
	shelf_listed(k->shelf);
}

static int open_parts(struct kube_policy *k, struct err *e)
{
	const struct shelf_config shelf = {k->cfg.wall_ms, on_shelf, k};
	int r = shelf_new(&k->shelf, &shelf, e);
	struct kube_watch_config watch = {.name = "policies",
		.reflector = {.path = "/apis/pgveil.dev/v1/maskingpolicies",
			.put = on_put,
			.gone = on_gone,
			.begin = on_begin,
			.listed = on_listed,
			.arg = k},
		.heard = on_heard,
		.arg = k};

	if (!r)
		r = kube_watch_open(&k->watch, &k->cfg.access, &watch, e);
	if (!r)
		r = kube_status_open(
			&k->status, &k->cfg.access, k->cfg.node, k->cfg.nodes_ms, k->cfg.wall_ms, e);
	k->changed_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (!r && k->changed_fd < 0)
		r = err_set(e, -errno, "eventfd: %m");
	return r;
}

int kube_policy_open(struct kube_policy **out, const struct kube_policy_config *cfg, struct err *e)
{
	struct kube_policy *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return err_set(e, -ENOMEM, "out of memory");
	k->cfg = *cfg;
	k->changed_fd = -1;
	r = open_parts(k, e);
	if (r) {
		kube_policy_close(k);
		return r;
	}
	load_kept(k);
	*out = k;
	return 0;
}

/* ---- when to load ---- */

static void in_ms(struct event *timer, uint64_t ms)
{
	const struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000) * 1000};

	event_add(timer, &tv);
}

static void on_changed(evutil_socket_t fd, short what, void *arg)
{
	struct kube_policy *k = arg;
	uint64_t n, now = clock_ms();

	(void)what;
	if (read(fd, &n, sizeof(n)) != sizeof(n))
		return;
	if (!k->storm_ms)
		k->storm_ms = now;
	if (now - k->storm_ms < STORM_MS || !evtimer_pending(k->rest, NULL))
		in_ms(k->rest, QUIET_MS);
}

static void on_rest(evutil_socket_t fd, short what, void *arg)
{
	struct kube_policy *k = arg;

	(void)fd;
	(void)what;
	k->storm_ms = 0;
	k->changed(k->arg);
}

static void keep(struct kube_policy *k)
{
	json_t *what = shelf_save(&k->in_force);
	struct err e = {0};
	int r = what ? kube_kept_save(k->cfg.state_dir, FILE_NAME, what, &e)
		     : err_set(&e, -ENOMEM, "out of memory");

	json_decref(what);
	if (r)
		log_event(LOG_ERROR, "policy.unkept", "%s", e.msg);
}

/* Nothing changed, but that it was so until now. */
static void on_keep(evutil_socket_t fd, short what, void *arg)
{
	struct shelf_copy now;
	struct kube_policy *k = arg;

	(void)fd;
	(void)what;
	if (k->leads && k->loaded && kube_watch_current(k->watch) && shelf_take(k->shelf, &now) == 0) {
		k->in_force.as_of_ms = now.as_of_ms;
		keep(k);
		shelf_copy_fini(&now);
	}
	in_ms(k->keep, KEEP_S * 1000);
}

int kube_policy_start(
	struct kube_policy *k, struct event_base *base, void (*changed)(void *arg), void *arg, struct err *e)
{
	int r;

	k->changed = changed;
	k->arg = arg;
	k->heard = event_new(base, k->changed_fd, EV_READ | EV_PERSIST, on_changed, k);
	k->rest = evtimer_new(base, on_rest, k);
	k->again = evtimer_new(base, on_rest, k);
	k->keep = evtimer_new(base, on_keep, k);
	if (!k->heard || !k->rest || !k->again || !k->keep || event_add(k->heard, NULL))
		return err_set(e, -ENOMEM, "out of memory");
	in_ms(k->keep, KEEP_S * 1000);
	r = kube_watch_start(k->watch, e);
	return r ? r : kube_status_start(k->status, e);
}

void kube_policy_stop(struct kube_policy *k)
{
	if (!k)
		return;
	kube_watch_stop(k->watch);
	kube_status_close(k->status);
	k->status = NULL;
	for (unsigned i = 0; i < 4; i++) {
		struct event **ev[] = {&k->heard, &k->rest, &k->again, &k->keep};

		if (*ev[i])
			event_free(*ev[i]);
		*ev[i] = NULL;
	}
}

void kube_policy_leave(struct kube_policy *k)
{
	if (k && k->status)
		kube_status_leave(k->status);
}

void kube_policy_close(struct kube_policy *k)
{
	if (!k)
		return;
	kube_policy_stop(k);
	kube_watch_free(k->watch);
	shelf_free(k->shelf);
	shelf_copy_fini(&k->trying);
	shelf_copy_fini(&k->in_force);
	for (unsigned i = 0; k->objects && k->objects[i].name; i++)
		free((char *)k->objects[i].name);
	free(k->objects);
	if (k->changed_fd >= 0)
		close(k->changed_fd);
	free(k);
}

/* ---- what to load ---- */

static void forget_objects(struct kube_policy *k)
{
	for (unsigned i = 0; k->objects && k->objects[i].name; i++)
		free((char *)k->objects[i].name);
	free(k->objects);
	k->objects = NULL;
}

int kube_policy_objects(struct kube_policy *k, const struct policy_object **out, unsigned *n, struct err *e)
{
	int r;

	forget_objects(k);
	shelf_copy_fini(&k->trying);
	r = shelf_take(k->shelf, &k->trying);
	k->objects = calloc(k->trying.n + 1, sizeof(*k->objects));
	for (unsigned i = 0; k->objects && !r && i < k->trying.n; i++) {
		const struct shelf_object *o = &k->trying.v[i];
		char *name;

		if (asprintf(&name, PREFIX "%s", o->name) < 0) {
			r = -ENOMEM;
			break;
		}
		k->objects[i] = (struct policy_object){
			name, span_of(o->text, o->text ? strlen(o->text) : 0), o->fault};
	}
	if (r || !k->objects)
		return err_set(e, -ENOMEM, "out of memory");
	if (!k->trying.known)
		return err_set(e, -EAGAIN, "the API server has not said yet which policy objects there are");
	*out = k->objects;
	*n = k->trying.n;
	return 0;
}

/* ---- what became of it ---- */

/* The complaints about one object; of others only which they are, as who may read this one need not be who
 * may read those. */
static void message_of(
	const struct kube_policy *k, const char *name, const json_t *complaints, char out[MESSAGE_MAX])
{
	const json_t *one;
	const char *other = NULL;
	size_t i, len = 0, n = strlen(PREFIX) + strlen(name);

	*out = '\0';
	json_array_foreach((json_t *)complaints, i, one)
	{
		const char *text = json_string_value(one);
		bool object = text && strncmp(text, PREFIX, strlen(PREFIX)) == 0;
		int w;

		if (!object || strncmp(text + strlen(PREFIX), name, strlen(name)) != 0 || text[n] != ':') {
			other = other ? other : object ? text : "a file of the daemon:";
			continue;
		}
		w = snprintf(out + len, MESSAGE_MAX - len, "%s%s", len ? "; " : "",
			text + n + (text[n + 1] == ':' ? 3 : 1));
		len = w < 0 || (size_t)w >= MESSAGE_MAX - len ? MESSAGE_MAX - 1 : len + (size_t)w;
	}
	if (!len)
		snprintf(out, MESSAGE_MAX, "another document does not load: %.*s",
			other ? (int)strcspn(other, ":") : 7, other ? other : "unknown");
	(void)k;
}

static void say(struct kube_policy *k, bool loaded, const json_t *complaints)
{
	struct kube_status_line *v = calloc(k->trying.n ? k->trying.n : 1, sizeof(*v));
	char(*text)[MESSAGE_MAX] = loaded ? NULL : calloc(k->trying.n ? k->trying.n : 1, MESSAGE_MAX);

	if (!v || (!loaded && !text)) {
		log_event(LOG_ERROR, "policy.status", "out of memory");
		free(v);
		free(text);
		return;
	}
	for (unsigned i = 0; i < k->trying.n; i++) {
		if (!loaded)
			message_of(k, k->trying.v[i].name, complaints, text[i]);
		v[i] = (struct kube_status_line){k->trying.v[i].name, k->trying.v[i].uid,
			k->trying.v[i].generation, loaded, loaded ? "" : text[i]};
	}
	if (kube_status_set(k->status, v, k->trying.n))
		log_event(LOG_ERROR, "policy.status", "out of memory");
	free(text);
	free(v);
}

void kube_policy_loaded(struct kube_policy *k, bool loaded, const json_t *complaints, bool leads)
{
	bool listed = kube_policy_listed(k);

	k->leads = leads;
	if (k->again)
		event_del(k->again);
	if (leads && listed && k->trying.known)
		say(k, loaded, complaints);
	if (!loaded) {
		if (k->again && k->trying.known)
			in_ms(k->again, AGAIN_S * 1000);
		return;
	}
	shelf_copy_fini(&k->in_force);
	k->in_force = k->trying;
	k->trying = (struct shelf_copy){0};
	forget_objects(k);
	k->loaded = true;
	k->kept = k->kept && !listed;
	if (leads && listed)
		keep(k);
}

bool kube_policy_listed(struct kube_policy *k)
{
	return kube_watch_lists(k->watch) > 0;
}

bool kube_policy_in_force(const struct kube_policy *k)
{
	return k->loaded;
}

struct kube_watch *kube_policy_watch(const struct kube_policy *k)
{
	return k->watch;
}

void kube_policy_count(struct kube_policy *k, struct kube_policy_counts *out)
{
	struct kube_status_counts st = {0};
	struct shelf_copy now;

	*out = (struct kube_policy_counts){
		.in_force = k->in_force.n, .current = kube_watch_current(k->watch)};
	if (shelf_take(k->shelf, &now) == 0) {
		out->objects = now.n;
		out->as_of_ms = now.as_of_ms;
	}
	shelf_copy_fini(&now);
	if (k->status)
		kube_status_counts(k->status, &st);
	out->status_written = st.written;
	out->status_failed = st.failed;
	out->status_pending = st.pending;
}

json_t *kube_policy_report(struct kube_policy *k)
{
	struct kube_policy_counts c;
	json_t *doc = kube_watch_report(k->watch), *list = json_array();

	kube_policy_count(k, &c);
	for (unsigned i = 0; i < k->in_force.n; i++)
		json_array_append_new(list, json_pack("{s:s, s:I}", "name", k->in_force.v[i].name,
						    "generation", (json_int_t)k->in_force.v[i].generation));
	if (!doc || json_object_update_new(doc,
			    json_pack("{s:i, s:I, s:b, s:b, s:o, s:I, s:I, s:I}", "objects", (int)c.objects,
				    "as_of_ms", (json_int_t)c.as_of_ms, "loaded", k->loaded, "kept", k->kept,
				    "in_force", list, "status_written", (json_int_t)c.status_written,
				    "status_failed", (json_int_t)c.status_failed, "status_pending",
				    (json_int_t)c.status_pending)) < 0) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}
