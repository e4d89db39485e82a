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

/* ---- which plan and which rows ---- */

struct step *backend_step(struct expected *x)
{
	if (!x)
		return NULL;
	if (x->kind == EXPECT_QUERY)
		return x->at < x->nsteps ? &x->steps[x->at] : NULL;
	return x->kind == EXPECT_EXECUTE ? &x->step : NULL;
}

const struct plan *backend_plan(struct expected *x)
{
	struct step *st = backend_step(x);

	if (!st)
		return NULL;
	return x->kind == EXPECT_EXECUTE && !st->plan ? x->portal->prepared->plan : st->plan;
}

static struct rowplan *make_rows(struct session *s, const struct plan *p, struct judgement *newer,
	const struct shape *sh, const uint16_t *formats, unsigned nformats)
{
	const struct plan *also = backend_newer_rows(newer);
	struct err e = {0};
	struct rowplan *rp = NULL;

	if (!p || !p->rows || p->verdict == DENY || !sh)
		err_sql(&e, -EPROTO, "42501", "a result arrived that nothing asked for");
	else
		rp = rowplan_new(p, sh, formats, nformats, &s->style.now, s->binding, &e);
	if (rp && also && rowplan_restrict(rp, also, newer, &e)) {
		rowplan_free(rp);
		rp = NULL;
	}
	if (rp)
		rp->cell_max = s->env->cell_max;
	else
		session_break(s, e.sqlstate, "%s", e.msg);
	return rp;
}

/* A newer judgement of the same text, as the plan of its rows. */
const struct plan *backend_newer_rows(const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;
	const struct plan *p = js && js->n ? js->plans[0] : NULL;

	if (p && (p->kind == STATEMENT_PREPARE || p->kind == STATEMENT_DECLARE))
		return p->inner;
	return p;
}

/* A statement that waited long behind others is judged again before its rows pass. */
bool backend_holds(struct session *s, uint64_t judged_ms, const struct judgement *j, struct step *st,
	struct judgement **newer)
{
	if (judge_holds(s, judged_ms, j, st, newer)) {
		words_newer(s, *newer);
		words_newer(s, st->newer);
		return true;
	}
	if (s->state == STATE_OPEN)
		session_break(s, "57P01", "definitions may have changed while the statement waited to run");
	return false;
}

static struct rowplan *query_rows(
	struct session *s, struct expected *x, struct step *st, const struct shape *sh)
{
	const struct judged *js;
	struct rowplan *rp;
	struct err e = {0};

	if (st && !backend_holds(s, x->judged_ms, x->j, st, &x->newer))
		return NULL;
	rp = make_rows(s, st ? step_rows(st) : NULL, st ? st->newer : NULL, sh, NULL, 0);
	js = x->newer ? judgement_plans(x->newer) : NULL;
	if (rp && js && !st->target &&
		(x->at >= js->n || rowplan_restrict(rp, js->plans[x->at], x->newer, &e))) {
		session_break(s, "57P01", "definitions may have changed while the statement waited to run");
		rowplan_free(rp);
		rp = NULL;
	}
	return rp;
}

static struct rowplan *portal_rows(struct session *s, struct expected *x)
{
	struct portal *o = x->portal;
	const struct plan *p = o->cursor ? o->prepared->plan : step_rows(&x->step);
	/* EXECUTE and FETCH show another statement's rows; its newer judgement is the one that counts. */
	struct judgement *newer = x->step.target ? x->step.newer : o->latest;

	if (o->rows && s->now_ms - x->judged_ms <= s->env->max_age_ms && !s->pin.found)
		return o->rows;
	if (!o->rows || !x->rows_held) {
		if (!backend_holds(
			    s, x->judged_ms, o->latest ? o->latest : o->prepared->j, &x->step, &o->latest))
			return NULL;
		x->rows_held = true;
		rowplan_free(o->rows);
		o->rows = NULL;
		newer = x->step.target ? x->step.newer : o->latest;
	}
	if (o->rows)
		return o->rows;
	if (o->shape)
		o->rows = make_rows(s, p, newer, o->shape, NULL, 0);
	else
		o->rows = make_rows(s, p, newer, o->prepared->shape, o->formats, o->nformats);
	return o->rows;
}

/* ---- one message each ---- */

static enum fate on_row_description(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	struct shape *sh;
	bool ours;

	if (!x || (x->kind != EXPECT_DESCRIBE && x->kind != EXPECT_QUERY))
		return backend_unexpected(s, f);
	sh = shape_new(f->body);
	if (!sh)
		return backend_unexpected(s, f);
	if (x->kind == EXPECT_QUERY) {
		struct step *st = backend_step(x);

		rowplan_free(x->rows);
		x->rows = query_rows(s, x, st, sh);
		shape_unref(sh);
		return x->rows ? FATE_PASS : FATE_BROKEN;
	}
	if (x->ours && x->prepared) {
		shape_unref(x->prepared->shape);
		x->prepared->shape = shape_ref(sh);
	} else if (x->ours && x->portal) {
		shape_unref(x->portal->shape);
		x->portal->shape = shape_ref(sh);
	}
	shape_unref(sh);
	ours = x->ours;
	pipeline_pop(&s->pipe);
	return ours ? FATE_SWALLOW : FATE_PASS;
}

static enum fate on_no_data(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	bool ours;

	if (!x || x->kind != EXPECT_DESCRIBE || msg_empty(f->body) != WIRE_OK)
		return backend_unexpected(s, f);
	ours = x->ours;
	/* No shape is kept: should rows come all the same, they do not pass. */
	pipeline_pop(&s->pipe);
	return ours ? FATE_SWALLOW : FATE_PASS;
}

static enum fate write_row(struct session *s, struct expected *x, const struct frame *f, struct rowplan *rp)
{
	struct row_cut cut = {0};
	enum fate fate;

	if (x->kind == EXPECT_EXECUTE || x->at < x->nsteps)
		style_ran(s, x, backend_plan(x));
	if (row_cut(rp, f, &cut, &s->scratch) != WIRE_OK) {
		session_break(s, "08P01", "a row could not be masked");
		return FATE_BROKEN;
	}
	fate = limit_fate(s, x, 1, cut.total);
	if (fate != FATE_PASS)
		return fate;
	row_put(&cut, &s->lane[SIDE_CLIENT].out);
	s->stats.rows++;
	s->stats.masked_cells += rp->hidden;
	rowplan_masked(rp, 1);
	return FATE_WRITTEN;
}

static enum fate on_data_row(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	struct rowplan *rp = NULL;
	enum fate fate;

	if (x && x->stopped)
		return FATE_DROP;
	if (x && x->kind == EXPECT_QUERY)
		rp = x->rows;
	else if (x && x->kind == EXPECT_EXECUTE)
		rp = portal_rows(s, x);
	if (s->state != STATE_OPEN)
		return FATE_BROKEN;
	if (!rp)
		return backend_unexpected(s, f);
	if (!rp->pass)
		return write_row(s, x, f, rp);
	fate = limit_fate(s, x, 1, f->total);
	s->stats.rows += fate == FATE_PASS;
	return fate;
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

static enum fate on_notice(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	struct msg_fields in;

	if (msg_fields(f->body, &in) != WIRE_OK)
		return backend_unexpected(s, f);
	if (x && x->kind == EXPECT_PIN)
		return FATE_SWALLOW;
	return words_pass(s, f, x);
}

/* A trigger can put anything into a payload, and LISTEN for anything: what is told is that there was a
 * notification, and where only where the client itself has named the channel. */
static enum fate on_notification(struct session *s, const struct msg_notification *n)
{
	if (!names_listens(&s->names, n->channel))
		return FATE_SWALLOW;
	put_start(&s->put, BE_NOTIFICATION_RESPONSE);
	put_be32(&s->put, n->pid);
	put_cstr_span(&s->put, n->channel);
	put_cstr(&s->put, "");
	put_finish(&s->put);
	session_send(s, SIDE_CLIENT);
	return FATE_WRITTEN;
}

static enum fate on_parameter_description(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	struct span oids;
	uint16_t n;

	/* RowDescription or NoData follows and ends the Describe. */
	if (!x || x->kind != EXPECT_DESCRIBE || x->target != 'S' ||
		msg_parameter_description(f->body, &n, &oids) != WIRE_OK)
		return backend_unexpected(s, f);
	return x->ours ? FATE_SWALLOW : FATE_PASS;
}

/* Whether the server still reads statements, and is whom it was, as the login settled. No client can change
 * these; code of the database's own can, and the server tells. */
static bool still_settled(const struct session *s, const struct msg_parameter_status *ps)
{
	const struct {
		const char *name, *value; /* NULL: it is not to change at all */
	} pinned[] = {{"standard_conforming_strings", "on"}, {"client_encoding", "UTF8"},
		{"client_encoding", "UNICODE"}, /* the one other name that the server keeps */
		/* Before version 14 said whenever the role is set, changed or not. */
		{"session_authorization", *s->login_user ? s->login_user : NULL},
		{"is_superuser", s->superuser ? "on" : "off"}};
	bool any = false;

	for (unsigned i = 0; i < ARRAY_LEN(pinned); i++) {
		if (!span_is(ps->name, pinned[i].name))
			continue;
		if (pinned[i].value && span_is(ps->value, pinned[i].value))
			return true;
		any = true;
	}
	return !any;
}

/* What a statement of the session's own made of its role, or the end of its transaction. */
static bool turned(struct session *s, const struct msg_parameter_status *ps)
{
	bool user = span_is(ps->name, "session_authorization");

	if (!s->own.path || !look_follows(s) || ps->value.n > NAME_LEN_MAX ||
		(!user && !span_is(ps->name, "is_superuser")))
		return false;
	if (user)
		snprintf(s->login_user, sizeof(s->login_user), "%.*s", (int)ps->value.n,
			ps->value.n ? (const char *)ps->value.p : "");
	else
		s->superuser = span_is(ps->value, "on");
	return true;
}

static enum fate on_report(struct session *s, const struct frame *f)
{
	bool changed, again;
	struct msg_parameter_status ps;

	if (msg_parameter_status(f->body, &ps) != WIRE_OK)
		return backend_unexpected(s, f);
	changed = turned(s, &ps);
	again = !changed && style_told_again(s, ps.name, ps.value);
	if (!changed && !still_settled(s, &ps)) {
		session_break(s, "57P01", "what the login settled was changed by something in the database");
		return FATE_BROKEN;
	}
	style_report(s, ps.name, ps.value);
	style_note(s);
	if (pipeline_len(&s->pipe) && pipeline_head(&s->pipe)->kind == EXPECT_PIN)
		return FATE_SWALLOW; /* before version 14, of a setting that stays as it is */
	return !again && style_tells(s, ps.name) ? FATE_PASS : FATE_SWALLOW;
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
	case BE_DATA_ROW: return on_data_row(s, f);
	case BE_ROW_DESCRIPTION: return on_row_description(s, f);
	case BE_NO_DATA: return on_no_data(s, f);
	case BE_PARAMETER_DESCRIPTION: return on_parameter_description(s, f);
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
	case BE_NOTICE_RESPONSE: return on_notice(s, f);
	case BE_PARAMETER_STATUS: return on_report(s, f);
	case BE_NOTIFICATION_RESPONSE:
		return msg_notification(f->body, &n) == WIRE_OK ? on_notification(s, &n)
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
	return x->kind == EXPECT_EXECUTE && portal_rows(s, x) && x->portal->rows->pass;
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
