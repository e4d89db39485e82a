/* SPDX-License-Identifier: MIT */
#include "net/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct loop {
	struct event_base *base;
	int kick_fd;
	struct event *kick;
	void (*kicked)(void *arg);
	void *arg;
};

/* Two events for an fd: turning one on or off is one epoll_ctl, and the write side is mostly never needed. */
struct watch {
	struct loop *loop;
	int fd;
	unsigned on;
	struct event *rd, *wr;
	void (*fn)(void *arg, unsigned what);
	void *arg;
};

struct alarm {
	struct event *ev;
	void (*fn)(void *arg);
	void *arg;
};

static void on_kick(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	uint64_t n;

	(void)what;
	if (read(fd, &n, sizeof(n)) == sizeof(n))
		l->kicked(l->arg);
}

int loop_new(struct loop **out, void (*kicked)(void *arg), void *arg, struct err *e)
{
	struct loop *l = calloc(1, sizeof(*l));
	struct event_config *cfg = event_config_new();

	if (!l || !cfg) {
		free(l);
		if (cfg)
			event_config_free(cfg);
		return err_set(e, -ENOMEM, "out of memory");
	}
	l->kicked = kicked;
	l->arg = arg;
	event_config_set_flag(cfg, EVENT_BASE_FLAG_NOLOCK);
	l->base = event_base_new_with_config(cfg);
	event_config_free(cfg);
	l->kick_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->base && l->kick_fd >= 0)
		l->kick = event_new(l->base, l->kick_fd, EV_READ | EV_PERSIST, on_kick, l);
	if (!l->kick || event_add(l->kick, NULL) < 0) {
		loop_free(l);
		return err_set(e, -ENOMEM, "event loop cannot be made");
	}
	*out = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->kick)
		event_free(l->kick);
	if (l->base)
		event_base_free(l->base);
	if (l->kick_fd >= 0)
		close(l->kick_fd);
	free(l);
}

void loop_turn(struct loop *l)
{
	event_base_loop(l->base, EVLOOP_ONCE);
}

void loop_kick(struct loop *l)
{
	uint64_t one = 1;
	/* It fails only when 2^64 - 2 kicks wait, and then the loop is awake. */
	ssize_t n = write(l->kick_fd, &one, sizeof(one));

	(void)n;
}

static void on_event(evutil_socket_t fd, short what, void *arg)
{
	struct watch *w = arg;

	(void)fd;
	w->fn(w->arg, what & EV_WRITE ? LOOP_WRITE : LOOP_READ);
}

struct watch *watch_new(struct loop *l, int fd, void (*fn)(void *arg, unsigned what), void *arg)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct watch){.loop = l, .fd = fd, .fn = fn, .arg = arg};
	w->rd = event_new(l->base, fd, EV_READ | EV_PERSIST, on_event, w);
	w->wr = event_new(l->base, fd, EV_WRITE | EV_PERSIST, on_event, w);
	if (!w->rd || !w->wr) {
		watch_free(w);
		return NULL;
	}
	return w;
}

static void turn(struct event *ev, bool on)
{
	if (on)
		event_add(ev, NULL);
	else
		event_del(ev);
}

void watch_set(struct watch *w, unsigned what)
{
	unsigned change = w->on ^ what;

	if (change & LOOP_READ)
		turn(w->rd, what & LOOP_READ);
	if (change & LOOP_WRITE)
		turn(w->wr, what & LOOP_WRITE);
	w->on = what;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	if (w->rd)
		event_free(w->rd);
	if (w->wr)
		event_free(w->wr);
	free(w);
}

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct alarm *a = arg;

	(void)fd;
	(void)what;
	a->fn(a->arg);
}

struct alarm *alarm_new(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct alarm *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	*a = (struct alarm){.fn = fn, .arg = arg};
	a->ev = event_new(l->base, -1, 0, on_alarm, a);
	if (!a->ev) {
		free(a);
		return NULL;
	}
	return a;
}

void alarm_set(struct alarm *a, uint64_t at_ms)
{
	uint64_t now = loop_now_ms(), in = at_ms > now ? at_ms - now : 0;
	struct timeval tv;

	/* A day is as good as never, and fits every time_t. */
	if (in > 86400000)
		in = 86400000;
	tv = (struct timeval){(time_t)(in / 1000), (suseconds_t)(in % 1000 * 1000)};
	evtimer_add(a->ev, &tv);
}

void alarm_stop(struct alarm *a)
{
	evtimer_del(a->ev);
}

void alarm_free(struct alarm *a)
{
	if (!a)
		return;
	event_free(a->ev);
	free(a);
}

uint64_t loop_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}
