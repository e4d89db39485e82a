/* SPDX-License-Identifier: MIT */
/* A guest is let in, says what he wants within the time there is, is answered, and goes:
 *
 *   SHAKES ──► READS ──► WRITES ──► gone
 *
 * GET /healthz is answered with 200. An API server says how long its body is; who does not is sent away. */
#include "admission/server.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/buf.h"
#include "net/tls.h"
#include "web/request.h"

#define PLACES   64u
#define HEAD_MAX 16384u
#define BODY_MAX (8u << 20)  /* an object of etcd's 1.5 MiB as it was and as it is to be, escaped */
#define BODIES   (32u << 20) /* of all */
#define VISIT_S  10          /* from accept until all is said, and again until all is answered */

enum guest_state { GUEST_SHAKES = 0, GUEST_READS, GUEST_WRITES };

struct guest {
	LIST_ENTRY(guest) all;
	enum guest_state state;
	struct server *s;
	int fd;
	struct tls *tls;
	struct event *ready, *late;
	char head[HEAD_MAX];
	size_t nhead;
	struct request rq; /* once the head is whole */
	char *body, *out;
	size_t nbody, nout, sent;
};

struct server {
	const struct server_config *cfg;
	struct event_base *base;
	struct tls_context *tls;
	int fd;
	struct event *accept;
	LIST_HEAD(, guest) guests;
	unsigned nguests;
	size_t bodies;
};

/* ---- coming and going ---- */

static void leave(struct guest *g)
{
	struct server *s = g->s;

	LIST_REMOVE(g, all);
	s->nguests--;
	s->bodies -= g->body ? g->rq.body_len : 0;
	if (g->ready)
		event_free(g->ready);
	if (g->late)
		event_free(g->late);
	tls_free(g->tls);
	close(g->fd);
	free(g->body);
	free(g->out);
	free(g);
	/* a place is free again: the listener waited for one */
	event_add(s->accept, NULL);
}

static void on_late(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	leave(arg);
}

static bool give_time(struct guest *g)
{
	const struct timeval visit = {VISIT_S, 0};

	return event_add(g->late, &visit) == 0;
}

/* ---- what is said, and answered ---- */

/* false: he is gone. */
static bool put_answer(struct guest *g, int code, json_t *doc)
{
	char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
	int n;

	json_decref(doc);
	n = asprintf(&g->out,
		"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n%s",
		code, code == 200 ? "OK" : "Refused", text ? strlen(text) : 0, text ? text : "");
	free(text);
	if (n < 0)
		g->out = NULL;
	if (n < 0 || !give_time(g)) {
		leave(g);
		return false;
	}
	g->nout = (size_t)n;
	g->state = GUEST_WRITES;
	return true;
}

static bool serve(struct guest *g)
{
	const struct server_config *cfg = g->s->cfg;
	json_t *asked, *answer;

	if (g->rq.get)
		return put_answer(g, strcmp(g->rq.path, "/healthz") == 0 ? 200 : 404, NULL);
	for (unsigned i = 0; i < cfg->npages; i++) {
		if (strcmp(cfg->pages[i].path, g->rq.path) != 0)
			continue;
		asked = json_loadb(g->body, g->nbody, JSON_REJECT_DUPLICATES, NULL);
		answer = asked ? cfg->pages[i].answer(cfg->pages[i].arg, asked) : NULL;
		json_decref(asked);
		return put_answer(g, answer ? 200 : 400, answer);
	}
	return put_answer(g, 404, NULL);
}

/* 0, or the status that refuses a request whose head is whole, with so much more behind that. */
static int refusal_of(const struct guest *g, size_t more)
{
	const struct request *r = &g->rq;

	if (!r->get && !r->sized)
		return 411;
	if (r->body_len > BODY_MAX)
		return 413;
	if (more > r->body_len)
		return 400;
	return r->body_len > BODIES - g->s->bodies ? 503 : 0;
}

/* What came behind the head is the body's beginning. */
static bool begin_body(struct guest *g)
{
	struct server *s = g->s;
	size_t more = g->nhead - g->rq.len;
	int code = refusal_of(g, more);

	if (code)
		return put_answer(g, code, NULL);
	g->body = malloc(g->rq.body_len ? g->rq.body_len : 1);
	if (!g->body)
		return put_answer(g, 503, NULL);
	s->bodies += g->rq.body_len;
	memcpy(g->body, g->head + g->rq.len, more);
	g->nbody = more;
	return g->nbody < g->rq.body_len || serve(g);
}

/* false: he is gone. */
static bool took(struct guest *g, size_t n)
{
	if (g->body) {
		g->nbody += n;
		return g->nbody < g->rq.body_len || serve(g);
	}
	g->nhead += n;
	switch (request_read(&g->rq, g->head, g->nhead, HEAD_MAX)) {
	case WIRE_MORE: return true;
	case WIRE_OK: return begin_body(g);
	case WIRE_BAD: break;
	}
	return put_answer(g, g->rq.refusal, NULL);
}

/* ---- bytes ---- */

static bool wait_for(struct guest *g, short events);

static ssize_t take(struct guest *g, short *events)
{
	struct err e;

	if (g->body)
		return tls_read(g->tls, g->body + g->nbody, g->rq.body_len - g->nbody, events, &e);
	return tls_read(g->tls, g->head + g->nhead, HEAD_MAX - g->nhead, events, &e);
}

static ssize_t give(struct guest *g, short *events)
{
	const struct iovec rest = {g->out + g->sent, g->nout - g->sent};
	struct err e;

	return tls_write(g->tls, &rest, 1, events, &e);
}

/* One step; *gone: he has left. */
static ssize_t step(struct guest *g, short *events, bool *gone)
{
	struct err e;
	ssize_t n;

	switch (g->state) {
	case GUEST_SHAKES:
		n = tls_handshake(g->tls, events, &e);
		if (n > 0)
			g->state = GUEST_READS;
		return n;
	case GUEST_READS:
		n = take(g, events);
		if (n > 0)
			*gone = !took(g, (size_t)n);
		return n;
	case GUEST_WRITES: break;
	}
	n = give(g, events);
	if (n > 0)
		g->sent += (size_t)n;
	if (n > 0 && g->sent == g->nout) {
		tls_shut(g->tls);
		leave(g);
		*gone = true;
	}
	return n;
}

static void go_on(struct guest *g)
{
	short events = 0;
	bool gone = false;
	ssize_t n;

	do {
		n = step(g, &events, &gone);
		if (gone)
			return;
	} while (n > 0 || n == -EINTR);
	if (n != -EAGAIN || !wait_for(g, events))
		leave(g);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	go_on(arg);
}

static bool wait_for(struct guest *g, short events)
{
	event_del(g->ready);
	return event_assign(g->ready, g->s->base, g->fd, events & POLLOUT ? EV_WRITE : EV_READ, on_ready,
		       g) == 0 &&
	       event_add(g->ready, NULL) == 0;
}

static void welcome(struct server *s, int fd)
{
	struct guest *g = calloc(1, sizeof(*g));
	struct err e;

	if (!g) {
		close(fd);
		return;
	}
	g->s = s;
	g->fd = fd;
	LIST_INSERT_HEAD(&s->guests, g, all);
	s->nguests++;
	g->ready = event_new(s->base, fd, EV_READ, on_ready, g);
	g->late = event_new(s->base, -1, 0, on_late, g);
	if (!g->ready || !g->late || tls_accept(&g->tls, s->tls, fd, &e) || !give_time(g))
		leave(g);
	else
		go_on(g);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	struct server *s = arg;
	int peer;

	(void)what;
	/* those that are behind wait in the kernel until somebody leaves */
	if (s->nguests >= PLACES) {
		event_del(s->accept);
		return;
	}
	peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (peer >= 0)
		welcome(s, peer);
}

/* ---- life ---- */

static int listen_at(const char *where, struct err *e)
{
	struct sockaddr_storage at = {0};
	int len = sizeof(at), one = 1, fd;

	if (evutil_parse_sockaddr_port(where, (struct sockaddr *)&at, &len))
		return err_set(e, -EINVAL, "--listen %s: not an address with a port", where);
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "--listen %s: %m", where);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, (socklen_t)len) < 0 || listen(fd, (int)PLACES) < 0) {
		int r = err_set(e, -errno, "--listen %s: %m", where);

		close(fd);
		return r;
	}
	return fd;
}

int server_open(struct server **out, struct event_base *base, const struct server_config *cfg, struct err *e)
{
	const struct tls_config tls = {
		.server = true, .cert_file = cfg->cert_file, .key_file = cfg->key_file};
	struct server *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->cfg = cfg;
	s->base = base;
	s->fd = -1;
	r = tls_context_new(&s->tls, &tls, e);
	if (!r)
		r = s->fd = listen_at(cfg->listen, e);
	if (r >= 0) {
		s->accept = event_new(base, s->fd, EV_READ | EV_PERSIST, on_accept, s);
		r = s->accept && event_add(s->accept, NULL) == 0 ? 0 : err_set(e, -ENOMEM, "out of memory");
	}
	if (r) {
		server_close(s);
		return r;
	}
	*out = s;
	return 0;
}

void server_close(struct server *s)
{
	if (!s)
		return;
	while (!LIST_EMPTY(&s->guests))
		leave(LIST_FIRST(&s->guests));
	if (s->accept)
		event_free(s->accept);
	if (s->fd >= 0)
		close(s->fd);
	tls_context_free(s->tls);
	free(s);
}
