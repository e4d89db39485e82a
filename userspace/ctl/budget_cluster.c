/* SPDX-License-Identifier: MIT */
#include "ctl/budget_cluster.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include "base/log.h"
#include "ctl/budget_object.h"
#include "ctl/clock.h"

#define CALL_S   5u
#define TRIES    12u /* others lease of the same window at the same moment */
#define PAUSE_MS 25
#define SULK_MS  1000 /* nobody is asked again before */
#define PATH_LEN 384

struct held { /* of one window */
	struct held *next;
	struct pool_holding holding;
	uint64_t now_ms; /* of the cluster, when it was leased last */
	int failed;      /* what the last attempt came to */
	char name[BUDGET_NAME_LEN];
	char key[];
};

struct budget_cluster {
	struct budget_cluster_config cfg;
	struct kube_api *api;
	struct pool_daemon daemon;
	struct held *held;
	uint64_t sulks_ms;
	char collection[PATH_LEN - BUDGET_NAME_LEN - sizeof("//status")];
	_Atomic uint64_t written, conflicts, failed;
	atomic_bool away;
};

int budget_cluster_new(struct budget_cluster **out, const struct budget_cluster_config *cfg, struct err *e)
{
	struct budget_cluster *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	c->cfg = *cfg;
	c->daemon.node = cfg->node;
	if (getrandom(&c->daemon.id, sizeof(c->daemon.id), 0) != (ssize_t)sizeof(c->daemon.id) ||
		!c->daemon.id)
		r = err_set(e, -EIO, "no random numbers");
	else if ((size_t)snprintf(c->collection, sizeof(c->collection),
			 "/apis/pgveil.dev/v1/namespaces/%s/exportbudgets",
			 cfg->namespace) >= sizeof(c->collection))
		r = err_set(e, -EINVAL, "%s: no namespace has so long a name", cfg->namespace);
	else
		r = kube_api_open(&c->api, &cfg->access, e);
	if (r) {
		free(c);
		return r;
	}
	*out = c;
	return 0;
}

void budget_cluster_free(struct budget_cluster *c)
{
	if (!c)
		return;
	while (c->held) {
		struct held *h = c->held;

		c->held = h->next;
		free(h);
	}
	kube_api_close(c->api);
	free(c);
}

void budget_cluster_counts(struct budget_cluster *c, struct budget_cluster_counts *out)
{
	*out = (struct budget_cluster_counts){atomic_load(&c->written), atomic_load(&c->conflicts),
		atomic_load(&c->failed), atomic_load(&c->away)};
}

/* ---- windows ---- */

/* Those of which nothing can be given back any more are not needed. */
static void drop_over(struct budget_cluster *c, uint64_t now_ms)
{
	for (struct held **p = &c->held; *p;) {
		struct held *h = *p;

		if (!pool_holding_over(&h->holding, now_ms)) {
			p = &h->next;
			continue;
		}
		*p = h->next;
		free(h);
	}
}

static struct held *held_find(struct budget_cluster *c, const char *key)
{
	struct held *h = c->held;

	while (h && strcmp(h->key, key) != 0)
		h = h->next;
	return h;
}

static int held_of(struct budget_cluster *c, const char *key, struct held **out, struct err *e)
{
	struct held *h = held_find(c, key);
	size_t n = strlen(key) + 1;
	int r = 0;

	if (!h) {
		h = calloc(1, sizeof(*h) + n);
		if (!h)
			return err_set(e, -ENOMEM, "out of memory");
		memcpy(h->key, key, n);
		r = budget_object_name(key, h->name, e);
		if (r) {
			free(h);
			return r;
		}
		h->next = c->held;
		c->held = h;
	}
	*out = h;
	return 0;
}

/* ---- requests ---- */

/* A server far ahead would have all that is spent forgotten, and be believed by all. No node's clock counts,
 * but one that goes right says when a server's does not; behind is pool_lease's to see. */
static int check_time(uint64_t now_ms, struct err *e)
{
	struct timespec here;
	uint64_t here_ms;

	clock_gettime(CLOCK_REALTIME, &here);
	here_ms = (uint64_t)here.tv_sec * 1000 + (uint64_t)here.tv_nsec / 1000000;
	if (now_ms <= here_ms + POOL_SKEW_MS)
		return 0;
	return err_set(e, -ETIME, "the API server's clock is ahead of this node's by more than %u s",
		(unsigned)(POOL_SKEW_MS / 1000));
}

/* Takes body. *now_ms: what time it is there. */
static int ask(struct budget_cluster *c, const char *method, const char *path, json_t *body, json_t **answer,
	uint64_t *now_ms, struct err *e)
{
	const struct kube_call call = {
		.method = method, .path = path, .body = body, .timeout_s = CALL_S, .date_ms = now_ms};
	int r = body || method[0] == 'G' ? kube_api_do(c->api, &call, answer, e)
					 : err_set(e, -ENOMEM, "out of memory");

	json_decref(body);
	if (!r && !*now_ms)
		r = err_set(e, -EIO, "the API server does not say what time it is");
	return r ? r : check_time(*now_ms, e);
}

/* The object, which is made if it is not there. */
static int read_object(
	struct budget_cluster *c, const struct held *h, json_t **object, uint64_t *now_ms, struct err *e)
{
	char path[PATH_LEN];
	int r;

	snprintf(path, sizeof(path), "%s/%s", c->collection, h->name);
	r = ask(c, "GET", path, NULL, object, now_ms, e);
	if (r != -ENOENT)
		return r;
	r = ask(c, "POST", c->collection, budget_object_make(h->name, c->cfg.namespace, h->key), object,
		now_ms, e);
	return r == -EEXIST ? ask(c, "GET", path, NULL, object, now_ms, e) : r;
}

/* -EAGAIN: somebody else wrote at the same moment. */
static int write_object(struct budget_cluster *c, const struct held *h, const json_t *object,
	const struct pool *p, const uint64_t limit[MEASURES], struct err *e)
{
	char path[PATH_LEN];
	uint64_t now_ms;
	json_t *answer = NULL;
	int r;

	snprintf(path, sizeof(path), "%s/%s/status", c->collection, h->name);
	r = ask(c, "PUT", path, budget_object_put(object, p, limit), &answer, &now_ms, e);
	json_decref(answer);
	return r == -ENOENT ? -EAGAIN : r;
}

static int lease_once(struct budget_cluster *c, struct held *h, const struct allowance_job *j,
	uint64_t mono_ms, struct pool_lease *out, struct err *e)
{
	uint64_t piece_ms = spending_piece_ms(j->period_s), now_ms;
	struct pool p = {0};
	json_t *object = NULL;
	int r = read_object(c, h, &object, &now_ms, e);

	if (!r)
		r = budget_object_take(object, h->key, &p, e);
	if (!r) {
		h->now_ms = now_ms;
		r = pool_lease(&p, &h->holding, &c->daemon, j, mono_ms / piece_ms,
			piece_ms - mono_ms % piece_ms, now_ms, out);
		if (r == -ERANGE)
			err_set(e, r, "a window of less than %u seconds cannot be shared by nodes",
				POOL_PERIOD_MIN_S);
		else if (r == -ETIME)
			err_set(e, r, "the API servers do not agree on what time it is");
		else if (r)
			err_set(e, r, "there is no room in the object for one more lease");
	}
	if (!r && out->write)
		r = write_object(c, h, object, &p, j->limit, e);
	if (!r && out->write) {
		pool_leased(&h->holding, out);
		atomic_fetch_add(&c->written, 1);
	}
	budget_object_fini(&p);
	json_decref(object);
	return r;
}

static int lease(struct budget_cluster *c, struct held *h, const struct allowance_job *j, uint64_t mono_ms,
	struct pool_lease *out, struct err *e)
{
	unsigned chance = (unsigned)(c->daemon.id ^ mono_ms);
	int r = -EAGAIN;

	for (unsigned i = 0; r == -EAGAIN && i < TRIES; i++) {
		const struct timespec pause = {0, (rand_r(&chance) % PAUSE_MS) * 1000000L};

		if (i) {
			atomic_fetch_add(&c->conflicts, 1);
			nanosleep(&pause, NULL);
		}
		r = lease_once(c, h, j, mono_ms, out, e);
	}
	return r == -EAGAIN ? err_set(e, -EDEADLK, "too many others lease of it at the same moment") : r;
}

/* ---- what is told ---- */

/* Of the window, and not of the server. */
static bool is_its_own(int r)
{
	return r == -EBADMSG || r == -ERANGE || r == -ETIME || r == -ENOSPC || r == -ENAMETOOLONG ||
	       r == -EDEADLK || r == -EPERM || r == -EINVAL;
}

static void tell(struct budget_cluster *c, struct held *h, int r, const struct err *e)
{
	bool away = r && !is_its_own(r);

	if (r)
		atomic_fetch_add(&c->failed, 1);
	if (h && r != h->failed && is_its_own(r))
		log_with(LOG_ERROR, "budget.refused", LOG_FIELDS(LOG_TEXT("window", h->key)),
			"%s: nothing of it is given", e->msg);
	if (h)
		h->failed = r;
	if (away && !atomic_exchange(&c->away, true))
		log_event(LOG_ERROR, "budget.away",
			"%s: no more is given of export windows than this node has leased", e->msg);
	else if (!away && atomic_exchange(&c->away, false))
		log_event(LOG_INFO, "budget.back", "export windows are leased of the cluster again");
	c->sulks_ms = away ? clock_ms() + SULK_MS : 0;
}

int budget_cluster_lease(struct budget_cluster *c, const struct allowance_job *j, uint64_t now_ms,
	struct pool_lease *out, struct err *e)
{
	struct held *h = NULL;
	int r = held_of(c, j->key, &h, e);

	*out = (struct pool_lease){0};
	if (!r)
		pool_return(&h->holding, j->period_s, j->back_piece, j->back);
	/* One request that nobody answers is enough for all windows that wait. */
	if (!r && clock_ms() < c->sulks_ms)
		return err_set(e, -EBUSY, "the API server was not there a moment ago");
	if (!r)
		r = lease(c, h, j, now_ms, out, e);
	tell(c, h, r, e);
	if (!r)
		drop_over(c, h->now_ms);
	return r;
}

void budget_cluster_return(
	struct budget_cluster *c, const struct allowance_job *j, uint64_t now_ms, const uint64_t n[MEASURES])
{
	struct held *h = held_find(c, j->key);

	if (h)
		pool_return(&h->holding, j->period_s, now_ms / spending_piece_ms(j->period_s), n);
}
