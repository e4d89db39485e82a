/* SPDX-License-Identifier: MIT */
/* Messages of the server in a judged session. The head of the pipeline says what each is about; one that does
 * not fit it means that we no longer know what the rows are, and ends the session before the client sees it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/state.h"

#define COPY_SMALL 64 /* bytes; whether there is a row in such a CopyData shows when it is there whole */

enum fate backend_unexpected(struct session *s, const struct frame *f)
{
	session_break(
		s, "08P01", "unexpected %s message from the database", frame_name(PEER_BACKEND, f->type));
	return FATE_BROKEN;
}

static enum fate no_memory(struct session *s)
{
	session_break(s, "53200", "out of memory");
	return FATE_BROKEN;
}

/* What others are judged by must not be what it was, once the client knows that it changed. */
static void tell_others(struct session *s, const struct plan *p)
{
	if (p && p->defines && !p->temporary)
		slot_expire(s->slot, s->now_ms);
}

/* What the client got in the place of a result's end; nothing where it was not stopped. */
static struct span stopped_with(const struct expected *x)
{
	return x->stopped ? span_of(x->refusal->sqlstate, strlen(x->refusal->sqlstate)) : (struct span){0};
}

static enum fate execute_ran(struct session *s, struct expected *x)
{
	struct refusal *r = x->refusal;

	x->refusal = NULL;
	pipeline_pop(&s->pipe);
	s->barrier = pipeline_barrier(&s->pipe);
	return limit_ran(s, EXPECT_EXECUTE, r, false) ? FATE_SWALLOW : no_memory(s);
}

static enum fate on_statement_end(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	struct step *st = backend_step(x);
	struct span tag;

	if (!x || (x->kind != EXPECT_QUERY && x->kind != EXPECT_EXECUTE))
		return backend_unexpected(s, f);
	if (f->type == BE_COMMAND_COMPLETE ? msg_command_complete(f->body, &tag) != WIRE_OK
					   : msg_empty(f->body) != WIRE_OK)
		return backend_unexpected(s, f);
	if (x->copy)
		return backend_unexpected(s, f); /* its end is missing */
	style_ran(s, x, backend_plan(x));
	tell_others(s, backend_plan(x));
	if (x->kind == EXPECT_EXECUTE) {
		if (f->type == BE_COMMAND_COMPLETE && !commit_step(s, st))
			return no_memory(s);
		if (f->type == BE_COMMAND_COMPLETE)
			own_discarded(s, backend_plan(x));
		if (f->type == BE_COMMAND_COMPLETE)
			keep_tag(s, tag);
		keep_done(s, &x->kept, stopped_with(x));
		s->copy_in = false;
		s->copy_syncs = 0; /* it read them all */
		if (x->stopped)
			return execute_ran(s, x);
		pipeline_pop(&s->pipe);
		s->barrier = pipeline_barrier(&s->pipe);
		return FATE_PASS;
	}
	if (f->type == BE_PORTAL_SUSPENDED || (!st && f->type != BE_EMPTY_QUERY_RESPONSE))
		return backend_unexpected(s, f);
	if (st && !commit_step(s, st))
		return no_memory(s);
	if (st && x->nsteps == 1)
		own_discarded(s, st->plan);
	/* One in a transaction may yet be undone. */
	if (st && st->plan->kind == STATEMENT_UNLISTEN && x->nsteps == 1 && s->status == 'I')
		names_unlisten(&s->names, st->plan->name);
	if (f->type == BE_COMMAND_COMPLETE)
		keep_tag(s, tag);
	rowplan_free(x->rows);
	x->rows = NULL;
	x->at++;
	x->spent = (struct spent){0};
	s->copy_syncs = 0;
	if (!x->stopped)
		return FATE_PASS;
	if (!limit_ran(s, x->kind, x->refusal, x->told))
		return no_memory(s);
	x->told = true;
	return FATE_SWALLOW;
}

static enum fate on_parse_complete(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);

	if (x && x->kind == EXPECT_TELL && msg_empty(f->body) == WIRE_OK) {
		pipeline_pop(&s->pipe);
		return FATE_SWALLOW; /* it knows the names: what we know is why it is refused */
	}
	if (!x || x->kind != EXPECT_PARSE || msg_empty(f->body) != WIRE_OK)
		return backend_unexpected(s, f);
	if (names_put_prepared(&s->names, x->prepared))
		return no_memory(s);
	pipeline_pop(&s->pipe);
	return FATE_PASS;
}

static enum fate on_bind_complete(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);

	if (!x || x->kind != EXPECT_BIND || msg_empty(f->body) != WIRE_OK)
		return backend_unexpected(s, f);
	style_note(s);
	if (names_put_portal(&s->names, x->portal))
		return no_memory(s);
	pipeline_pop(&s->pipe);
	return FATE_PASS;
}

static enum fate on_close_complete(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	struct span name;
	bool ours;

	if (x && x->kind == EXPECT_COPY_SYNCS && x->held && msg_empty(f->body) == WIRE_OK) {
		pipeline_pop(&s->pipe);
		s->barrier = pipeline_barrier(&s->pipe);
		return FATE_SWALLOW;
	}
	if (!x || x->kind != EXPECT_CLOSE || msg_empty(f->body) != WIRE_OK)
		return backend_unexpected(s, f);
	name = span_of(x->name, strlen(x->name));
	if (x->target == 'S')
		names_drop_prepared(&s->names, name);
	else
		names_drop_portal(&s->names, name);
	ours = x->ours;
	pipeline_pop(&s->pipe);
	return ours ? FATE_SWALLOW : FATE_PASS;
}

static enum fate on_ready(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	char status;
	bool ours;

	if (!x || (x->kind != EXPECT_SYNC && x->kind != EXPECT_QUERY && x->kind != EXPECT_COPY_SYNCS) ||
		msg_ready(f->body, &status) != WIRE_OK)
		return backend_unexpected(s, f);
	s->status = status;
	style_settle(s, status);
	pin_ready(s, x, status);
	own_ready(s, x, status);
	estimate_ready(s, x, status);
	keep_done(s, &x->kept, stopped_with(x));
	ours = x->ours;
	if (x->kind != EXPECT_COPY_SYNCS)
		pipeline_pop(&s->pipe);
	else if (ours)
		copy_sync_answered(s, x, status);
	s->barrier = pipeline_barrier(&s->pipe);
	if (status == 'I' && !pipeline_len(&s->pipe)) {
		pin_idle(s);
		words_idle(s);
	}
	if (status == 'I') /* portals live as long as their transaction; a cursor WITH HOLD may live longer */
		names_drop_all_portals(&s->names, false);
	if (limit_undoes(s, status))
		return s->state == STATE_OPEN ? FATE_SWALLOW : FATE_BROKEN;
	return ours ? FATE_SWALLOW : FATE_PASS;
}

void backend_refuse(struct session *s, const struct refusal *r)
{
	char position[16];

	put_start(&s->put, BE_ERROR_RESPONSE);
	put_u8(&s->put, 'S');
	put_cstr(&s->put, "ERROR");
	put_u8(&s->put, 'V');
	put_cstr(&s->put, "ERROR");
	put_u8(&s->put, 'C');
	put_cstr(&s->put, r->sqlstate);
	put_u8(&s->put, 'M');
	put_cstr(&s->put, r->reason);
	if (r->hint) {
		put_u8(&s->put, 'H');
		put_cstr(&s->put, r->hint);
	}
	if (r->position > 0) {
		snprintf(position, sizeof(position), "%d", r->position);
		put_u8(&s->put, 'P');
		put_cstr(&s->put, position);
	}
	put_u8(&s->put, 0);
	put_finish(&s->put);
	session_send(s, SIDE_CLIENT);
}

static enum fate on_error(struct session *s, const struct frame *f)
{
	static char words[] =
		"current transaction is aborted, commands ignored until end of transaction block";
	static const struct refusal aborted = {.sqlstate = "25P02", .reason = words};
	struct expected *x = pipeline_head(&s->pipe);
	struct msg_fields in;
	enum fate fate = FATE_PASS;
	bool over;

	if (msg_fields(f->body, &in) != WIRE_OK)
		return backend_unexpected(s, f);
	over = span_is(in.field['V'], "FATAL") || span_is(in.field['V'], "PANIC");
	if (x)
		pass_failed(s, x);
	if (x && x->kind == EXPECT_PIN && !over && s->own.builder)
		own_error(s, in.field['C']);
	else if (x && x->kind == EXPECT_PIN && !over && estimate_failed(s, in.field['C']))
		fate = FATE_SWALLOW;
	else if (x && x->kind == EXPECT_PIN && x->ours && !over)
		session_break(s, "57P01", "what the login settled could not be set again");
	if (s->state != STATE_OPEN)
		return FATE_BROKEN;
	if ((s->own.recover || s->estimate.recover) && x && x->kind == EXPECT_PIN) {
		fate = FATE_SWALLOW;
	} else if (x && x->refusal && !over && s->status == 'E' && x->refusal->aborts) {
		backend_refuse(s, &aborted);
		fate = FATE_WRITTEN;
	} else if (x && x->kind == EXPECT_REFUSAL && x->ours && !over) {
		fate = FATE_SWALLOW;
	} else if (x && x->stopped && !over) {
		if (!x->told)
			backend_refuse(s, x->refusal);
		fate = FATE_SWALLOW;
		s->limit.undo = false;
	} else if (x && x->kind == EXPECT_TELL && !over && words_of_analysis(&in)) {
		fate = FATE_PASS;
	} else if (x && (x->kind == EXPECT_REFUSAL || x->kind == EXPECT_TELL) && !over) {
		backend_refuse(s, x->refusal);
		fate = FATE_WRITTEN;
	} else {
		fate = words_pass(s, f, x);
		if (fate == FATE_BROKEN)
			return fate;
	}
	if (x)
		keep_done(s, &x->kept,
			x->refusal ? span_of(x->refusal->sqlstate, strlen(x->refusal->sqlstate))
				   : in.field['C']);
	if (over)
		return fate; /* the connection ends */
	pin_error(s);
	own_undone(s);
	style_error(s);
	if (x)
		spend_failed(s, x, in.field['C']);
	if (x)
		hold_failed(s, x);
	if (!x) {
		/* Of nobody's asking (a timeout between messages of an open group): the server skips until
		 * Sync now. */
		if (!s->unsynced)
			return backend_unexpected(s, f);
		s->skip = true;
		return fate;
	}
	if (x->kind == EXPECT_SYNC && x->ours) {
		session_break(s, "08P01", "the transaction failed between a group without Sync and a Query");
		return FATE_BROKEN;
	}
	/* Where nothing of the same text ran before it, this error can only be PREPARE's own: the name means
	 * what it meant. */
	if (!span_is(in.field['C'], "42P05") || (x->kind == EXPECT_QUERY && x->nsteps > 1))
		forget_step(s, backend_step(x));
	s->copy_in = false;
	if (x->kind == EXPECT_QUERY) {
		rowplan_free(x->rows);
		x->rows = NULL;
		copyout_free(x->copy);
		x->copy = NULL;
		x->at = x->nsteps; /* the rest of the text is not run; ReadyForQuery follows */
		return copy_failed(s) ? fate : no_memory(s);
	}
	if (!pipeline_skip(&s->pipe))
		s->skip = true;
	s->barrier = pipeline_barrier(&s->pipe);
	return copy_failed(s) ? fate : no_memory(s);
}

/* Of what we set again. What can come at any time goes its way. */
static bool answers_pin(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);

	return x && x->kind == EXPECT_PIN && f->type != BE_ERROR_RESPONSE && f->type != BE_NOTICE_RESPONSE &&
	       f->type != BE_PARAMETER_STATUS && f->type != BE_NOTIFICATION_RESPONSE;
}

static enum fate on_message(struct session *s, const struct frame *f)
{
	struct msg_notification n;

	if (answers_pin(s, f))
		return pin_answered(s, f) ? FATE_SWALLOW : backend_unexpected(s, f);
	switch ((enum backend_type)f->type) {
	case BE_DATA_ROW: return backend_data_row(s, f);
	case BE_ROW_DESCRIPTION: return backend_row_description(s, f);
	case BE_NO_DATA: return backend_no_data(s, f);
	case BE_PARAMETER_DESCRIPTION: return backend_parameter_description(s, f);
	case BE_COMMAND_COMPLETE:
	case BE_EMPTY_QUERY_RESPONSE:
	case BE_PORTAL_SUSPENDED: return on_statement_end(s, f);
	case BE_PARSE_COMPLETE: return on_parse_complete(s, f);
	case BE_BIND_COMPLETE: return on_bind_complete(s, f);
	case BE_CLOSE_COMPLETE: return on_close_complete(s, f);
	case BE_COPY_IN_RESPONSE: return backend_copy_in(s, f);
	case BE_COPY_OUT_RESPONSE: return backend_copy_out(s, f);
	case BE_COPY_DATA: return backend_copy_data(s, f);
	case BE_COPY_DONE: return backend_copy_done(s, f);
	case BE_READY_FOR_QUERY: return on_ready(s, f);
	case BE_ERROR_RESPONSE: return on_error(s, f);
	case BE_NOTICE_RESPONSE: return backend_notice(s, f);
	case BE_PARAMETER_STATUS: return backend_report(s, f);
	case BE_NOTIFICATION_RESPONSE:
		return msg_notification(f->body, &n) == WIRE_OK ? backend_notification(s, &n)
								: backend_unexpected(s, f);
	case BE_AUTHENTICATION:
	case BE_BACKEND_KEY_DATA:
	case BE_COPY_BOTH_RESPONSE:
	case BE_FUNCTION_CALL_RESPONSE:
	case BE_NEGOTIATE_PROTOCOL_VERSION: break;
	}
	return backend_unexpected(s, f);
}

/* What is not a row counts by its bytes, when it passes. */
static enum fate hear(struct session *s, const struct frame *f)
{
	const struct expected *x = pipeline_head(&s->pipe);
	bool describes = x && x->kind == EXPECT_DESCRIBE, stopped = x && x->stopped;
	enum fate left = limit_look(s, f), fate;
	size_t before = s->lane[SIDE_CLIENT].out.bytes;

	if (left == FATE_WAIT)
		return left;
	if ((left == FATE_DROP && f->type == BE_NOTIFICATION_RESPONSE) ||
		((left == FATE_DROP || stopped) && f->type == BE_NOTICE_RESPONSE))
		return FATE_SWALLOW;
	fate = on_message(s, f);
	if (fate == FATE_WRITTEN)
		limit_charge(s, s->lane[SIDE_CLIENT].out.bytes - before);
	if (fate != FATE_PASS)
		return fate;
	if (stopped && f->type != BE_READY_FOR_QUERY && f->type != BE_ERROR_RESPONSE)
		return FATE_SWALLOW;
	if (left == FATE_DROP)
		return limit_mute(s, f, describes);
	limit_charge(s, f->total);
	return fate;
}

/* A clean row or COPY of any size passes as it comes; everything else is looked at whole. */
static bool may_stream(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);

	if (!x || (f->type != BE_DATA_ROW && f->type != BE_COPY_DATA))
		return false;
	if (x->stopped)
		return true;
	if (f->type == BE_COPY_DATA)
		return x->copy && x->copy->rows->pass && f->total > COPY_SMALL;
	if (x->kind == EXPECT_QUERY)
		return x->rows && x->rows->pass;
	return x->kind == EXPECT_EXECUTE && backend_portal_rows(s, x) && x->portal->rows->pass;
}

/* What a row or a CopyData that comes now is of. */
static const struct rowplan *head_rows(struct session *s)
{
	struct expected *x = pipeline_head(&s->pipe);

	if (!x)
		return NULL;
	if (x->copy)
		return x->copy->rows;
	return x->kind == EXPECT_QUERY ? x->rows : x->kind == EXPECT_EXECUTE ? x->portal->rows : NULL;
}

/* What of a row that is stopped has not come yet. */
static bool drop_on(struct lane *l)
{
	struct span in = buf_peek(&l->in);
	size_t n = in.n < l->drop ? in.n : l->drop;

	buf_parse(&l->in, n);
	l->drop -= n;
	return l->drop == 0;
}

static bool go_on(struct session *s)
{
	struct lane *l = &s->lane[SIDE_SERVER];
	struct span in;
	size_t n;

	if (!drop_on(l))
		return false;
	in = buf_peek(&l->in);
	n = in.n < l->through ? in.n : l->through;
	if (n) {
		outq_borrow(&s->lane[SIDE_CLIENT].out, span_of(in.p, n));
		buf_parse(&l->in, n);
		l->through -= n;
	}
	return l->through == 0;
}

void backend_pump(struct session *s)
{
	struct lane *l = &s->lane[SIDE_SERVER];
	struct expected *x;
	struct frame f;
	bool veiled;

	s->limit.stalled = false;
	while (s->state == STATE_OPEN && go_on(s)) {
		switch (frame_peek(buf_peek(&l->in), PEER_BACKEND, &f)) {
		case WIRE_MORE: return;
		case WIRE_BAD: session_break(s, "08P01", "invalid message from the database"); return;
		case WIRE_OK: break;
		}
		if (!frame_whole(&f) && !may_stream(s, &f)) {
			if (s->state == STATE_OPEN && f.total > s->env->message_max)
				session_break(s, "54000", "a message of %zu bytes is too long to be masked",
					f.total);
			return;
		}
		x = pipeline_head(&s->pipe);
		if (x && x->kept.sent_us)
			keep_heard(s, &x->kept);
		veiled = keep_veils(s, &f, x ? &x->kept : NULL);
		switch (hear(s, &f)) {
		case FATE_BROKEN: return;
		case FATE_PASS:
			splice_begin(s, &f, head_rows(s));
			session_pass(s, SIDE_SERVER, &f);
			break;
		case FATE_DROP:
		case FATE_WRITTEN:
		case FATE_SWALLOW:
			if (!splice_rewritten(s, &f))
				return;
			buf_parse(&l->in, FRAME_HEADER + f.body.n);
			l->drop = f.total - FRAME_HEADER - f.body.n;
			break;
		case FATE_WAIT: s->limit.stalled = true; return;
		}
		if (veiled)
			keep_veiled(s);
	}
}
