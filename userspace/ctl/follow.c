/* SPDX-License-Identifier: MIT */
#include "ctl/follow.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/answer.h"
#include "ctl/clock.h"
#include "ctl/events.h"

#define WAITERS_MAX 16
#define ANSWER_MAX  1000u /* events in one answer */
#define WAIT_MS     5000  /* less than the server's own patience */

struct waiter {
	struct follow *all;
	struct evhttp_request *req; /* NULL: the place is free */
	uint64_t after, until_ms;
};

struct follow {
	struct events *events;
	struct event *added, *timer;
	struct waiter waiter[WAITERS_MAX];
};

static void answer(struct waiter *w)
{
	struct evhttp_request *req = w->req;

	w->req = NULL;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL, NULL);
	answer_json(req, HTTP_OK, events_after(w->all->events, w->after, ANSWER_MAX));
}

static void on_gone(struct evhttp_connection *conn, void *arg)
{
	struct waiter *w = arg;

	(void)conn;
	w->req = NULL; /* freed with its connection */
}

static void on_added(evutil_socket_t fd, short what, void *arg)
{
	struct follow *f = arg;

	(void)fd;
	(void)what;
	events_seen(f->events);
	for (unsigned i = 0; i < WAITERS_MAX; i++) {
		if (f->waiter[i].req && events_last(f->events) > f->waiter[i].after)
			answer(&f->waiter[i]);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct follow *f = arg;
	uint64_t now = clock_ms();

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < WAITERS_MAX; i++) {
		if (f->waiter[i].req && now >= f->waiter[i].until_ms)
			answer(&f->waiter[i]);
	}
}

int follow_open(struct follow **out, struct event_base *base, struct events *ev, struct err *e)
{
	const struct timeval period = {1, 0};
	struct follow *f = calloc(1, sizeof(*f));

	if (!f)
		return err_set(e, -ENOMEM, "out of memory");
	f->events = ev;
	f->added = event_new(base, events_fd(ev), EV_READ | EV_PERSIST, on_added, f);
	f->timer = event_new(base, -1, EV_PERSIST, on_timer, f);
	if (!f->added || !f->timer || event_add(f->added, NULL) || event_add(f->timer, &period)) {
		follow_close(f);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*out = f;
	return 0;
}

void follow_close(struct follow *f)
{
	if (!f)
		return;
	for (unsigned i = 0; i < WAITERS_MAX; i++) {
		if (f->waiter[i].req)
			answer(&f->waiter[i]);
	}
	if (f->added)
		event_free(f->added);
	if (f->timer)
		event_free(f->timer);
	free(f);
}

/* A number of the query part; false: there is something else there. */
static bool number_of(const struct evkeyvalq *query, const char *key, uint64_t *out)
{
	const char *s = evhttp_find_header(query, key);
	char *end;

	*out = 0;
	if (!s)
		return true;
	errno = 0;
	*out = strtoull(s, &end, 10);
	return !errno && end != s && !*end && *s != '-';
}

void follow_request(struct follow *f, struct evhttp_request *req)
{
	const char *text = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
	struct waiter *w = NULL;
	struct evkeyvalq query;
	uint64_t after = 0, wait = 0;
	bool good;

	if (evhttp_parse_query_str(text ? text : "", &query)) {
		answer_error(req, HTTP_BADREQUEST, "the query cannot be read");
		return;
	}
	good = number_of(&query, "after", &after);
	good &= number_of(&query, "wait", &wait);
	evhttp_clear_headers(&query);
	for (unsigned i = 0; i < WAITERS_MAX && !w; i++) {
		if (!f->waiter[i].req)
			w = &f->waiter[i];
	}
	if (!good) {
		answer_error(req, HTTP_BADREQUEST, "after and wait are numbers");
	} else if (!wait || events_last(f->events) != after) {
		answer_json(req, HTTP_OK, events_after(f->events, after, ANSWER_MAX));
	} else if (!w) {
		answer_error(req, HTTP_SERVUNAVAIL, "too many follow the events already");
	} else {
		*w = (struct waiter){f, req, after, clock_ms() + WAIT_MS};
		evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_gone, w);
	}
}
