/* SPDX-License-Identifier: MIT */
#include "net/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/log.h"
#include "net/cancel.h"
#include "net/conn.h"
#include "net/dial.h"
#include "net/identity.h"
#include "net/listener.h"
#include "net/straggler.h"
#include "session/cache.h"
#include "session/scribe.h"

#define STACK_BYTES    ((size_t)16 << 20) /* libpg_query recurses with the text's nesting */
#define QUIET_MS       100
#define PULSE_MS       1000
#define NOTES_A_SECOND 50
#define NS_A_SECOND    UINT64_C(1000000000)

struct post {
	struct post *next;
	void (*fn)(struct worker *w, void *arg);
	void *arg;
};

const char *unserved_name(enum unserved u)
{
	static const char *const name[] = {
#define X(id, word) [UNSERVED_##id] = word,
		UNSERVED(X)
#undef X
	};

	return (unsigned)u < UNSERVED_MAX ? name[u] : "unknown";
}

/* Every one is counted; the log gets at most one in QUIET_MS of each worker, or dialling us would fill the
 * disk. */
void worker_unserved(struct worker *w, enum unserved why, const char *text)
{
	uint64_t now = loop_now_ms();

	atomic_fetch_add(&w->all->unserved[why], 1);
	if (now < w->quiet_until_ms)
		return;
	w->quiet_until_ms = now + QUIET_MS;
	log_with(LOG_WARN, "connection.closed", LOG_FIELDS(LOG_TEXT("reason", unserved_name(why))), "%s",
		text);
}

int worker_post(struct worker *w, void (*fn)(struct worker *w, void *arg), void *arg)
{
	struct post *p = malloc(sizeof(*p));
	bool first;

	if (!p)
		return -ENOMEM;
	*p = (struct post){NULL, fn, arg};
	pthread_mutex_lock(&w->lock);
	first = w->posts == NULL;
	*w->posts_end = p;
	w->posts_end = &p->next;
	w->nposts++;
	pthread_mutex_unlock(&w->lock);
	if (first)
		loop_kick(w->loop);
	return 0;
}

static void run_posts(struct worker *w)
{
	struct post *p, *next;

	pthread_mutex_lock(&w->lock);
	p = w->posts;
	w->posts = NULL;
	w->posts_end = &w->posts;
	w->nposts = 0;
	pthread_mutex_unlock(&w->lock);
	for (; p; p = next) {
		next = p->next;
		p->fn(w, p->arg);
		free(p);
	}
}

/* Calls fn for every connection; fn may close the one it was given. */
static void each_conn(struct worker *w, void (*fn)(struct conn *c))
{
	struct conn *next;

	for (struct conn *c = w->conns; c; c = next) {
		next = conn_next(c);
		fn(c);
	}
}

static void wake(struct conn *c)
{
	if (conn_waits(c))
		conn_event(c, EVENT_BYTES);
}

static void look_again(struct conn *c)
{
	conn_event(c, EVENT_BYTES);
}

static void tell_recorded(struct worker *w)
{
	struct conn *next;

	for (struct conn *c = w->recorded_by; c; c = next) {
		next = conn_next_recorded(c);
		if (session_goes_on(conn_session(c)))
			conn_event(c, EVENT_BYTES);
	}
}

static void on_kick(void *arg)
{
	struct worker *w = arg;

	run_posts(w);
	if (atomic_exchange(&w->poked, false))
		each_conn(w, wake);
	if (atomic_exchange(&w->recorded, false))
		tell_recorded(w);
}

/* On the thread of whoever writes it down. */
static void on_recorded(void *arg)
{
	struct worker *w = arg;

	if (!atomic_exchange(&w->recorded, true))
		loop_kick(w->loop);
}

static void on_pulse(void *arg)
{
	struct worker *w = arg;
	uint64_t now = loop_now_ms();

	atomic_store_explicit(&w->pulse_ms, now, memory_order_relaxed);
	alarm_set(w->pulse, now + PULSE_MS);
}

uint64_t workers_behind_ms(const struct workers *ws)
{
	uint64_t now = loop_now_ms(), most = 0;

	for (unsigned i = 0; i < ws->cfg.n; i++) {
		uint64_t at = metric_get(&ws->worker[i].pulse_ms);

		if (at < now && now - at > most)
			most = now - at;
	}
	return most;
}

static enum coverage covers(void *arg, const struct policy *p, unsigned i, const struct sockaddr *address)
{
	const struct worker *w = arg;
	const struct worker_hooks *h = &w->all->cfg.hooks;

	return h->covers(h->arg, p, i, address);
}

/* A caller that loops over refused statements must not fill the disk: so many a second of each kind and
 * worker. Each kind has its own, so that a flood of one hides no other. */
static bool may_note(struct ration *r, const char *name)
{
	uint64_t now = loop_now_ms(), earned = (now - r->earned_ms) * NOTES_A_SECOND / 1000;

	if (earned) {
		r->earned_ms = now;
		r->left = earned < NOTES_A_SECOND - r->left ? r->left + (unsigned)earned : NOTES_A_SECOND;
	}
	if (!r->left) {
		r->unsaid++;
		return false;
	}
	r->left--;
	if (r->unsaid)
		log_with(LOG_WARN, name, LOG_FIELDS(LOG_NUMBER("suppressed", r->unsaid)),
			"so many more of these were not logged");
	r->unsaid = 0;
	return true;
}

static void note(
	void *arg, const struct session *s, enum session_note n, const char *sqlstate, const char *text)
{
	const struct caller *who = session_caller(s);
	const struct database *db = session_target(s);
	/* Once the server has let it in, the name is a database's and not only a client's word. */
	const char *dbname = n == NOTE_LOGIN ? session_dbname(s) : NULL;
	struct worker *w = arg;
	bool bad = n == NOTE_BROKEN || n == NOTE_DIRECT_TLS || n == NOTE_LOGIN_REFUSED;

	if (!may_note(&w->rations[n], session_note_name(n)))
		return;
	log_with(bad ? LOG_WARN : LOG_INFO, session_note_name(n),
		LOG_FIELDS(LOG_TEXT("cgroup", who->cgroup), LOG_NUMBER("uid", who->uid),
			LOG_NUMBER("tgid", who->tgid), LOG_TEXT("comm", who->comm),
			LOG_TEXT("database", db ? db->name : ""), LOG_TEXT("dbname", dbname ? dbname : ""),
			LOG_TEXT("sqlstate", sqlstate ? sqlstate : "")),
		"%s", text);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	/* Under ASan a block that was given back shall be seen to be. */
#if !defined(__SANITIZE_ADDRESS__)
	buf_spare(true);
#endif
	while (!w->stopping || w->conns) {
		loop_turn(w->loop);
		conn_free_parked(w);
	}
	straggler_end_all(w);
	cancel_free_all(w);
	pipes_fini(&w->pipes);
	buf_spare(false);
	return NULL;
}

static void take_policy(struct worker *w, void *arg)
{
	policy_unref(w->env.policy);
	w->env.policy = arg;
	each_conn(w, look_again);
}

void workers_set_policy(struct workers *ws, struct policy *p)
{
	for (unsigned i = 0; i < ws->cfg.n; i++) {
		if (worker_post(&ws->worker[i], take_policy, policy_ref(p))) {
			log_event(LOG_ERROR, "policy.failed",
				"out of memory: a worker goes on with the old policy");
			policy_unref(p);
		}
	}
}

void workers_poke(struct workers *ws)
{
	for (unsigned i = 0; i < ws->cfg.n; i++) {
		if (!atomic_exchange(&ws->worker[i].poked, true))
			loop_kick(ws->worker[i].loop);
	}
}

bool workers_splice(struct workers *ws, bool on)
{
	on = on && ws->cfg.splice != SPLICE_OFF;
	atomic_store(&ws->splice, on);
	if (ws->cfg.splicer)
		splice_switch(ws->cfg.splicer, on);
	return on;
}

bool workers_splices(const struct workers *ws)
{
	return atomic_load(&ws->splice);
}

unsigned workers_count(const struct workers *ws)
{
	return ws->cfg.n;
}

struct worker *workers_at(struct workers *ws, unsigned i)
{
	return &ws->worker[i];
}

static uint64_t clock_ns(void *arg)
{
	struct timespec ts;

	(void)arg;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_A_SECOND + (uint64_t)ts.tv_nsec;
}

static int worker_start(struct worker *w, struct policy *p, struct err *e)
{
	const struct workers_config *cfg = &w->all->cfg;
	pthread_attr_t attr;
	int r;

	w->env = (struct session_env){
		.policy = policy_ref(p),
		.accounts = &w->accounts,
		.max_age_ms = cfg->max_age_ms,
		.message_max = cfg->message_max,
		.cell_max = cfg->cell_max,
		.splice_min = SPLICE_MIN,
		.recall = cfg->recall,
		.budget = cfg->budget,
		.desk = cfg->desk,
		.allowance = cfg->allowance,
		.tenure = cfg->tenure,
		.scram = &w->scram,
		.covers = covers,
		.note = note,
		.scribe = cfg->scribes ? cfg->scribes[w - w->all->worker] : NULL,
		.tally = &w->tally,
		.clock_ns = clock_ns,
		.arg = w,
	};
	r = cache_new(&w->env.cache, e);
	if (!r)
		cache_observe(w->env.cache, &w->tally, clock_ns, w);
	if (!r)
		r = loop_new(&w->loop, on_kick, w, e);
	if (r)
		return r;
	if (w->env.scribe) {
		w->env.scribe->over = on_recorded;
		w->env.scribe->over_arg = w;
	}
	w->pulse = alarm_new(w->loop, on_pulse, w);
	if (!w->pulse)
		return err_set(e, -ENOMEM, "out of memory");
	on_pulse(w);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	r = pthread_create(&w->thread, &attr, worker_main, w);
	pthread_attr_destroy(&attr);
	if (r)
		return err_set(e, -r, "worker thread: %s", strerror(r));
	pthread_setname_np(w->thread, "worker");
	w->started = true;
	return 0;
}

static void worker_fini(struct worker *w)
{
	/* What was posted after the thread's last turn: visitors to turn away, listeners to close. */
	run_posts(w);
	conn_free_parked(w);
	straggler_end_all(w);
	alarm_free(w->stop_alarm);
	alarm_free(w->pulse);
	alarm_free(w->drain_alarm);
	cache_free(w->env.cache);
	scram_memory_fini(&w->scram);
	policy_unref(w->env.policy);
	pthread_mutex_destroy(&w->lock);
}

static void free_all(struct workers *ws)
{
	for (unsigned i = 0; ws->worker && i < ws->cfg.n; i++)
		worker_fini(&ws->worker[i]);
	for (unsigned i = 0; ws->worker && i < ws->cfg.n; i++)
		loop_free(ws->worker[i].loop);
	free(ws->worker);
	registry_free(ws->registry);
	identity_free(ws->identity);
	tls_pool_free(ws->tls);
	pthread_mutex_destroy(&ws->listeners_lock);
	free(ws);
}

static int start_all(struct workers *ws, struct policy *p, struct err *e)
{
	const struct workers_config *cfg = &ws->cfg;
	int r = registry_new(&ws->registry, cfg->max_connections, cfg->max_per_cgroup, e);

	if (!r)
		r = identity_new(&ws->identity, cfg->cgroup_mount, cfg->cgroup_root, cfg->book, e);
	if (!r)
		r = tls_pool_new(&ws->tls, e);
	for (unsigned i = 0; i < cfg->n && !r; i++)
		r = worker_start(&ws->worker[i], p, e);
	return r;
}

int workers_start(struct workers **out, const struct workers_config *cfg, struct policy *p, struct err *e)
{
	struct workers *ws = calloc(1, sizeof(*ws));
	int r;

	if (!ws)
		return err_set(e, -ENOMEM, "out of memory");
	ws->cfg = *cfg;
	atomic_store(&ws->splice, cfg->splice != SPLICE_OFF);
	pthread_mutex_init(&ws->listeners_lock, NULL);
	ws->worker = calloc(cfg->n, sizeof(*ws->worker));
	for (unsigned i = 0; ws->worker && i < cfg->n; i++) {
		ws->worker[i].all = ws;
		ws->worker[i].posts_end = &ws->worker[i].posts;
		pthread_mutex_init(&ws->worker[i].lock, NULL);
	}
	r = ws->worker ? start_all(ws, p, e) : err_set(e, -ENOMEM, "out of memory");
	if (r) {
		workers_stop(ws, 0);
		return r;
	}
	*out = ws;
	return 0;
}

static void on_grace_over(void *arg)
{
	each_conn(arg, conn_close);
}

static void say_goodbye(struct conn *c)
{
	conn_event(c, EVENT_SHUTDOWN);
}

static void stop_worker(struct worker *w, void *arg)
{
	w->stopping = true;
	w->stop_alarm = alarm_new(w->loop, on_grace_over, w);
	each_conn(w, say_goodbye);
	if (w->stop_alarm)
		alarm_set(w->stop_alarm, loop_now_ms() + (uint64_t)(uintptr_t)arg);
	else
		on_grace_over(w);
}

void workers_stop(struct workers *ws, uint64_t grace_ms)
{
	listeners_close(ws);
	for (unsigned i = 0; ws->worker && i < ws->cfg.n; i++) {
		struct worker *w = &ws->worker[i];

		if (w->started && worker_post(w, stop_worker, (void *)(uintptr_t)grace_ms))
			abort(); /* out of memory while stopping: the links stay, and nothing gets out */
	}
	for (unsigned i = 0; ws->worker && i < ws->cfg.n; i++) {
		struct worker *w = &ws->worker[i];

		if (w->started)
			pthread_join(w->thread, NULL);
		w->stopping = true;
	}
	free_all(ws);
}

struct listing {
	void (*fn)(void *arg, const struct session_view *v);
	void *arg;
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done;
};

static void list_worker(struct worker *w, void *arg)
{
	struct listing *l = arg;
	uint64_t now = loop_now_ms();
	struct session_view view;

	for (struct conn *c = w->conns; c; c = conn_next(c)) {
		conn_view(c, now, &view);
		l->fn(l->arg, &view);
	}
	pthread_mutex_lock(&l->lock);
	l->is_done = true;
	pthread_cond_signal(&l->done);
	pthread_mutex_unlock(&l->lock);
}

int workers_sessions(struct workers *ws, void (*fn)(void *arg, const struct session_view *v), void *arg)
{
	struct listing l = {fn, arg, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

	for (unsigned i = 0; i < ws->cfg.n; i++) {
		l.is_done = false;
		if (worker_post(&ws->worker[i], list_worker, &l))
			return -ENOMEM;
		pthread_mutex_lock(&l.lock);
		while (!l.is_done)
			pthread_cond_wait(&l.done, &l.lock);
		pthread_mutex_unlock(&l.lock);
	}
	return 0;
}

void workers_stats(struct workers *ws, struct workers_stats *out)
{
	out->accepted = atomic_load(&ws->accepted);
	for (unsigned i = 0; i < UNSERVED_MAX; i++)
		out->unserved[i] = atomic_load(&ws->unserved[i]);
	out->connections = registry_count(ws->registry);
}
