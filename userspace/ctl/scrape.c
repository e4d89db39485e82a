/* SPDX-License-Identifier: MIT */
#include "ctl/scrape.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/health.h"
#include "ctl/metrics.h"
#include "ctl/report.h"

#define VISITORS_MAX 16
#define REQUEST_MAX  4096u
#define VISIT_S      5 /* from accept to close, whatever happens */

struct visitor {
	struct bufferevent *bev; /* NULL: the place is free */
	struct event *deadline;
	bool answered;
};

struct scrape {
	const struct report *report;
	struct event_base *base;
	int fd;
	struct event *accept;
	struct visitor visitor[VISITORS_MAX];
};

static void leave(struct visitor *v)
{
	event_del(v->deadline);
	bufferevent_free(v->bev);
	v->bev = NULL;
}

static void on_deadline(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	leave(arg);
}

static void put(struct visitor *v, const char *status, const char *type, const char *body, size_t n)
{
	struct evbuffer *out = bufferevent_get_output(v->bev);

	evbuffer_add_printf(out,
		"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: no-store\r\n"
		"Connection: close\r\n\r\n",
		status, type, n);
	evbuffer_add(out, body, n);
	v->answered = true;
	bufferevent_disable(v->bev, EV_READ);
}

static void put_text(struct visitor *v, const char *status, const char *text)
{
	put(v, status, "text/plain", text, strlen(text));
}

static void put_metrics(const struct scrape *s, struct visitor *v, bool open_metrics)
{
	struct metric_text m = {.open_metrics = open_metrics};

	metrics_write(s->report, &m);
	if (m.failed)
		put_text(v, "500 Internal Server Error", "out of memory\n");
	else
		put(v, "200 OK", metrics_type(open_metrics), m.p, m.n);
	metric_fini(&m);
}

static void put_health(const struct scrape *s, struct visitor *v,
	bool (*look)(const struct report *r, char *text, size_t cap))
{
	char text[1024];
	bool ok = look(s->report, text, sizeof(text));

	put_text(v, ok ? "200 OK" : "503 Service Unavailable", text);
}

/* The head of a request is here: its first line says what is asked for, one header which format. */
static void serve(const struct scrape *s, struct visitor *v)
{
	struct evbuffer *in = bufferevent_get_input(v->bev);
	char *line = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF), *header;
	char path[32] = "", version[16] = "";
	bool open_metrics = false, get;

	get = line && strlen(line) < 256 && sscanf(line, "GET %31s %15s", path, version) == 2 &&
	      strncmp(version, "HTTP/1.", 7) == 0;
	free(line);
	while ((header = evbuffer_readln(in, NULL, EVBUFFER_EOL_CRLF))) {
		if (strncasecmp(header, "accept:", 7) == 0)
			open_metrics |= metrics_wants_open(header);
		free(header);
	}
	if (!get)
		put_text(v, "405 Method Not Allowed", "only GET\n");
	else if (strcmp(path, "/metrics") == 0)
		put_metrics(s, v, open_metrics);
	else if (strcmp(path, "/healthz") == 0)
		put_health(s, v, health_alive);
	else if (strcmp(path, "/readyz") == 0)
		put_health(s, v, health_ready);
	else
		put_text(v, "404 Not Found", "only /metrics, /healthz and /readyz\n");
}

static struct visitor *visitor_of(struct scrape *s, const struct bufferevent *bev)
{
	for (unsigned i = 0; i < VISITORS_MAX; i++) {
		if (s->visitor[i].bev == bev)
			return &s->visitor[i];
	}
	return NULL;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct evbuffer *in = bufferevent_get_input(bev);
	struct visitor *v = visitor_of(arg, bev);

	if (!v || v->answered)
		return;
	if (evbuffer_search(in, "\r\n\r\n", 4, NULL).pos >= 0)
		serve(arg, v);
	else if (evbuffer_get_length(in) >= REQUEST_MAX)
		put_text(v, "431 Request Header Fields Too Large", "too long\n");
}

/* All of the answer is written. */
static void on_written(struct bufferevent *bev, void *arg)
{
	struct visitor *v = visitor_of(arg, bev);

	if (v && v->answered)
		leave(v);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct visitor *v = visitor_of(arg, bev);

	(void)what;
	if (v)
		leave(v);
}

static void on_accept(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval visit = {VISIT_S, 0};
	struct scrape *s = arg;
	struct visitor *v = visitor_of(s, NULL);
	int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)what;
	if (peer < 0)
		return;
	/* All places taken: the newcomer goes, and whoever holds them does not for long. */
	if (v)
		v->bev = bufferevent_socket_new(s->base, peer, BEV_OPT_CLOSE_ON_FREE);
	if (!v || !v->bev) {
		close(peer);
		return;
	}
	v->answered = false;
	bufferevent_setcb(v->bev, on_read, on_written, on_event, s);
	bufferevent_setwatermark(v->bev, EV_READ, 0, REQUEST_MAX);
	if (event_add(v->deadline, &visit) || bufferevent_enable(v->bev, EV_READ | EV_WRITE))
		leave(v);
}

static bool listens_at(int fd, const struct sockaddr_storage *at)
{
	struct sockaddr_storage is = {0};
	socklen_t len = sizeof(is);

	return fd >= 0 && getsockname(fd, (struct sockaddr *)&is, &len) == 0 &&
	       evutil_sockaddr_cmp((struct sockaddr *)&is, (const struct sockaddr *)at, 1) == 0;
}

/* Over no name: whoever answers for names would choose where we listen. */
static int listen_at(const char *where, int given, struct err *e)
{
	struct sockaddr_storage at = {0};
	int len = sizeof(at), one = 1, fd;

	if (evutil_parse_sockaddr_port(where, (struct sockaddr *)&at, &len) ||
		((struct sockaddr_in *)&at)->sin_port == 0) /* the same place in both families */
		return err_set(e, -EINVAL, "--metrics-listen %s: not an address with a port", where);
	if (listens_at(given, &at))
		return given;
	fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "--metrics-listen %s: %m", where);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, (socklen_t)len) < 0 || listen(fd, VISITORS_MAX) < 0) {
		int r = err_set(e, -errno, "--metrics-listen %s: %m", where);

		close(fd);
		return r;
	}
	return fd;
}

int scrape_open(struct scrape **out, struct event_base *base, const struct report *r, const char *where,
	int socket, struct err *e)
{
	struct scrape *s;
	int fd = listen_at(where, socket, e);
	bool failed;

	if (socket >= 0 && fd != socket)
		close(socket);
	if (fd < 0)
		return fd;
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*s = (struct scrape){.report = r, .base = base, .fd = fd};
	s->accept = event_new(base, fd, EV_READ | EV_PERSIST, on_accept, s);
	failed = !s->accept || event_add(s->accept, NULL);
	for (unsigned i = 0; i < VISITORS_MAX; i++) {
		s->visitor[i].deadline = event_new(base, -1, 0, on_deadline, &s->visitor[i]);
		failed |= !s->visitor[i].deadline;
	}
	if (failed) {
		scrape_close(s);
		return err_set(e, -ENOMEM, "out of memory");
	}
	log_with(LOG_INFO, "metrics.listening", LOG_FIELDS(LOG_TEXT("address", where)),
		"/metrics, /healthz and /readyz are answered there");
	*out = s;
	return 0;
}

int scrape_fd(const struct scrape *s)
{
	return s ? s->fd : -1;
}

void scrape_close(struct scrape *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < VISITORS_MAX; i++) {
		if (s->visitor[i].bev)
			leave(&s->visitor[i]);
		if (s->visitor[i].deadline)
			event_free(s->visitor[i].deadline);
	}
	if (s->accept)
		event_free(s->accept);
	close(s->fd);
	free(s);
}
