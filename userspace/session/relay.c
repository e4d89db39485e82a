/* SPDX-License-Identifier: MIT */
/* A caller without mask rules: every message is framed and counted, none is changed, none is held. */
#include "session/state.h"

/* Bytes of a message that is already under way. */
static bool go_on(struct session *s, enum side from)
{
	enum side to = from == SIDE_CLIENT ? SIDE_SERVER : SIDE_CLIENT;
	struct lane *l = &s->lane[from];
	struct span in = buf_peek(&l->in);
	size_t n = in.n < l->through ? in.n : l->through;
	struct err e = {0};

	if (n) {
		if (from == SIDE_CLIENT && keep_more(s, span_of(in.p, n), &e)) {
			session_break(s, e.sqlstate, "%s", e.msg);
			return false;
		}
		outq_borrow(&s->lane[to].out, span_of(in.p, n));
		buf_parse(&l->in, n);
		l->through -= n;
	}
	return l->through == 0;
}

/* A statement begins, where the session takes a new policy; other messages belong to what was begun. */
static bool begins(uint8_t type)
{
	return type == FE_QUERY || type == FE_PARSE || type == FE_BIND || type == FE_EXECUTE ||
	       type == FE_FUNCTION_CALL;
}

void relay_client(struct session *s)
{
	struct err e = {0};
	struct frame f;

	s->waiting = false;
	for (;;) {
		if (!go_on(s, SIDE_CLIENT))
			return;
		/* An idle one hears of it at once: what the server sends unasked is not looked at. */
		if (!s->busy && enter_policy(s))
			return;
		switch (frame_peek(buf_peek(&s->lane[SIDE_CLIENT].in), PEER_FRONTEND, &f)) {
		case WIRE_MORE: return;
		case WIRE_BAD: session_break(s, "08P01", "invalid frontend message"); return;
		case WIRE_OK: break;
		}
		if (begins(f.type) && enter_policy(s)) {
			s->waiting = s->state == STATE_OPEN;
			return;
		}
		if (keep_holds(s, &f))
			return;
		if (keep_relayed(s, &f, &e)) {
			session_break(s, e.sqlstate, "%s", e.msg);
			return;
		}
		if (f.type == FE_QUERY || f.type == FE_EXECUTE || f.type == FE_FUNCTION_CALL)
			s->stats.statements++;
		s->busy = true;
		s->unsynced = begins(f.type) ? f.type != FE_QUERY && f.type != FE_FUNCTION_CALL
					     : s->unsynced && f.type != FE_SYNC;
		session_pass(s, SIDE_CLIENT, &f);
	}
}

static bool starts(struct span s, const char *word)
{
	struct span w = span_of(word, 0);

	while (word[w.n])
		w.n++;
	return s.n >= w.n && span_eq(span_of(s.p, w.n), w);
}

/* A definition that this session changed must be known before its client is told, since another session may
 * be judged by what it was. */
static void watch_definitions(struct session *s, const struct frame *f)
{
	static const char *const harmless[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "FETCH", "MOVE",
		"COPY", "BEGIN", "START", "SET", "SHOW", "RESET", "SAVEPOINT", "RELEASE", "PREPARE",
		"EXECUTE", "DEALLOCATE", "DECLARE", "CLOSE", "EXPLAIN", "LISTEN", "NOTIFY", "UNLISTEN",
		"MERGE", "LOCK", "VACUUM", "ANALYZE", "CHECKPOINT"};
	struct span tag;

	if (f->type == BE_READY_FOR_QUERY && f->body.n == 1) {
		s->status = (char)f->body.p[0];
		s->busy = false;
		if (s->ddl && s->status == 'I') {
			slot_expire(s->slot, s->now_ms);
			s->ddl = false;
		}
	}
	if (f->type != BE_COMMAND_COMPLETE || !frame_whole(f) ||
		msg_command_complete(f->body, &tag) != WIRE_OK)
		return;
	for (unsigned i = 0; i < ARRAY_LEN(harmless); i++)
		if (starts(tag, harmless[i]) && !starts(tag, "SELECT INTO"))
			return;
	s->ddl = true;
	slot_expire(s->slot, s->now_ms);
}

void relay_server(struct session *s)
{
	struct frame f;

	for (;;) {
		if (!go_on(s, SIDE_SERVER))
			return;
		switch (frame_peek(buf_peek(&s->lane[SIDE_SERVER].in), PEER_BACKEND, &f)) {
		case WIRE_MORE: return;
		case WIRE_BAD: session_break(s, "08P01", "invalid backend message"); return;
		case WIRE_OK: break;
		}
		/* These two are short, and must be seen whole before they are passed on. */
		if ((f.type == BE_COMMAND_COMPLETE || f.type == BE_READY_FOR_QUERY) && !frame_whole(&f) &&
			f.total < 256)
			return;
		if (f.type == BE_DATA_ROW)
			s->stats.rows++;
		watch_definitions(s, &f);
		keep_answered(s, &f);
		splice_begin(s, &f, NULL);
		session_pass(s, SIDE_SERVER, &f);
	}
}
