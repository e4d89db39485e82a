/* SPDX-License-Identifier: MIT */
#include "ctl/admin.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "ctl/answer.h"
#include "ctl/approvals_api.h"
#include "ctl/enrol.h"
#include "ctl/follow.h"
#include "ctl/health.h"
#include "ctl/metrics.h"
#include "ctl/peer.h"
#include "ctl/recorder.h"
#include "ctl/report.h"
#include "net/worker.h"

#define BODY_MAX   65536
#define HEADER_MAX 8192
#define TIMEOUT_S  10

struct admin {
	struct admin_config cfg;
	struct follow *follow;
	struct evhttp *http;
	struct sockaddr_un address;
	int fd; /* of http */
	bool left;
};

static int code_of(int r)
{
	return r == -EINVAL   ? HTTP_BADREQUEST
	       : r == -ENOENT ? HTTP_NOTFOUND
	       : r == -EBUSY  ? 409
			      : HTTP_INTERNAL;
}

static json_t *body_of(struct evhttp_request *req)
{
	struct evbuffer *in = evhttp_request_get_input_buffer(req);
	size_t n = evbuffer_get_length(in);
	const char *text = (const char *)evbuffer_pullup(in, -1);

	return n ? json_loadb(text, n, JSON_REJECT_DUPLICATES, NULL) : json_object();
}

static void on_enrol(struct admin *a, struct evhttp_request *req, bool forget)
{
	struct enrol *en = a->cfg.report->enrol;
	json_t *body = body_of(req);
	const char *cgroup = json_string_value(json_object_get(body, "cgroup"));
	const char *netns = json_string_value(json_object_get(body, "netns"));
	json_int_t pid = json_integer_value(json_object_get(body, "pid"));
	struct err e = {0};
	int r = 0;

	if (!cgroup || pid < 0 || pid > INT_MAX)
		r = err_set(&e, -EINVAL,
			"a JSON object with \"cgroup\" and perhaps \"netns\" or \"pid\" is expected");
	else if (forget)
		r = enrol_forget(en, cgroup, &e);
	else
		r = enrol_cgroup(en, cgroup, netns, (pid_t)pid, &e);
	json_decref(body);
	if (r)
		answer_error(req, code_of(r), e.msg);
	else
		answer_json(req, HTTP_OK, json_object());
}

static void on_run(struct admin *a, struct evhttp_request *req, pid_t pid)
{
	char path[PATH_MAX];
	struct err e = {0};
	int r = enrol_run(a->cfg.report->enrol, pid, path, sizeof(path), &e);

	if (r)
		answer_error(req, code_of(r), e.msg);
	else
		answer_json(req, HTTP_OK, json_pack("{s:s}", "cgroup", path));
}

static void on_reload(struct admin *a, struct evhttp_request *req)
{
	json_t *complaints = json_array();

	if (a->cfg.reload(a->cfg.arg, complaints)) {
		answer_json(req, 422,
			json_pack("{s:s, s:o}", "error", "the policy in force stays", "complaints",
				complaints));
		return;
	}
	json_decref(complaints);
	answer_json(req, HTTP_OK, report_policies(a->cfg.report));
}

static void on_splice(struct admin *a, struct evhttp_request *req, bool set)
{
	struct workers *ws = a->cfg.report->workers;
	json_t *body = set ? body_of(req) : NULL, *on = json_object_get(body, "on");
	bool wanted = json_is_true(on), is;

	if (set && !json_is_boolean(on)) {
		answer_error(req, HTTP_BADREQUEST, "a JSON object with \"on\": true or false is expected");
	} else {
		is = set ? workers_splice(ws, wanted) : workers_splices(ws);
		if (set)
			log_event(LOG_INFO, "splice.set", "%s, as was asked for", is ? "on" : "off");
		if (is != wanted && set)
			answer_error(req, 409, "pgveild runs with --splice off");
		else
			answer_json(req, HTTP_OK, json_pack("{s:b}", "on", is));
	}
	json_decref(body);
}

/* "3-17", as the recording calls it: of this daemon's run, or the session is none of ours. */
static void on_end(struct admin *a, struct evhttp_request *req, const char *id, pid_t pid)
{
	uint32_t run = recorder_run(a->cfg.report->recorder);
	unsigned long long session = 0;
	unsigned of = 0;
	int n = 0;

	if (sscanf(id, "%8u-%19llu%n", &of, &session, &n) != 2 || id[n]) {
		answer_error(
			req, HTTP_BADREQUEST, "a session is named by its ID in the recording, such as 3-17");
		return;
	}
	if (!run || of != run || !workers_end(a->cfg.report->workers, session)) {
		answer_error(req, HTTP_NOTFOUND, "there is no such session at the moment");
		return;
	}
	log_with(LOG_INFO, "session.killed",
		LOG_FIELDS(LOG_NUMBER("run", run), LOG_NUMBER("session", session), LOG_NUMBER("pid", pid)),
		"a session was ended, as was asked for");
	answer_json(req, HTTP_OK, json_pack("{s:s}", "ended", id));
}

static void on_ready(struct admin *a, struct evhttp_request *req)
{
	char text[1024];
	bool ready = health_ready(a->cfg.report, text, sizeof(text));

	answer_json(req, HTTP_OK,
		json_pack("{s:b, s:i, s:s}", "ready", ready, "pid", (int)getpid(), "said", text));
}

static void on_metrics(struct admin *a, struct evhttp_request *req)
{
	const char *accept = evhttp_find_header(evhttp_request_get_input_headers(req), "Accept");
	struct metric_text m = {.open_metrics = metrics_wants_open(accept)};

	metrics_write(a->cfg.report, &m);
	answer_metrics(req, &m);
	metric_fini(&m);
}

static void dispatch(struct admin *a, struct evhttp_request *req, pid_t pid)
{
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
	enum evhttp_cmd_type verb = evhttp_request_get_command(req);
	bool get = verb == EVHTTP_REQ_GET, post = verb == EVHTTP_REQ_POST;

	if (!path)
		path = "";
	if (get && strcmp(path, "/v1/status") == 0)
		answer_json(req, HTTP_OK, report_status(a->cfg.report));
	else if (get && strcmp(path, "/v1/sessions") == 0)
		answer_json(req, HTTP_OK, report_sessions(a->cfg.report));
	else if (verb == EVHTTP_REQ_DELETE && strncmp(path, "/v1/sessions/", 13) == 0)
		on_end(a, req, path + 13, pid);
	else if (get && strcmp(path, "/v1/policies") == 0)
		answer_json(req, HTTP_OK, report_policies(a->cfg.report));
	else if (get && strcmp(path, "/v1/events") == 0)
		follow_request(a->follow, req);
	else if (get && strcmp(path, "/v1/ready") == 0)
		on_ready(a, req);
	else if (get && strcmp(path, "/metrics") == 0)
		on_metrics(a, req);
	else if ((post || verb == EVHTTP_REQ_DELETE) && strcmp(path, "/v1/enrol") == 0)
		on_enrol(a, req, !post);
	else if (post && strcmp(path, "/v1/run") == 0)
		on_run(a, req, pid);
	else if ((get || post) && strcmp(path, "/v1/splice") == 0)
		on_splice(a, req, post);
	else if (post && strcmp(path, "/v1/reload") == 0)
		on_reload(a, req);
	else
		answer_error(req, HTTP_NOTFOUND, "no such endpoint");
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(req);
	struct bufferevent *bev = conn ? evhttp_connection_get_bufferevent(conn) : NULL;
	int fd = bev ? bufferevent_getfd(bev) : -1;
	struct admin *a = arg;
	const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
	struct err e = {0};
	pid_t pid;

	if (approvals_api_request(a->cfg.approvals, a->cfg.report->enrol, fd, path ? path : "", req))
		return;
	if (peer_check(fd, a->cfg.report->enrol, &pid, &e)) {
		log_event(LOG_WARN, "admin.refused", "%s", e.msg);
		answer_error(req, 403, e.msg);
		return;
	}
	dispatch(a, req, pid);
}

/* A socket that nobody answers on is an earlier daemon's; one that somebody answers on is a second daemon's.
 */
static int take_place(const struct sockaddr_un *address, struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return err_set(e, -errno, "admin socket: %m");
	r = connect(fd, (const struct sockaddr *)address, sizeof(*address));
	close(fd);
	if (r == 0)
		return err_set(e, -EADDRINUSE, "%s: another pgveild is running", address->sun_path);
	if (unlink(address->sun_path) < 0 && errno != ENOENT)
		return err_set(e, -errno, "%s: %m", address->sun_path);
	return 0;
}

static int listen_at(struct admin *a, struct err *e)
{
	mode_t before;
	int fd, r = take_place(&a->address, e);

	if (r)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(e, -errno, "admin socket: %m");
	before = umask(0177);
	r = bind(fd, (const struct sockaddr *)&a->address, sizeof(a->address));
	umask(before);
	if (r < 0 || listen(fd, 16) < 0)
		r = err_set(e, -errno, "%s: %m", a->address.sun_path);
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

static int serve(struct admin *a, struct err *e)
{
	int fd = a->cfg.socket >= 0 ? a->cfg.socket : listen_at(a, e);

	if (fd < 0)
		return fd;
	if (evhttp_accept_socket(a->http, fd) < 0) {
		close(fd);
		return err_set(e, -ENOMEM, "%s: out of memory", a->address.sun_path);
	}
	a->fd = fd;
	return 0;
}

int admin_open(struct admin **out, const struct admin_config *cfg, struct err *e)
{
	struct admin *a = calloc(1, sizeof(*a));
	int r = 0;

	if (!a)
		return err_set(e, -ENOMEM, "out of memory");
	a->cfg = *cfg;
	a->address.sun_family = AF_UNIX;
	if ((size_t)snprintf(a->address.sun_path, sizeof(a->address.sun_path), "%s/admin.sock",
		    cfg->run_dir) >= sizeof(a->address.sun_path))
		r = err_set(e, -ENAMETOOLONG, "%s: too long for a unix socket", cfg->run_dir);
	if (!r)
		r = follow_open(&a->follow, cfg->base, cfg->events, e);
	if (!r) {
		a->http = evhttp_new(cfg->base);
		r = a->http ? serve(a, e) : err_set(e, -ENOMEM, "out of memory");
	}
	if (r) {
		follow_close(a->follow);
		if (a->http)
			evhttp_free(a->http);
		free(a);
		return r;
	}
	evhttp_set_allowed_methods(a->http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE);
	evhttp_set_max_body_size(a->http, BODY_MAX);
	evhttp_set_max_headers_size(a->http, HEADER_MAX);
	evhttp_set_timeout(a->http, TIMEOUT_S);
	evhttp_set_gencb(a->http, on_request, a);
	*out = a;
	return 0;
}

int admin_fd(const struct admin *a)
{
	return a->fd;
}

void admin_leave(struct admin *a)
{
	a->left = true;
}

void admin_close(struct admin *a)
{
	if (!a)
		return;
	if (!a->left)
		unlink(a->address.sun_path);
	follow_close(a->follow);
	evhttp_free(a->http);
	free(a);
}
