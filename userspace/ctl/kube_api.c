/* SPDX-License-Identifier: MIT */
#include "ctl/kube_api.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/attr.h"
#include "base/buf.h"
#include "web/http.h"

#define ACCOUNT    "/var/run/secrets/kubernetes.io/serviceaccount/"
#define CALL_S     30u
#define ANSWER_MAX (4u << 20) /* etcd keeps objects of 1.5 MiB at most */
#define WORDS_MAX  200

struct kube_api {
	struct http *http;
};

struct answer {
	struct buf body;
	int status;
	int unheld; /* why the rest of it was not taken; 0: it was */
	uint64_t date_ms;
};

int kube_access_server(const struct kube_access *a, char **out, struct err *e)
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST"), *port = getenv("KUBERNETES_SERVICE_PORT");
	bool v6 = host && strchr(host, ':');
	char *server;
	int n;

	if (a->server)
		n = asprintf(&server, "%s", a->server);
	else if (host && port)
		n = asprintf(&server, "https://%s%s%s:%s", v6 ? "[" : "", host, v6 ? "]" : "", port);
	else
		return err_set(
			e, -EINVAL, "no Kubernetes API server is named, and this is no pod of a cluster");
	if (n < 0)
		return err_set(e, -ENOMEM, "out of memory");
	if (strncmp(server, "https://", 8) != 0) {
		err_set(e, -EINVAL, "%s: an API server is spoken to over https:// only", server);
		free(server);
		return -EINVAL;
	}
	*out = server;
	return 0;
}

int kube_access_http(const struct kube_access *a, struct http **out, struct err *e)
{
	struct http_config hc = {
		.ca_file = a->ca_file ? a->ca_file : ACCOUNT "ca.crt",
		.token_file = a->token_file ? a->token_file : ACCOUNT "token",
	};
	char *server;
	int r = kube_access_server(a, &server, e);

	if (r)
		return r;
	hc.server = server;
	r = http_new(out, &hc, e);
	free(server);
	return r;
}

int kube_api_open(struct kube_api **out, const struct kube_access *access, struct err *e)
{
	struct kube_api *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_set(e, -ENOMEM, "out of memory");
	r = kube_access_http(access, &a->http, e);
	if (r) {
		free(a);
		return r;
	}
	*out = a;
	return 0;
}

void kube_api_close(struct kube_api *a)
{
	if (!a)
		return;
	http_free(a->http);
	free(a);
}

void kube_api_stop(struct kube_api *a)
{
	http_stop(a->http);
}

static void on_status(void *arg, int status, unsigned retry_after_s)
{
	struct answer *an = arg;

	(void)retry_after_s;
	an->status = status;
}

/* RFC 9110, section 5.6.7. */
static void on_header(void *arg, const char *line, size_t n)
{
	static const char name[] = "date:";
	struct answer *an = arg;
	struct tm tm = {0};
	time_t at = 0;
	char text[64];

	if (n >= sizeof(text) || n < sizeof(name) || strncasecmp(line, name, sizeof(name) - 1) != 0)
		return;
	memcpy(text, line, n);
	text[n] = '\0';
	if (strptime(text + sizeof(name) - 1, " %a, %d %b %Y %H:%M:%S GMT", &tm))
		at = timegm(&tm);
	if (at > 0)
		an->date_ms = (uint64_t)at * 1000;
}

static bool on_bytes(void *arg, const void *p, size_t n)
{
	struct answer *an = arg;

	uint8_t *to;
	size_t room;
	int r = buf_reserve(&an->body, n, ANSWER_MAX, &to, &room);

	if (r) {
		an->unheld = r;
		return false;
	}
	memcpy(to, p, n);
	buf_commit(&an->body, n);
	return true;
}

/* What the server says of itself, on one line and not without an end. */
static void words_of(const json_t *doc, char out[WORDS_MAX])
{
	const char *words = json_string_value(json_object_get(doc, "message"));

	snprintf(out, WORDS_MAX, "%s", words ? words : "no reason was given");
	for (char *p = out; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = ' ';
	}
}

/* Who may do it was asked before any webhook is. */
#define WEBHOOK "admission webhook "

static int verdict(const struct kube_call *c, int status, const json_t *doc, struct err *e)
{
	const char *reason = json_string_value(json_object_get(doc, "reason"));
	char words[WORDS_MAX];
	int r;

	if (status >= 200 && status < 300)
		return 0;
	words_of(doc, words);
	switch (status) {
	case 401: r = -EACCES; break;
	case 403: r = strncmp(words, WEBHOOK, strlen(WEBHOOK)) == 0 ? -EPERM : -EACCES; break;
	case 404: r = -ENOENT; break;
	case 409: r = reason && strcmp(reason, "AlreadyExists") == 0 ? -EEXIST : -EAGAIN; break;
	case 400:
	case 413:
	case 422: r = -EINVAL; break;
	case 429:
	case 503: r = -EBUSY; break;
	default: r = -EIO;
	}
	return err_set(e, r, "%s %s: %d: %s", c->method, c->path, status, words);
}

static int perform(
	struct kube_api *a, const struct kube_call *c, const char *body, struct answer *an, struct err *e)
{
	bool patch = strcmp(c->method, "PATCH") == 0;
	const char *const headers[] = {"Accept: application/json",
		patch ? "Content-Type: application/merge-patch+json" : "Content-Type: application/json",
		NULL};
	const struct http_request rq = {
		.method = c->method,
		.target = c->path,
		.headers = headers,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.timeout_s = c->timeout_s ? c->timeout_s : CALL_S,
		.status = on_status,
		.header = on_header,
		.bytes = on_bytes,
		.arg = an,
	};
	int r = http_do(a->http, &rq, e);

	/* The library says the same of an end that was asked for and of one that was made. */
	if (r == -ECANCELED && an->unheld)
		return err_set(e, an->unheld == -ENOBUFS ? -EIO : an->unheld, "%s %s: the answer %s",
			c->method, c->path,
			an->unheld == -ENOBUFS ? "is too long" : "does not fit into memory");
	return r;
}

int kube_api_do(struct kube_api *a, const struct kube_call *c, json_t **answer, struct err *e)
{
	char *body = c->body ? json_dumps(c->body, JSON_COMPACT) : NULL;
	struct answer an = {0};
	json_t *doc = NULL;
	struct span got;
	int r;

	if (answer)
		*answer = NULL;
	if (c->body && !body)
		return err_set(e, -ENOMEM, "out of memory");
	r = perform(a, c, body, &an, e);
	free(body);
	got = buf_peek(&an.body);
	if (!r && got.n) {
		doc = json_loadb((const char *)got.p, got.n, JSON_REJECT_DUPLICATES, NULL);
		/* An error of a proxy in between need not be JSON. */
		if (!doc && an.status < 300)
			r = err_set(e, -EIO, "%s %s: the answer is no JSON", c->method, c->path);
	}
	buf_fini(&an.body);
	if (c->date_ms)
		*c->date_ms = an.date_ms;
	if (!r)
		r = verdict(c, an.status, doc, e);
	if (!r && answer)
		*answer = json_incref(doc);
	json_decref(doc);
	return r;
}

json_t *kube_api_time(uint64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	char text[32];
	struct tm tm;

	if (!gmtime_r(&s, &tm))
		return NULL;
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
}
