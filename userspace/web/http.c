/* SPDX-License-Identifier: MIT */
#include "web/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/attr.h"
#include "base/buf.h"

#define TOKEN_MAX  16384u
#define CONNECT_S  10L
#define POLL_MS    60000
#define TARGET_MAX 8192u

struct http {
	char *server, *ca_file, *token_file;
	bool proxies;
	atomic_bool stopping;
	CURLM *multi; /* keeps the connections */
};

struct answer {
	const struct http_request *rq;
	CURL *easy;
	uint64_t sent; /* of the file */
	bool told, enough;
};

static int copy(char **out, const char *s)
{
	*out = s ? strdup(s) : NULL;
	return s && !*out ? -ENOMEM : 0;
}

int http_start(struct err *e)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0
								 : err_set(e, -EIO, "libcurl does not start");
}

int http_new(struct http **out, const struct http_config *cfg, struct err *e)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h)
		return err_set(e, -ENOMEM, "out of memory");
	h->proxies = cfg->proxies;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		h->multi = curl_multi_init();
	if (!h->multi || copy(&h->server, cfg->server) || copy(&h->ca_file, cfg->ca_file) ||
		copy(&h->token_file, cfg->token_file)) {
		http_free(h);
		return err_set(e, -ENOMEM, "out of memory");
	}
	*out = h;
	return 0;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->multi)
		curl_multi_cleanup(h->multi);
	free(h->server);
	free(h->ca_file);
	free(h->token_file);
	free(h);
}

void http_stop(struct http *h)
{
	atomic_store(&h->stopping, true);
	curl_multi_wakeup(h->multi);
}

/* Printable and without blanks: what else is in the file would be headers of its own. */
static int read_token(const char *path, char out[TOKEN_MAX], struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, out, TOKEN_MAX - 1);
	int r = n < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return err_set(e, -EACCES, "%s: %s", path, strerror(r));
	while (n && (out[n - 1] == '\n' || out[n - 1] == '\r' || out[n - 1] == ' '))
		n--;
	out[n] = '\0';
	for (ssize_t i = 0; i < n; i++) {
		if (out[i] <= ' ' || out[i] > '~')
			return err_set(e, -EACCES, "%s: no token", path);
	}
	return n ? 0 : err_set(e, -EACCES, "%s: is empty", path);
}

static bool add(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (longer)
		*list = longer;
	return longer != NULL;
}

static void tell(struct answer *a)
{
	curl_off_t after = 0;
	long status = 0;

	if (a->told)
		return;
	a->told = true;
	curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(a->easy, CURLINFO_RETRY_AFTER, &after);
	if (a->rq->status && status)
		a->rq->status(a->rq->arg, (int)status, after > 0 && after < 86400 ? (unsigned)after : 0);
}

/* The end of the headers, which a watch may send long before anything else. */
static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	long status = 0;

	curl_easy_getinfo(a->easy, CURLINFO_RESPONSE_CODE, &status);
	if (n == 2 && p[0] == '\r' && status >= 200)
		tell(a);
	else if (a->rq->header && status >= 200 && n >= 2)
		a->rq->header(a->rq->arg, p, n - (p[n - 1] == '\n') - (p[n - 2] == '\r'));
	return size * n;
}

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;

	tell(a);
	a->enough = a->rq->bytes && !a->rq->bytes(a->rq->arg, p, size * n);
	return a->enough ? CURL_WRITEFUNC_ERROR : size * n;
}

static size_t on_room(char *p, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	const struct http_file *f = a->rq->file;
	uint64_t left = f->n - a->sent;
	ssize_t got;

	n *= size;
	do {
		got = pread(f->fd, p, left < n ? (size_t)left : n, (off_t)(f->from + a->sent));
	} while (got < 0 && errno == EINTR);
	if (got < 0 || (!got && left))
		return CURL_READFUNC_ABORT;
	a->sent += (size_t)got;
	return (size_t)got;
}

/* A connection that was kept may turn out to be closed: then it goes out again. */
static int on_again(void *arg, curl_off_t offset, int origin)
{
	struct answer *a = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > a->rq->file->n)
		return CURL_SEEKFUNC_FAIL;
	a->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static bool set_body(struct answer *a)
{
	const struct http_request *rq = a->rq;
	CURL *c = a->easy;

	if (strcmp(rq->method, "HEAD") == 0)
		return curl_easy_setopt(c, CURLOPT_NOBODY, 1L) == CURLE_OK;
	if (rq->file)
		return curl_easy_setopt(c, CURLOPT_UPLOAD, 1L) == CURLE_OK &&
		       curl_easy_setopt(c, CURLOPT_INFILESIZE_LARGE, (curl_off_t)rq->file->n) == CURLE_OK &&
		       curl_easy_setopt(c, CURLOPT_READFUNCTION, on_room) == CURLE_OK &&
		       curl_easy_setopt(c, CURLOPT_READDATA, a) == CURLE_OK &&
		       curl_easy_setopt(c, CURLOPT_SEEKFUNCTION, on_again) == CURLE_OK &&
		       curl_easy_setopt(c, CURLOPT_SEEKDATA, a) == CURLE_OK;
	if (rq->body)
		return curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_len) ==
			       CURLE_OK &&
		       curl_easy_setopt(c, CURLOPT_POSTFIELDS, rq->body) == CURLE_OK;
	return true;
}

static bool set_sign(CURL *c, const struct http_sign *s)
{
	char *how = NULL;
	bool ok = asprintf(&how, "aws:amz:%s:%s", s->region, s->service) >= 0;

	ok = ok && curl_easy_setopt(c, CURLOPT_AWS_SIGV4, how) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_USERNAME, s->access) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_PASSWORD, s->secret) == CURLE_OK;
	free(how);
	return ok;
}

static bool set_up(struct http *h, struct answer *a, const char *url, struct curl_slist *headers)
{
	const struct http_request *rq = a->rq;
	bool secure = strncmp(url, "https://", 8) == 0, ok;
	CURL *c = a->easy;

	ok = curl_easy_setopt(c, CURLOPT_URL, url) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, secure ? "https" : "http") == CURLE_OK &&
	     (strcmp(rq->method, "HEAD") == 0 ||
		     curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, rq->method) == CURLE_OK) &&
	     curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_USERAGENT, "pgveild") == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_S) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)rq->timeout_s) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_HEADERDATA, a) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK &&
	     curl_easy_setopt(c, CURLOPT_WRITEDATA, a) == CURLE_OK;
	if (ok && rq->silence_s)
		ok = curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK &&
		     curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)rq->silence_s) == CURLE_OK;
	if (ok && secure)
		ok = curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) == CURLE_OK &&
		     curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) == CURLE_OK &&
		     curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK;
	if (ok && secure && h->ca_file)
		ok = curl_easy_setopt(c, CURLOPT_CAINFO, h->ca_file) == CURLE_OK &&
		     curl_easy_setopt(c, CURLOPT_CAPATH, NULL) == CURLE_OK;
	if (ok && !h->proxies)
		ok = curl_easy_setopt(c, CURLOPT_PROXY, "") == CURLE_OK;
	/* What is signed is what goes out: no path is made shorter on the way. */
	if (ok && rq->sign)
		ok = set_sign(c, rq->sign) && curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L) == CURLE_OK;
	return ok && set_body(a);
}

/* How the transfer ended; CURLE_ABORTED_BY_CALLBACK: it was stopped. */
static CURLcode run(struct http *h, CURL *easy)
{
	CURLcode how = CURLE_FAILED_INIT;
	CURLMsg *m;
	int running = 1, left;

	if (curl_multi_add_handle(h->multi, easy) != CURLM_OK)
		return how;
	while (running && !atomic_load(&h->stopping)) {
		if (curl_multi_perform(h->multi, &running) != CURLM_OK)
			break;
		if (running && curl_multi_poll(h->multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)
			break;
	}
	if (running && atomic_load(&h->stopping))
		how = CURLE_ABORTED_BY_CALLBACK;
	while (!running && (m = curl_multi_info_read(h->multi, &left))) {
		if (m->msg == CURLMSG_DONE && m->easy_handle == easy)
			how = m->data.result;
	}
	curl_multi_remove_handle(h->multi, easy);
	return how;
}

static int verdict(struct answer *a, CURLcode how, const char *words, const char *server, struct err *e)
{
	if (how == CURLE_OK) {
		tell(a);
		return 0;
	}
	if (a->enough || how == CURLE_ABORTED_BY_CALLBACK)
		return err_set(e, -ECANCELED, "%s: ended here", server);
	return err_set(e,
		how == CURLE_PEER_FAILED_VERIFICATION || how == CURLE_SSL_CACERT_BADFILE ? -EACCES : -EIO,
		"%s: %s", server, words[0] ? words : curl_easy_strerror(how));
}

static int headers_of(struct http *h, const struct http_request *rq, struct curl_slist **list, struct err *e)
{
	char *line = NULL, token[TOKEN_MAX] = "";
	int r = h->token_file ? read_token(h->token_file, token, e) : 0, len = -1;
	/* No wait for the server to say that it would take the body. */
	bool ok = add(list, "Expect:");

	for (const char *const *p = rq->headers; ok && p && *p; p++)
		ok = add(list, *p);
	if (!r && ok && h->token_file) {
		len = asprintf(&line, "Authorization: Bearer %s", token);
		ok = len >= 0 && add(list, line);
	}
	if (len >= 0) {
		mem_wipe(line, (size_t)len);
		free(line);
	}
	mem_wipe(token, sizeof(token));
	return r || ok ? r : err_set(e, -ENOMEM, "out of memory");
}

static void free_headers(struct curl_slist *list)
{
	for (struct curl_slist *l = list; l; l = l->next)
		mem_wipe(l->data, strlen(l->data));
	curl_slist_free_all(list);
}

int http_do(struct http *h, const struct http_request *rq, struct err *e)
{
	char words[CURL_ERROR_SIZE] = "", *url = NULL;
	struct curl_slist *headers = NULL;
	struct answer a = {.rq = rq};
	int r = headers_of(h, rq, &headers, e);

	if (!r && strlen(rq->target) > TARGET_MAX)
		r = err_set(e, -EIO, "%s: the request is too long", h->server);
	if (!r && asprintf(&url, "%s%s", h->server, rq->target) < 0) {
		url = NULL;
		r = err_set(e, -ENOMEM, "out of memory");
	}
	if (!r) {
		a.easy = curl_easy_init();
		if (a.easy)
			curl_easy_setopt(a.easy, CURLOPT_ERRORBUFFER, words);
		if (!a.easy || !set_up(h, &a, url, headers))
			r = err_set(e, -ENOMEM, "out of memory");
	}
	if (!r)
		r = verdict(&a, run(h, a.easy), words, h->server, e);
	curl_easy_cleanup(a.easy);
	free_headers(headers);
	free(url);
	return r;
}
