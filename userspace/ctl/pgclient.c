/* SPDX-License-Identifier: MIT */
#include "ctl/pgclient.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "base/unix_address.h"
#include "ctl/clock.h"
#include "net/tls.h"
#include "pgwire/login.h"
#include "pgwire/message.h"

#define READ_MIN    ((size_t)65536)
#define MESSAGE_MAX ((size_t)64 << 20) /* one row: a view's definition is the largest thing we ask for */
#define CELLS_MAX   64
#define FULL_MS     20

struct pgclient {
	int fd;
	struct tls *tls;
	struct buf in;
	uint64_t deadline_ms;
};

static int wait_for(int fd, short events, uint64_t deadline_ms, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = events};

	for (;;) {
		uint64_t now = clock_ms();
		int n;

		if (now >= deadline_ms)
			return err_sql(e, -ETIMEDOUT, "08006", "the database server did not answer in time");
		n = poll(&p, 1, (int)(deadline_ms - now > 60000 ? 60000 : deadline_ms - now));
		if (n > 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set(e, -errno, "poll: %m");
	}
}

int pgclient_dial(int fd, const struct sockaddr *to, uint64_t deadline_ms, struct err *e)
{
	socklen_t code_len = sizeof(int);
	int code = 0, r;

	/* EAGAIN: the queue of a unix socket's server is full, and nobody tells when there is room. */
	for (;;) {
		if (connect(fd, to, address_length(to)) == 0)
			return 0;
		if (errno != EAGAIN || clock_ms() >= deadline_ms)
			break;
		(void)poll(NULL, 0, FULL_MS);
	}
	if (errno != EINPROGRESS)
		return err_sql(e, -errno, "08006", "the database server cannot be reached: %m");
	r = wait_for(fd, POLLOUT, deadline_ms, e);
	if (!r && getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &code_len) < 0)
		code = errno;
	if (code)
		r = err_sql(e, -code, "08006", "the database server cannot be reached: %s", strerror(code));
	return r;
}

static int write_all(struct pgclient *c, const struct put *w, struct err *e)
{
	struct span s = put_bytes(w);
	int r = put_failed(w) ? err_set(e, -ENOMEM, "out of memory") : 0;

	while (!r && s.n) {
		struct iovec iov = {(void *)s.p, s.n};
		short events = POLLOUT;
		ssize_t n;

		if (c->tls) {
			n = tls_write(c->tls, &iov, 1, &events, e);
		} else {
			n = send(c->fd, s.p, s.n, MSG_NOSIGNAL);
			n = n < 0 ? err_sql(e, -errno, "08006", "the database server: %m") : n;
		}
		if (n == -EAGAIN)
			r = wait_for(c->fd, events, c->deadline_ms, e);
		else if (n < 0)
			r = n == -EINTR ? 0 : (int)n;
		else
			s = span_of(s.p + n, s.n - (size_t)n);
	}
	return r;
}

/* At least one more byte into the buffer; everything in it is unjudged, so it may move. */
static int read_more(struct pgclient *c, struct err *e)
{
	uint8_t *p;
	size_t len;
	int r = buf_reserve(&c->in, READ_MIN, MESSAGE_MAX + READ_MIN, &p, &len);

	if (r)
		return err_set(e, r, "a message of the database server is too large");
	for (;;) {
		short events = POLLIN;
		ssize_t n;

		if (c->tls) {
			n = tls_read(c->tls, p, len, &events, e);
		} else {
			n = recv(c->fd, p, len, 0);
			n = n < 0 ? err_sql(e, -errno, "08006", "the database server: %m") : n;
		}
		if (n > 0) {
			buf_commit(&c->in, (size_t)n);
			return 0;
		}
		if (n == 0)
			return err_sql(e, -ECONNRESET, "08006", "the database server closed the connection");
		if (n != -EAGAIN && n != -EINTR)
			return (int)n;
		r = wait_for(c->fd, events, c->deadline_ms, e);
		if (r)
			return r;
	}
}

/* The next whole message; valid until done_with. */
static int next_message(struct pgclient *c, struct frame *f, struct err *e)
{
	for (;;) {
		enum wire w = frame_peek(buf_peek(&c->in), PEER_BACKEND, f);
		int r;

		if (w == WIRE_BAD || (w == WIRE_OK && f->total > MESSAGE_MAX))
			return err_sql(e, -EPROTO, "08P01",
				"what the database server says is not PostgreSQL's protocol");
		if (w == WIRE_OK && frame_whole(f))
			return 0;
		r = read_more(c, e);
		if (r)
			return r;
	}
}

static void done_with(struct pgclient *c, const struct frame *f)
{
	buf_parse(&c->in, f->total);
	buf_consume(&c->in);
}

static int start_tls(struct pgclient *c, const struct pgclient_config *cfg, struct err *e)
{
	struct put w = {0};
	char byte[2];
	ssize_t n;
	int r;

	put_ssl_request(&w);
	r = write_all(c, &w, e);
	put_fini(&w);
	if (!r)
		r = wait_for(c->fd, POLLIN, c->deadline_ms, e);
	if (r)
		return r;
	n = recv(c->fd, byte, sizeof(byte), 0);
	/* One byte and no more: what follows 'S' in plaintext would count as said inside TLS. */
	if (n != 1 || byte[0] != 'S')
		return err_sql(
			e, -EPROTO, "08006", "the server does not offer TLS, and the policy requires it");
	r = tls_new(&c->tls, cfg->tls, c->fd, cfg->host, e);
	while (!r) {
		short events = 0;
		int done = tls_handshake(c->tls, &events, e);

		if (done > 0)
			return 0;
		r = done == -EAGAIN ? wait_for(c->fd, events, c->deadline_ms, e) : done;
	}
	return r;
}

static int log_in(struct pgclient *c, struct login *l, const struct login_config *cfg, struct err *e)
{
	uint8_t random[18];
	struct put w = {0};
	struct frame f;
	int r;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set(e, -EIO, "no randomness");
	r = login_start(l, cfg, random, &w, e);
	while (!r && l->state != LOGIN_DONE) {
		r = write_all(c, &w, e);
		put_reset(&w);
		if (!r)
			r = next_message(c, &f, e);
		if (!r) {
			r = login_message(l, &f, &w, e);
			done_with(c, &f);
		}
	}
	mem_wipe(w.p, w.n);
	put_fini(&w);
	mem_wipe(random, sizeof(random));
	return r;
}

static void dispose(struct pgclient *c)
{
	tls_free(c->tls);
	buf_fini(&c->in);
	free(c);
}

void pgclient_close(struct pgclient *c)
{
	static const uint8_t terminate[] = {'X', 0, 0, 0, 4};
	struct iovec iov = {(void *)terminate, sizeof(terminate)};
	short events;
	ssize_t n;

	if (!c)
		return;
	n = c->tls ? tls_write(c->tls, &iov, 1, &events, NULL)
		   : send(c->fd, terminate, sizeof(terminate), MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)n;
	dispose(c);
}

int pgclient_open(
	struct pgclient **out, int fd, const struct pgclient_config *cfg, uint64_t deadline_ms, struct err *e)
{
	const char *const params[][2] = {
		{"application_name", cfg->application},
		{"client_encoding", "UTF8"},
	};
	const struct login_config login_cfg = {
		.user = cfg->user,
		.database = cfg->database,
		.password = cfg->password,
		.allow_cleartext = cfg->allow_cleartext,
		.params = params,
		.nparams = 2,
	};
	struct pgclient *c = calloc(1, sizeof(*c));
	struct login login = {0};
	int r = 0;

	if (!c)
		return err_set(e, -ENOMEM, "out of memory");
	c->fd = fd;
	c->deadline_ms = deadline_ms;
	if (cfg->tls)
		r = start_tls(c, cfg, e);
	if (!r)
		r = log_in(c, &login, &login_cfg, e);
	login_fini(&login);
	if (r) {
		dispose(c);
		return r;
	}
	*out = c;
	return 0;
}

/* What the server says of a failure, without its detail. */
static int server_error(const struct frame *f, struct err *e)
{
	char state[6] = "XX000";
	struct msg_fields m;

	if (msg_fields(f->body, &m) != WIRE_OK)
		return err_sql(e, -EPROTO, "08P01", "an ErrorResponse cannot be read");
	if (m.field['C'].n == 5)
		memcpy(state, m.field['C'].p, 5);
	return err_sql(e, -EREMOTEIO, state, "%.*s", (int)(m.field['M'].n > 200 ? 200 : m.field['M'].n),
		m.field['M'].p ? (const char *)m.field['M'].p : "");
}

static int hand_row(const struct frame *f, pgclient_row row, void *arg, struct err *e)
{
	struct span cells[CELLS_MAX];
	struct cur cur;
	uint16_t n;

	if (msg_data_row(f->body, &cur, &n) != WIRE_OK || n > CELLS_MAX)
		return err_sql(e, -EPROTO, "08P01", "a row cannot be read");
	for (unsigned i = 0; i < n; i++) {
		if (msg_cell_next(&cur, &cells[i]) != WIRE_OK)
			return err_sql(e, -EPROTO, "08P01", "a row cannot be read");
	}
	if (cur_end(&cur) != WIRE_OK)
		return err_sql(e, -EPROTO, "08P01", "a row cannot be read");
	return row ? row(arg, cells, n, e) : 0;
}

static int answer(struct pgclient *c, pgclient_row row, void *arg, struct err *e)
{
	struct err ignored = {0};
	int failed = 0;

	for (;;) {
		struct frame f;
		bool ready = false;
		int r = next_message(c, &f, e);

		if (r)
			return r;
		switch (f.type) {
		case BE_DATA_ROW: r = failed ? 0 : hand_row(&f, row, arg, e); break;
		case BE_ERROR_RESPONSE: failed = server_error(&f, failed ? &ignored : e); break;
		case BE_READY_FOR_QUERY: ready = true; break;
		case BE_ROW_DESCRIPTION:
		case BE_COMMAND_COMPLETE:
		case BE_EMPTY_QUERY_RESPONSE:
		case BE_NOTICE_RESPONSE:
		case BE_PARAMETER_STATUS:
		case BE_NOTIFICATION_RESPONSE: break;
		default: r = err_sql(e, -EPROTO, "08P01", "an answer that nobody asked for");
		}
		done_with(c, &f);
		if (r || ready)
			return r ? r : failed;
	}
}

int pgclient_query(
	struct pgclient *c, const char *sql, uint64_t deadline_ms, pgclient_row row, void *arg, struct err *e)
{
	struct put w = {0};
	int r;

	c->deadline_ms = deadline_ms;
	put_query(&w, sql);
	r = write_all(c, &w, e);
	put_fini(&w);
	return r ? r : answer(c, row, arg, e);
}
