/* SPDX-License-Identifier: MIT */
#include "net/conn.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "net/conn_state.h"
#include "net/dial.h"

#define LOGIN_MS 30000 /* from accept until the first ReadyForQuery */
#define CLOSE_MS 5000  /* without progress, for a client to take what is left */
/* A client that has shut its writing side: how long it may take nothing of what waits for it, and how often
 * it is looked at. */
#define HALF_STALL_MS 30000
#define HALF_LOOK_MS  5000
#define DRAIN_MS      1  /* how often it is looked whether what the kernel handed on is with TCP */
#define READS_A_TURN  16 /* of one side, before others get their turn */
#define WANT_ONCE     (WANT_CONNECT | WANT_CANCEL | WANT_LOOKUP | WANT_KEY)

static const unsigned read_want[2] = {[SIDE_CLIENT] = WANT_READ_CLIENT, [SIDE_SERVER] = WANT_READ_SERVER};

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
			conn_abort(c, "out of memory for what was to be sent");
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

void conn_feed(struct conn *c, const struct event *ev)
{
	if (c->state == CONN_OPEN)
		satisfy(c, run(c, ev));
}

static void satisfy(struct conn *c, unsigned once)
{
	if (c->state != CONN_OPEN)
		return;
	conn_await_record(c, c->wants & WANT_RECORDED);
	if (once & WANT_KEY &&
		registry_set_pid(c->worker->all->registry, &c->registration, session_key_pid(c->session))) {
		conn_abort(c, "two connections of one cancel key");
		return;
	}
	if (once & WANT_LOOKUP) {
		conn_cancel_other(c);
		conn_close(c);
		return;
	}
	if (once & WANT_CANCEL)
		conn_cancel(c);
	if (c->wants & WANT_SHUT_SERVER && !c->shut) {
		leg_shut(&c->leg[SIDE_SERVER]);
		c->shut = true;
	}
	if (once & WANT_CONNECT && !(c->wants & WANT_CLOSE) && !c->dial && c->leg[SIDE_SERVER].fd < 0)
		conn_connect(c);
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
		conn_abort(c, "where the kernel left off is not known");
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
			conn_abort(c, "out of memory for what came in");
			return;
		}
		if (!spliced)
			n = leg_read(leg, p, len);
		if (n == -EAGAIN) {
			leg->dry = true;
			return;
		}
		if (n > 0 && !passage_got(&c->passage, side, (size_t)n)) {
			conn_abort(c, "the kernel showed bytes twice and they cannot be told apart");
			return;
		}
		if (n > 0 && !spliced)
			session_got(c->session, side, (size_t)n);
		else if (n <= 0)
			ev.kind = read_end(c, side, n);
		conn_feed(c, &ev);
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
		conn_feed(c, &again);
	else if (readable(c, side))
		read_side(c, side);
	else if (c->state == CONN_OPEN)
		watch_set(leg->watch, leg->on &= ~LOOP_READ);
	else if (c->state == CONN_DRAINING && leg_drain(leg))
		conn_close(c);
	conn_settle(c);
}

void conn_on_client(void *arg, unsigned what)
{
	on_leg(arg, SIDE_CLIENT, what);
}

void conn_on_server(void *arg, unsigned what)
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
	conn_close_server(c);
}

static void flush_rest(struct conn *c)
{
	struct leg *leg = &c->leg[SIDE_CLIENT];

	while (may_send(c) && passage_flush(&c->passage))
		c->close_ms = loop_now_ms() + CLOSE_MS;
	if (out_failed(c)) {
		conn_abort(c, "out of memory for what was to be sent");
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
void conn_settle(struct conn *c)
{
	uint64_t at;

	if (ends_at_rest(c) && rests(c))
		conn_feed(c, &(struct event){.kind = EVENT_SHUTDOWN});
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

void conn_on_alarm(void *arg)
{
	const struct event again = {.kind = EVENT_BYTES};
	struct conn *c = arg;
	uint64_t now = loop_now_ms();

	c->alarm_ms = 0;
	if (c->state != CONN_OPEN) {
		if (now >= c->close_ms)
			conn_close(c);
		conn_settle(c);
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
		conn_feed(c, &again);
	if (server_pending(c))
		read_side(c, SIDE_SERVER);
	if (c->state == CONN_OPEN && c->wants & WANT_WAKE && now >= session_wake_ms(c->session))
		conn_feed(c, &again);
	conn_settle(c);
}

void conn_event(struct conn *c, enum event_kind kind)
{
	const struct event ev = {.kind = kind};

	conn_feed(c, &ev);
	conn_settle(c);
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

bool conn_waits(const struct conn *c)
{
	return c->state == CONN_OPEN && c->wants & WANT_WAKE;
}
