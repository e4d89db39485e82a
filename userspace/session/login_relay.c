/* SPDX-License-Identifier: MIT */
/* A login that is the client's own: its authentication goes through, message by message, to the server that
 * checks it; what the server says of a failure comes back as it is. The client hears of its success only when
 * the session is open, as every client does (enter.c). */
#include <string.h>

#include "session/state.h"

void login_relay_start(struct session *s, bool verified)
{
	s->relayed = true;
	s->lane[SIDE_CLIENT].in.secret = true;
	exchange_start(&s->exchange, verified);
}

bool login_relay_reads(const struct session *s)
{
	return s->relayed && exchange_waits(&s->exchange);
}

static bool is_code(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return false;
	return s.n == 5;
}

/* The server's refusal of the client's login. Its text names what the client said; the log gets the code. */
static void refused(struct session *s, const struct frame *f)
{
	struct msg_fields m;
	char code[6] = "";

	if (msg_fields(f->body, &m) != WIRE_OK || !is_code(m.field['C'])) {
		session_break(s, "08P01", "invalid ErrorResponse from the database");
		return;
	}
	outq_copy(&s->lane[SIDE_CLIENT].out, span_of(f->body.p - FRAME_HEADER, f->total));
	memcpy(code, m.field['C'].p, 5);
	session_note(s, NOTE_LOGIN_REFUSED, code, "the server refused the client's own login");
	session_move(s, STATE_CLOSING);
}

bool login_relay_server(struct session *s, const struct frame *f)
{
	struct err e = {0};

	if (f->type == BE_ERROR_RESPONSE) {
		refused(s, f);
		return true;
	}
	if (f->type != BE_AUTHENTICATION || s->exchange.state == EXCHANGE_DONE)
		return false;
	if (exchange_server(&s->exchange, f, &s->put, &e)) {
		put_reset(&s->put);
		session_break(s, e.sqlstate, "%s", e.msg);
		return true;
	}
	session_send(s, SIDE_CLIENT);
	if (s->exchange.state == EXCHANGE_DONE)
		login_accepted(&s->login);
	return true;
}

void login_relay_client(struct session *s)
{
	struct lane *l = &s->lane[SIDE_CLIENT];
	struct err e = {0};
	struct frame f;

	while (exchange_waits(&s->exchange)) {
		switch (frame_peek(buf_peek(&l->in), PEER_FRONTEND, &f)) {
		case WIRE_MORE: return;
		case WIRE_BAD: session_break(s, "08P01", "invalid frontend message"); return;
		case WIRE_OK: break;
		}
		if (f.type == FE_TERMINATE) { /* it has no password, or thought better of it */
			session_move(s, STATE_CLOSING);
			return;
		}
		if (f.total > EXCHANGE_MESSAGE_MAX) {
			session_break(s, "08P01", "a message of the login is too long");
			return;
		}
		if (!frame_whole(&f))
			return;
		if (exchange_client(&s->exchange, &f, &e)) {
			session_break(s, e.sqlstate, "%s", e.msg);
			return;
		}
		session_pass(s, SIDE_CLIENT, &f);
	}
}
