/* SPDX-License-Identifier: MIT */
#include "net/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "kern/unix_flow.h"
#include "kube/pod.h"
#include "net/cancel.h"
#include "net/dial.h"
#include "net/leg.h"
#include "net/listener.h"
#include "net/passage.h"
#include "net/straggler.h"

#define LOGIN_MS   30000 /* from accept until the first ReadyForQuery */
#define CONNECT_MS 10000
#define CLOSE_MS   5000 /* without progress, for a client to take what is left */
/* A client that has shut its writing side: how long it may take nothing of what waits for it, and how often
 * it is looked at. */
#define HALF_STALL_MS 30000
#define HALF_LOOK_MS  5000
#define DRAIN_MS      1  /* how often it is looked whether what the kernel handed on is with TCP */
#define READS_A_TURN  16 /* of one side, before others get their turn */
#define WANT_ONCE     (WANT_CONNECT | WANT_CANCEL | WANT_LOOKUP | WANT_KEY)

/* OPEN ──WANT_CLOSE──► FLUSHING (what is left goes to the client) ──► DRAINING (our end is shut, the client's
 * last bytes are thrown away: a close with unread bytes would be a reset, and take back what was written) ──►
 * GONE. Everything that goes wrong between us and the client: GONE at once. */
enum conn_state { CONN_GONE = 0, CONN_OPEN, CONN_FLUSHING, CONN_DRAINING };

struct conn {
	enum conn_state state;
	struct worker *worker;
	struct conn *next, **link;
	struct conn *next_parked;
	struct session *session;
	struct listener *listener;
	struct caller who;
	struct flow_key flow;
	uint64_t socket_cookie;
	bool over_unix;
	struct registration registration;
	struct leg leg[2]; /* by enum side */
	struct passage passage;
	struct dial *dial;
	struct cancel *cancel;
	bool cancel_again; /* the one under way may have come before what is to be cancelled now */
	struct straggler straggler;
	struct slot *slot;
	struct alarm *alarm;
	uint64_t alarm_ms; /* when it rings; 0: not set */
	uint64_t began_ms, close_ms;
	uint64_t half_ms; /* the client is half closed: when it took something last; 0: it is not */
	unsigned wants;
	uint64_t rests_ms,
		rests_bytes; /* while the worker drains: since when, and after how much; 0: it does not */
	bool logged_in;
	bool shut; /* the server was told that nothing more comes */
};

static const unsigned read_want[2] = {[SIDE_CLIENT] = WANT_READ_CLIENT, [SIDE_SERVER] = WANT_READ_SERVER};

/* The session is over, but not what it sent: the server's end stays open, and nobody looks at it meanwhile.
 */
static void close_server(struct conn *c)
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

void conn_close(struct conn *c)
{
	struct worker *w = c->worker;

	if (c->state == CONN_GONE)
		return;
	c->state = CONN_GONE;
	dial_cancel(c->dial);
	cancel_forget(c->cancel);
	registry_remove(w->all->registry, &c->registration);
	passage_drop(&c->passage);
	leg_close(&c->leg[SIDE_CLIENT]);
	if (c->over_unix)
		unix_flow_end(w->all->cfg.kern, c->socket_cookie);
	close_server(c);
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
static void abort_conn(struct conn *c, const char *why)
{
	struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (c->state == CONN_GONE)
		return;
	worker_unserved(c->worker, UNSERVED_FAILED, why);
	setsockopt(c->leg[SIDE_CLIENT].fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	conn_close(c);
}

static bool out_failed(struct conn *c)
{
	return outq_failed(session_out(c->session, SIDE_CLIENT)) ||
	       outq_failed(session_out(c->session, SIDE_SERVER));
}

/* Whether something may be sent to the client now: what the kernel handed on by itself came first. */
static bool may_send(struct conn *c)
{
	bool moved;

	if (passage_clear(&c->passage, &moved))
		return true;
	if (moved && c->half_ms)
		c->half_ms = loop_now_ms();
	if (moved && c->state == CONN_FLUSHING)
		c->close_ms = loop_now_ms() + CLOSE_MS;
	return false;
}

/* Steps the session, writes what it has to say, and steps it again for as long as something went out: bytes
 * that are gone make room for others. Returns the once-only wants of all steps. */
static unsigned run(struct conn *c, const struct event *ev)
{
	const struct event again = {.kind = EVENT_BYTES}, lost = {.kind = EVENT_LOST, .side = SIDE_CLIENT};
	unsigned once = 0;
	uint64_t now_ms = loop_now_ms();
	bool progress = true;

	while (progress) {
		bool was_broken = c->leg[SIDE_CLIENT].broken;

		c->wants = session_step(c->session, now_ms, ev);
		once |= c->wants & WANT_ONCE;
		if (out_failed(c)) {
			abort_conn(c, "out of memory for what was to be sent");
			return 0;
		}
		progress = may_send(c) && passage_flush(&c->passage);
		if (progress && c->half_ms)
			c->half_ms = loop_now_ms();
		if (c->leg[SIDE_SERVER].fd >= 0)
			progress |= leg_flush(&c->leg[SIDE_SERVER], session_out(c->session, SIDE_SERVER));
		if (c->wants & WANT_CLOSE)
			break;
		ev = &again;
		if (c->leg[SIDE_CLIENT].broken && !was_broken) {
			c->leg[SIDE_CLIENT].eof = true;
			ev = &lost;
		}
	}
	return once;
}

static void satisfy(struct conn *c, unsigned once);

static void feed(struct conn *c, const struct event *ev)
{
	if (c->state == CONN_OPEN)
		satisfy(c, run(c, ev));
}

static void feed_failed(struct conn *c, const struct err *why)
{
	const struct event ev = {.kind = EVENT_CONNECT_FAILED, .why = why};

	feed(c, &ev);
}

static void tell_upstream(struct conn *c, enum log_level level, const struct err *why)
{
	const struct database *d = session_target(c->session);

	atomic_fetch_add(&c->worker->all->upstream_failed, 1);
	log_with(level, "upstream.failed",
		LOG_FIELDS(LOG_TEXT("cgroup", c->who.cgroup), LOG_TEXT("database", d ? d->name : "")), "%s",
		why->msg);
}

/* The operator gets the reason, the client that there is one: it may name files of this machine. */
static void refuse_upstream(struct conn *c, const struct err *why)
{
	struct err told = {0};

	tell_upstream(c, LOG_ERROR, why);
	err_sql(&told, -EIO, "08006", "the masking engine cannot log in to this database; its log says why");
	feed_failed(c, &told);
}

static void settle(struct conn *c);
static void on_server(void *arg, unsigned what);

/* The server side is up: the session gets what it needs to log in. */
static void connected(struct conn *c)
{
	const struct worker_hooks *hooks = &c->worker->all->cfg.hooks;
	struct event ev = {.kind = EVENT_CONNECTED, .tls = c->leg[SIDE_SERVER].tls != NULL, .slot = c->slot};
	char password[1024];
	bool has = false;
	struct err e = {0};
	const struct database *d = session_target(c->session);
	int r = 0;

	/* A relayed login is the client's: it gets nothing of what the engine could say for itself. */
	if (!d->relay)
		r = hooks->password(hooks->arg, d, password, sizeof(password), &has, &e);
	if (!r && getrandom(ev.random, sizeof(ev.random), 0) != (ssize_t)sizeof(ev.random))
		r = err_set(&e, -EIO, "no randomness");
	if (r) {
		refuse_upstream(c, &e);
	} else {
		ev.password = has ? password : NULL;
		feed(c, &ev);
	}
	mem_wipe(password, sizeof(password));
	mem_wipe(ev.random, sizeof(ev.random));
}

static void on_dialled(void *arg, int fd, struct tls *tls, const struct err *why)
{
	struct conn *c = arg;
	struct leg *leg = &c->leg[SIDE_SERVER];

	c->dial = NULL;
	if (why) {
		tell_upstream(c, LOG_WARN, why);
		feed_failed(c, why);
	} else if (c->state != CONN_OPEN) {
		tls_free(tls);
		close(fd);
	} else {
		*leg = (struct leg){.fd = fd, .tls = tls};
		leg->watch = watch_new(c->worker->loop, fd, on_server, c);
		if (leg->watch)
			connected(c);
		else
			abort_conn(c, "out of memory");
	}
	settle(c);
}

static void start_connect(struct conn *c)
{
	struct workers *ws = c->worker->all;
	const struct dial_config cfg = {ws->cfg.netns, &c->listener->ns, ws->tls, CONNECT_MS};
	const struct database *d = session_target(c->session);
	struct err e = {0};

	if (!c->slot)
		c->slot = ws->cfg.hooks.attach(ws->cfg.hooks.arg, d, &c->who, session_dbname(c->session), &e);
	if (!c->slot || dial_start(&c->dial, c->worker->loop, &cfg, d,
				(const struct sockaddr *)&c->who.dialled, on_dialled, c, &e))
		refuse_upstream(c, &e);
}

/* Somebody asks for another connection's statement to be cancelled. The answer is the same whether it is his
 * or not. */
static void lookup(struct conn *c)
{
	uint32_t pid = 0;
	struct span secret = {0};

	session_cancel_request(c->session, &pid, &secret);
	cancel_by_key(c->worker->all, pid, secret, &c->who, true);
}

static void start_cancel(struct conn *c);

static void on_cancel_over(void *arg)
{
	struct conn *c = arg;

	c->cancel = NULL;
	if (c->cancel_again)
		start_cancel(c);
	else
		feed(c, &(struct event){.kind = EVENT_CANCELLED});
	settle(c);
}

static void start_cancel(struct conn *c)
{
	struct span key = {0};
	uint32_t pid = 0;

	c->cancel_again = c->cancel != NULL;
	if (c->cancel)
		return;
	session_upstream_key(c->session, &pid, &key);
	c->cancel = cancel_send(c->worker, c->listener, session_target(c->session),
		(const struct sockaddr *)&c->who.dialled, pid, key, on_cancel_over, c);
	if (!c->cancel)
		feed(c, &(struct event){.kind = EVENT_CANCELLED});
}

static void satisfy(struct conn *c, unsigned once)
{
	if (c->state != CONN_OPEN)
		return;
	if (once & WANT_KEY &&
		registry_set_pid(c->worker->all->registry, &c->registration, session_key_pid(c->session))) {
		abort_conn(c, "two connections of one cancel key");
		return;
	}
	if (once & WANT_LOOKUP) {
		lookup(c);
		conn_close(c);
		return;
	}
	if (once & WANT_CANCEL)
		start_cancel(c);
	if (c->wants & WANT_SHUT_SERVER && !c->shut) {
		leg_shut(&c->leg[SIDE_SERVER]);
		c->shut = true;
	}
	if (once & WANT_CONNECT && !(c->wants & WANT_CLOSE) && !c->dial && c->leg[SIDE_SERVER].fd < 0)
		start_connect(c);
}

static bool readable(const struct conn *c, enum side side)
{
	return c->state == CONN_OPEN && c->wants & read_want[side] && !c->leg[side].eof &&
	       c->leg[side].fd >= 0 && (side == SIDE_CLIENT || !passage_holds(&c->passage));
}

static enum event_kind read_end(struct conn *c, enum side side, ssize_t n)
{
	struct leg *leg = &c->leg[side];

	leg->eof = true;
	if (n < 0) {
		leg->broken = true;
		return EVENT_LOST;
	}
	if (side == SIDE_CLIENT) {
		leg_probe(leg);
		c->half_ms = loop_now_ms();
	}
	return EVENT_EOF;
}

/* Where rows are handed on by the kernel, the server is read only when that has ended, and what went on is
 * sent.
 */
static bool may_read(struct conn *c)
{
	int r = passage_ended(&c->passage);

	if (r > 0)
		return may_send(c);
	if (r < 0)
		abort_conn(c, "where the kernel left off is not known");
	return false;
}

/* Reads a side for as long as the session wants it and it gives whole rooms full. */
static void read_side(struct conn *c, enum side side)
{
	struct event ev = {.kind = EVENT_BYTES, .side = side};
	struct leg *leg = &c->leg[side];

	for (int i = 0; i < READS_A_TURN && readable(c, side) && (side == SIDE_CLIENT || may_read(c)); i++) {
		uint8_t *p;
		size_t len = PIPE_BYTES;
		ssize_t n = side == SIDE_SERVER ? passage_fill(&c->passage) : -ENOBUFS;
		bool spliced = n != -ENOBUFS;

		if (!spliced && session_room(c->session, side, &p, &len)) {
			abort_conn(c, "out of memory for what came in");
			return;
		}
		if (!spliced)
			n = leg_read(leg, p, len);
		if (n == -EAGAIN) {
			leg->dry = true;
			return;
		}
		if (n > 0 && !passage_got(&c->passage, side, (size_t)n)) {
			abort_conn(c, "the kernel showed bytes twice and they cannot be told apart");
			return;
		}
		if (n > 0 && !spliced)
			session_got(c->session, side, (size_t)n);
		else if (n <= 0)
			ev.kind = read_end(c, side, n);
		feed(c, &ev);
		if (n <= 0 || ((size_t)n < len && !(leg->tls && tls_pending(leg->tls))))
			return;
	}
}

static void on_leg(struct conn *c, enum side side, unsigned what)
{
	const struct event again = {.kind = EVENT_BYTES, .side = side};
	struct leg *leg = &c->leg[side];

	if (what & LOOP_READ)
		leg->dry = false;

	if (c->state == CONN_OPEN && what & LOOP_WRITE)
		feed(c, &again);
	else if (readable(c, side))
		read_side(c, side);
	else if (c->state == CONN_OPEN)
		watch_set(leg->watch, leg->on &= ~LOOP_READ);
	else if (c->state == CONN_DRAINING && leg_drain(leg))
		conn_close(c);
	settle(c);
}

static void on_client(void *arg, unsigned what)
{
	on_leg(arg, SIDE_CLIENT, what);
}

static void on_server(void *arg, unsigned what)
{
	on_leg(arg, SIDE_SERVER, what);
}

/* The session is over: the server side goes at once, the client gets what is left. */
static void begin_close(struct conn *c)
{
	c->state = CONN_FLUSHING;
	c->close_ms = loop_now_ms() + CLOSE_MS;
	dial_cancel(c->dial);
	c->dial = NULL;
	registry_remove(c->worker->all->registry, &c->registration);
	if (passage_end(&c->passage) < 0)
		c->leg[SIDE_CLIENT].broken = true;
	close_server(c);
}

static void flush_rest(struct conn *c)
{
	struct leg *leg = &c->leg[SIDE_CLIENT];

	while (may_send(c) && passage_flush(&c->passage))
		c->close_ms = loop_now_ms() + CLOSE_MS;
	if (out_failed(c)) {
		abort_conn(c, "out of memory for what was to be sent");
	} else if (!may_send(c) && !leg->broken && !leg_gone(leg)) {
		return;
	} else if (leg->broken || leg->eof) {
		if (leg->broken || !leg->blocked)
			conn_close(c);
	} else if (!leg->blocked) {
		shutdown(leg->fd, SHUT_WR);
		c->state = CONN_DRAINING;
	}
}

static bool server_pending(const struct conn *c)
{
	const struct leg *leg = &c->leg[SIDE_SERVER];

	return readable(c, SIDE_SERVER) && !leg->dry && leg->tls && tls_pending(leg->tls);
}

/* When the connection must be looked at again, whatever happens; 0: no such time. */
static uint64_t next_look(const struct conn *c)
{
	uint64_t at = 0, wake;

	if (passage_drains(&c->passage))
		return loop_now_ms() + DRAIN_MS;
	if (c->state != CONN_OPEN)
		return c->close_ms;
	if (server_pending(c))
		return loop_now_ms();
	if (!c->logged_in)
		at = c->began_ms + LOGIN_MS;
	if (c->wants & WANT_WAKE) {
		wake = session_wake_ms(c->session);
		if (!at || wake < at)
			at = wake;
	}
	if (c->half_ms && (!at || loop_now_ms() + HALF_LOOK_MS < at))
		at = loop_now_ms() + HALF_LOOK_MS;
	return at;
}

static void watch_legs(struct conn *c)
{
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		struct leg *leg = &c->leg[side];
		unsigned on = leg->on & LOOP_READ;

		if (!leg->watch)
			continue;
		/* Reading is turned off only when something comes that nobody wants (on_leg): most often the
		 * session wants it again before that, and the change would have cost two system calls. */
		if (readable(c, side) || c->state == CONN_DRAINING)
			on |= LOOP_READ;
		if (leg->eof || c->state == CONN_FLUSHING)
			on = 0;
		if (leg->blocked)
			on |= LOOP_WRITE;
		leg->on = on;
		watch_set(leg->watch, on);
	}
}

/* Nothing is under way, and nothing has come that was not read yet. */
static bool rests(const struct conn *c)
{
	int unread = 0;

	return c->state == CONN_OPEN && !(c->wants & WANT_CLOSE) && session_rests(c->session) &&
	       ioctl(c->leg[SIDE_CLIENT].fd, FIONREAD, &unread) == 0 && !unread;
}

/* Whoever has just logged in was promised a session: it has time to say something. */
static bool ends_at_rest(const struct conn *c)
{
	struct session_stats st;

	session_stats(c->session, &st);
	return session_leaves(c->session) || (c->worker->drains_at_once && st.statements);
}

/* After everything that can change something: closing moves on, and what to wait for is set. */
static void settle(struct conn *c)
{
	uint64_t at;

	if (ends_at_rest(c) && rests(c))
		feed(c, &(struct event){.kind = EVENT_SHUTDOWN});
	if (c->state == CONN_OPEN && c->wants & WANT_CLOSE)
		begin_close(c);
	if (c->state == CONN_FLUSHING)
		flush_rest(c);
	if (c->state == CONN_GONE)
		return;
	if (c->state == CONN_OPEN)
		passage_offer(&c->passage);
	watch_legs(c);
	at = next_look(c);
	/* An alarm that rings too early is set anew then; moving it for every statement would cost more. */
	if (at && (!c->alarm_ms || at < c->alarm_ms)) {
		c->alarm_ms = at;
		alarm_set(c->alarm, at);
	}
}

/* A half-closed client gets all answers, unless it is gone or does not take them. */
static bool half_over(const struct conn *c, uint64_t now)
{
	const struct leg *leg = &c->leg[SIDE_CLIENT];

	return leg_gone(leg) ||
	       ((leg->blocked || passage_drains(&c->passage)) && now >= c->half_ms + HALF_STALL_MS);
}

static void on_alarm(void *arg)
{
	const struct event again = {.kind = EVENT_BYTES};
	struct conn *c = arg;
	uint64_t now = loop_now_ms();

	c->alarm_ms = 0;
	if (c->state != CONN_OPEN) {
		if (now >= c->close_ms)
			conn_close(c);
		settle(c);
		return;
	}
	if (!c->logged_in) {
		struct session_stats st;

		session_stats(c->session, &st);
		c->logged_in = st.status != 0;
		if (!c->logged_in && now >= c->began_ms + LOGIN_MS) {
			worker_unserved(c->worker, UNSERVED_LOGIN_TIMEOUT, c->who.cgroup);
			conn_close(c);
			return;
		}
	}
	if (c->half_ms && half_over(c, now)) {
		conn_close(c);
		return;
	}
	if (passage_drains(&c->passage))
		feed(c, &again);
	if (server_pending(c))
		read_side(c, SIDE_SERVER);
	if (c->state == CONN_OPEN && c->wants & WANT_WAKE && now >= session_wake_ms(c->session))
		feed(c, &again);
	settle(c);
}

void conn_event(struct conn *c, enum event_kind kind)
{
	const struct event ev = {.kind = kind};

	feed(c, &ev);
	settle(c);
}

void conn_rest(struct conn *c, uint64_t rest_ms)
{
	struct session_stats st;
	uint64_t now = loop_now_ms();

	if (!rests(c)) {
		c->rests_ms = 0;
		return;
	}
	session_stats(c->session, &st);
	if (!c->rests_ms || c->rests_bytes != st.bytes_to_server)
		c->rests_ms = now;
	c->rests_bytes = st.bytes_to_server;
	if (now - c->rests_ms >= rest_ms || ends_at_rest(c))
		conn_event(c, EVENT_SHUTDOWN);
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

bool conn_waits(const struct conn *c)
{
	return c->state == CONN_OPEN && c->wants & WANT_WAKE;
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
		c->alarm = alarm_new(w->loop, on_alarm, c);
		c->leg[SIDE_CLIENT].watch = watch_new(w->loop, v->fd, on_client, c);
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
