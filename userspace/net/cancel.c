/* SPDX-License-Identifier: MIT */
#include "net/cancel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "net/conn.h"
#include "net/dial.h"
#include "pgwire/put.h"

#define TIMEOUT_MS 5000
_Static_assert(sizeof(uintptr_t) >= 8, "a cancel key is posted as a pointer");

struct cancel {
	struct cancel *next, **link;
	void (*over)(void *arg); /* NULL once nobody wants to know */
	void *arg;
	struct listener *from;
	struct loop *loop;
	struct dial *dial;
	int fd;
	struct tls *tls;
	struct watch *watch;
	struct alarm *alarm;
	struct put packet;
};

void cancel_forget(struct cancel *c)
{
	if (c)
		c->over = NULL;
}

static void cancel_free(struct cancel *c)
{
	void (*over)(void *arg) = c->over;
	void *arg = c->arg;

	if (c->link) {
		*c->link = c->next;
		if (c->next)
			c->next->link = c->link;
	}
	dial_cancel(c->dial);
	watch_free(c->watch);
	alarm_free(c->alarm);
	tls_free(c->tls);
	if (c->fd >= 0)
		close(c->fd);
	listener_unref(c->from);
	mem_wipe(c->packet.p, c->packet.n);
	put_fini(&c->packet);
	free(c);
	if (over)
		over(arg);
}

void cancel_free_all(struct worker *w)
{
	while (w->cancels) {
		cancel_forget(w->cancels);
		cancel_free(w->cancels);
	}
}

static void on_late(void *arg)
{
	cancel_free(arg);
}

/* The server closes when it has done what it does; what it says before is nothing to us. */
static void on_answer(void *arg, unsigned what)
{
	struct cancel *c = arg;
	char bytes[64];
	ssize_t n = recv(c->fd, bytes, sizeof(bytes), 0);

	(void)what;
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		cancel_free(c);
}

static void on_dialled(void *arg, int fd, struct tls *tls, const struct err *why)
{
	struct cancel *c = arg;
	struct span s = put_bytes(&c->packet);
	struct iovec iov = {(void *)s.p, s.n};
	short events;
	ssize_t n;

	c->dial = NULL;
	c->fd = fd;
	c->tls = tls;
	if (why) {
		log_event(LOG_WARN, "cancel.failed", "%s", why->msg);
		cancel_free(c);
		return;
	}
	/* A few dozen bytes into an empty socket buffer: all or nothing. */
	n = tls ? tls_write(tls, &iov, 1, &events, NULL) : send(fd, s.p, s.n, MSG_NOSIGNAL);
	c->watch = n == (ssize_t)s.n ? watch_new(c->loop, fd, on_answer, c) : NULL;
	if (!c->watch) {
		log_event(LOG_WARN, "cancel.failed", "the request could not be sent");
		cancel_free(c);
		return;
	}
	watch_set(c->watch, LOOP_READ);
}

struct cancel *cancel_send(struct worker *w, struct listener *from, const struct database *d,
	const struct sockaddr *to, uint32_t pid, struct span key, void (*over)(void *arg), void *arg)
{
	const struct dial_config cfg = {w->all->cfg.netns, &from->ns, w->all->tls, TIMEOUT_MS};
	struct cancel *c = calloc(1, sizeof(*c));
	struct err e = {0};

	if (!c)
		return NULL;
	c->fd = -1;
	c->from = listener_ref(from);
	c->loop = w->loop;
	put_cancel(&c->packet, pid, key);
	c->alarm = alarm_new(w->loop, on_late, c);
	if (put_failed(&c->packet) || !c->alarm ||
		dial_start(&c->dial, w->loop, &cfg, d, to, on_dialled, c, &e)) {
		log_event(LOG_WARN, "cancel.failed", "%s", e.msg);
		cancel_free(c);
		return NULL;
	}
	alarm_set(c->alarm, loop_now_ms() + TIMEOUT_MS);
	c->next = w->cancels;
	c->link = &w->cancels;
	if (c->next)
		c->next->link = &c->next;
	w->cancels = c;
	c->over = over;
	c->arg = arg;
	return c;
}

static void on_asked(struct worker *w, void *arg)
{
	struct conn *c = registry_conn(w->all->registry, (uintptr_t)arg, w);

	if (c)
		conn_event(c, EVENT_CANCEL);
}

void cancel_by_key(
	struct workers *ws, uint32_t pid, struct span secret, const struct caller *who, bool ask_others)
{
	const struct worker_hooks *hooks = &ws->cfg.hooks;
	uint64_t key = 0;
	struct worker *owner = registry_owner(ws->registry, pid, secret, who, &key);

	if (owner) {
		if (worker_post(owner, on_asked, (void *)(uintptr_t)key))
			log_event(LOG_WARN, "cancel.failed", "out of memory");
		return;
	}
	if (ask_others && hooks->cancel && hooks->cancel(hooks->arg, pid, secret, who))
		return;
	atomic_fetch_add(&ws->cancels_refused, 1);
	log_with(LOG_INFO, "cancel.refused", LOG_FIELDS(LOG_TEXT("cgroup", who->cgroup)),
		"no connection of the same identity has that key");
}

void workers_cancel(struct workers *ws, uint32_t pid, struct span secret, const struct caller *who)
{
	cancel_by_key(ws, pid, secret, who, false);
}
