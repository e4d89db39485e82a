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

enum fate backend_copy_data(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);

	if (!x || !x->copy)
		return backend_unexpected(s, f);
	s->stats.rows++;
	if (x->copy->rows->pass)
		return FATE_PASS;
	style_ran(s, x, backend_plan(x));
	if (copyout_data(x->copy, f->body, &s->put, &s->scratch, &s->stats.masked_cells) != WIRE_OK) {
		session_break(s, "08P01", "a row of a COPY could not be masked");
		return FATE_BROKEN;
	}
	session_send(s, SIDE_CLIENT);
	return FATE_WRITTEN;
}

enum fate backend_copy_done(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);

	if (!x || !x->copy || msg_empty(f->body) != WIRE_OK)
		return backend_unexpected(s, f);
	if (!copyout_done(x->copy)) {
		session_break(s, "08P01", "a COPY ended in the middle of a row");
		return FATE_BROKEN;
	}
	copyout_free(x->copy);
	x->copy = NULL;
	return FATE_PASS;
}
