/* SPDX-License-Identifier: MIT */
#include "net/conn_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "kern/unix_flow.h"
#include "kube/pod.h"
#include "net/cancel.h"
#include "net/dial.h"
#include "net/listener.h"

/* The session is over, but not what it sent: the server's end stays open, and nobody looks at it meanwhile.
 */
void conn_close_server(struct conn *c)
{
	struct leg *leg = &c->leg[SIDE_SERVER];

	if (leg->fd < 0 || leg->eof || c->worker->stopping || !session_holds(c->session)) {
		passage_leave(&c->passage);
		leg_close(leg);
		return;
	}
	watch_free(leg->watch);
	leg->watch = NULL;
	if (!c->shut)
		leg_shut(leg);
	c->shut = true;
}

void conn_await_record(struct conn *c, bool awaits)
{
	struct worker *w = c->worker;

	if (awaits == (c->recorded_link != NULL))
		return;
	if (awaits) {
		c->next_recorded = w->recorded_by;
		c->recorded_link = &w->recorded_by;
		if (w->recorded_by)
			w->recorded_by->recorded_link = &c->next_recorded;
		w->recorded_by = c;
		return;
	}
	*c->recorded_link = c->next_recorded;
	if (c->next_recorded)
		c->next_recorded->recorded_link = c->recorded_link;
	c->next_recorded = NULL;
	c->recorded_link = NULL;
}

void conn_close(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->state == CONN_GONE)
		return;
	c->state = CONN_GONE;
	conn_await_record(c, false);
	dial_cancel(c->dial);
	cancel_forget(c->cancel);
	registry_remove(w->all->registry, &c->registration);
	passage_drop(&c->passage);
	leg_close(&c->leg[SIDE_CLIENT]);
	if (c->over_unix)
		unix_flow_end(w->all->cfg.kern, c->socket_cookie);
	conn_close_server(c);
	alarm_free(c->alarm);
	c->dial = NULL;
	c->cancel = NULL;
	c->alarm = NULL;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	/* The rest is still on the stack of whoever called; it goes when the turn ends. */
	c->next_parked = w->parked;
	w->parked = c;
}

static void free_conn(void *arg)
{
	struct conn *c = arg;
	struct workers *ws = c->worker->all;

	registry_leave(ws->registry, c->who.cgroup_id);
	passage_fini(&c->passage);
	session_over(c->session, loop_now_ms());
	session_free(c->session);
	if (c->slot)
		ws->cfg.hooks.detach(ws->cfg.hooks.arg, c->slot);
	listener_unref(c->listener);
	pod_unref(c->who.pod);
	free(c);
}

void conn_free_parked(struct worker *w)
{
	while (w->parked) {
		struct conn *c = w->parked;

		w->parked = c->next_parked;
		if (c->leg[SIDE_SERVER].fd < 0) {
			free_conn(c);
			continue;
		}
		session_unread(c->session);
		c->straggler = (struct straggler){.leg = &c->leg[SIDE_SERVER],
			.session = c->session,
			.listener = c->listener,
			.to = (const struct sockaddr *)&c->who.dialled,
			.done = free_conn,
			.arg = c};
		straggler_start(w, &c->straggler);
	}
}

/* Something between us and the client is wrong: nothing more may go out. */
void conn_abort(struct conn *c, const char *why)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (c->state == CONN_GONE)
		return;
	worker_unserved(c->worker, UNSERVED_FAILED, why);
	setsockopt(c->leg[SIDE_CLIENT].fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn_close(c);
}

const struct session *conn_session(const struct conn *c)
{
	return c->session;
}

unsigned conn_parked_redefining(const struct worker *w)
{
	unsigned n = 0;

	for (const struct conn *c = w->parked; c; c = c->next_parked)
		n += session_redefines(c->session);
	return n;
}

struct conn *conn_next_recorded(const struct conn *c)
{
	return c->next_recorded;
}

struct conn *conn_next(const struct conn *c)
{
	return c->next;
}

void conn_turn_away(struct worker *w, struct visitor *v)
{
	close_hard(v->fd);
	registry_leave(w->all->registry, v->who.cgroup_id);
	visitor_over(w->all, v);
	pod_unref(v->who.pod);
	listener_unref(v->listener);
	free(v);
}

static int conn_new(struct conn **out, struct worker *w, const struct visitor *v, struct err *e)
{
	struct conn *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	c->worker = w;
	c->who = v->who;
	c->flow = v->flow;
	c->socket_cookie = v->socket_cookie;
	c->over_unix = v->over_unix;
	c->began_ms = loop_now_ms();
	c->registration = (struct registration){.conn = c, .owner = w, .who = &c->who};
	c->leg[SIDE_CLIENT] = (struct leg){.fd = v->fd};
	c->leg[SIDE_SERVER] = (struct leg){.fd = -1};
	r = registry_add(w->all->registry, &c->registration, e);
	if (!r) {
		struct session_key key = {.pid = c->registration.pid};

		memcpy(key.secret, c->registration.secret, sizeof(key.secret));
		r = session_new(&c->session, &w->env, &c->who, key, e);
	}
	if (!r) {
		c->passage = (struct passage){.worker = w, .session = c->session, .leg = c->leg};
		c->alarm = alarm_new(w->loop, conn_on_alarm, c);
		c->leg[SIDE_CLIENT].watch = watch_new(w->loop, v->fd, conn_on_client, c);
		if (!c->alarm || !c->leg[SIDE_CLIENT].watch)
			r = err_set(e, -ENOMEM, "out of memory");
	}
	if (r) {
		registry_remove(w->all->registry, &c->registration);
		session_free(c->session);
		alarm_free(c->alarm);
		watch_free(c->leg[SIDE_CLIENT].watch);
		free(c);
		return r;
	}
	*out = c;
	return 0;
}

void conn_adopt(struct worker *w, void *visitor)
{
	struct visitor *v = visitor;
	struct err e = {0};
	struct conn *c = NULL;

	if (w->stopping || conn_new(&c, w, v, &e)) {
		if (!w->stopping)
			worker_unserved(w, UNSERVED_FAILED, e.msg);
		conn_turn_away(w, v);
		return;
	}
	c->listener = v->listener;
	c->state = CONN_OPEN;
	c->next = w->conns;
	c->link = &w->conns;
	if (c->next)
		c->next->link = &c->next;
	w->conns = c;
	free(v);
	conn_event(c, EVENT_BYTES);
}

void conn_view(const struct conn *c, uint64_t now_ms, struct session_view *out)
{
	const struct database *d = session_target(c->session);
	const char *dbname = session_dbname(c->session), *user = session_user(c->session);
	struct session_stats st;

	session_stats(c->session, &st);
	*out = (struct session_view){
		.caller = &c->who,
		.flow = c->flow,
		.socket_cookie = c->socket_cookie,
		.database = d ? d->name : "",
		.user = user ? user : "",
		.dbname = dbname ? dbname : "",
		.state = c->state == CONN_OPEN ? st.state : "closing",
		.status = st.status,
		.judged = st.judged,
		.recorded = session_recorded(c->session),
		.statements = st.statements,
		.refused = st.refused,
		.stopped = st.stopped,
		.rows = st.rows,
		.masked_cells = st.masked_cells,
		.bytes_to_client = st.bytes_to_client,
		.bytes_to_server = st.bytes_to_server,
		.spliced_bytes = st.spliced_bytes,
		.age_ms = now_ms - c->began_ms,
	};
}
