/* SPDX-License-Identifier: MIT */
#include "ctl/approvals_api.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/answer.h"
#include "ctl/approvals.h"
#include "ctl/approvals_answer.h"
#include "ctl/peer.h"
#include "ctl/visitors.h"

#define BODY_MAX   8192
#define HEADER_MAX 8192
#define TIMEOUT_S  10
#define GROUPS_MAX 1024

struct approvals_api {
	struct approvals *approvals;
	struct enrol *enrol;
	struct evhttp *http;
	struct visitors *visitors;
	struct sockaddr_un address;
	bool left;
};

static void answer(struct approvals *a, struct enrol *en, const struct reception_request *r,
	struct reception_answer *out)
{
	gid_t gids[GROUPS_MAX + 1];
	struct approver who = {.gids = gids};
	struct err e = {0};

	if (peer_person(r->fd, en, &who.uid, gids, GROUPS_MAX, &who.ngids, &e)) {
		log_event(LOG_WARN, "approval.refused", "%s", e.msg);
		approvals_refuse(out, 403, e.msg);
		return;
	}
	approvals_answer(a, &who, r, out);
}

bool approvals_api_request(
	struct approvals *a, struct enrol *en, int fd, const char *path, struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
	const struct reception_request r = {
		.get = evhttp_request_get_command(req) == EVHTTP_REQ_GET,
		.path = path,
		.query = query ? query : "",
		.body_len = evbuffer_get_length(in),
		.body = (const char *)evbuffer_pullup(in, -1),
		.fd = fd,
	};
	struct reception_answer out = {0};

	if (!approvals_asked(path))
		return false;
	answer(a, en, &r, &out);
	answer_json(req, out.code, out.body);
	return true;
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(req);
	struct bufferevent *bev = conn ? evhttp_connection_get_bufferevent(conn) : NULL;
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
	struct approvals_api *api = arg;

	if (!approvals_api_request(
		    api->approvals, api->enrol, bev ? bufferevent_getfd(bev) : -1, path ? path : "", req))
		answer_error(req, HTTP_NOTFOUND, "no such endpoint");
}

/* Its name is put in place when it listens: a daemon that takes over leaves no moment without one. */
static int listen_at(struct approvals_api *api, struct event_base *base, struct err *e)
{
	struct sockaddr_un first = api->address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;
	size_t n = strlen(first.sun_path);

	if (fd < 0)
		return err_set(e, -errno, APPROVALS_SOCKET ": %m");
	if (n + 5 > sizeof(first.sun_path))
		r = err_set(e, -ENAMETOOLONG, "%s: too long for a unix socket", first.sun_path);
	else
		memcpy(first.sun_path + n, ".new", 5);
	if (!r && unlink(first.sun_path) < 0 && errno != ENOENT)
		r = err_set(e, -errno, "%s: %m", first.sun_path);
	/* Everybody may open it: who he is decides what he may. */
	if (!r && (bind(fd, (const struct sockaddr *)&first, sizeof(first)) < 0 ||
			  chmod(first.sun_path, 0666) < 0 || listen(fd, 1024) < 0 ||
			  rename(first.sun_path, api->address.sun_path) < 0))
		r = err_set(e, -errno, "%s: %m", first.sun_path);
	if (!r)
		r = visitors_open(&api->visitors, base, api->http, fd, api->enrol, e);
	if (r)
		close(fd);
	return r;
}

int approvals_api_open(struct approvals_api **out, struct event_base *base, const char *run_dir,
	struct approvals *a, struct enrol *en, struct err *e)
{
	struct approvals_api *api = calloc(1, sizeof(*api));
	int r = 0;

	if (!api)
		return err_set(e, -ENOMEM, "out of memory");
	api->approvals = a;
	api->enrol = en;
	api->address.sun_family = AF_UNIX;
	if ((size_t)snprintf(api->address.sun_path, sizeof(api->address.sun_path), "%s/" APPROVALS_SOCKET,
		    run_dir) >= sizeof(api->address.sun_path))
		r = err_set(e, -ENAMETOOLONG, "%s: too long for a unix socket", run_dir);
	if (!r) {
		api->http = evhttp_new(base);
		r = api->http ? 0 : err_set(e, -ENOMEM, "out of memory");
	}
	if (!r) {
		evhttp_set_allowed_methods(api->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST);
		evhttp_set_max_body_size(api->http, BODY_MAX);
		evhttp_set_max_headers_size(api->http, HEADER_MAX);
		evhttp_set_timeout(api->http, TIMEOUT_S);
		evhttp_set_gencb(api->http, on_request, api);
		r = listen_at(api, base, e);
	}
	if (r) {
		api->left = true;
		approvals_api_close(api);
		return r;
	}
	*out = api;
	return 0;
}

void approvals_api_leave(struct approvals_api *api)
{
	api->left = true;
}

void approvals_api_close(struct approvals_api *api)
{
	if (!api)
		return;
	if (!api->left)
		unlink(api->address.sun_path);
	if (api->http)
		evhttp_free(api->http);
	visitors_close(api->visitors);
	free(api);
}
