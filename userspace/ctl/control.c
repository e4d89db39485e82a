/* SPDX-License-Identifier: MIT */
#include "ctl/control.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

struct control {
	struct event_base *base;
	struct event *hup, *asked, *term, *interrupt, *readable;
	void (*on_hup)(void *arg);
	void (*on_readable)(void *arg);
	void *arg;
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

void control_unwatch(struct control *c)
{
	forget(&c->hup);
	forget(&c->asked);
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
	c->on_hup(c->arg);
}

static void term(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	event_base_loopbreak(c->base);
}

static void readable(evutil_socket_t fd, short what, void *arg)
{
	struct control *c = arg;

	(void)fd;
	(void)what;
	c->on_readable(c->arg);
}

int control_watch(struct control *c, int fd, void (*on_hup)(void *arg), void (*on_readable)(void *arg),
	void *arg, struct err *e)
{
	c->on_hup = on_hup;
	c->on_readable = on_readable;
	c->arg = arg;
	c->hup = evsignal_new(c->base, SIGHUP, hup, c);
	c->asked = event_new(c->base, -1, 0, asked, c);
	c->term = evsignal_new(c->base, SIGTERM, term, c);
	c->interrupt = evsignal_new(c->base, SIGINT, term, c);
	c->readable = event_new(c->base, fd, EV_READ | EV_PERSIST, readable, c);
	if (!c->hup || !c->asked || !c->term || !c->interrupt || !c->readable || event_add(c->hup, NULL) ||
		event_add(c->term, NULL) || event_add(c->interrupt, NULL) || event_add(c->readable, NULL))
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
