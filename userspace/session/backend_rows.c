/* SPDX-License-Identifier: MIT */
/* Rows and what describes them, in a judged session: by which plan they pass (backend.c has the rest). */
#include <errno.h>
#include <string.h>

#include "session/state.h"

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

struct rowplan *backend_portal_rows(struct session *s, struct expected *x)
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

enum fate backend_row_description(struct session *s, const struct frame *f)
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

enum fate backend_no_data(struct session *s, const struct frame *f)
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

enum fate backend_data_row(struct session *s, const struct frame *f)
{
	struct expected *x = pipeline_head(&s->pipe);
	struct rowplan *rp = NULL;
	enum fate fate;

	if (x && x->stopped)
		return FATE_DROP;
	if (x && x->kind == EXPECT_QUERY)
		rp = x->rows;
	else if (x && x->kind == EXPECT_EXECUTE)
		rp = backend_portal_rows(s, x);
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

enum fate backend_parameter_description(struct session *s, const struct frame *f)
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
