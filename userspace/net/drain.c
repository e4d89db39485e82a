/* SPDX-License-Identifier: MIT */
/* Another daemon has taken over, and this one gets rid of its sessions. Whoever rests is ended soon: the
 * shorter two daemons have sessions of one database the better, what a new version mends is mended sooner,
 * and a pool that finds a connection closed replaces it before it is used. But not at once: who has just
 * logged in, or asks one thing after the other, is in the middle of something, though no transaction is open.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include "base/log.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/straggler.h"

#define LOOK_MS 100
#define REST_MS 1000 /* whoever rests that long ends */
#define BUSY_MS 3000 /* after that everybody who has said something does, between two transactions */

static void each(struct worker *w, void (*fn)(struct conn *c, uint64_t rest_ms), uint64_t rest_ms)
{
	struct conn *next;

	for (struct conn *c = w->conns; c; c = next) {
		next = conn_next(c);
		fn(c, rest_ms);
	}
}

static void on_look(void *arg)
{
	struct worker *w = arg;
	uint64_t now = loop_now_ms();

	if (now >= w->drain_since_ms + BUSY_MS)
		w->drains_at_once = true;
	each(w, conn_rest, REST_MS);
	alarm_set(w->drain_alarm, now + LOOK_MS);
}

static void drain_worker(struct worker *w, void *arg)
{
	(void)arg;
	if (w->drain_alarm || w->stopping)
		return;
	w->drain_since_ms = loop_now_ms();
	w->drain_alarm = alarm_new(w->loop, on_look, w);
	if (w->drain_alarm)
		on_look(w);
	else
		log_event(
			LOG_ERROR, "handover.failed", "out of memory: sessions stay until the grace is over");
}

void workers_drain(struct workers *ws)
{
	listeners_close(ws);
	for (unsigned i = 0; i < ws->cfg.n; i++) {
		if (worker_post(&ws->worker[i], drain_worker, NULL))
			log_event(LOG_ERROR, "handover.failed",
				"out of memory: sessions stay until the grace is over");
	}
}

/* What all workers are asked, one after another; the answer is waited for. */
struct question {
	pthread_mutex_t lock;
	pthread_cond_t done;
	bool is_done, end;
	uint64_t recorded;
	unsigned n;
};

static void answer(struct question *q, unsigned n)
{
	pthread_mutex_lock(&q->lock);
	q->n += n;
	q->is_done = true;
	pthread_cond_signal(&q->done);
	pthread_mutex_unlock(&q->lock);
}

static int ask(struct workers *ws, unsigned i, void (*fn)(struct worker *w, void *arg), struct question *q)
{
	q->is_done = false;
	if (worker_post(&ws->worker[i], fn, q))
		return -ENOMEM;
	pthread_mutex_lock(&q->lock);
	while (!q->is_done)
		pthread_cond_wait(&q->done, &q->lock);
	pthread_mutex_unlock(&q->lock);
	return 0;
}

static void count_redefining(struct worker *w, void *arg)
{
	struct question *q = arg;
	struct conn *next;
	unsigned n = 0;

	for (struct conn *c = w->conns; c; c = next) {
		next = conn_next(c);
		if (!session_redefines(conn_session(c)))
			continue;
		n++;
		if (q->end)
			conn_event(c, EVENT_SHUTDOWN);
	}
	n += conn_parked_redefining(w);
	for (const struct straggler *l = w->stragglers; l; l = l->next)
		n += session_redefines(l->session);
	answer(q, n);
}

unsigned workers_redefining(struct workers *ws, bool end)
{
	struct question q = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .end = end};

	for (unsigned i = 0; i < ws->cfg.n; i++) {
		if (ask(ws, i, count_redefining, &q))
			return UINT_MAX;
	}
	return q.n;
}

static void end_one(struct worker *w, void *arg)
{
	struct question *q = arg;
	struct conn *next;
	unsigned n = 0;

	for (struct conn *c = w->conns; c; c = next) {
		next = conn_next(c);
		if (session_recorded(conn_session(c)) != q->recorded)
			continue;
		n++;
		conn_event(c, EVENT_END);
	}
	answer(q, n);
}

bool workers_end(struct workers *ws, uint64_t recorded)
{
	struct question q = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER, .recorded = recorded};

	for (unsigned i = 0; recorded && i < ws->cfg.n && !q.n; i++)
		if (ask(ws, i, end_one, &q))
			break;
	return q.n;
}
