/* SPDX-License-Identifier: MIT */
#include "net/conn_state.h"

#include <errno.h>
#include <sys/random.h>
#include <unistd.h>
#include "base/log.h"
#include "net/cancel.h"
#include "net/dial.h"
#include "net/listener.h"

#define CONNECT_MS 10000

static void feed_failed(struct conn *c, const struct err *why)
{
	const struct event ev = {.kind = EVENT_CONNECT_FAILED, .why = why};

	conn_feed(c, &ev);
}

static void tell_upstream(struct conn *c, enum log_level level, const struct err *why)
{
	const struct database *d = session_target(c->session);

	atomic_fetch_add(&c->worker->all->upstream_failed, 1);
	log_with(level, "upstream.failed",
		LOG_FIELDS(LOG_TEXT("cgroup", c->who.cgroup), LOG_TEXT("database", d ? d->name : "")), "%s",
		why->msg);
}

/* The operator gets the reason, the client that there is one: it may name files of this machine. */
static void refuse_upstream(struct conn *c, const struct err *why)
{
	struct err told = {0};

	tell_upstream(c, LOG_ERROR, why);
	err_sql(&told, -EIO, "08006", "the masking engine cannot log in to this database; its log says why");
	feed_failed(c, &told);
}

/* The server side is up: the session gets what it needs to log in. */
static void connected(struct conn *c)
{
	const struct worker_hooks *hooks = &c->worker->all->cfg.hooks;
	struct event ev = {.kind = EVENT_CONNECTED, .tls = c->leg[SIDE_SERVER].tls != NULL, .slot = c->slot};
	char password[1024];
	bool has = false;
	struct err e = {0};
	const struct database *d = session_target(c->session);
	int r = 0;

	/* A relayed login is the client's: it gets nothing of what the engine could say for itself. */
	if (!d->relay)
		r = hooks->password(hooks->arg, d, password, sizeof(password), &has, &e);
	if (!r && getrandom(ev.random, sizeof(ev.random), 0) != (ssize_t)sizeof(ev.random))
		r = err_set(&e, -EIO, "no randomness");
	if (r) {
		refuse_upstream(c, &e);
	} else {
		ev.password = has ? password : NULL;
		conn_feed(c, &ev);
	}
	mem_wipe(password, sizeof(password));
	mem_wipe(ev.random, sizeof(ev.random));
}

static void on_dialled(void *arg, int fd, struct tls *tls, const struct err *why)
{
	struct conn *c = arg;
	struct leg *leg = &c->leg[SIDE_SERVER];

	c->dial = NULL;
	if (why) {
		tell_upstream(c, LOG_WARN, why);
		feed_failed(c, why);
	} else if (c->state != CONN_OPEN) {
		tls_free(tls);
		close(fd);
	} else {
		*leg = (struct leg){.fd = fd, .tls = tls};
		leg->watch = watch_new(c->worker->loop, fd, conn_on_server, c);
		if (leg->watch)
			connected(c);
		else
			conn_abort(c, "out of memory");
	}
	conn_settle(c);
}

void conn_connect(struct conn *c)
{
	struct workers *ws = c->worker->all;
	const struct dial_config cfg = {ws->cfg.netns, &c->listener->ns, ws->tls, CONNECT_MS};
	const struct database *d = session_target(c->session);
	struct err e = {0};

	if (!c->slot)
		c->slot = ws->cfg.hooks.attach(ws->cfg.hooks.arg, d, &c->who, session_dbname(c->session), &e);
	if (!c->slot || dial_start(&c->dial, c->worker->loop, &cfg, d,
				(const struct sockaddr *)&c->who.dialled, on_dialled, c, &e))
		refuse_upstream(c, &e);
}

/* Somebody asks for another connection's statement to be cancelled. The answer is the same whether it is his
 * or not. */
void conn_cancel_other(struct conn *c)
{
	uint32_t pid = 0;
	struct span secret = {0};

	session_cancel_request(c->session, &pid, &secret);
	cancel_by_key(c->worker->all, pid, secret, &c->who, true);
}

static void on_cancel_over(void *arg)
{
	struct conn *c = arg;

	c->cancel = NULL;
	if (c->cancel_again)
		conn_cancel(c);
	else
		conn_feed(c, &(struct event){.kind = EVENT_CANCELLED});
	conn_settle(c);
}

void conn_cancel(struct conn *c)
{
	struct span key = {0};
	uint32_t pid = 0;

	c->cancel_again = c->cancel != NULL;
	if (c->cancel)
		return;
	session_upstream_key(c->session, &pid, &key);
	c->cancel = cancel_send(c->worker, c->listener, session_target(c->session),
		(const struct sockaddr *)&c->who.dialled, pid, key, on_cancel_over, c);
	if (!c->cancel)
		conn_feed(c, &(struct event){.kind = EVENT_CANCELLED});
}
