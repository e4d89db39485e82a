/* SPDX-License-Identifier: MIT */
/* From the first byte until the session is open. The client is never asked for a password, unless policy has
 * its own login passed through (login_relay.c): the kernel said who it is. It hears AuthenticationOk only
 * when the server has accepted us and, for a judged session, has told how it reads. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/unix_address.h"
#include "session/state.h"

#define GREETING_MAX         ((size_t)16384) /* of ParameterStatus; PostgreSQL's is one */
#define STARTUP_REQUESTS_MAX 4               /* SSLRequest and GSSENCRequest before a StartupMessage */

/* ---- policy ---- */

struct cover {
	struct session *s;
	const struct policy *p;
};

static enum coverage covers(void *arg, unsigned i)
{
	struct cover *c = arg;

	return c->s->env->covers(c->s->env->arg, c->p, i, (const struct sockaddr *)&c->s->who->dialled);
}

static int take_grant(struct session *s, struct policy *p, struct arena *mem, struct grant *g, struct err *e)
{
	struct cover c = {s, p};
	int r;

	*g = (struct grant){0};
	r = policy_grant(p, s->who, covers, &c, s->dbname, mem, g, e);
	if (!r && !g->database)
		r = err_sql(e, -EACCES, "28000", "no policy names this caller");
	return r;
}

static bool same_string(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Whether a session that logged in by a may live on under b. */
static bool same_login(const struct database *a, const struct database *b)
{
	return same_string(a->user, b->user) && same_string(a->password_file, b->password_file) &&
	       same_string(a->cert_file, b->cert_file) && same_string(a->key_file, b->key_file) &&
	       a->relay == b->relay && a->tls == b->tls && a->peer_uid == b->peer_uid;
}

/* Why a session cannot live on under the new policy; NULL: it can. */
static const char *end_reason(const struct session *s, const struct grant *g)
{
	if (!same_login(s->grant.database, g->database))
		return "the policy changed how this database is reached: connect again";
	/* What an unjudged session did to its settings and objects is not known, and cannot be made up for.
	 */
	if (grant_hides(g) != grant_hides(&s->grant))
		return "the policy changed whether columns are masked here: connect again";
	if (grant_judges(g) != s->judged)
		return "the policy changed whether statements are looked at here: connect again";
	if (!enter_same_pins(&s->grant, g))
		return "the policy changed which settings are pinned here: connect again";
	if (s->switched && !grant_lets_all(g))
		return "the policy changed whether this session may have another role: connect again";
	return NULL;
}

/* Whether answers are under way that a session which ends would owe. An unjudged one's open group is not
 * waited for: nobody counts what is asked in it, and its end may never come. */
static bool owes(const struct session *s)
{
	return s->judged ? pipeline_len(&s->pipe) > 0 : s->busy && !s->unsynced;
}

int enter_leave(struct session *s, const char *fmt, ...)
{
	char why[300];
	va_list ap;

	s->leaving = true;
	if (owes(s))
		return -EAGAIN;
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	session_break(s, "57P01", "%s", why);
	return -EPIPE;
}

int enter_policy(struct session *s)
{
	struct arena mem = {0};
	const char *why = NULL;
	struct err e = {0};
	struct grant g;

	if (s->policy == s->env->policy)
		return 0;
	if (take_grant(s, s->env->policy, &mem, &g, &e))
		why = e.msg;
	else
		why = end_reason(s, &g);
	if (!why) {
		keep_grant_ends(s);
		limit_fini(s);
		arena_fini(&s->grant_mem);
		s->grant_mem = mem;
		s->grant = g;
		limit_take(s);
		policy_unref(s->policy);
		s->policy = policy_ref(s->env->policy);
		return 0;
	}
	arena_fini(&mem);
	return enter_leave(s, "%s%s", why == e.msg ? "the policy changed: " : "", why);
}

/* ---- the startup packet ---- */

static bool take_param(struct session *s, const struct startup_param *p)
{
	char *name = arena_strndup(&s->login_mem, (const char *)p->name.p, p->name.n);
	char *value = arena_strndup(&s->login_mem, p->value.n ? (const char *)p->value.p : "", p->value.n);

	if (!name || !value) {
		session_break(s, "53200", "out of memory");
		return false;
	}
	if (strcmp(name, "application_name") == 0)
		s->application = arena_strndup(&s->mem, value, strnlen(value, APPLICATION_MAX));
	if (strcmp(name, "user") == 0 || strcmp(name, "database") == 0 || strncmp(name, "_pq_.", 5) == 0)
		return true;
	if (!s->judged) {
		if (enter_add_param(s, name, value))
			return true;
		session_break(s, "08P01", "too many startup parameters");
		return false;
	}
	if (strcmp(name, "options") == 0)
		return enter_take_options(s, value);
	if (strcmp(name, "replication") == 0) {
		if (strcasecmp(value, "false") == 0 || strcasecmp(value, "off") == 0 ||
			strcasecmp(value, "no") == 0 || strcmp(value, "0") == 0)
			return true;
		session_break(
			s, "42501", "replication is not allowed here: columns are masked for this caller");
		return false;
	}
	return enter_take_setting(s, name, value);
}

/* Protocol 3.0 is spoken; a newer minor version and unknown protocol options are answered so that the client
 * can go down to it (docs, "NegotiateProtocolVersion"). */
static void negotiate(struct session *s, const struct startup *st)
{
	struct span unknown[STARTUP_PARAMS];
	size_t n = 0;

	for (unsigned i = 0; i < st->nparams; i++)
		if (st->params[i].name.n >= 5 && memcmp(st->params[i].name.p, "_pq_.", 5) == 0)
			unknown[n++] = st->params[i].name;
	if (st->protocol == PROTOCOL_3_0 && n == 0)
		return;
	put_negotiate(&s->put, 0, unknown, n);
	session_send(s, SIDE_CLIENT);
}

static void take_startup(struct session *s, const struct startup *st)
{
	struct span user = startup_param(st, "user"), db = startup_param(st, "database");
	struct err e = {0};

	if (!user.p || !user.n) {
		session_break(s, "28000", "no user name in the startup packet");
		return;
	}
	if (!db.p || !db.n)
		db = user;
	/* the server cuts them (before 17), so that two names would be one database here and two there */
	if (db.n > NAME_LEN_MAX || user.n > NAME_LEN_MAX) {
		session_break(s, "42622", "the name of the %s is too long",
			db.n > NAME_LEN_MAX ? "database" : "user");
		return;
	}
	s->dbname = arena_strndup(&s->mem, (const char *)db.p, db.n);
	s->user = arena_strndup(&s->mem, (const char *)user.p, user.n);
	s->params = arena_array(&s->login_mem, STARTUP_PARAMS, sizeof(*s->params));
	if (!s->dbname || !s->user || !s->params) {
		session_break(s, "53200", "out of memory");
		return;
	}
	if (take_grant(s, s->env->policy, &s->grant_mem, &s->grant, &e)) {
		session_break(s, e.sqlstate, "%s", e.msg);
		return;
	}
	s->policy = policy_ref(s->env->policy);
	s->judged = grant_judges(&s->grant);
	limit_take(s);
	for (unsigned i = 0; i < st->nparams; i++)
		if (!take_param(s, &st->params[i]))
			return;
	if (s->judged &&
		(!enter_add_param(s, "client_encoding", "UTF8") ||
			!enter_add_param(s, "standard_conforming_strings", "on") || !enter_add_pins(s))) {
		session_break(s, "08P01", "too many startup parameters");
		return;
	}
	negotiate(s, st);
	session_move(s, STATE_CONNECTING);
	s->once |= WANT_CONNECT;
}

static void take_cancel(struct session *s, const struct startup *st)
{
	s->cancel_pid = st->cancel_pid;
	s->cancel_key_len = st->cancel_key.n;
	memcpy(s->cancel_key, st->cancel_key.p, st->cancel_key.n);
	s->once |= WANT_LOOKUP;
	session_move(s, STATE_CLOSING);
}

void enter_client(struct session *s)
{
	struct lane *l = &s->lane[SIDE_CLIENT];
	struct startup *st = arena_alloc(&s->scratch, sizeof(*st));

	while (s->state == STATE_STARTUP) {
		if (!st) {
			session_break(s, "53200", "out of memory");
			return;
		}
		switch (startup_parse(buf_peek(&l->in), st)) {
		case WIRE_MORE: return;
		case WIRE_BAD: session_break(s, "08P01", "invalid startup packet"); return;
		case WIRE_OK: break;
		}
		switch (st->kind) {
		case STARTUP_NONE: session_break(s, "08P01", "invalid startup packet"); return;
		case STARTUP_TLS_HELLO:
			session_note(s, NOTE_DIRECT_TLS, NULL,
				"direct TLS is not spoken on the application's leg");
			session_move(s, STATE_CLOSING);
			return;
		case STARTUP_SSL:
		case STARTUP_GSSENC:
			if (++s->nstartup > STARTUP_REQUESTS_MAX) {
				session_break(s, "08P01", "too many encryption requests");
				return;
			}
			outq_copy(&s->lane[SIDE_CLIENT].out, SPAN_LIT("N"));
			break;
		case STARTUP_CANCEL: take_cancel(s, st); break;
		case STARTUP_MESSAGE: take_startup(s, st); break;
		}
		buf_parse(&l->in, st->total);
	}
}

/* ---- upstream ---- */

/* Behind a host name is one server, wherever it is reached; behind a network's addresses there are many. */
static int find_place(struct session *s, const struct database *d, struct err *e)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&s->who->dialled;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&s->who->dialled;
	char address[UNIX_PATH_CAP] = "", server[300];

	if (!d->is_name && s->who->dialled.ss_family == AF_UNIX)
		unix_address_text((const struct sockaddr *)&s->who->dialled, address);
	else if (!d->is_name && s->who->dialled.ss_family == AF_INET6)
		inet_ntop(AF_INET6, &v6->sin6_addr, address, sizeof(address));
	else if (!d->is_name)
		inet_ntop(AF_INET, &v4->sin_addr, address, sizeof(address));
	snprintf(server, sizeof(server), "%s %u", d->is_name ? d->host : address, d->port);
	return recall_place(s->env->recall, server, s->dbname, &s->place, e);
}

void enter_connected(struct session *s, const struct event *ev)
{
	const struct database *d = s->grant.database;
	/* A server that nobody verified may be the caller's own, behind the database's address: it gets no
	 * password in clear or as md5, unless policy says so. */
	bool trusted = (ev->tls && d && d->tls == TLS_VERIFY_FULL) ||
		       (d && (d->insecure_auth || d->socket)); /* whose user was checked */
	struct login_config cfg = {.user = d ? d->user : NULL,
		.database = s->dbname,
		.password = ev->password,
		.memory = s->env->scram,
		.allow_cleartext = trusted,
		.params = s->params,
		.nparams = s->nparams};
	struct err e = {0};

	if (s->state != STATE_CONNECTING)
		return;
	session_move(s, STATE_LOGIN);
	s->slot = ev->slot;
	if (d && d->relay) {
		login_relay_start(s, trusted);
		cfg.user = s->user;
		cfg.password = NULL;
		cfg.allow_cleartext = false;
	} else if (ev->password) { /* only borrowed during this step; the session's arena is wiped by
				      login_done */
		cfg.password = arena_strdup(&s->login_mem, ev->password);
		s->password = (char *)cfg.password;
	}
	if (!ev->slot || (ev->password && !s->relayed && !cfg.password)) {
		session_break(s, "53200", "out of memory");
		return;
	}
	snprintf(s->poison, sizeof(s->poison), "pgveil_refused_%02x%02x%02x%02x%02x%02x%02x%02x",
		ev->random[18], ev->random[19], ev->random[20], ev->random[21], ev->random[22],
		ev->random[23], ev->random[24], ev->random[25]);
	if (login_start(&s->login, &cfg, ev->random, &s->put, &e))
		session_break(s, e.sqlstate, "%s", e.msg);
	else
		session_send(s, SIDE_SERVER);
}

void enter_failed(struct session *s, const struct event *ev)
{
	if (s->state == STATE_CONNECTING)
		session_break(s, ev->why && ev->why->sqlstate[0] ? ev->why->sqlstate : "08006",
			"the database cannot be reached: %s", ev->why ? ev->why->msg : "");
}

void enter_open(struct session *s)
{
	struct err e = {0};
	char text[160];

	if (keep_begin(s, &e)) {
		session_break(s, e.sqlstate, "%s", e.msg);
		return;
	}
	put_start(&s->put, BE_AUTHENTICATION);
	put_be32(&s->put, AUTH_OK);
	put_finish(&s->put);
	session_send(s, SIDE_CLIENT);
	outq_copy(&s->lane[SIDE_CLIENT].out, put_bytes(&s->greeting));
	if (s->login.pid) {
		s->key.pid = s->login.pid;
		s->once |= WANT_KEY;
	}
	put_start(&s->put, BE_BACKEND_KEY_DATA);
	put_be32(&s->put, s->key.pid);
	put_span(&s->put, span_of(s->key.secret, sizeof(s->key.secret)));
	put_finish(&s->put);
	put_ready(&s->put, s->login.status);
	session_send(s, SIDE_CLIENT);
	if (put_failed(&s->greeting))
		s->lane[SIDE_CLIENT].out.failed = true;
	put_fini(&s->greeting);
	s->status = s->login.status;
	style_settle(s, s->status);
	session_move(s, STATE_OPEN);
	session_took(s, STAGE_LOGIN, s->began_ns, session_clock_ns(s));
	if (s->judged && s->env->accounts) {
		s->names.account = account_open(s->env->accounts, s->who->cgroup_id);
		if (!s->names.account) {
			session_break(s, "53200", "out of memory");
			return;
		}
	}
	/* What the login said, its key for cancels among it, is of no interest to anybody. */
	s->keep.had = s->keep.began = s->lane[SIDE_CLIENT].out.bytes;
	snprintf(text, sizeof(text), "as %s, %s", session_user(s), s->grant.nrules ? "masked" : "no masks");
	session_note(s, NOTE_LOGIN, NULL, text);
}

static void login_done(struct session *s)
{
	struct err e = {0};

	if (s->password)
		mem_wipe(s->password, strlen(s->password));
	s->password = NULL;
	s->login.cfg = (struct login_config){0};
	s->params = NULL;
	arena_fini(&s->login_mem);
	buf_disclose(&s->lane[SIDE_CLIENT].in);
	if (s->login.status != 'I') {
		session_break(s, "08P01", "the database is not idle after login");
		return;
	}
	if (!s->judged) {
		enter_open(s);
		return;
	}
	/* Only now: names that no server knows would fill the memory of places. */
	if (find_place(s, s->grant.database, &e)) {
		session_break(s, e.sqlstate, "%s", e.msg);
		return;
	}
	settle_ask(s);
}

static void on_login(struct session *s, const struct frame *f)
{
	struct msg_parameter_status ps;
	struct err e = {0};

	if (s->relayed && login_relay_server(s, f))
		return;
	if (f->type == BE_PARAMETER_STATUS) {
		if (put_bytes(&s->greeting).n + f->total > GREETING_MAX) {
			session_break(s, "08P01", "the database reports too many parameters");
			return;
		}
		if (msg_parameter_status(f->body, &ps) != WIRE_OK) {
			session_break(s, "08P01", "invalid ParameterStatus from the database");
			return;
		}
		put_start(&s->greeting, BE_PARAMETER_STATUS);
		put_cstr_span(&s->greeting, ps.name);
		put_cstr_span(&s->greeting, ps.value);
		style_report(s, ps.name, ps.value);
		if (span_is(ps.name, "session_authorization"))
			snprintf(s->login_user, sizeof(s->login_user), "%.*s", (int)ps.value.n,
				ps.value.n ? (const char *)ps.value.p : "");
		if (span_is(ps.name, "is_superuser"))
			s->superuser = span_is(ps.value, "on");
		put_finish(&s->greeting);
	}
	if (login_message(&s->login, f, &s->put, &e)) {
		put_reset(&s->put);
		session_break(s, e.sqlstate[0] ? e.sqlstate : "08006",
			"pgveil could not log in to the database: %s", e.msg);
		return;
	}
	session_send(s, SIDE_SERVER);
	if (s->login.state == LOGIN_DONE)
		login_done(s);
}

void enter_server(struct session *s)
{
	struct lane *l = &s->lane[SIDE_SERVER];
	struct frame f;

	while (s->state == STATE_LOGIN || s->state == STATE_SETTLING) {
		switch (frame_peek(buf_peek(&l->in), PEER_BACKEND, &f)) {
		case WIRE_MORE: return;
		case WIRE_BAD: session_break(s, "08P01", "invalid message from the database"); return;
		case WIRE_OK: break;
		}
		if (f.total > STARTUP_MAX) {
			session_break(s, "08P01", "a message of the database's login is too long");
			return;
		}
		if (!frame_whole(&f))
			return;
		if (s->state == STATE_LOGIN)
			on_login(s, &f);
		else
			settle_server(s, &f);
		buf_parse(&l->in, f.total);
	}
}
