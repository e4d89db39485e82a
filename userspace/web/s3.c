/* SPDX-License-Identifier: MIT */
#include "web/s3_internal.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include "web/xml.h"

#define CREDENTIALS_MAX 8192
#define SILENCE_S       30
#define TIMEOUT_S       60
#define SLOWEST         (UINT64_C(64) << 10) /* bytes a second; slower is as good as not at all */
#define HEADERS         12
#define EMPTY_MAX       100 /* pages of a list, one after the other, that have nothing on them */

struct s3 {
	struct http *http;
	char *region, *bucket, *credentials;
};

struct credentials {
	char text[CREDENTIALS_MAX];
	const char *access, *secret, *token;
};

static bool is_here(const char *host)
{
	static const char *const here[] = {"127.0.0.1", "localhost", "[::1]"};

	for (size_t i = 0; i < ARRAY_LEN(here); i++) {
		size_t n = strlen(here[i]);

		if (strncmp(host, here[i], n) == 0 && (!host[n] || host[n] == ':'))
			return true;
	}
	return false;
}

static int check_endpoint(const struct s3_config *cfg, struct err *e)
{
	const char *host = strstr(cfg->endpoint, "://");

	host = host ? host + 3 : "";
	if (!*host || strpbrk(host, "/?#@ "))
		return err_set(
			e, -EINVAL, "%s: is no endpoint such as https://s3.example.org", cfg->endpoint);
	if (strncmp(cfg->endpoint, "https://", 8) == 0)
		return 0;
	if (strncmp(cfg->endpoint, "http://", 7) == 0 && (cfg->plain || is_here(host)))
		return 0;
	return err_set(
		e, -EINVAL, "%s: an endpoint is https://, and http:// only on this machine", cfg->endpoint);
}

int s3_new(struct s3 **out, const struct s3_config *cfg, struct err *e)
{
	const struct http_config http = {cfg->endpoint, cfg->ca_file, NULL, cfg->proxies};
	int r = check_endpoint(cfg, e);
	struct s3 *s;

	if (r)
		return r;
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->region = strdup(cfg->region ? cfg->region : "us-east-1");
	s->bucket = strdup(cfg->bucket);
	s->credentials = strdup(cfg->credentials);
	r = s->region && s->bucket && s->credentials ? http_new(&s->http, &http, e)
						     : err_set(e, -ENOMEM, "out of memory");
	if (r) {
		s3_free(s);
		return r;
	}
	*out = s;
	return 0;
}

void s3_free(struct s3 *s)
{
	if (!s)
		return;
	http_free(s->http);
	free(s->region);
	free(s->bucket);
	free(s->credentials);
	free(s);
}

void s3_stop(struct s3 *s)
{
	http_stop(s->http);
}

/* ---- who asks ---- */

/* The next line without blanks round it; NULL: there is none that has anything in it. */
static const char *line_of(char **at)
{
	char *line;

	while ((line = strsep(at, "\r\n"))) {
		line += strspn(line, " \t");
		line[strcspn(line, " \t")] = '\0';
		if (*line)
			return line;
	}
	return NULL;
}

static bool printable(const char *s)
{
	for (; s && *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

static int read_credentials(struct credentials *c, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, c->text, sizeof(c->text) - 1);
	int why = errno;
	char *at = c->text;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return err_set(e, -EACCES, "%s: %s", path, strerror(why));
	c->text[n] = '\0';
	c->access = line_of(&at);
	c->secret = line_of(&at);
	c->token = line_of(&at);
	if (!c->secret || line_of(&at) || !printable(c->access) || !printable(c->secret) ||
		!printable(c->token))
		return err_set(e, -EACCES,
			"%s: has not an access key, a secret and perhaps a session token, a line each", path);
	return 0;
}

/* ---- what goes out ---- */

bool s3_escape(const char *s, bool slashes, char *out, size_t cap)
{
	size_t n = 0;

	for (; *s; s++) {
		bool plain = isalnum((unsigned char)*s) || strchr("-._~", *s) || (slashes && *s == '/');

		if (n + 4 > cap)
			return false;
		if (plain)
			out[n++] = *s;
		else
			n += (size_t)snprintf(out + n, 4, "%%%02X", (unsigned char)*s);
	}
	out[n] = '\0';
	return true;
}

struct headers {
	char line[HEADERS][320];
	char token[CREDENTIALS_MAX + 32];
	const char *all[HEADERS + 2];
	size_t n;
};

static void head(struct headers *h, const char *name, const char *value)
{
	snprintf(h->line[h->n], sizeof(h->line[0]), "%s: %s", name, value);
	h->all[h->n] = h->line[h->n];
	h->n++;
}

/* In the order in which they are signed, as older versions of libcurl want them. */
static void put_headers(struct headers *h, const struct s3_ask *ask, const char *token)
{
	uint8_t sha256[DIGEST_SHA256];
	char text[DIGEST_HEX];
	bool sends = ask->file || ask->body;

	if (ask->md5) {
		digest_base64(ask->md5, DIGEST_MD5, text);
		head(h, "Content-MD5", text);
	}
	if (sends)
		head(h, "Content-Type", ask->file ? "application/octet-stream" : "application/xml");
	if (ask->anew)
		head(h, "If-None-Match", "*");
	if (ask->checked && sends && ask->sha256 && ask->file) {
		digest_base64(ask->sha256, DIGEST_SHA256, text);
		head(h, "x-amz-checksum-sha256", text);
	} else if (ask->checked) {
		head(h, "x-amz-checksum-mode", "ENABLED");
	}
	if (ask->sha256)
		memcpy(sha256, ask->sha256, sizeof(sha256));
	else if (EVP_Digest(ask->body_len ? ask->body : "", ask->body_len, sha256, NULL, EVP_sha256(),
			 NULL) != 1)
		memset(sha256, 0, sizeof(sha256));
	digest_hex(sha256, DIGEST_SHA256, text);
	if (ask->more) {
		h->all[h->n] = ask->more;
		h->n++;
	}
	head(h, "x-amz-content-sha256", text);
	if (token) {
		snprintf(h->token, sizeof(h->token), "x-amz-security-token: %s", token);
		h->all[h->n++] = h->token;
	}
}

/* ---- what comes back ---- */

struct reading {
	const struct s3_ask *ask;
	struct s3_answer *a;
	bool enough, broken;
};

static void on_status(void *arg, int status, unsigned retry_after_s)
{
	struct reading *rd = arg;

	rd->a->reply.status = status;
	rd->a->reply.retry_after_s = retry_after_s;
}

void s3_etag(const char *p, size_t n, char out[DIGEST_ETAG])
{
	while (n && *p == '"')
		p++, n--;
	while (n && p[n - 1] == '"')
		n--;
	if (n >= DIGEST_ETAG)
		n = 0;
	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)p[i]);
	out[n] = '\0';
}

static void on_header(void *arg, const char *line, size_t n)
{
	struct s3_reply *rp = &((struct reading *)arg)->a->reply;
	const char *colon = memchr(line, ':', n), *v = colon ? colon + 1 : NULL;
	size_t name = colon ? (size_t)(colon - line) : 0, len;

	if (!colon)
		return;
	while (v < line + n && *v == ' ')
		v++;
	len = (size_t)(line + n - v);
	if (name == 4 && strncasecmp(line, "ETag", 4) == 0) {
		s3_etag(v, len, rp->etag);
	} else if (name == 21 && strncasecmp(line, "x-amz-checksum-sha256", 21) == 0) {
		if (len < sizeof(rp->checksum)) {
			memcpy(rp->checksum, v, len);
			rp->checksum[len] = '\0';
		}
	} else if (name == 14 && strncasecmp(line, "Content-Length", 14) == 0 && len < 20) {
		char text[20] = "";

		memcpy(text, v, len);
		rp->size = strtoull(text, NULL, 10);
		rp->sized = true;
	}
}

static bool on_bytes(void *arg, const void *p, size_t n)
{
	struct reading *rd = arg;
	struct s3_answer *a = rd->a;
	uint8_t *more;

	if (rd->ask->bytes && a->reply.status == 200) {
		rd->enough = !rd->ask->bytes(rd->ask->arg, p, n);
		return !rd->enough;
	}
	more = a->n + n <= S3_ANSWER_MAX ? realloc(a->p, a->n + n) : NULL;
	rd->broken = !more;
	if (!more)
		return false;
	memcpy(more + a->n, p, n);
	a->p = more;
	a->n += n;
	return true;
}

struct span s3_body(const struct s3_answer *a)
{
	return span_of(a->p, a->n);
}

static bool is_code(const struct s3_reply *rp, const char *code)
{
	return strcmp(rp->code, code) == 0;
}

static int meaning(const struct s3_reply *rp)
{
	switch (rp->status) {
	case 200:
	case 204: return 0;
	case 404: return -ENOENT;
	case 409: return -EAGAIN; /* another one puts it */
	case 412: return -EEXIST;
	case 401:
	case 403: return is_code(rp, "SlowDown") ? -EAGAIN : -EACCES;
	case 405:
	case 501: return -EOPNOTSUPP;
	case 400:
		if (is_code(rp, "ExpiredToken") || is_code(rp, "InvalidToken"))
			return -EACCES;
		return is_code(rp, "NotImplemented")   ? -EOPNOTSUPP
		       : is_code(rp, "RequestTimeout") ? -EAGAIN
						       : -EPROTO;
	case 408:
	case 429: return -EAGAIN;
	default: return rp->status >= 500 ? -EAGAIN : -EPROTO;
	}
}

static int judge(struct s3_answer *a, const char *what, struct err *e)
{
	struct s3_reply *rp = &a->reply;
	int r;

	if (rp->status != 200 && rp->status != 204 &&
		!xml_text(s3_body(a), "Code", rp->code, sizeof(rp->code)))
		rp->code[0] = '\0';
	r = meaning(rp);
	return r ? err_set(e, r, "the store answered %d%s%s to %s", rp->status, rp->code[0] ? " " : "",
			   rp->code, what)
		 : 0;
}

int s3_judge_body(struct s3_answer *a, struct err *e)
{
	struct span in = s3_body(a), inner;

	if (!xml_next(&in, "Error", &inner))
		return 0;
	if (!xml_text(inner, "Code", a->reply.code, sizeof(a->reply.code)))
		a->reply.code[0] = '\0';
	return err_set(e, is_code(&a->reply, "PreconditionFailed") ? -EEXIST : -EAGAIN,
		"the store answered %s behind a 200", a->reply.code[0] ? a->reply.code : "an error");
}

int s3_do(struct s3 *s, const struct s3_ask *ask, struct s3_answer *a, struct err *e)
{
	uint64_t carried = ask->file ? ask->file->n : ask->body_len;
	char target[2 * S3_TEXT], path[S3_TEXT] = "";
	struct reading rd = {.ask = ask, .a = a};
	struct credentials who;
	struct headers h = {.n = 0};
	int r = read_credentials(&who, s->credentials, e);

	*a = (struct s3_answer){.p = NULL};
	if (!r && ask->key && !s3_escape(ask->key, true, path, sizeof(path)))
		r = err_set(e, -ENAMETOOLONG, "the name of an object is too long");
	if (!r && (size_t)snprintf(target, sizeof(target), "/%s%s%s%s%s", s->bucket, ask->key ? "/" : "",
			  path, ask->query ? "?" : "", ask->query ? ask->query : "") >= sizeof(target))
		r = err_set(e, -ENAMETOOLONG, "the name of an object is too long");
	if (!r) {
		const struct http_sign sign = {who.access, who.secret, s->region, "s3"};
		const struct http_request rq = {.method = ask->method,
			.target = target,
			.headers = h.all,
			.body = ask->body,
			.body_len = ask->body_len,
			.file = ask->file,
			.sign = &sign,
			.timeout_s = ask->bytes ? 0 : (unsigned)(TIMEOUT_S + carried / SLOWEST),
			.silence_s = SILENCE_S,
			.status = on_status,
			.header = on_header,
			.bytes = on_bytes,
			.arg = &rd};

		put_headers(&h, ask, who.token);
		r = http_do(s->http, &rq, e);
		if (r == -ECANCELED && rd.broken)
			r = err_set(e, -EIO, "the store's answer is too long");
		else if (r == -ECANCELED && rd.enough)
			r = 0;
		/* What it had said before it hung up on us counts for nothing: it may be half of it. */
		if (!r)
			r = judge(a, ask->method, e);
	}
	mem_wipe(&who, sizeof(who));
	mem_wipe(h.token, sizeof(h.token));
	return r;
}

/* ---- objects ---- */

int s3_head(struct s3 *s, const char *key, struct s3_reply *out, struct err *e)
{
	const struct s3_ask ask = {.method = "HEAD", .key = key, .checked = true};
	struct s3_answer a;
	int r = s3_do(s, &ask, &a, e);

	*out = a.reply;
	free(a.p);
	return r;
}

int s3_put(struct s3 *s, const char *key, int fd, const struct digest *d, bool over, struct s3_reply *out,
	struct err *e)
{
	const struct http_file file = {fd, 0, d->size};
	const struct s3_ask ask = {.method = "PUT",
		.key = key,
		.file = &file,
		.sha256 = d->sha256,
		.md5 = d->md5,
		.checked = true,
		.anew = !over};
	struct s3_answer a;
	int r = s3_do(s, &ask, &a, e);

	*out = a.reply;
	free(a.p);
	return r;
}

int s3_get(struct s3 *s, const char *key, bool (*bytes)(void *arg, const void *p, size_t n), void *arg,
	struct err *e)
{
	const struct s3_ask ask = {.method = "GET", .key = key, .bytes = bytes, .arg = arg};
	struct s3_answer a;
	int r = s3_do(s, &ask, &a, e);

	free(a.p);
	return r;
}

/* *n: how many names were on it, ours or not. */
static int list_page(struct s3 *s, const char *prefix, char token[S3_KEY], bool *more, unsigned *n,
	int (*fn)(void *arg, const char *key, uint64_t size), void *arg, struct err *e)
{
	char query[3 * S3_TEXT], below[S3_TEXT], from[S3_TEXT], key[S3_KEY], size[24];
	const struct s3_ask ask = {.method = "GET", .query = query};
	struct span in, one;
	struct s3_answer a = {.p = NULL};
	int r = 0;

	*more = false;
	*n = 0;
	if (!s3_escape(prefix, false, below, sizeof(below)) || !s3_escape(token, false, from, sizeof(from)))
		return err_set(e, -ENAMETOOLONG, "the name of an object is too long");
	snprintf(query, sizeof(query), "%s%s%slist-type=2&prefix=%s", *token ? "continuation-token=" : "",
		from, *token ? "&" : "", below);
	r = s3_do(s, &ask, &a, e);
	in = s3_body(&a);
	while (!r && xml_next(&in, "Contents", &one)) {
		++*n;
		/* A name that is none of ours is somebody else's, and counts as any other does. */
		if (!xml_text(one, "Key", key, sizeof(key)) || !xml_text(one, "Size", size, sizeof(size)))
			key[0] = size[0] = '\0';
		r = fn(arg, key, strtoull(size, NULL, 10));
	}
	if (!r && xml_text(s3_body(&a), "IsTruncated", size, sizeof(size)) && strcmp(size, "true") == 0) {
		*more = xml_text(s3_body(&a), "NextContinuationToken", token, S3_KEY);
		if (!*more)
			r = err_set(e, -EIO, "the store's list has no end");
	}
	free(a.p);
	return r;
}

int s3_list(struct s3 *s, const char *prefix, int (*fn)(void *arg, const char *key, uint64_t size), void *arg,
	struct err *e)
{
	char token[S3_KEY] = "", last[S3_KEY];
	unsigned n, empty = 0;
	bool more = true;
	int r = 0;

	while (!r && more) {
		memcpy(last, token, sizeof(last));
		r = list_page(s, prefix, token, &more, &n, fn, arg, e);
		empty = n ? 0 : empty + 1;
		if (!r && more && (strcmp(last, token) == 0 || empty == EMPTY_MAX))
			r = err_set(e, -EIO, "the store's list does not go on");
	}
	return r;
}

int s3_url(const char *url, char bucket[64], char prefix[S3_KEY], struct err *e)
{
	const char *p = strncmp(url, "s3://", 5) == 0 ? url + 5 : NULL, *slash;
	size_t n, left;

	if (!p)
		return err_set(e, -EINVAL, "%s: is not s3://BUCKET/PREFIX", url);
	slash = strchrnul(p, '/');
	n = (size_t)(slash - p);
	if (n < 3 || n > 63 || strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789.-") < n ||
		!isalnum((unsigned char)*p))
		return err_set(e, -EINVAL, "%s: has no name of a bucket in it", url);
	memcpy(bucket, p, n);
	bucket[n] = '\0';
	p = slash + strspn(slash, "/");
	left = strlen(p);
	while (left && p[left - 1] == '/')
		left--;
	if (left > S3_KEY / 2)
		return err_set(e, -EINVAL, "%s: is too long", url);
	for (size_t i = 0; i < left; i++)
		if (p[i] <= ' ' || p[i] > '~')
			return err_set(
				e, -EINVAL, "%s: has something in it that names of objects have not", url);
	snprintf(prefix, S3_KEY, "%.*s%s", (int)left, p, left ? "/" : "");
	return 0;
}
