/* SPDX-License-Identifier: MIT */
/* Messages of a judged client: what they are, Query, Sync and Flush, and how all of them go on or fail. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/state.h"

enum took frontend_no_memory(struct session *s)
{
	return session_break(s, "53200", "out of memory");
}

enum took frontend_forward(struct session *s, const struct frame *f)
{
	session_pass(s, SIDE_CLIENT, f);
	s->unsynced = f->type != FE_SYNC && f->type != FE_QUERY && f->type != FE_TERMINATE;
	if (!s->unsynced)
		s->group_begun = s->group_left = false;
	s->group_ran = s->unsynced && (s->group_ran || f->type == FE_BIND || f->type == FE_EXECUTE);
	return TOOK_IT;
}

enum took frontend_instead(
	struct session *s, const struct frame *f, const struct msg_parse *m, const char *text)
{
	put_start(&s->put, (char)f->type);
	if (m)
		put_cstr_span(&s->put, m->name);
	put_cstr(&s->put, text);
	if (m) {
		put_be16(&s->put, m->nparams);
		put_span(&s->put, m->param_types);
	}
	put_finish(&s->put);
	session_send(s, SIDE_SERVER);
	session_drop(s, f);
	s->unsynced = f->type == FE_PARSE;
	return TOOK_IT;
}

enum took frontend_failed(struct session *s, const struct frame *f, int r, const struct err *e)
{
	if (r == -EAGAIN) {
		if (s->leaving) /* when all is answered */
			frontend_answered(s);
		return TOOK_WAIT;
	}
	if (r == -EPIPE)
		return TOOK_BROKEN;
	return session_refuse(s, f, e->sqlstate, e->msg, NULL, 0);
}

enum took frontend_hinted(
	struct session *s, const struct frame *f, int r, const char *hint, const struct err *e)
{
	return hint ? session_refuse(s, f, e->sqlstate, e->msg, hint, 0) : frontend_failed(s, f, r, e);
}

/* In a failed transaction the server would not come to what is wrong with it. Whether one has failed shows
 * when the answer comes (backend.c): statements before it may be under way. */
bool frontend_aborts(const struct judged *js, const char *sqlstate)
{
	return js->n && js->plans[0]->kind != STATEMENT_TRANSACTION && strcmp(sqlstate, "42601") != 0;
}

enum took frontend_refuse(
	struct session *s, const struct frame *f, const struct judged *js, const struct plan *p)
{
	return session_refuse_asking(s, f, p, frontend_aborts(js, p->sqlstate), NULL);
}

enum took frontend_malformed(struct session *s, const struct frame *f)
{
	return session_break(s, "08P01", "invalid %s message", frame_name(PEER_FRONTEND, f->type));
}

const struct plan *frontend_denial(const struct judged *js)
{
	for (unsigned i = 0; i < js->n; i++)
		if (js->plans[i]->verdict == DENY)
			return js->plans[i];
	return NULL;
}

/* Extended messages that no Sync has ended yet must be answered before what depends on how they went. */
bool frontend_answered(struct session *s)
{
	if (!pipeline_len(&s->pipe) || !s->pipe.open)
		return true;
	if (!s->flushed) {
		put_start(&s->put, FE_FLUSH);
		put_finish(&s->put);
		session_send(s, SIDE_SERVER);
		s->flushed = true;
	}
	return false;
}

static bool end_group(struct session *s)
{
	struct expected *x = pipeline_push(&s->pipe, EXPECT_SYNC);

	if (!x) {
		frontend_no_memory(s);
		return false;
	}
	x->ours = true;
	pin_sync(s, x);
	put_sync(&s->put);
	session_send(s, SIDE_SERVER);
	s->unsynced = s->group_ran = s->group_begun = s->group_left = false;
	return false;
}

bool frontend_group_closed(struct session *s)
{
	return !s->unsynced || end_group(s);
}

/* Nothing else may be under way: its answers come first, and a cancel must mean this one. */
bool frontend_alone(struct session *s)
{
	if (pipeline_len(&s->pipe)) {
		frontend_answered(s);
		return false;
	}
	return !s->lane[SIDE_SERVER].through && !splice_within(s);
}

/* What analysed a statement has locked what is in it: where nothing ran since, a Sync of ours lets it go
 * before somebody is waited for who may take his time. */
bool frontend_group_ended(struct session *s)
{
	return !s->unsynced || s->group_ran || end_group(s);
}

/* Before a simple Query the group is ended by a Sync of ours: while it is open, an error that nobody asked
 * for (a timeout) could make the server skip the Query, and we would take the next answer for its. What the
 * group did is committed a little earlier than without us, if the client sends a Query without a Sync before
 * it. */
static bool group_settled(struct session *s)
{
	if (!frontend_answered(s))
		return false;
	if (!s->unsynced)
		return !pipeline_len(&s->pipe) || !pipeline_at(&s->pipe, pipeline_len(&s->pipe) - 1)->ours;
	return end_group(s);
}

static enum took send_query(struct session *s, const struct frame *f, struct judgement *j, struct step *steps,
	const struct kept *kept, const char *instead)
{
	const struct judged *js = judgement_plans(j);
	struct expected *x = pipeline_push(&s->pipe, EXPECT_QUERY);

	if (!x) {
		for (unsigned i = 0; i < js->n; i++)
			step_fini(&steps[i]);
		free(steps);
		return frontend_no_memory(s);
	}
	x->kept = *kept;
	x->j = judgement_ref(j);
	pipeline_charge(&s->pipe, x, judgement_bytes(j));
	x->steps = steps;
	x->nsteps = js->n;
	for (unsigned i = 0; i < js->n; i++) {
		x->barrier |= js->plans[i]->kind == STATEMENT_COPY_IN;
		pin_sent(s, js->plans[i], &steps[i]);
		words_sent(s, js->plans[i], &steps[i]);
		hold_said(s, js->plans[i], &steps[i], js->n == 1);
		x->changes |= own_sent(s, js->plans[i], &steps[i]);
	}
	s->barrier |= x->barrier;
	x->judged_ms = s->now_ms;
	x->ticket = hold_sent(s, false, &x->lifts);
	s->stats.statements += js->n;
	s->stats.approved += x->ticket != 0;
	return instead ? frontend_instead(s, f, NULL, instead) : frontend_forward(s, f);
}

/* Ours cannot stand among the client's statements. */
static bool instead_among(const struct judged *js)
{
	for (unsigned i = 0; js->n > 1 && i < js->n; i++)
		if (js->plans[i]->instead)
			return true;
	return false;
}

static enum took refuse_together(struct session *s, const struct frame *f)
{
	return session_refuse(s, f, "42501",
		"one of these statements runs code of the database, which may change what the next one means",
		"Send the statements one by one.", 0);
}

static enum took refuse_behind(struct session *s, const struct frame *f)
{
	return session_refuse(s, f, "42501",
		"one of these statements may be stopped by an export limit, and the next ones must not run "
		"then",
		"Send the statements one by one.", 0);
}

static enum took refuse_unknown(struct session *s, const struct frame *f)
{
	return session_refuse(s, f, "42501",
		"one of these statements changes what names mean, and the next one cannot be judged before "
		"it ran",
		"Send the statements one by one.", 0);
}

/* Whether what is before the denial changes nothing that names resolve by: the server, asked, would not see
 * it. */
static const struct plan *asked_about(const struct judged *js)
{
	unsigned i = 0;

	while (js->plans[i]->verdict == ALLOW &&
		(js->plans[i]->kind == STATEMENT_SELECT || js->plans[i]->kind == STATEMENT_SHOW))
		i++;
	return js->plans[i]->verdict != ALLOW && js->plans[i]->tells ? js->plans[i] : NULL;
}

static enum took refuse_query(
	struct session *s, const struct frame *f, const struct judged *js, struct span text)
{
	const struct plan *p = asked_about(js);
	struct question q = {.text = text};

	if (!p || p->location > text.n || p->len > text.n - p->location)
		return frontend_refuse(s, f, js, frontend_denial(js));
	if (js->n > 1)
		q = (struct question){.before = span_of(text.p, p->location),
			.text = span_of(text.p + p->location, p->len)};
	return session_refuse_asking(s, f, p, frontend_aborts(js, p->sqlstate), &q);
}

/* What is wrong with what the statements refer to. */
static enum took refuse_found(struct session *s, const struct frame *f, const struct judged *js,
	const struct err *e, const char *hint)
{
	struct plan p = {.reason = e->msg, .hint = hint};

	snprintf(p.sqlstate, sizeof(p.sqlstate), "%s", e->sqlstate);
	return session_refuse_asking(s, f, &p, frontend_aborts(js, p.sqlstate), NULL);
}

static enum took refuse_order(struct session *s, const struct frame *f, const struct step *steps, unsigned n)
{
	if (!pin_fits_between(s, steps, n))
		return refuse_together(s, f);
	return own_fits_between(s, steps, n) ? refuse_behind(s, f) : refuse_unknown(s, f);
}

static enum took take_query(struct session *s, const struct frame *f)
{
	struct judgement *j = NULL;
	const struct judged *js;
	const struct plan *denial;
	struct demand demand = {0};
	struct step *steps;
	struct kept kept;
	struct err e = {0};
	struct msg_query m;
	const char *hint = NULL, *instead = NULL;
	enum took took;
	unsigned n = 0, counted;
	bool fits, rows;
	int r;

	if (msg_query(f->body, &m) != WIRE_OK)
		return frontend_malformed(s, f);
	if (!group_settled(s) || !pin_settled(s))
		return TOOK_WAIT;
	r = judge_sent(s, m.sql, &j, &instead, &e);
	if (!r && instead && limit_shown(judgement_plans(j)->plans[0]))
		r = limit_show(s, &instead, &e);
	if (r) {
		judgement_unref(j);
		return frontend_failed(s, f, r, &e);
	}
	s->keep.about = judgement_about(j);
	js = judgement_plans(j);
	denial = frontend_denial(js);
	if (denial || instead_among(js)) {
		took = denial ? refuse_query(s, f, js, m.sql)
			      : session_refuse(s, f, "42501", "SHOW pgveil is answered alone only",
					"Send it as the only statement of its text.", 0);
		judgement_unref(j);
		return took;
	}
	steps = calloc(js->n ? js->n : 1, sizeof(*steps));
	r = steps ? 0 : err_sql(&e, -ENOMEM, "53200", "out of memory");
	for (; !r && n < js->n; n++)
		r = judge_step(s, js->plans[n], j, steps, n, &steps[n], &e);
	fits = !r && pin_fits_between(s, steps, n) && own_fits_between(s, steps, n) &&
	       limit_fits_between(s, steps, n);
	counted = limit_statements(js, &rows);
	rows = rows && !(fits && limit_lifted(steps, n));
	/* of rows somebody may let it have more than are left */
	if (fits)
		r = limit_admit(s, counted, rows && !s->grant.limits.ask, &hint, &e);
	if (fits && !r)
		r = estimate_query(s, instead ? span_of(instead, strlen(instead)) : m.sql, js, steps, &demand,
			&hint, &e);
	if (fits && !r && s->grant.limits.ask && !demand.lifts)
		r = limit_admit(s, counted, rows, &hint, &e);
	if (fits && !r)
		r = hold_query(s, m.sql, js, steps, &demand, &hint, &e);
	if (fits && !r)
		r = pass_query(s, js, steps, &e);
	if (fits && !r)
		r = limit_count(s, counted, rows && !hold_lifts(s), &hint, &e);
	if (fits && !r)
		r = spend_query(s, js, steps, &hint, &e);
	if (fits && !r)
		r = keep_query(s, m.sql, j, &kept, &e);
	if (fits && !r) {
		took = send_query(s, f, j, steps, &kept, instead);
		judgement_unref(j);
		return took;
	}
	took = r == -EACCES ? refuse_found(s, f, js, &e, hint)
	       : r          ? frontend_failed(s, f, r, &e)
			    : refuse_order(s, f, steps, n);
	for (unsigned i = 0; i < n; i++)
		step_fini(&steps[i]);
	free(steps);
	judgement_unref(j);
	return took;
}

static enum took take_sync(struct session *s, const struct frame *f)
{
	struct expected *x;

	if (msg_empty(f->body) != WIRE_OK)
		return frontend_malformed(s, f);
	x = pipeline_push(&s->pipe, EXPECT_SYNC);
	if (!x)
		return frontend_no_memory(s);
	pin_sync(s, x);
	s->skip = false;
	return frontend_forward(s, f);
}

static enum took take_flush(struct session *s, const struct frame *f)
{
	if (msg_empty(f->body) != WIRE_OK)
		return frontend_malformed(s, f);
	if (pipeline_len(&s->pipe))
		return frontend_forward(s, f);
	session_drop(s, f); /* nothing is owed that it could bring */
	return TOOK_IT;
}

/* On what the login settled. A Query looks for itself, when the group before it has ended; Describe may have
 * the server analyse a statement anew. */
static bool depends(const struct frame *f)
{
	return f->type == FE_PARSE || f->type == FE_BIND || f->type == FE_DESCRIBE || f->type == FE_EXECUTE;
}

static enum took take(struct session *s, const struct frame *f)
{
	if (s->barrier)
		return copy_client(s, f);
	if (s->skip && f->type != FE_SYNC && f->type != FE_TERMINATE) {
		session_drop(s, f);
		return TOOK_IT;
	}
	if (limit_waits(s, f) || pipeline_full(&s->pipe) || (depends(f) && !pin_settled(s)))
		return TOOK_WAIT;
	switch ((enum frontend_type)f->type) {
	case FE_QUERY: return take_query(s, f);
	case FE_PARSE: return frontend_parse(s, f);
	case FE_BIND: return frontend_bind(s, f);
	case FE_EXECUTE: return frontend_execute(s, f);
	case FE_DESCRIBE:
	case FE_CLOSE: return frontend_target(s, f);
	case FE_SYNC: return take_sync(s, f);
	case FE_FLUSH: return take_flush(s, f);
	case FE_FUNCTION_CALL:
		if (!group_settled(s))
			return TOOK_WAIT;
		return session_refuse(s, f, "42501",
			"function calls by the fast-path interface are not allowed here",
			"Call the function in a SELECT: a caller with masked columns may use the pure "
			"functions of pg_catalog.",
			0);
	case FE_TERMINATE: return frontend_forward(s, f);
	case FE_COPY_DATA:
	case FE_COPY_DONE:
	case FE_COPY_FAIL:
		session_drop(s, f);
		return TOOK_IT; /* left over from a COPY that failed; the server ignores it too */
	case FE_PASSWORD: break;
	}
	return frontend_malformed(s, f);
}

/* Whether a message must be there whole before it can be judged; the others pass or fall as they come. */
static bool held_whole(const struct session *s, const struct frame *f)
{
	return !(f->type == FE_COPY_DATA || (s->skip && f->type != FE_SYNC && f->type != FE_TERMINATE));
}

static bool go_on(struct session *s)
{
	struct lane *l = &s->lane[SIDE_CLIENT];
	struct span in = buf_peek(&l->in);
	size_t n;

	if (l->drop) {
		n = in.n < l->drop ? in.n : l->drop;
		buf_parse(&l->in, n);
		l->drop -= n;
	} else if (l->through) {
		n = in.n < l->through ? in.n : l->through;
		if (n)
			outq_borrow(&s->lane[SIDE_SERVER].out, span_of(in.p, n));
		buf_parse(&l->in, n);
		l->through -= n;
	}
	return l->drop == 0 && l->through == 0;
}

void frontend_pump(struct session *s)
{
	struct frame f;
	enum took took;

	while (s->state == STATE_OPEN && go_on(s)) {
		switch (frame_peek(buf_peek(&s->lane[SIDE_CLIENT].in), PEER_FRONTEND, &f)) {
		case WIRE_MORE: return;
		case WIRE_BAD: session_break(s, "08P01", "invalid frontend message"); return;
		case WIRE_OK: break;
		}
		s->keep.about = NULL;
		s->cause = CAUSE_OTHER;
		if (held_whole(s, &f) && !frame_whole(&f)) {
			if (f.total <= s->env->message_max)
				return;
			took = limit_waits(s, &f) ? TOOK_WAIT
			       : s->barrier || s->unsynced
				       ? session_break(s, "54000", "message too long")
				       : session_refuse(
						 s, &f, "54000", "message too long to be judged", NULL, 0);
		} else {
			s->waits_for_catalog = s->leaving = s->holds = false;
			took = take(s, &f);
		}
		s->waiting = took == TOOK_WAIT;
		if (!s->waits_for_catalog)
			s->catalog_since_ms = 0;
		if (took == TOOK_WAIT)
			return;
		estimate_forget(s);
		s->flushed = false;
	}
}
