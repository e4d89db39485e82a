/* SPDX-License-Identifier: MIT */
#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_S  30L
#define TURNS      2000 /* of 10 ms, where many are before us */
#define ANSWER_MAX ((size_t)64 << 20)

struct answer {
	char *p;
	size_t n;
};

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	size_t len = size * n;
	char *grown = a->n + len <= ANSWER_MAX ? realloc(a->p, a->n + len + 1) : NULL;

	if (!grown)
		return 0;
	a->p = grown;
	memcpy(a->p + a->n, p, len);
	a->n += len;
	a->p[a->n] = '\0';
	return len;
}

/* Where the queue is full a connect fails at once, as if nobody were there (with EAGAIN, which not every
 * libcurl passes on). */
static CURLcode perform_in_turn(CURL *c)
{
	const struct timespec pause = {0, 10000000};
	CURLcode rc = curl_easy_perform(c);
	long why = 0;

	for (int i = 0; i < TURNS && rc == CURLE_COULDNT_CONNECT; i++) {
		curl_easy_getinfo(c, CURLINFO_OS_ERRNO, &why);
		if (why == ECONNREFUSED || why == ENOENT || why == EACCES)
			break;
		nanosleep(&pause, NULL);
		rc = curl_easy_perform(c);
	}
	return rc;
}

static int perform(CURL *c, const char *run_dir, const char *name, const char *method, const char *url,
	const char *text, struct answer *a, struct err *e)
{
	char socket[PATH_MAX];
	CURLcode rc;

	if ((size_t)snprintf(socket, sizeof(socket), "%s/%s", run_dir, name) >= sizeof(socket))
		return err_set(e, -ENAMETOOLONG, "%s: too long", run_dir);
	curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	curl_easy_setopt(c, CURLOPT_TIMEOUT, TIMEOUT_S);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, a);
	if (text)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, text);
	rc = perform_in_turn(c);
	if (rc == CURLE_COULDNT_CONNECT)
		return err_set(e, -ECONNREFUSED,
			"pgveild does not answer at %s (is it running, and are you root?)", socket);
	return rc ? err_set(e, -EIO, "%s: %s", socket, curl_easy_strerror(rc)) : 0;
}

/* The answer's JSON, and for a refusal its reason. */
static int judge(CURL *c, const struct answer *a, json_t **out, struct err *e)
{
	long code = 0;
	const char *reason;

	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
	*out = a->n ? json_loadb(a->p, a->n, 0, NULL) : NULL;
	if (code == 200 && *out)
		return 0;
	reason = json_string_value(json_object_get(*out, "error"));
	return err_set(e, code == 403 ? -EACCES : -EREMOTEIO, "%s",
		reason ? reason : "pgveild gave an answer that cannot be read");
}

static int call(const char *run_dir, const char *name, const char *method, const char *path,
	const json_t *body, json_t **answer, struct err *e)
{
	char url[256], *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct answer a = {0};
	CURL *c = curl_easy_init();
	int r;

	*answer = NULL;
	snprintf(url, sizeof(url), "http://pgveild%s", path);
	if (!c || (body && !text))
		r = err_set(e, -ENOMEM, "out of memory");
	else
		r = perform(c, run_dir, name, method, url,
			text                          ? text
			: strcmp(method, "POST") == 0 ? ""
						      : NULL,
			&a, e);
	if (!r)
		r = judge(c, &a, answer, e);
	curl_easy_cleanup(c);
	free(a.p);
	free(text);
	return r;
}

int client_call(const char *run_dir, const char *method, const char *path, const json_t *body,
	json_t **answer, struct err *e)
{
	return call(run_dir, "admin.sock", method, path, body, answer, e);
}

int client_review(const char *run_dir, const char *method, const char *path, const json_t *body,
	json_t **answer, struct err *e)
{
	return call(run_dir, "approvals.sock", method, path, body, answer, e);
}

int client_text(const char *run_dir, const char *path, char **text, struct err *e)
{
	char url[256];
	struct answer a = {0};
	CURL *c = curl_easy_init();
	long code = 0;
	int r;

	*text = NULL;
	snprintf(url, sizeof(url), "http://pgveild%s", path);
	r = c ? perform(c, run_dir, "admin.sock", "GET", url, NULL, &a, e)
	      : err_set(e, -ENOMEM, "out of memory");
	if (!r) {
		curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &code);
		if (code != 200 || !a.n)
			r = err_set(e, code == 403 ? -EACCES : -EREMOTEIO, "pgveild answered %ld", code);
	}
	curl_easy_cleanup(c);
	if (r)
		free(a.p);
	else
		*text = a.p;
	return r;
}
