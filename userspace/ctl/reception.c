/* SPDX-License-Identifier: MIT */
/* A guest is let in, says what he wants within the time there is, is answered, and goes:
 *
 *   SHAKES ──► READS ──► WRITES ──► gone
 *
 * Nothing is kept between two of his visits. */
#include "ctl/reception.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/buf.h"
#include "ctl/clock.h"
#include "ctl/pace.h"
#include "net/tls.h"
#include "web/request.h"

#define HEAD_MAX  8192u
#define BODY_MAX  8192u
#define VISIT_S   10 /* from accept until he has said all, and again until he has the answer */
#define TOKEN_LEN 256u
#define BURST     40 /* connections of one peer, and one each … */
#define EACH_MS   100

enum guest_state { GUEST_FREE = 0, GUEST_SHAKES, GUEST_READS, GUEST_WRITES };

struct guest {
	enum guest_state state;
	struct reception *r;
	int fd;
	struct tls *tls;
	struct event *ready, *late;
	uint8_t key[PACE_KEY];
	char in[HEAD_MAX + BODY_MAX];
	size_t nin;
	char *out;
	size_t nout, sent;
};

struct reception {
	struct reception_config cfg;
	struct event *accept;
	struct pace pace;
	struct guest **guest; /* made when they are needed */
};

/* ---- coming and going ---- */

static void leave(struct guest *g)
{
	event_del(g->ready);
	event_del(g->late);
	tls_free(g->tls);
	close(g->fd);
	mem_wipe(g->in, g->nin);
	free(g->out);
	g->tls = NULL;
	g->out = NULL;
	g->nin = g->nout = g->sent = 0;
	g->state = GUEST_FREE;
}

static void wait_for(struct guest *g, short events);

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

/* ---- what he says ---- */

static const char *reason_of(int code)
{
	switch (code) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 409: return "Conflict";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default: return "Internal Server Error";
	}
}

static void put_answer(struct guest *g, int code, json_t *body)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	int n;

	json_decref(body);
	code = text ? code : 500;
	n = asprintf(&g->out,
		"HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n%s"
		"Cache-Control: no-store\r\nConnection: close\r\n\r\n%s",
		code, reason_of(code), text ? strlen(text) : 2,
		code == 401 ? "WWW-Authenticate: Bearer realm=\"pgveil\"\r\n" : "", text ? text : "{}");
	free(text);
	if (n < 0 || !give_time(g)) {
		g->out = n < 0 ? NULL : g->out;
		leave(g);
		return;
	}
	g->nout = (size_t)n;
	g->state = GUEST_WRITES;
}

static void put_error(struct guest *g, int code, const char *text)
{
	put_answer(g, code, json_pack("{s:s}", "error", text));
}

static void serve(struct guest *g, const struct request *rq)
{
	struct reception_answer a = {0};
	char bearer[TOKEN_LEN] = "";
	struct reception_request r = {.get = rq->get,
		.path = rq->path,
		.query = rq->query,
		.body = g->in + rq->len,
		.body_len = rq->body_len,
		.fd = g->fd,
		.key = g->key};

	/* a longer one is nobody's */
	if (rq->bearer.n && rq->bearer.n < sizeof(bearer)) {
		memcpy(bearer, rq->bearer.p, rq->bearer.n);
		r.bearer = bearer;
	}
	g->r->cfg.serve(g->r->cfg.arg, &r, &a);
	mem_wipe(bearer, sizeof(bearer));
	put_answer(g, a.code, a.body);
}

/* He is answered when all is there, or when what is there is refused. */
static void look(struct guest *g)
{
	struct request rq;
	enum wire w = request_read(&rq, g->in, g->nin, HEAD_MAX);
	int code = w == WIRE_BAD ? rq.refusal : w == WIRE_OK && rq.body_len > BODY_MAX ? 413 : 0;

	if (code == 431)
		put_error(g, code, "the request's head is too long");
	else if (code)
		put_error(g, code, "a GET or POST of HTTP/1.1 with a body of at most 8192 bytes is expected");
	else if (w == WIRE_OK && g->nin - rq.len >= rq.body_len)
		serve(g, &rq);
}

/* ---- bytes ---- */

static ssize_t take(struct guest *g, short *events)
{
	struct err e;

	return tls_read(g->tls, g->in + g->nin, sizeof(g->in) - g->nin, events, &e);
}

static ssize_t give(struct guest *g, short *events)
{
	const struct iovec rest = {g->out + g->sent, g->nout - g->sent};
	struct err e;

	return tls_write(g->tls, &rest, 1, events, &e);
}

static void go_on(struct guest *g)
{
	short events = 0;
	struct err e;
	ssize_t n;

	while (g->state != GUEST_FREE) {
		if (g->state == GUEST_SHAKES) {
			n = tls_handshake(g->tls, &events, &e);
			if (n > 0)
				g->state = GUEST_READS;
		} else if (g->state == GUEST_READS) {
			n = take(g, &events);
			if (n > 0) {
				g->nin += (size_t)n;
				look(g);
			}
		} else {
			n = give(g, &events);
			if (n > 0)
				g->sent += (size_t)n;
			if (g->sent == g->nout) {
				tls_shut(g->tls);
				leave(g);
				return;
			}
		}
		if (n == -EAGAIN) {
			wait_for(g, events);
			return;
		}
		if (n <= 0 && n != -EINTR) {
			leave(g);
			return;
		}
	}
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	go_on(arg);
}

static void wait_for(struct guest *g, short events)
{
	short what = events & POLLOUT ? EV_WRITE : EV_READ;

	event_del(g->ready);
	if (event_assign(g->ready, g->r->cfg.base, g->fd, what, on_ready, g) || event_add(g->ready, NULL))
		leave(g);
}

/* ---- who comes ---- */

/* An address as it is, of IPv6 its network: whoever has one has all of it. */
static bool key_of(int fd, uint8_t key[PACE_KEY])
{
	struct sockaddr_storage ss = {0};
	socklen_t n = sizeof(ss);

	memset(key, 0, PACE_KEY);
	if (getpeername(fd, (struct sockaddr *)&ss, &n) < 0)
		return false;
	key[0] = 4;
	if (ss.ss_family == AF_INET) {
		memcpy(key + 13, &((struct sockaddr_in *)&ss)->sin_addr, 4);
		return true;
	}
	if (ss.ss_family != AF_INET6)
		return false;
	memcpy(key + 1, &((struct sockaddr_in6 *)&ss)->sin6_addr, 16);
	if (IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&ss)->sin6_addr)) {
		memset(key + 1, 0, 12);
		return true;
	}
	key[0] = 6;
	memset(key + 9, 0, 8);
	return true;
}

static struct guest *guest_new(struct reception *r)
{
	struct guest *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->r = r;
	g->ready = event_new(r->cfg.base, -1, EV_READ, on_ready, g);
	g->late = event_new(r->cfg.base, -1, 0, on_late, g);
	if (g->ready && g->late)
		return g;
	if (g->ready)
		event_free(g->ready);
	if (g->late)
		event_free(g->late);
	free(g);
	return NULL;
}

/* A place for him; NULL: there is none, or he has had his share. */
static struct guest *place_for(struct reception *r, const uint8_t key[PACE_KEY])
{
	struct guest **free_one = NULL;
	unsigned of = 0;

	for (unsigned i = 0; i < r->cfg.places; i++) {
		struct guest *g = r->guest[i];

		if (!g || g->state == GUEST_FREE)
			free_one = free_one ? free_one : &r->guest[i];
		else
			of += memcmp(g->key, key, PACE_KEY) == 0;
	}
	if (!free_one || of >= r->cfg.each)
		return NULL;
	if (!*free_one)
		*free_one = guest_new(r);
	return *free_one;
}

static void welcome(struct reception *r, int fd)
{
	uint8_t key[PACE_KEY];
	bool in_time = key_of(fd, key) && pace_may(&r->pace, key, clock_ms());
	struct guest *g = in_time ? place_for(r, key) : NULL;
	struct err e;

	if (in_time)
		pace_count(&r->pace, key, clock_ms());
	if (!g) {
		close(fd);
		return;
	}
	g->fd = fd;
	memcpy(g->key, key, PACE_KEY);
	g->state = GUEST_SHAKES;
	if (tls_accept(&g->tls, r->cfg.tls, fd, &e) || !give_time(g))
		leave(g);
	else
		go_on(g);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (peer >= 0)
		welcome(arg, peer);
}

/* ---- life ---- */

int reception_open(struct reception **out, const struct reception_config *cfg, struct err *e)
{
	struct reception *r = calloc(1, sizeof(*r));

	if (r)
		r->guest = calloc(cfg->places, sizeof(struct guest *));
	if (r) {
		r->cfg = *cfg;
		r->pace = (struct pace){.burst = BURST, .each_ms = EACH_MS};
		r->accept = event_new(cfg->base, cfg->fd, EV_READ | EV_PERSIST, on_accept, r);
	}
	if (!r || !r->guest || !r->accept || event_add(r->accept, NULL)) {
		if (r)
			r->cfg.fd = -1;
		reception_close(r);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*out = r;
	return 0;
}

void reception_close(struct reception *r)
{
	if (!r)
		return;
	for (unsigned i = 0; r->guest && i < r->cfg.places; i++) {
		struct guest *g = r->guest[i];

		if (!g)
			continue;
		if (g->state != GUEST_FREE)
			leave(g);
		event_free(g->ready);
		event_free(g->late);
		free(g);
	}
	if (r->accept)
		event_free(r->accept);
	if (r->cfg.fd >= 0)
		close(r->cfg.fd);
	free(r->guest);
	free(r);
}
