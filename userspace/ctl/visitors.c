/* SPDX-License-Identifier: MIT */
/* evhttp takes whoever comes, and says neither who is there nor when he has gone. But it asks for the
 * bufferevent of each: that one has a reference of ours, so that it can be looked at whether evhttp has it
 * still. */
#include "ctl/visitors.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include "base/log.h"
#include "ctl/clock.h"
#include "ctl/peer.h"

#define LOOK_MS      50
#define TELL_EACH_MS 60000

struct visitor {
	TAILQ_ENTRY(visitor) all;
	struct bufferevent *bev;
	uint64_t until_ms;
	bool known, guarded, out; /* out: he was shown the door */
	uid_t uid;
};

struct visitors {
	TAILQ_HEAD(, visitor) all;
	unsigned n;
	struct event_base *base;
	struct event *look;
	struct evconnlistener *listener;
	struct enrol *enrol;
	uint64_t told_ms;
};

static void drop(struct visitors *v, struct visitor *x)
{
	TAILQ_REMOVE(&v->all, x, all);
	v->n--;
	bufferevent_decref(x->bev);
	free(x);
}

/* evhttp takes its callbacks away when it is through with one, and shuts what he reads from. */
static bool has_gone(const struct visitor *x)
{
	bufferevent_data_cb in = NULL, out = NULL;
	bufferevent_event_cb event = NULL;
	void *arg;

	bufferevent_getcb(x->bev, &in, &out, &event, &arg);
	return !in && !out && !event;
}

static bool alike(const struct visitor *x, const struct visitor *y)
{
	return y->known && (y->uid == x->uid || (x->guarded && y->guarded));
}

static bool crowded(const struct visitors *v, const struct visitor *x)
{
	const struct visitor *y;
	unsigned n = 0;

	TAILQ_FOREACH(y, &v->all, all)
	{
		n += y != x && alike(x, y);
	}
	return n >= VISITORS_OF_MAX;
}

static void show_out(struct visitor *x)
{
	x->out = true;
	shutdown(bufferevent_getfd(x->bev), SHUT_RDWR); /* evhttp sees the end */
}

static void meet(struct visitors *v, struct visitor *x)
{
	int fd = bufferevent_getfd(x->bev);

	x->known = true;
	x->uid = peer_uid(fd);
	/* where he comes from takes longer to see */
	if (!crowded(v, x) && !((x->guarded = peer_is_guarded(fd, v->enrol)) && crowded(v, x)))
		return;
	show_out(x);
	if (v->told_ms && clock_ms() < v->told_ms + TELL_EACH_MS)
		return;
	v->told_ms = clock_ms();
	log_with(LOG_WARN, "approval.refused", LOG_FIELDS(LOG_NUMBER("uid", x->uid)),
		"more than %d connections of uid %u%s to the socket of approvals at once", VISITORS_OF_MAX,
		x->uid, x->guarded ? ", or of others that pgveil guards," : "");
}

/* Who was shown out is gone at once. */
static void arm(struct visitors *v, bool out)
{
	const struct timeval when = {0, out ? 1000 : LOOK_MS * 1000};

	if (v->n)
		event_add(v->look, &when);
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct visitors *v = arg;
	uint64_t now = clock_ms();
	struct visitor *x, *next;
	bool out = false;

	(void)fd;
	(void)what;
	for (x = TAILQ_FIRST(&v->all); x; x = next) {
		next = TAILQ_NEXT(x, all);
		if (has_gone(x)) {
			drop(v, x);
			continue;
		}
		if (!x->known)
			meet(v, x);
		else if (!x->out && now >= x->until_ms)
			show_out(x);
		out |= x->out;
	}
	if (v->n < VISITORS_MAX)
		evconnlistener_enable(v->listener);
	arm(v, out);
}

/* NULL: it is accepted all the same, and not known of. */
static struct bufferevent *on_visitor(struct event_base *base, void *arg)
{
	struct visitors *v = arg;
	struct visitor *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	if (!x->bev) {
		free(x);
		return NULL;
	}
	bufferevent_incref(x->bev);
	x->until_ms = clock_ms() + (uint64_t)VISITORS_S * 1000;
	TAILQ_INSERT_TAIL(&v->all, x, all);
	if (++v->n >= VISITORS_MAX)
		evconnlistener_disable(v->listener);
	/* when evhttp has told it which socket it is of */
	event_active(v->look, EV_TIMEOUT, 0);
	return x->bev;
}

int visitors_open(struct visitors **out, struct event_base *base, struct evhttp *http, int fd,
	struct enrol *en, struct err *e)
{
	struct visitors *v = calloc(1, sizeof(*v));
	struct evhttp_bound_socket *bound;

	if (!v)
		return err_set(e, -ENOMEM, "out of memory");
	TAILQ_INIT(&v->all);
	v->base = base;
	v->enrol = en;
	v->look = event_new(base, -1, 0, on_look, v);
	bound = v->look ? evhttp_accept_socket_with_handle(http, fd) : NULL;
	if (!bound) {
		visitors_close(v);
		return err_set(e, -ENOMEM, "out of memory");
	}
	v->listener = evhttp_bound_socket_get_listener(bound);
	evhttp_set_bevcb(http, on_visitor, v);
	*out = v;
	return 0;
}

void visitors_close(struct visitors *v)
{
	if (!v)
		return;
	while (!TAILQ_EMPTY(&v->all))
		drop(v, TAILQ_FIRST(&v->all));
	if (v->look)
		event_free(v->look);
	free(v);
}
