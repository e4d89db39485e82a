/* SPDX-License-Identifier: MIT */
#include "net/straggler.h"

#include "base/log.h"
#include "net/cancel.h"
#include "net/listener.h"

#define AGAIN_MS 2000 /* a cancel that came before its statement was for nothing */

static void end(struct straggler *l)
{
	cancel_forget(l->cancel);
	l->cancel = NULL;
	alarm_free(l->alarm);
	leg_close(l->leg);
	*l->link = l->next;
	if (l->next)
		l->next->link = l->link;
	metric_add(&l->worker->straggling, (uint64_t)-1);
	l->done(l->arg);
}

static void on_cancel_over(void *arg)
{
	struct straggler *l = arg;

	l->cancel = NULL;
}

static void ask(struct straggler *l)
{
	struct span key = {0};
	uint32_t pid = 0;

	session_upstream_key(l->session, &pid, &key);
	if (!l->cancel)
		l->cancel = cancel_send(l->worker, l->listener, session_target(l->session), l->to, pid, key,
			on_cancel_over, l);
	alarm_set(l->alarm, loop_now_ms() + AGAIN_MS);
}

static void on_alarm(void *arg)
{
	ask(arg);
}

static void on_server(void *arg, unsigned what)
{
	struct straggler *l = arg;

	(void)what;
	if (leg_drain(l->leg))
		end(l);
}

void straggler_start(struct worker *w, struct straggler *l)
{
	l->worker = w;
	l->next = w->stragglers;
	l->link = &w->stragglers;
	if (l->next)
		l->next->link = &l->next;
	w->stragglers = l;
	metric_add(&w->straggling, 1);
	leg_probe(l->leg); /* a machine that is gone sends no end */
	l->alarm = alarm_new(w->loop, on_alarm, l);
	l->leg->watch = watch_new(w->loop, l->leg->fd, on_server, l);
	if (!l->alarm || !l->leg->watch) {
		/* What it holds stays held: better than given back too early. */
		log_event(LOG_ERROR, "straggler.failed", "out of memory");
		return;
	}
	watch_set(l->leg->watch, LOOP_READ);
	ask(l);
}

void straggler_end_all(struct worker *w)
{
	while (w->stragglers)
		end(w->stragglers);
}
