/* SPDX-License-Identifier: MIT */
/* Messages of a judged client, one function each. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/state.h"

static enum took no_memory(struct session *s)
{
	return session_break(s, "53200", "out of memory");
}

static enum took forward(struct session *s, const struct frame *f)
{
	session_pass(s, SIDE_CLIENT, f);
	s->unsynced = f->type != FE_SYNC && f->type != FE_QUERY && f->type != FE_TERMINATE;
	return TOOK_IT;
}

/* A text of ours in the place of the client's: its Query, or its Parse of that name. */
static enum took forward_instead(struct session *s, const struct frame *f, struct span name, const char *text)
{
	put_start(&s->put, (char)f->type);
	if (f->type == FE_PARSE)
		put_cstr_span(&s->put, name);
	put_cstr(&s->put, text);
	if (f->type == FE_PARSE)
		put_be16(&s->put, 0);
	put_finish(&s->put);
	session_send(s, SIDE_SERVER);
	session_drop(s, f);
	s->unsynced = f->type == FE_PARSE;
	return TOOK_IT;
}

/* What a judging function said, other than 0. */
static enum took failed(struct session *s, const struct frame *f, int r, const struct err *e)
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

static enum took hinted(
	struct session *s, const struct frame *f, int r, const char *hint, const struct err *e)
{
	return hint ? session_refuse(s, f, e->sqlstate, e->msg, hint, 0) : failed(s, f, r, e);
}

static enum took refuse_plan(struct session *s, const struct frame *f, const struct plan *p)
{
	return session_refuse(s, f, p->sqlstate, p->reason, p->hint, p->position);
}

static enum took malformed(struct session *s, const struct frame *f)
{
	return session_break(s, "08P01", "invalid %s message", frame_name(PEER_FRONTEND, f->type));
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

/* Before a simple Query the group is ended by a Sync of ours: while it is open, an error that nobody asked
 * for (a timeout) could make the server skip the Query, and we would take the next answer for its. What the
 * group did is committed a little earlier than without us, if the client sends a Query without a Sync before
 * it. */
static bool group_settled(struct session *s)
{
	struct expected *x;

	if (!frontend_answered(s))
		return false;
	if (!s->unsynced)
		return !pipeline_len(&s->pipe) || !pipeline_at(&s->pipe, pipeline_len(&s->pipe) - 1)->ours;
	x = pipeline_push(&s->pipe, EXPECT_SYNC);
	if (!x) {
		no_memory(s);
		return false;
	}
	x->ours = true;
	pin_sync(s, x);
	put_sync(&s->put);
	session_send(s, SIDE_SERVER);
	s->unsynced = false;
	return false;
}

static const struct plan *first_denial(const struct judged *js)
{
	for (unsigned i = 0; i < js->n; i++)
		if (js->plans[i]->verdict == DENY)
			return js->plans[i];
	return NULL;
}

static enum took send_query(struct session *s, const struct frame *f, struct judgement *j, struct step *steps)
{
	const struct judged *js = judgement_plans(j);
	struct expected *x = pipeline_push(&s->pipe, EXPECT_QUERY);

	if (!x) {
		for (unsigned i = 0; i < js->n; i++)
			step_fini(&steps[i]);
		free(steps);
		return no_memory(s);
	}
	x->j = judgement_ref(j);
	pipeline_charge(&s->pipe, x, judgement_bytes(j));
	x->steps = steps;
	x->nsteps = js->n;
	for (unsigned i = 0; i < js->n; i++) {
		x->barrier |= js->plans[i]->kind == STATEMENT_COPY_IN;
		pin_sent(s, js->plans[i], &steps[i]);
		x->changes |= own_sent(s, js->plans[i], &steps[i]);
	}
	s->barrier |= x->barrier;
	x->judged_ms = s->now_ms;
	s->stats.statements += js->n;
	if (js->n == 1 && js->plans[0]->instead)
		return forward_instead(s, f, (struct span){0}, js->plans[0]->instead);
	return forward(s, f);
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

static enum took refuse_unknown(struct session *s, const struct frame *f)
{
	return session_refuse(s, f, "42501",
		"one of these statements changes what names mean, and the next one cannot be judged before "
		"it ran",
		"Send the statements one by one.", 0);
}

static enum took take_query(struct session *s, const struct frame *f)
{
	struct judgement *j = NULL;
	const struct judged *js;
	const struct plan *denial;
	struct step *steps;
	struct err e = {0};
	struct msg_query m;
	const char *hint = NULL;
	enum took took;
	unsigned n = 0;
	bool fits;
	int r;

	if (msg_query(f->body, &m) != WIRE_OK)
		return malformed(s, f);
	if (!group_settled(s) || !pin_settled(s))
		return TOOK_WAIT;
	r = judge_text(s, m.sql, &j, &e);
	if (r)
		return failed(s, f, r, &e);
	js = judgement_plans(j);
	denial = first_denial(js);
	if (denial || instead_among(js)) {
		took = denial ? refuse_plan(s, f, denial)
			      : session_refuse(s, f, "42501", "SHOW pgveil is answered alone only",
					"Send it as the only statement of its text.", 0);
		judgement_unref(j);
		return took;
	}
	steps = calloc(js->n ? js->n : 1, sizeof(*steps));
	r = steps ? 0 : err_sql(&e, -ENOMEM, "53200", "out of memory");
	for (; !r && n < js->n; n++)
		r = judge_step(s, js->plans[n], j, steps, n, &steps[n], &e);
	fits = !r && pin_fits_between(s, steps, n) && own_fits_between(s, steps, n);
	if (fits)
		r = spend_query(s, js, steps, &hint, &e);
	if (fits && !r) {
		took = send_query(s, f, j, steps);
		judgement_unref(j);
		return took;
	}
	took = r                               ? hinted(s, f, r, hint, &e)
	       : pin_fits_between(s, steps, n) ? refuse_unknown(s, f)
					       : refuse_together(s, f);
	for (unsigned i = 0; i < n; i++)
		step_fini(&steps[i]);
	free(steps);
	judgement_unref(j);
	return took;
}

/* Asks the server, on our own account, what the statement's or portal's result looks like. */
static bool describe(struct session *s, char target, struct prepared *p, struct portal *o)
{
	struct expected *x = pipeline_push(&s->pipe, EXPECT_DESCRIBE);

	if (!x)
		return false;
	x->ours = true;
	x->target = target;
	x->prepared = p ? prepared_ref(p) : NULL;
	x->portal = o ? portal_ref(o) : NULL;
	put_start(&s->put, FE_DESCRIBE);
	put_u8(&s->put, (uint8_t)target);
	put_cstr(&s->put, p ? p->name : o->name);
	put_finish(&s->put);
	session_send(s, SIDE_SERVER);
	return true;
}

static bool by_name(const struct plan *p)
{
	return p && (p->kind == STATEMENT_EXECUTE || p->kind == STATEMENT_FETCH);
}

static enum took send_parse(
	struct session *s, const struct frame *f, const struct msg_parse *m, struct judgement *j)
{
	const struct judged *js = judgement_plans(j);
	const struct plan *plan = js->n ? js->plans[0] : NULL;
	struct prepared *p = prepared_new(m->name, j, plan);
	struct expected *x = p ? pipeline_push(&s->pipe, EXPECT_PARSE) : NULL;

	if (!x) {
		prepared_unref(p);
		return no_memory(s);
	}
	x->prepared = p;
	pipeline_charge(&s->pipe, x, judgement_bytes(j));
	if (plan && plan->instead)
		forward_instead(s, f, m->name, plan->instead);
	else
		forward(s, f);
	/* EXECUTE and FETCH show what their name means when they run: their portals are described instead. */
	if (plan && plan->rows && !by_name(plan) && !describe(s, 'S', p, NULL))
		return no_memory(s);
	return TOOK_IT;
}

/* A parameter of a type whose own functions are not known to be pure would run them. */
static bool foreign_parameter(const struct catalog *c, const struct msg_parse *m)
{
	struct cur types = cur_of(m->param_types);

	for (unsigned i = 0; i < m->nparams; i++) {
		uint32_t oid = cur_be32(&types);

		if (oid && (!catalog_type_by_oid(c, oid) || catalog_type_foreign(c, oid)))
			return true;
	}
	return false;
}

static enum took take_parse(struct session *s, const struct frame *f)
{
	struct judgement *j = NULL;
	const struct plan *denial;
	struct err e = {0};
	struct msg_parse m;
	enum took took;
	int r;

	if (msg_parse(f->body, &m) != WIRE_OK)
		return malformed(s, f);
	if (m.name.n > NAME_LEN_MAX)
		return session_refuse(
			s, f, "42622", "the name of the prepared statement is too long", NULL, 0);
	if (names_full(&s->names))
		return session_refuse(s, f, "53400", "too many prepared statements", NULL, 0);
	r = judge_text(s, m.sql, &j, &e);
	if (r)
		return failed(s, f, r, &e);
	denial = first_denial(judgement_plans(j));
	if (denial)
		took = refuse_plan(s, f, denial);
	else if (foreign_parameter(binding_catalog(judgement_binding(j)), &m))
		took = session_refuse(s, f, "42501",
			"a parameter has a type that is not known to be harmless",
			"A caller with masked columns may use parameters of the types of pg_catalog.", 0);
	else if (judgement_plans(j)->n > 1)
		took = session_refuse(
			s, f, "42601", "cannot insert multiple commands into a prepared statement", NULL, 0);
	else
		took = send_parse(s, f, &m, j);
	judgement_unref(j);
	return took;
}

static struct portal *portal_of(const struct msg_bind *m, struct prepared *p)
{
	struct portal *o = portal_new(m->portal, p);
	struct cur c = cur_of(m->result_formats);

	if (!o)
		return NULL;
	o->nformats = m->nresult_formats;
	o->formats = calloc(o->nformats ? o->nformats : 1, sizeof(*o->formats));
	if (!o->formats) {
		portal_unref(o);
		return NULL;
	}
	for (unsigned i = 0; i < o->nformats; i++)
		o->formats[i] = cur_be16(&c);
	return o;
}

/* The statement that a Bind names, judged under the current versions. *out is a reference. */
static int take_prepared(struct session *s, struct span name, struct prepared **out, struct err *e)
{
	struct judgement *newer = NULL;
	struct prepared *p = NULL;
	const struct plan *denial;
	int r = judge_find_prepared(s, name, &p);

	if (r)
		return r;
	if (!p && name.n)
		return err_sql(e, -EACCES, "26000", "prepared statement \"%.*s\" does not exist", (int)name.n,
			(const char *)name.p);
	if (!p)
		return err_sql(e, -EACCES, "26000", "unnamed prepared statement does not exist");
	r = judge_again(s, LOOK_AS_NOW, p->j, &newer, e);
	if (!r && newer)
		r = judge_kept(s, p->j, newer, e);
	if (r) {
		judgement_unref(newer);
		return r;
	}
	*out = prepared_ref(p);
	if (!newer)
		return 0;
	denial = first_denial(judgement_plans(newer));
	if (denial) {
		r = err_sql(e, -EACCES, denial->sqlstate, "%s", denial->reason);
	} else {
		const struct judged *js = judgement_plans(newer);
		const struct plan *plan = js->n ? js->plans[0] : NULL;
		struct prepared *fresh;

		if (p->from_sql && plan)
			plan = plan->inner;
		fresh = prepared_new(name, newer, plan);
		if (fresh)
			fresh->from_sql = p->from_sql;
		r = fresh ? 0 : err_sql(e, -EACCES, "53200", "out of memory");
		if (fresh && names_prepared(&s->names, name) == p && names_put_prepared(&s->names, fresh))
			r = err_sql(e, -EACCES, "53200", "out of memory");
		prepared_unref(p);
		*out = fresh;
	}
	judgement_unref(newer);
	if (r) {
		prepared_unref(*out);
		*out = NULL;
	}
	return r;
}

/* Asked for in this group; one of an earlier group may yet be skipped. */
static bool described_later(struct session *s, const struct prepared *p)
{
	for (unsigned i = pipeline_len(&s->pipe); i-- > 0;) {
		const struct expected *x = pipeline_at(&s->pipe, i);

		if (x->kind == EXPECT_SYNC || x->kind == EXPECT_QUERY)
			return false;
		if (x->kind == EXPECT_DESCRIBE && x->prepared == p)
			return true;
	}
	return false;
}

static enum took send_bind(struct session *s, const struct frame *f, const struct msg_bind *m,
	struct prepared *p, struct step *st)
{
	struct portal *o = portal_of(m, p);
	struct expected *x;

	if (!o)
		return no_memory(s);
	o->target = st->target ? prepared_ref(st->target) : NULL;
	if (p->plan && p->plan->rows && !by_name(p->plan) && !p->shape && !described_later(s, p) &&
		!describe(s, 'S', p, NULL)) {
		portal_unref(o);
		return no_memory(s);
	}
	x = pipeline_push(&s->pipe, EXPECT_BIND);
	if (!x) {
		portal_unref(o);
		return no_memory(s);
	}
	x->portal = o;
	pin_sent(s, pin_code(p->plan) ? p->plan : NULL, st); /* the planner runs some functions */
	forward(s, f);
	if (by_name(p->plan) && !describe(s, 'P', NULL, o))
		return no_memory(s);
	return TOOK_IT;
}

static enum took take_bind(struct session *s, const struct frame *f)
{
	struct prepared *p = NULL;
	struct step st = {0};
	struct err e = {0};
	struct msg_bind m;
	const char *hint = NULL;
	enum took took;
	int r;

	if (msg_bind(f->body, &m) != WIRE_OK)
		return malformed(s, f);
	if (m.portal.n > NAME_LEN_MAX)
		return session_refuse(s, f, "42622", "the name of the portal is too long", NULL, 0);
	if (names_full(&s->names) && !names_portal(&s->names, m.portal))
		return session_refuse(s, f, "53400", "too many portals or prepared statements", NULL, 0);
	r = take_prepared(s, m.statement, &p, &e);
	if (r)
		return failed(s, f, r, &e);
	if (by_name(p->plan) || (p->plan && p->plan->inner && by_name(p->plan->inner)))
		r = judge_step(s, p->plan, p->j, NULL, 0, &st, &e);
	if (!r)
		r = spend_bind(s, &m, p, &st, &hint, &e);
	took = r ? hinted(s, f, r, hint, &e) : send_bind(s, f, &m, p, &st);
	step_fini(&st);
	prepared_unref(p);
	return took;
}

/* The portal that Execute or Describe names; like judge_find_portal, but the portal itself. */
static int find_portal(struct session *s, struct span name, struct portal **out)
{
	bool ended = false;

	*out = NULL;
	for (unsigned i = pipeline_len(&s->pipe); i-- > 0;) {
		struct expected *x = pipeline_at(&s->pipe, i);
		struct prepared *defined;

		ended |= x->kind == EXPECT_SYNC || x->kind == EXPECT_QUERY;
		if (expected_on_portal(x, name, &defined) == EFFECT_NONE)
			continue;
		if (ended || x->kind == EXPECT_EXECUTE)
			return -EAGAIN;
		*out = x->kind == EXPECT_BIND ? x->portal : NULL;
		return 0;
	}
	*out = names_portal(&s->names, name);
	return 0;
}

/* A cursor's DECLARE may still be unanswered in the open group: a Flush brings the answer. */
static enum took wait_for_group(struct session *s)
{
	frontend_answered(s);
	return TOOK_WAIT;
}

static int restrict_portal(struct session *s, struct portal *o, struct err *e)
{
	struct judgement *newer = NULL;
	const struct plan *denial;
	int r = judge_again(s, LOOK_AS_THEN, o->latest ? o->latest : o->prepared->j, &newer, e);

	if (r || !newer)
		return r;
	denial = first_denial(judgement_plans(newer));
	if (denial) {
		r = err_sql(e, -EACCES, denial->sqlstate, "%s", denial->reason);
		judgement_unref(newer);
		return r;
	}
	judgement_unref(o->latest);
	o->latest = newer;
	rowplan_free(o->rows); /* made anew, under both plans */
	o->rows = NULL;
	return 0;
}

static enum took send_execute(struct session *s, const struct frame *f, struct portal *o, struct step *st)
{
	struct expected *x = pipeline_push(&s->pipe, EXPECT_EXECUTE);

	if (!x)
		return no_memory(s);
	x->portal = portal_ref(o);
	x->step = *st;
	*st = (struct step){0};
	x->barrier = x->step.plan && x->step.plan->kind == STATEMENT_COPY_IN;
	s->barrier |= x->barrier;
	x->judged_ms = s->now_ms;
	pin_sent(s, o->prepared->plan, &x->step);
	own_sent(s, o->prepared->plan, &x->step);
	if (pin_code_newer(x))
		pin_doubt(s);
	s->stats.statements++;
	return forward(s, f);
}

static enum took no_portal(struct session *s, const struct frame *f, struct span name)
{
	char text[160];

	snprintf(text, sizeof(text), "portal \"%.*s\" does not exist",
		name.n > NAME_LEN_MAX ? NAME_LEN_MAX : (int)name.n, name.n ? (const char *)name.p : "");
	return session_refuse(s, f, "34000", text, NULL, 0);
}

static enum took take_execute(struct session *s, const struct frame *f)
{
	struct portal *o = NULL;
	struct step st = {0};
	struct err e = {0};
	struct msg_execute m;
	enum took took;
	int r;

	if (msg_execute(f->body, &m) != WIRE_OK)
		return malformed(s, f);
	r = find_portal(s, m.portal, &o);
	if (r == -EAGAIN)
		return s->pipe.open ? wait_for_group(s) : TOOK_WAIT;
	if (!o)
		return no_portal(s, f, m.portal);
	r = restrict_portal(s, o, &e);
	if (r)
		return failed(s, f, r, &e);
	if (o->cursor && !o->shape && !describe(s, 'P', NULL, o))
		return no_memory(s);
	r = judge_step(s, o->cursor ? NULL : o->prepared->plan, o->prepared->j, NULL, 0, &st, &e);
	if (!r && !o->cursor && st.target != o->target)
		r = err_sql(&e, -EACCES, "42501", "\"%s\" means something else since the portal was bound",
			o->prepared->plan->name);
	took = r ? failed(s, f, r, &e) : send_execute(s, f, o, &st);
	step_fini(&st);
	return took;
}

static enum took take_target(struct session *s, const struct frame *f)
{
	struct expected *x;
	struct msg_target m;

	if (msg_target(f->body, &m) != WIRE_OK)
		return malformed(s, f);
	if (m.name.n > NAME_LEN_MAX)
		return session_refuse(s, f, "42622", "the name is too long", NULL, 0);
	x = pipeline_push(&s->pipe, f->type == FE_CLOSE ? EXPECT_CLOSE : EXPECT_DESCRIBE);
	if (!x)
		return no_memory(s);
	x->target = m.kind;
	x->name = strndup(m.name.n ? (const char *)m.name.p : "", m.name.n);
	return x->name ? forward(s, f) : no_memory(s);
}

static enum took take_sync(struct session *s, const struct frame *f)
{
	struct expected *x;

	if (msg_empty(f->body) != WIRE_OK)
		return malformed(s, f);
	x = pipeline_push(&s->pipe, EXPECT_SYNC);
	if (!x)
		return no_memory(s);
	pin_sync(s, x);
	s->skip = false;
	return forward(s, f);
}

static enum took take_flush(struct session *s, const struct frame *f)
{
	if (msg_empty(f->body) != WIRE_OK)
		return malformed(s, f);
	if (pipeline_len(&s->pipe))
		return forward(s, f);
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
	if (pipeline_full(&s->pipe) || (depends(f) && !pin_settled(s)))
		return TOOK_WAIT;
	switch ((enum frontend_type)f->type) {
	case FE_QUERY: return take_query(s, f);
	case FE_PARSE: return take_parse(s, f);
	case FE_BIND: return take_bind(s, f);
	case FE_EXECUTE: return take_execute(s, f);
	case FE_DESCRIBE:
	case FE_CLOSE: return take_target(s, f);
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
	case FE_TERMINATE: return forward(s, f);
	case FE_COPY_DATA:
	case FE_COPY_DONE:
	case FE_COPY_FAIL:
		session_drop(s, f);
		return TOOK_IT; /* left over from a COPY that failed; the server ignores it too */
	case FE_PASSWORD: break;
	}
	return malformed(s, f);
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
		if (held_whole(s, &f) && !frame_whole(&f)) {
			if (f.total <= s->env->message_max)
				return;
			took = s->barrier || s->unsynced ? session_break(s, "54000", "message too long")
							 : session_refuse(s, &f, "54000",
								   "message too long to be judged", NULL, 0);
		} else {
			s->waits_for_catalog = s->leaving = false;
			took = take(s, &f);
		}
		s->waiting = took == TOOK_WAIT;
		if (!s->waits_for_catalog)
			s->catalog_since_ms = 0;
		if (took == TOOK_WAIT)
			return;
		s->flushed = false;
	}
}
