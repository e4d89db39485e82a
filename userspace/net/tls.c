/* SPDX-License-Identifier: MIT */
#include "net/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/buf.h"

#define RECORD_MAX 16384 /* plaintext of one TLS record (RFC 8446, 5.1) */

/* What tells one version of a file from the next. */
struct stamp {
	struct timespec mtime;
	off_t size;
	ino_t inode;
};

struct tls_context {
	pthread_mutex_t lock; /* workers and feeders share a context */
	SSL_CTX *ctx;         /* a connection keeps the one it began with */
	bool verify_full, server;
	char *file[3]; /* ca, cert, key */
	struct stamp stamp[3];
};

struct tls {
	SSL *ssl;
};

/* The reason of the newest OpenSSL error. Never data of the connection. */
static int openssl_err(struct err *e, int code, const char *what)
{
	unsigned long n = ERR_peek_last_error();
	const char *reason = n ? ERR_reason_error_string(n) : NULL;

	ERR_clear_error();
	return err_sql(e, code, "08006", "%s: %s", what, reason ? reason : "unknown failure");
}

static struct stamp stamp_of(const char *file)
{
	struct stat st;

	if (!file || stat(file, &st) < 0)
		return (struct stamp){0};
	return (struct stamp){st.st_mtim, st.st_size, st.st_ino};
}

static bool stamp_eq(struct stamp a, struct stamp b)
{
	return a.mtime.tv_sec == b.mtime.tv_sec && a.mtime.tv_nsec == b.mtime.tv_nsec && a.size == b.size &&
	       a.inode == b.inode;
}

static int fill(SSL_CTX *ctx, const struct tls_context *c, struct err *e)
{
	const char *ca = c->file[0], *cert = c->file[1], *key = c->file[2];

	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
		return openssl_err(e, -EINVAL, "TLS 1.2");
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (c->server) {
		SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
		(void)SSL_CTX_set_num_tickets(ctx, 0);
	}
	/* One read(2) a record instead of two; tls_pending knows of what was read ahead. */
	SSL_CTX_set_read_ahead(ctx, 1);
	if (ca && SSL_CTX_load_verify_locations(ctx, ca, NULL) != 1)
		return openssl_err(e, -EINVAL, ca);
	if (!ca && c->verify_full && SSL_CTX_set_default_verify_paths(ctx) != 1)
		return openssl_err(e, -EINVAL, "the system's certificate store");
	if (cert && SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return openssl_err(e, -EINVAL, cert);
	if (cert && SSL_CTX_use_PrivateKey_file(ctx, key ? key : cert, SSL_FILETYPE_PEM) != 1)
		return openssl_err(e, -EINVAL, key ? key : cert);
	if (cert && SSL_CTX_check_private_key(ctx) != 1)
		return openssl_err(e, -EINVAL, "certificate and key");
	SSL_CTX_set_verify(ctx, c->verify_full || ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	return 0;
}

/* A new SSL_CTX from the files as they are now; the old one stays where that fails. The caller has the lock.
 */
static int build(struct tls_context *c, struct err *e)
{
	struct stamp stamp[3];
	SSL_CTX *ctx;
	int r;

	/* Stamped before they are read: a file that changes meanwhile is read again at the next connection.
	 */
	for (size_t i = 0; i < 3; i++)
		stamp[i] = stamp_of(c->file[i]);
	ERR_clear_error();
	ctx = SSL_CTX_new(c->server ? TLS_server_method() : TLS_client_method());
	if (!ctx)
		return openssl_err(e, -ENOMEM, "TLS");
	r = fill(ctx, c, e);
	if (r) {
		SSL_CTX_free(ctx);
		return r;
	}
	SSL_CTX_free(c->ctx);
	c->ctx = ctx;
	memcpy(c->stamp, stamp, sizeof(stamp));
	return 0;
}

int tls_context_new(struct tls_context **out, const struct tls_config *cfg, struct err *e)
{
	const char *const file[3] = {cfg->ca_file, cfg->cert_file, cfg->key_file};
	struct tls_context *c = calloc(1, sizeof(*c));
	int r = 0;

	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	pthread_mutex_init(&c->lock, NULL);
	c->verify_full = cfg->verify_full;
	c->server = cfg->server;
	for (size_t i = 0; i < 3; i++) {
		c->file[i] = file[i] ? strdup(file[i]) : NULL;
		if (file[i] && !c->file[i])
			r = err_set(e, -ENOMEM, "out of memory");
	}
	if (!r)
		r = build(c, e);
	if (r) {
		tls_context_free(c);
		return r;
	}
	*out = c;
	return 0;
}

void tls_context_free(struct tls_context *c)
{
	if (!c)
		return;
	SSL_CTX_free(c->ctx);
	for (size_t i = 0; i < 3; i++)
		free(c->file[i]);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* Files that changed are read again, and a connection fails rather than use what is no longer there. */
static int current(struct tls_context *c, SSL_CTX **out, struct err *e)
{
	int r = 0;

	pthread_mutex_lock(&c->lock);
	for (size_t i = 0; i < 3 && !r; i++) {
		if (!stamp_eq(c->stamp[i], stamp_of(c->file[i]))) {
			r = build(c, e);
			break;
		}
	}
	if (!r) {
		SSL_CTX_up_ref(c->ctx);
		*out = c->ctx;
	}
	pthread_mutex_unlock(&c->lock);
	return r;
}

static int set_host(SSL *ssl, const char *host, bool verify, struct err *e)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	struct in6_addr a;
	bool ip = inet_pton(AF_INET, host, &a) == 1 || inet_pton(AF_INET6, host, &a) == 1;

	if (!ip && SSL_set_tlsext_host_name(ssl, host) != 1)
		return openssl_err(e, -EINVAL, "server name");
	if (!verify)
		return 0;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (ip ? X509_VERIFY_PARAM_set1_ip_asc(param, host) != 1
	       : X509_VERIFY_PARAM_set1_host(param, host, 0) != 1)
		return openssl_err(e, -EINVAL, "server name");
	return 0;
}

/* host NULL: the side of a server. */
static int begin(struct tls **out, struct tls_context *c, int fd, const char *host, struct err *e)
{
	struct tls *t = calloc(1, sizeof(*t));
	SSL_CTX *ctx = NULL;
	int r;

	if (!t)
		return err_set(e, -ENOMEM, "out of memory");
	r = current(c, &ctx, e);
	if (!r) {
		ERR_clear_error();
		t->ssl = SSL_new(ctx);
		if (!t->ssl || SSL_set_fd(t->ssl, fd) != 1)
			r = openssl_err(e, -ENOMEM, "TLS");
	}
	if (!r && host)
		r = set_host(t->ssl, host, c->verify_full, e);
	SSL_CTX_free(ctx);
	if (r) {
		tls_free(t);
		return r;
	}
	if (host)
		SSL_set_connect_state(t->ssl);
	else
		SSL_set_accept_state(t->ssl);
	*out = t;
	return 0;
}

int tls_new(struct tls **out, struct tls_context *c, int fd, const char *host, struct err *e)
{
	return begin(out, c, fd, host, e);
}

int tls_accept(struct tls **out, struct tls_context *c, int fd, struct err *e)
{
	return begin(out, c, fd, NULL, e);
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	free(t);
}

/* What a call of OpenSSL that gave ret <= 0 means. */
static int outcome(struct tls *t, int ret, short *events, const char *what, struct err *e)
{
	int saved = errno;

	switch (SSL_get_error(t->ssl, ret)) {
	case SSL_ERROR_WANT_READ: *events = POLLIN; return -EAGAIN;
	case SSL_ERROR_WANT_WRITE: *events = POLLOUT; return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN: return 0;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return err_sql(e, saved > 0 && saved != EAGAIN ? -saved : -ECONNRESET, "08006",
			"%s: the server closed the connection", what);
	default: return openssl_err(e, -EPROTO, what);
	}
}

int tls_handshake(struct tls *t, short *events, struct err *e)
{
	long verified;
	int ret, r;

	ERR_clear_error();
	errno = 0;
	ret = SSL_do_handshake(t->ssl);
	if (ret == 1)
		return 1;
	verified = SSL_get_verify_result(t->ssl);
	r = outcome(t, ret, events, "TLS handshake", e);
	if (r == 0)
		return err_sql(e, -ECONNRESET, "08006", "TLS handshake: the server closed the connection");
	if (r != -EAGAIN && verified != X509_V_OK)
		return err_sql(e, -EACCES, "08006", "the server's certificate was not accepted: %s",
			X509_verify_cert_error_string(verified));
	return r;
}

ssize_t tls_read(struct tls *t, void *p, size_t n, short *events, struct err *e)
{
	size_t got;
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_read_ex(t->ssl, p, n, &got);
	return ret == 1 ? (ssize_t)got : outcome(t, ret, events, "TLS", e);
}

static ssize_t write_some(struct tls *t, const void *p, size_t n, short *events, struct err *e)
{
	size_t put;
	int ret;

	ERR_clear_error();
	errno = 0;
	ret = SSL_write_ex(t->ssl, p, n, &put);
	if (ret == 1)
		return (ssize_t)put;
	ret = outcome(t, ret, events, "TLS", e);
	return ret ? ret : err_sql(e, -EPIPE, "08006", "TLS: the server closed the connection");
}

/* The next bytes of iov from byte off of its first span: the span itself where it fills a record, else as
 * much as fits one, gathered in record. Never fewer than a call before with the same first byte gave: a retry
 * may bring more bytes, and OpenSSL refuses fewer. */
static struct span gather(const struct iovec *iov, int n, size_t off, uint8_t record[RECORD_MAX])
{
	size_t len = 0;

	if (n == 1 || iov->iov_len - off >= RECORD_MAX)
		return span_of((const uint8_t *)iov->iov_base + off, iov->iov_len - off);
	for (int i = 0; i < n && len < RECORD_MAX; i++, off = 0) {
		size_t k = iov[i].iov_len - off;

		if (k > RECORD_MAX - len)
			k = RECORD_MAX - len;
		memcpy(record + len, (const uint8_t *)iov[i].iov_base + off, k);
		len += k;
	}
	return span_of(record, len);
}

ssize_t tls_write(struct tls *t, const struct iovec *iov, int n, short *events, struct err *e)
{
	uint8_t record[RECORD_MAX];
	ssize_t total = 0;
	size_t off = 0;

	while (n > 0) {
		struct span s = gather(iov, n, off, record);
		ssize_t put = write_some(t, s.p, s.n, events, e);

		if (put < 0)
			return total ? total : put;
		total += put;
		for (off += (size_t)put; n > 0 && off >= iov->iov_len; iov++, n--)
			off -= iov->iov_len;
	}
	return total;
}

void tls_shut(struct tls *t)
{
	/* Where it finds no room the peer sees the stream end without it, behind all that was written. */
	ERR_clear_error();
	(void)SSL_shutdown(t->ssl);
}

bool tls_pending(const struct tls *t)
{
	return SSL_has_pending(t->ssl) == 1;
}
