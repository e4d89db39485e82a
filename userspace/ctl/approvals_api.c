/* SPDX-License-Identifier: MIT */
#include "ctl/approvals_api.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
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
#include "ctl/peer.h"
#include "ctl/visitors.h"

#define BODY_MAX   8192
#define HEADER_MAX 8192
#define TIMEOUT_S  10
#define GROUPS_MAX 1024
#define REASON_MAX 500
#define FOR_MAX_S  (7 * 86400)
#define USES_MAX   1000
#define LIFT_MAX   INT64_C(1000000000000)

struct approvals_api {
	struct approvals *approvals;
	struct enrol *enrol;
	struct evhttp *http;
	struct visitors *visitors;
	struct sockaddr_un address;
	bool left;
};

struct asking { /* one request */
	struct approvals *a;
	struct approver who;
	gid_t gids[GROUPS_MAX + 1];
	json_t *body;
	struct evhttp_request *req;
};

static int code_of(int r)
{
	switch (r) {
	case -ENOENT: return HTTP_NOTFOUND;
	case -EACCES: return 403;
	case -EINVAL: return HTTP_BADREQUEST;
	case -EALREADY: return 409;
	default: return HTTP_INTERNAL;
	}
}

static void answer(struct evhttp_request *req, int r, const struct err *e)
{
	if (r)
		answer_error(req, code_of(r), e->msg);
	else
		answer_json(req, HTTP_OK, json_object());
}

static json_t *body_of(struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(in);
	const char *text = (const char *)evbuffer_pullup(in, -1);

	return n ? json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL) : json_object();
}

/* A reason that is text and no longer than people write; -EINVAL. */
static int take_reason(const json_t *body, const char **out, struct err *e)
{
	const json_t *v = json_object_get(body, "reason");

	*out = json_string_value(v);
	if (!json_is_object(body) || (v && !json_is_null(v) && !*out) || (*out && strlen(*out) > REASON_MAX))
		return err_set(e, -EINVAL, "a JSON object is expected, with a \"reason\" of at most %d bytes",
			REASON_MAX);
	return 0;
}

static int take_number(const json_t *body, const char *key, json_int_t max, json_int_t *out, struct err *e)
{
	const json_t *v = json_object_get(body, key);

	*out = json_integer_value(v);
	if (v && (!json_is_integer(v) || *out < 1 || *out > max))
		return err_set(e, -EINVAL, "\"%s\" must be from 1 to %lld", key, (long long)max);
	return 0;
}

static void on_approve(struct asking *q, uint64_t id)
{
	json_int_t for_s = 0, uses = 0, rows = 0, bytes = 0;
	struct decision d = {0};
	struct err e = {0};
	int r = take_reason(q->body, &d.reason, &e);

	if (!r)
		r = take_number(q->body, "for_s", FOR_MAX_S, &for_s, &e);
	if (!r)
		r = take_number(q->body, "uses", USES_MAX, &uses, &e);
	if (!r)
		r = take_number(q->body, "rows", LIFT_MAX, &rows, &e);
	if (!r)
		r = take_number(q->body, "bytes", LIFT_MAX, &bytes, &e);
	d.rows = (uint64_t)rows;
	d.bytes = (uint64_t)bytes;
	d.for_s = (uint64_t)for_s;
	d.uses = (unsigned)uses;
	d.shape = json_is_true(json_object_get(q->body, "shape"));
	d.break_glass = json_is_true(json_object_get(q->body, "break_glass"));
	if (!r)
		r = approvals_approve(q->a, id, &q->who, &d, &e);
	answer(q->req, r, &e);
}

static void on_end(struct asking *q, uint64_t id, bool grant)
{
	const char *reason = NULL;
	struct err e = {0};
	int r = take_reason(q->body, &reason, &e);

	if (!r)
		r = grant ? approvals_revoke(q->a, id, &q->who, reason, &e)
			  : approvals_deny(q->a, id, &q->who, reason, &e);
	answer(q->req, r, &e);
}

static void on_list(struct asking *q, enum approvals_which which)
{
	json_t *list = approvals_list(q->a, &q->who, which);

	answer_json(q->req, HTTP_OK,
		list ? json_pack("{s:o}", which == APPROVALS_GRANTS ? "grants" : "approvals", list) : NULL);
}

static void on_show(struct asking *q, uint64_t id)
{
	json_t *o = approvals_show(q->a, &q->who, id);

	if (o)
		answer_json(q->req, HTTP_OK, o);
	else
		answer_error(q->req, HTTP_NOTFOUND, "there is no such approval that you may see");
}

/* "/7/approve" as 7 and "approve"; false: it is not like that. */
static bool split(const char *rest, uint64_t *id, const char **verb)
{
	char *end;

	if (rest[0] != '/' || rest[1] < '0' || rest[1] > '9')
		return false;
	errno = 0;
	*id = strtoull(rest + 1, &end, 10);
	if (errno || (*end && *end != '/'))
		return false;
	*verb = *end ? end + 1 : "";
	return true;
}

static bool all_of_them(struct evhttp_request *req)
{
	const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));

	return query && strcmp(query, "state=all") == 0;
}

static bool dispatch(struct asking *q, const char *path)
{
	static const char approvals[] = "/v1/approvals", grants[] = "/v1/grants";
	enum evhttp_cmd_type method = evhttp_request_get_command(q->req);
	bool get = method == EVHTTP_REQ_GET, post = method == EVHTTP_REQ_POST;
	const char *verb = "";
	uint64_t id = 0;

	if (get && strcmp(path, approvals) == 0)
		on_list(q, all_of_them(q->req) ? APPROVALS_ALL : APPROVALS_PENDING);
	else if (get && strcmp(path, grants) == 0)
		on_list(q, APPROVALS_GRANTS);
	else if (strncmp(path, approvals, strlen(approvals)) == 0 &&
		 split(path + strlen(approvals), &id, &verb)) {
		if (get && !*verb)
			on_show(q, id);
		else if (post && strcmp(verb, "approve") == 0)
			on_approve(q, id);
		else if (post && strcmp(verb, "deny") == 0)
			on_end(q, id, false);
		else
			return false;
	} else if (post && strncmp(path, grants, strlen(grants)) == 0 &&
		   split(path + strlen(grants), &id, &verb) && strcmp(verb, "revoke") == 0)
		on_end(q, id, true);
	else
		return false;
	return true;
}

bool approvals_api_request(
	struct approvals *a, struct enrol *en, int fd, const char *path, struct evhttp_request *req)
{
	struct asking q = {.a = a, .req = req};
	struct err e = {0};
	bool known;

	if (strncmp(path, "/v1/approvals", 13) != 0 && strncmp(path, "/v1/grants", 10) != 0)
		return false;
	if (peer_person(fd, en, &q.who.uid, q.gids, GROUPS_MAX, &q.who.ngids, &e)) {
		log_event(LOG_WARN, "approval.refused", "%s", e.msg);
		answer_error(req, 403, e.msg);
		return true;
	}
	q.who.gids = q.gids;
	q.body = body_of(req);
	known = dispatch(&q, path);
	json_decref(q.body);
	return known;
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
