/* SPDX-License-Identifier: MIT */
#include "session/session.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "session/state.h"
#include "session/tally.h"

#define READ_MIN ((size_t)8192)
#define READ_MAX ((size_t)131072)

static const char *const state_name[] = {"closing", "startup", "connecting", "login", "settling", "open"};
_Static_assert(sizeof(state_name) / sizeof(state_name[0]) == SESSION_STATES, "every state has a name");

const char *session_state_name(unsigned state)
{
	return state_name[state];
}

const char *session_note_name(enum session_note n)
{
#define X(name, word) [NOTE_##name] = (word),
	static const char *const names[] = {SESSION_NOTES(X)};
#undef X
	return names[n];
}

int session_new(struct session **out, const struct session_env *env, const struct caller *who,
	struct session_key key, struct err *e)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	s->env = env;
	s->who = who;
	s->key = key;
	s->state = STATE_STARTUP;
	s->began_ns = session_clock_ns(s);
	s->lane[SIDE_CLIENT].read_size = s->lane[SIDE_SERVER].read_size = READ_MIN;
	*out = s;
	return 0;
}

void session_free(struct session *s)
{
	if (!s)
		return;
	keep_end(s);
	session_tally(s, true);
	estimate_forget(s);
	hold_fini(s);
	pass_over(s, s->now_ms);
	pipeline_fini(&s->pipe);
	own_fini(s);
	names_fini(&s->names);
	if (s->names.account)
		account_close(s->env->accounts, s->names.account);
	binding_unref(s->binding);
	catalog_unref(s->catalog);
	login_fini(&s->login);
	if (s->role)
		slot_role_drop(s->slot, s->role);
	put_fini(&s->put);
	put_fini(&s->greeting);
	for (int i = 0; i < 2; i++) {
		buf_fini(&s->lane[i].in);
		outq_fini(&s->lane[i].out);
	}
	arena_fini(&s->scratch);
	limit_fini(s);
	arena_fini(&s->grant_mem);
	arena_fini(&s->path.mem);
	arena_fini(&s->mem);
	arena_fini(&s->login_mem);
	policy_unref(s->policy);
	mem_wipe(s, sizeof(*s));
	free(s);
}

/* Names in reasons are the client's words as long as nobody has found them in a catalogue: an agent that
 * writes a value where a name belongs must not write it to the log. They stand in quotes, the last of which
 * cannot be told from one inside a name; a server's quotes may be of another language. */
void session_without_names(char *out, size_t cap, const char *text)
{
	size_t n = 0;

	while (n + 1 < cap && text[n] && text[n] != '"' && !((unsigned char)text[n] & 0x80))
		n++;
	snprintf(out, cap, text[n] ? "%.*s..." : "%.*s", (int)n, text);
}

void session_note(struct session *s, enum session_note n, const char *sqlstate, const char *text)
{
	char told[300];

	if (s->env->tally)
		metric_add(&s->env->tally->notes[n], 1);
	if (!s->env->note)
		return;
	session_without_names(told, sizeof(told), text ? text : "");
	s->env->note(s->env->arg, s, n, sqlstate, told);
}

/* The allowed moves; CLOSING can be reached from everywhere and is never left. */
static bool may_move(enum session_state from, enum session_state to)
{
	switch (to) {
	case STATE_CLOSING: return true;
	case STATE_STARTUP: return false;
	case STATE_CONNECTING: return from == STATE_STARTUP;
	case STATE_LOGIN: return from == STATE_CONNECTING;
	case STATE_SETTLING: return from == STATE_LOGIN;
	case STATE_OPEN: return from == STATE_LOGIN || from == STATE_SETTLING;
	}
	return false;
}

void session_move(struct session *s, enum session_state to)
{
	/* invariant: ours alone to break; nothing from the wire chooses a state. */
	assert(may_move(s->state, to));
	s->state = to;
}

void session_send(struct session *s, enum side to)
{
	if (put_failed(&s->put))
		s->lane[to].out.failed = true;
	else
		outq_copy(&s->lane[to].out, put_bytes(&s->put));
	put_reset(&s->put);
}

enum took session_break(struct session *s, const char *sqlstate, const char *fmt, ...)
{
	char msg[300];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (s->state == STATE_CLOSING)
		return TOOK_BROKEN;
	snprintf(s->keep.closed_by, sizeof(s->keep.closed_by), "%s", sqlstate);
	session_note(s, s->state == STATE_OPEN ? NOTE_BROKEN : NOTE_LOGIN_REFUSED, sqlstate, msg);
	/* In the middle of a message nothing can be said: the client sees the connection end. */
	if (!splice_within(s)) {
		put_error(&s->put, "FATAL", sqlstate, msg, NULL, NULL);
		session_send(s, SIDE_CLIENT);
	}
	session_move(s, STATE_CLOSING);
	return TOOK_BROKEN;
}

void session_pass(struct session *s, enum side from, const struct frame *f)
{
	enum side to = from == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
	struct lane *l = &s->lane[from];
	/* The server goes first then, and that is not its doing. */
	bool goes = from == SIDE_CLIENT && f->type == FE_TERMINATE;
	size_t here = FRAME_HEADER + f->body.n;

	if (goes && !s->keep.closed)
		s->keep.closed = "client";
	outq_borrow(&s->lane[to].out, span_of(f->body.p - FRAME_HEADER + l->sent, here - l->sent));
	l->sent = 0;
	buf_parse(&l->in, here);
	l->through = f->total - here;
}

int session_room(struct session *s, enum side side, uint8_t **p, size_t *len)
{
	struct lane *l = &s->lane[side];
	size_t held = l->in.filled - l->in.done;

	/* A message is believed only as far as it has come: room doubles with what is there, never with what
	 * is claimed. */
	return buf_reserve(&l->in, l->read_size > held ? l->read_size : held,
		2 * s->env->message_max + READ_MAX, p, len);
}

void session_got(struct session *s, enum side side, size_t n)
{
	struct lane *l = &s->lane[side];

	if (n >= l->read_size && l->read_size < READ_MAX)
		l->read_size *= 2;
	else if (n < READ_MIN / 2)
		l->read_size = READ_MIN;
	buf_commit(&l->in, n);
	if (side == SIDE_CLIENT)
		s->stats.bytes_to_server += n;
	else
		s->stats.bytes_to_client += n;
}

struct outq *session_out(struct session *s, enum side side)
{
	if (side == SIDE_CLIENT)
		return keep_out(s);
	return &s->lane[side].out;
}

/* What a client sent before it shut its writing side is carried out, as the server would: the server sees the
 * same end, says what it still owes, and goes. */
static void client_ended(struct session *s, bool lost)
{
	if (!s->keep.closed && s->state != STATE_CLOSING)
		s->keep.closed = "client";
	if (!lost && s->state == STATE_OPEN) {
		s->client_done = true;
		return;
	}
	if (s->state != STATE_CLOSING)
		session_move(s, STATE_CLOSING);
	if (lost) {
		keep_drop(s);
		outq_fini(&s->lane[SIDE_CLIENT].out);
	}
}

static void server_ended(struct session *s)
{
	if (!s->keep.closed && s->state != STATE_CLOSING)
		s->keep.closed = "database";
	/* What the server said before it went is still owed; nothing is added. */
	if (s->state == STATE_OPEN)
		session_move(s, STATE_CLOSING);
	else
		session_break(s, "08006", "the database closed the connection during login");
}

/* The client's own: never one of ours, and never the next one. */
static bool runs_a_statement(struct session *s)
{
	if (s->state != STATE_OPEN)
		return false;
	if (!s->judged)
		return s->busy;
	return pipeline_len(&s->pipe) && !pipeline_head(&s->pipe)->ours &&
	       pipeline_head(&s->pipe)->kind != EXPECT_REFUSAL;
}

static void take_event(struct session *s, const struct event *ev)
{
	switch (ev->kind) {
	case EVENT_BYTES: break;
	case EVENT_EOF:
	case EVENT_LOST:
		if (ev->side == SIDE_CLIENT)
			client_ended(s, ev->kind == EVENT_LOST);
		else
			server_ended(s);
		break;
	case EVENT_CONNECTED: enter_connected(s, ev); break;
	case EVENT_CONNECT_FAILED: enter_failed(s, ev); break;
	case EVENT_CANCEL:
		if (hold_cancel(s) || estimate_cancel(s)) {
			session_note(s, NOTE_CANCEL, NULL, "cancel request");
			break;
		}
		if (!runs_a_statement(s))
			break;
		session_note(s, NOTE_CANCEL, NULL, "cancel request");
		s->once |= WANT_CANCEL;
		break;
	case EVENT_CANCELLED: limit_cancelled(s); break;
	case EVENT_SHUTDOWN:
		session_break(s, "57P01", "terminating connection: pgveil is shutting down");
		break;
	case EVENT_END:
		if (runs_a_statement(s))
			s->once |= WANT_CANCEL;
		session_break(
			s, "57P01", "terminating connection: an administrator of pgveil ended the session");
		break;
	}
}

static void pump(struct session *s)
{
	switch (s->state) {
	case STATE_CLOSING: break;
	case STATE_STARTUP: enter_client(s); break;
	case STATE_CONNECTING: break;
	case STATE_LOGIN:
		enter_server(s);
		if (s->state == STATE_LOGIN && s->relayed)
			login_relay_client(s);
		break;
	case STATE_SETTLING: enter_server(s); break;
	case STATE_OPEN:
		/* The server first: its answers are what the client's next message may wait for. */
		if (s->judged)
			backend_pump(s);
		else
			relay_server(s);
		if (s->state != STATE_OPEN)
			break;
		if (s->judged)
			frontend_pump(s);
		else
			relay_client(s);
		break;
	}
}

/* Of what this step would send to either side nothing may go out, since it is not on record. */
static void end_unrecorded(struct session *s)
{
	if (s->state != STATE_CLOSING) {
		session_note(s, NOTE_BROKEN, KEEP_SQLSTATE, KEEP_REASON);
		session_move(s, STATE_CLOSING);
	}
	snprintf(s->keep.closed_by, sizeof(s->keep.closed_by), KEEP_SQLSTATE);
	keep_drop(s);
	outq_fini(&s->lane[SIDE_CLIENT].out);
	outq_fini(&s->lane[SIDE_SERVER].out);
}

static unsigned wants(struct session *s)
{
	unsigned w = s->once;
	uint64_t at;
	bool client_idle = outq_empty(&s->lane[SIDE_CLIENT].out),
	     server_idle = outq_empty(&s->lane[SIDE_SERVER].out);

	if (outq_failed(&s->lane[SIDE_CLIENT].out) || outq_failed(&s->lane[SIDE_SERVER].out)) {
		/* Something could not be queued: what is behind it may not go out either. */
		keep_drop(s);
		outq_fini(&s->lane[SIDE_CLIENT].out);
		s->state = STATE_CLOSING;
	}
	switch (s->state) {
	case STATE_CLOSING: return w | WANT_CLOSE;
	case STATE_STARTUP: return client_idle ? w | WANT_READ_CLIENT : w;
	case STATE_CONNECTING: return w;
	case STATE_LOGIN:
	case STATE_SETTLING:
		if (s->state == STATE_LOGIN && server_idle && login_relay_reads(s))
			w |= WANT_READ_CLIENT;
		/* What the server said stays in its buffer until the client has what was made of it. */
		return server_idle && client_idle ? w | WANT_READ_SERVER : w;
	case STATE_OPEN: break;
	}
	/* Back-pressure: a side is read only when everything that it said has been written on, or is about to
	 * be, as soon as it is on record. */
	if (client_idle && !keep_is_full(s) && !s->limit.stalled)
		w |= WANT_READ_SERVER;
	if (server_idle && !s->waiting)
		w |= s->client_done ? WANT_SHUT_SERVER : WANT_READ_CLIENT;
	if (server_idle && !s->client_done && hold_reads(s))
		w |= WANT_READ_CLIENT;
	if (s->waits_for_catalog || hold_wakes(s, &at) || s->limit.asks)
		w |= WANT_WAKE;
	if (keep_is_handed(s))
		w |= WANT_RECORDED;
	return w;
}

void session_unread(struct session *s)
{
	keep_drop(s);
	outq_fini(&s->lane[SIDE_CLIENT].out);
}

bool session_goes_on(const struct session *s)
{
	return keep_is_recorded(s);
}

bool session_idle(const struct session *s)
{
	return s->state == STATE_OPEN && (s->judged ? pipeline_len(&s->pipe) == 0 : !s->busy);
}

unsigned session_step(struct session *s, uint64_t now_ms, const struct event *ev)
{
	unsigned w;

	s->now_ms = now_ms;
	s->once = 0;
	keep_step_begins(s);
	s->limit.asks = false;
	if (outq_empty(&s->lane[SIDE_CLIENT].out))
		buf_consume(&s->lane[SIDE_SERVER].in);
	if (outq_empty(&s->lane[SIDE_SERVER].out))
		buf_consume(&s->lane[SIDE_CLIENT].in);
	take_event(s, ev);
	pump(s);
	hold_step(s);
	pass_settle(s);
	if (!keep_step_ends(s))
		end_unrecorded(s);
	w = wants(s);
	session_tally(s, false);
	catalog_unref(s->catalog);
	s->catalog = NULL;
	if (outq_empty(&s->lane[SIDE_CLIENT].out))
		buf_consume(&s->lane[SIDE_SERVER].in);
	if (outq_empty(&s->lane[SIDE_SERVER].out))
		buf_consume(&s->lane[SIDE_CLIENT].in);
	arena_reset(&s->scratch);
	if (session_idle(s)) { /* what it will need then is not held until then */
		arena_fini(&s->scratch);
		put_fini(&s->put);
	}
	return w;
}

bool session_rests(const struct session *s)
{
	if (!session_idle(s) || s->status != 'I' || s->unsynced || s->waits_for_catalog || s->client_done)
		return false;
	if (keep_ahead(s))
		return false;
	for (enum side side = SIDE_CLIENT; side <= SIDE_SERVER; side++) {
		const struct lane *l = &s->lane[side];

		if (l->through || l->drop || buf_peek(&l->in).n || !outq_empty(&l->out))
			return false;
	}
	return true;
}

bool session_leaves(const struct session *s)
{
	return s->leaves;
}

bool session_redefines(const struct session *s)
{
	return gate_changes(&s->pass);
}

uint64_t session_recorded(const struct session *s)
{
	return s->state == STATE_CLOSING ? 0 : s->keep.of.id;
}

enum tenure session_tenure(const struct session *s)
{
	return s->env->tenure ? (enum tenure)atomic_load(s->env->tenure) : TENURE_SOLE;
}

int session_moved(struct session *s, struct err *e)
{
	s->leaves = true;
	return err_sql(e, -EACCES, "40001",
		"another pgveild has taken over: this transaction must be repeated on a new connection");
}

void session_over(struct session *s, uint64_t now_ms)
{
	pass_over(s, now_ms);
}

bool session_holds(const struct session *s)
{
	return gate_holds(&s->pass);
}

const struct database *session_target(const struct session *s)
{
	return s->grant.database;
}

const char *session_user(const struct session *s)
{
	return s->relayed ? s->user : s->grant.database ? s->grant.database->user : NULL;
}

const char *session_dbname(const struct session *s)
{
	return s->dbname;
}

uint64_t session_wake_ms(const struct session *s)
{
	uint64_t at;

	hold_wakes(s, &at);
	if (s->limit.asks && s->limit.wake_ms < at)
		at = s->limit.wake_ms;
	return s->waits_for_catalog && s->wake_ms < at ? s->wake_ms : at;
}

uint32_t session_key_pid(const struct session *s)
{
	return s->key.pid;
}

void session_upstream_key(const struct session *s, uint32_t *pid, struct span *key)
{
	*pid = s->login.pid;
	*key = span_of(s->login.key, s->login.key_len);
}

void session_cancel_request(const struct session *s, uint32_t *pid, struct span *key)
{
	*pid = s->cancel_pid;
	*key = span_of(s->cancel_key, s->cancel_key_len);
}

void session_stats(const struct session *s, struct session_stats *out)
{
	*out = s->stats;
	out->state = state_name[s->state];
	out->status = s->status;
	out->judged = s->judged;
}

const struct caller *session_caller(const struct session *s)
{
	return s->who;
}
