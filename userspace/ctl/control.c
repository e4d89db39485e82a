/* SPDX-License-Identifier: MIT */
#include "ctl/control.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

struct control {
	struct event_base *base;
	struct event *hup, *asked, *usr2, *upgrade, *term, *interrupt, *readable;
	struct control_events on;
};

int control_open(struct control **out, struct err *e)
{
	struct control *c = calloc(1, sizeof(*c));

	if (c)
		c->base = event_base_new();
	if (!c || !c->base) {
		free(c);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*out = c;
	return 0;
}

static void forget(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

void control_unread(struct control *c)
{
	forget(&c->readable);
}

void control_unwatch(struct control *c)
{
	forget(&c->hup);
	forget(&c->asked);
	forget(&c->usr2);
	forget(&c->upgrade);
	forget(&c->term);
	forget(&c->interrupt);
	forget(&c->readable);
}

void control_close(struct control *c)
{
	if (!c)
		return;
	control_unwatch(c);
	event_base_free(c->base);
	free(c);
}

struct event_base *control_base(struct control *c)
{
	return c->base;
}

/* libevent calls this once for each signal that came while the loop was elsewhere; they ask for one thing. */
static void hup(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	event_active(c->asked, EV_TIMEOUT, 0);
}

static void asked(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	c->on.hup(c->on.arg);
}

static void usr2(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	event_active(c->upgrade, EV_TIMEOUT, 0);
}

static void upgrade(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	c->on.usr2(c->on.arg);
}

static void term(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	if (c->on.end(c->on.arg))
		event_base_loopbreak(c->base);
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	c->on.readable(c->on.arg);
}

static bool add(struct event *ev)
{
	return ev && event_add(ev, NULL) == 0;
}

int control_watch(struct control *c, int fd, const struct control_events *on, struct err *e)
{
	c->on = *on;
	c->hup = evsignal_new(c->base, SIGHUP, hup, c);
	c->asked = event_new(c->base, -1, 0, asked, c);
	c->usr2 = evsignal_new(c->base, SIGUSR2, usr2, c);
	c->upgrade = event_new(c->base, -1, 0, upgrade, c);
	c->term = evsignal_new(c->base, SIGTERM, term, c);
	c->interrupt = evsignal_new(c->base, SIGINT, term, c);
	c->readable = event_new(c->base, fd, EV_READ | EV_PERSIST, readable, c);
	if (!c->asked || !c->upgrade || !add(c->hup) || !add(c->usr2) || !add(c->term) ||
		!add(c->interrupt) || !add(c->readable))
		return err_set(e, -ENOMEM, "out of memory");
	return 0;
}

void control_end(struct control *c)
{
	event_base_loopexit(c->base, NULL);
}

void control_run(struct control *c)
{
	event_base_dispatch(c->base);
}
