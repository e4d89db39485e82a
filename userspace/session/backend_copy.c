/* SPDX-License-Identifier: MIT */
/* COPY, as the server answers it. */
#include "session/state.h"

enum fate backend_copy_in(struct session *s, const struct frame *f)
{
	const struct plan *p = backend_plan(pipeline_head(&s->pipe));

	if (!p || p->kind != STATEMENT_COPY_IN)
		return backend_unexpected(s, f);
	s->copy_in = true;
	return FATE_PASS;
}

/* The judgement of the head's text that counts now, where it is newer than its plan, and its plan of the
 * head. false: session_break was called. */
static bool newer_copy(
	struct session *s, struct expected *x, const struct plan **also, struct judgement **newer)
{
	struct portal *o = x->portal;
	const struct judged *js;

	*also = NULL;
	if (x->kind == EXPECT_EXECUTE) {
		if (!backend_holds(
			    s, x->judged_ms, o->latest ? o->latest : o->prepared->j, &x->step, &o->latest))
			return false;
		*newer = o->latest;
		*also = backend_newer_rows(o->latest);
		return true;
	}
	if (!backend_holds(s, x->judged_ms, x->j, &x->steps[x->at], &x->newer))
		return false;
	*newer = x->newer;
	js = x->newer ? judgement_plans(x->newer) : NULL;
	if (js && x->at >= js->n) {
		session_break(s, "57P01", "definitions may have changed while the statement waited to run");
		return false;
	}
	*also = js ? js->plans[x->at] : NULL;
	return true;
}

enum fate backend_copy_out(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	struct judgement *newer = NULL;
	const struct plan *also;
	struct err e = {0};

	if (!backend_step(x) || x->copy)
		return backend_unexpected(s, f);
	if (!newer_copy(s, x, &also, &newer))
		return FATE_BROKEN;
	x->copy = copyout_new(backend_plan(x), also, newer, f->body, &s->style.now, s->binding,
		s->env->message_max, s->env->cell_max, &e);
	if (x->copy)
		return FATE_PASS;
	session_break(s, e.sqlstate, "%s", e.msg);
	return FATE_BROKEN;
}

static enum fate pass_data(struct session *s, struct expected *x, const struct frame *f)
{
	uint64_t rows = copyout_rows(x->copy, f);
	enum fate fate = limit_fate(s, x, rows, f->total);

	if (fate != FATE_PASS)
		return fate;
	x->copy->nmessages++;
	s->stats.rows += rows;
	return FATE_PASS;
}

static enum fate write_data(struct session *s, struct expected *x, const struct frame *f)
{
	struct copyout *c = x->copy;
	enum fate fate;

	style_ran(s, x, backend_plan(x));
	if (copyout_data(c, f->body, &s->scratch, &s->stats.masked_cells) != WIRE_OK) {
		session_break(s, "08P01", "a row of a COPY could not be masked");
		return FATE_BROKEN;
	}
	fate = limit_fate(s, x, c->out_rows, put_bytes(&c->out).n);
	if (fate != FATE_PASS)
		return fate;
	s->stats.rows += c->out_rows;
	outq_copy(&s->lane[SIDE_CLIENT].out, put_bytes(&c->out));
	copyout_sent(c);
	return FATE_WRITTEN;
}

enum fate backend_copy_data(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);

	if (!x || !x->copy)
		return backend_unexpected(s, f);
	if (x->stopped)
		return FATE_DROP;
	return x->copy->rows->pass ? pass_data(s, x, f) : write_data(s, x, f);
}

enum fate backend_copy_done(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);

	if (!x || !x->copy || msg_empty(f->body) != WIRE_OK)
		return backend_unexpected(s, f);
	if (!x->stopped && !copyout_done(x->copy)) {
		session_break(s, "08P01", "a COPY ended in the middle of a row");
		return FATE_BROKEN;
	}
	copyout_free(x->copy);
	x->copy = NULL;
	return FATE_PASS;
}
