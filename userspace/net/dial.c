/* SPDX-License-Identifier: MIT */
#include "net/dial.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/unix_address.h"
#include "pgwire/put.h"

#define FULL_MS 20 /* between tries at a server whose queue is full */

struct pooled {
	struct pooled *next;
	enum tls_mode mode;
	char *ca, *cert, *key;
	struct tls_context *context;
};

struct tls_pool {
	pthread_mutex_t lock;
	struct pooled *all; /* as many as policies ever named; never removed */
};

int tls_pool_new(struct tls_pool **out, struct err *e)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_set(e, -ENOMEM, "out of memory");
	pthread_mutex_init(&(*out)->lock, NULL);
	return 0;
}

static void pooled_free(struct pooled *p)
{
	tls_context_free(p->context);
	free(p->ca);
	free(p->cert);
	free(p->key);
	free(p);
}

void tls_pool_free(struct tls_pool *p)
{
	struct pooled *next;

	if (!p)
		return;
	for (struct pooled *x = p->all; x; x = next) {
		next = x->next;
		pooled_free(x);
	}
	pthread_mutex_destroy(&p->lock);
	free(p);
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int copy(char **out, const char *s)
{
	*out = s ? strdup(s) : NULL;
	return s && !*out ? -ENOMEM : 0;
}

/* Of an entry that relays, the certificate is the catalogue's: on a client's connection it would let whoever
 * claims to be its role in. */
static int pooled_new(struct pooled **out, const struct database *d, struct err *e)
{
	const struct tls_config cfg = {
		.verify_full = d->tls == TLS_VERIFY_FULL,
		.ca_file = d->ca_file,
		.cert_file = d->relay ? NULL : d->cert_file,
		.key_file = d->relay ? NULL : d->key_file,
	};
	struct pooled *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_set(e, -ENOMEM, "out of memory");
	p->mode = d->tls;
	if (copy(&p->ca, cfg.ca_file) || copy(&p->cert, cfg.cert_file) || copy(&p->key, cfg.key_file))
		r = err_set(e, -ENOMEM, "out of memory");
	else
		r = tls_context_new(&p->context, &cfg, e);
	if (r) {
		pooled_free(p);
		return r;
	}
	*out = p;
	return 0;
}

static int pool_get(struct tls_pool *pool, const struct database *d, struct tls_context **out, struct err *e)
{
	struct pooled *p;
	int r = 0;

	pthread_mutex_lock(&pool->lock);
	for (p = pool->all; p; p = p->next) {
		if (p->mode == d->tls && same(p->ca, d->ca_file) &&
			same(p->cert, d->relay ? NULL : d->cert_file) &&
			same(p->key, d->relay ? NULL : d->key_file))
			break;
	}
	if (!p) {
		r = pooled_new(&p, d, e);
		if (!r) {
			p->next = pool->all;
			pool->all = p;
		}
	}
	if (!r)
		*out = p->context;
	pthread_mutex_unlock(&pool->lock);
	return r;
}

enum dial_step { DIAL_CONNECT, DIAL_ASK, DIAL_ANSWER, DIAL_HANDSHAKE };

/* CONNECT ──plaintext──► done
 *    └──► ASK (SSLRequest) ──► ANSWER ('S', and not a byte more) ──► HANDSHAKE ──► done */
struct dial {
	enum dial_step step;
	int fd;
	struct watch *watch;
	struct alarm *alarm;
	struct tls_context *context; /* NULL: plaintext */
	struct tls *tls;
	char host[256];
	bool over_unix, again; /* again: the server's queue was full */
	uint32_t peer_uid;     /* who must listen at a unix socket */
	uint64_t until_ms;
	struct sockaddr_storage to;
	void (*done)(void *arg, int fd, struct tls *tls, const struct err *why);
	void *arg;
};

void dial_cancel(struct dial *d)
{
	if (!d)
		return;
	alarm_free(d->alarm);
	watch_free(d->watch);
	tls_free(d->tls);
	if (d->fd >= 0)
		close(d->fd);
	free(d);
}

static void finish(struct dial *d, const struct err *why)
{
	void (*done)(void *arg, int fd, struct tls *tls, const struct err *why) = d->done;
	void *arg = d->arg;
	struct tls *tls = NULL;
	int fd = -1;

	if (!why) {
		fd = d->fd;
		tls = d->tls;
		d->fd = -1;
		d->tls = NULL;
	}
	dial_cancel(d);
	done(arg, fd, tls, why);
}

static void fail(struct dial *d, const char *what, int code)
{
	struct err e = {0};

	err_sql(&e, code, "08006", "%s: %s", what, strerror(-code));
	finish(d, &e);
}

/* A unix socket connects at once or not at all; where its server's queue is full the kernel does not say when
 * there is room. */
static int try_connect(struct dial *d)
{
	const struct sockaddr *to = (const struct sockaddr *)&d->to;

	if (connect(d->fd, to, address_length(to)) == 0 || errno == EINPROGRESS) {
		d->again = false;
		watch_set(d->watch, LOOP_WRITE);
		alarm_set(d->alarm, d->until_ms);
		return 0;
	}
	d->again = errno == EAGAIN && d->over_unix;
	if (!d->again)
		return -errno;
	alarm_set(d->alarm, loop_now_ms() + FULL_MS);
	return 0;
}

static void on_late(void *arg)
{
	struct dial *d = arg;
	struct err e = {0};

	if (d->again && loop_now_ms() < d->until_ms) {
		int r = try_connect(d);

		if (r)
			fail(d, "the database server cannot be reached", r);
		return;
	}

	err_sql(&e, -ETIMEDOUT, "08006", "the database server did not answer in time");
	finish(d, &e);
}

static void shake(struct dial *d)
{
	struct err e = {0};
	short events = 0;
	int r = tls_handshake(d->tls, &events, &e);

	if (r > 0)
		finish(d, NULL);
	else if (r == -EAGAIN)
		watch_set(d->watch, events & POLLOUT ? LOOP_WRITE : LOOP_READ);
	else
		finish(d, &e);
}

static void ask(struct dial *d)
{
	struct put w = {0};
	ssize_t n = -1;

	/* Eight bytes into an empty socket buffer: all or nothing. */
	put_ssl_request(&w);
	if (!put_failed(&w))
		n = send(d->fd, put_bytes(&w).p, put_bytes(&w).n, MSG_NOSIGNAL);
	put_fini(&w);
	if (n != 8) {
		fail(d, "SSLRequest", n < 0 && errno ? -errno : -EIO);
		return;
	}
	d->step = DIAL_ANSWER;
	watch_set(d->watch, LOOP_READ);
}

static void answer(struct dial *d)
{
	struct err e = {0};
	char byte[2];
	ssize_t n = recv(d->fd, byte, sizeof(byte), 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail(d, "SSLRequest", n < 0 ? -errno : -ECONNRESET);
		return;
	}
	if (byte[0] != 'S' || n != 1) {
		/* What comes with the 'S' would be read as if it had come through TLS (CVE-2021-23222). */
		err_sql(&e, -EPROTO, "08006",
			byte[0] == 'S' ? "the server sent plaintext where TLS was to begin"
				       : "the server does not offer TLS, and the policy requires it");
		finish(d, &e);
		return;
	}
	if (tls_new(&d->tls, d->context, d->fd, d->host, &e)) {
		finish(d, &e);
		return;
	}
	d->step = DIAL_HANDSHAKE;
	shake(d);
}

static void connected(struct dial *d)
{
	int code = 0, one = 1;
	socklen_t n = sizeof(code);
	struct err e = {0};

	if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &code, &n) < 0)
		code = errno;
	if (code) {
		fail(d, "the database server cannot be reached", -code);
		return;
	}
	if (d->over_unix && unix_address_check_peer(d->fd, d->peer_uid, &e)) {
		finish(d, &e);
		return;
	}
	if (!d->over_unix)
		setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(d->fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (!d->context) {
		finish(d, NULL);
		return;
	}
	d->step = DIAL_ASK;
	ask(d);
}

static void on_ready(void *arg, unsigned what)
{
	struct dial *d = arg;

	(void)what;
	switch (d->step) {
	case DIAL_CONNECT: connected(d); break;
	case DIAL_ASK: ask(d); break;
	case DIAL_ANSWER: answer(d); break;
	case DIAL_HANDSHAKE: shake(d); break;
	}
}

/* What a certificate must name: the policy's host name, else the address that was dialled. */
static void name_of(const struct database *d, const struct sockaddr *to, char *out, size_t cap)
{
	if (d->is_name)
		strncpy(out, d->host, cap - 1);
	else if (to->sa_family == AF_UNIX)
		return; /* no TLS, so no certificate */
	else if (to->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)to)->sin_addr, out, (socklen_t)cap);
	else
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)to)->sin6_addr, out, (socklen_t)cap);
}

static int start(struct dial *d, struct loop *loop, const struct dial_config *cfg, const struct sockaddr *to,
	struct err *e)
{
	int r;

	d->fd = netns_socket(cfg->thread, cfg->from, to->sa_family);
	if (d->fd < 0)
		return err_sql(e, d->fd, "08006", "no socket to the database server: %s", strerror(-d->fd));
	d->over_unix = to->sa_family == AF_UNIX;
	memcpy(&d->to, to, d->over_unix ? sizeof(d->to) : address_length(to));
	d->until_ms = loop_now_ms() + cfg->timeout_ms;
	d->watch = watch_new(loop, d->fd, on_ready, d);
	d->alarm = alarm_new(loop, on_late, d);
	if (!d->watch || !d->alarm)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	r = try_connect(d);
	return r ? err_sql(e, r, "08006", "the database server cannot be reached: %s", strerror(-r)) : 0;
}

int dial_start(struct dial **out, struct loop *loop, const struct dial_config *cfg, const struct database *d,
	const struct sockaddr *to, void (*done)(void *arg, int fd, struct tls *tls, const struct err *why),
	void *arg, struct err *e)
{
	struct dial *x = calloc(1, sizeof(*x));
	int r = 0;

	if (!x)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	x->fd = -1;
	x->done = done;
	x->arg = arg;
	x->peer_uid = d->peer_uid;
	name_of(d, to, x->host, sizeof(x->host));
	if (d->tls != TLS_DISABLE)
		r = pool_get(cfg->tls, d, &x->context, e);
	if (!r)
		r = start(x, loop, cfg, to, e);
	if (r) {
		dial_cancel(x);
		return r;
	}
	*out = x;
	return 0;
}
