/* SPDX-License-Identifier: MIT */
/* Messages of the extended query protocol that name a statement or a portal. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "session/state.h"

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

static enum took send_parse(struct session *s, const struct frame *f, const struct msg_parse *m,
	struct judgement *j, const struct kept *kept, const char *instead)
{
	const struct judged *js = judgement_plans(j);
	const struct plan *plan = js->n ? js->plans[0] : NULL;
	struct prepared *p = prepared_new(m->name, j, plan);
	/* what takes the place of the client's text need not be in j: SHOW pgveil is judged again as it came
	 */
	struct span sent =
		instead && !span_eq(m->sql, judgement_text(j)) ? span_of(instead, strlen(instead)) : m->sql;
	bool typed = p && prepared_take_types(p, m->param_types) &&
		     prepared_take_text(p, js->wrapped ? judgement_text(j) : sent);
	struct expected *x = typed ? pipeline_push(&s->pipe, EXPECT_PARSE) : NULL;

	if (!x) {
		prepared_unref(p);
		return frontend_no_memory(s);
	}
	x->prepared = p;
	x->kept = *kept;
	pipeline_charge(&s->pipe, x, prepared_bytes(p));
	if (instead)
		frontend_instead(s, f, m, instead);
	else
		frontend_forward(s, f);
	/* EXECUTE and FETCH show what their name means when they run: their portals are described instead. */
	if (plan && plan->rows && !by_name(plan) && !describe(s, 'S', p, NULL))
		return frontend_no_memory(s);
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

enum took frontend_parse(struct session *s, const struct frame *f)
{
	struct judgement *j = NULL;
	const struct plan *denial;
	struct err e = {0};
	const char *instead = NULL;
	struct msg_parse m;
	struct kept kept;
	enum took took;
	bool foreign;
	int r;

	if (msg_parse(f->body, &m) != WIRE_OK)
		return frontend_malformed(s, f);
	if (m.name.n > NAME_LEN_MAX)
		return session_refuse(
			s, f, "42622", "the name of the prepared statement is too long", NULL, 0);
	if (names_full(&s->names))
		return session_refuse(s, f, "53400", "too many prepared statements", NULL, 0);
	r = judge_sent(s, m.sql, &j, &instead, &e);
	if (!r && instead && limit_shown(judgement_plans(j)->plans[0]))
		r = limit_show(s, &instead, &e);
	if (r) {
		judgement_unref(j);
		return frontend_failed(s, f, r, &e);
	}
	s->keep.about = judgement_about(j);
	denial = frontend_denial(judgement_plans(j));
	foreign = foreign_parameter(binding_catalog(judgement_binding(j)), &m);
	if (denial && denial->tells && !foreign && judgement_plans(j)->n == 1)
		took = session_refuse_asking(s, f, denial,
			frontend_aborts(judgement_plans(j), denial->sqlstate),
			&(struct question){
				.text = m.sql, .nparams = m.nparams, .param_types = m.param_types});
	else if (denial)
		took = frontend_refuse(s, f, judgement_plans(j), denial);
	else if (foreign)
		took = session_refuse(s, f, "42501",
			"a parameter has a type that is not known to be harmless",
			"A caller with masked columns may use parameters of the types of pg_catalog.", 0);
	else if (judgement_plans(j)->n > 1)
		took = session_refuse(
			s, f, "42601", "cannot insert multiple commands into a prepared statement", NULL, 0);
	else if (keep_parse(s, &m, j, &kept, &e))
		took = frontend_failed(s, f, -EACCES, &e);
	else
		took = send_parse(s, f, &m, j, &kept, instead);
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
	r = judge_again(s, LOOK_AS_NOW, p->j, prepared_text(p), &newer, e);
	if (!r && newer)
		r = judge_kept(s, p->j, newer, e);
	if (r) {
		judgement_unref(newer);
		return r;
	}
	*out = prepared_ref(p);
	if (!newer)
		return 0;
	denial = frontend_denial(judgement_plans(newer));
	if (denial) {
		s->cause = denial->guarded ? CAUSE_GUARD : s->cause;
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
		r = fresh && prepared_take_types(fresh, p->types) &&
				    prepared_take_text(fresh, prepared_text(p))
			    ? 0
			    : err_sql(e, -EACCES, "53200", "out of memory");
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
	struct prepared *p, struct step *st, const struct kept *kept)
{
	struct portal *o = portal_of(m, p);
	struct expected *x;

	if (!o)
		return frontend_no_memory(s);
	o->target = st->target ? prepared_ref(st->target) : NULL;
	if (p->plan && p->plan->rows && !by_name(p->plan) && !p->shape && !described_later(s, p) &&
		!describe(s, 'S', p, NULL)) {
		portal_unref(o);
		return frontend_no_memory(s);
	}
	x = pipeline_push(&s->pipe, EXPECT_BIND);
	if (!x) {
		portal_unref(o);
		return frontend_no_memory(s);
	}
	x->portal = o;
	o->ticket = hold_sent(s, true, &o->lifts);
	o->estimated = s->estimate.is;
	o->estimated.why = NULL;
	x->kept = o->kept = *kept;
	o->kept.sent_us = 0; /* what answers the Bind is the first of it */
	s->stats.approved += o->ticket != 0;
	pin_sent(s, pin_code(p->plan) ? p->plan : NULL, st); /* the planner runs some functions */
	frontend_forward(s, f);
	if (by_name(p->plan) && !describe(s, 'P', NULL, o))
		return frontend_no_memory(s);
	return TOOK_IT;
}

enum took frontend_bind(struct session *s, const struct frame *f)
{
	struct prepared *p = NULL;
	struct step st = {0};
	struct err e = {0};
	struct msg_bind m;
	struct demand demand = {0};
	const char *hint = NULL;
	struct kept kept;
	enum took took;
	int r;

	if (msg_bind(f->body, &m) != WIRE_OK)
		return frontend_malformed(s, f);
	if (m.portal.n > NAME_LEN_MAX)
		return session_refuse(s, f, "42622", "the name of the portal is too long", NULL, 0);
	if (names_full(&s->names) && !names_portal(&s->names, m.portal))
		return session_refuse(s, f, "53400", "too many portals or prepared statements", NULL, 0);
	r = take_prepared(s, m.statement, &p, &e);
	if (r)
		return frontend_failed(s, f, r, &e);
	s->keep.about = judgement_about(p->j);
	if (by_name(p->plan) || (p->plan && p->plan->inner && by_name(p->plan->inner)))
		r = judge_step(s, p->plan, p->j, NULL, 0, &st, &e);
	if (!r)
		r = estimate_bind(s, &m, p, &st, &demand, &hint, &e);
	if (!r)
		r = hold_bind(s, &m, p, &st, &demand, &hint, &e);
	if (!r)
		r = pass_bind(s, p->plan, &st, &e);
	if (!r)
		r = spend_bind(s, &m, p, &st, &hint, &e);
	if (!r)
		r = keep_bind(s, &m, p, &kept, &e);
	took = r ? frontend_hinted(s, f, r, hint, &e) : send_bind(s, f, &m, p, &st, &kept);
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
	int r = judge_again(s, LOOK_AS_THEN, o->latest ? o->latest : o->prepared->j,
		prepared_text(o->prepared), &newer, e);

	if (r || !newer)
		return r;
	denial = frontend_denial(judgement_plans(newer));
	if (denial) {
		s->cause = denial->guarded ? CAUSE_GUARD : s->cause;
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

static enum took send_execute(
	struct session *s, const struct frame *f, struct portal *o, struct step *st, const struct kept *kept)
{
	struct expected *x = pipeline_push(&s->pipe, EXPECT_EXECUTE);

	if (!x)
		return frontend_no_memory(s);
	x->portal = portal_ref(o);
	x->kept = *kept;
	x->step = *st;
	*st = (struct step){0};
	x->barrier = x->step.plan && x->step.plan->kind == STATEMENT_COPY_IN;
	s->barrier |= x->barrier;
	x->judged_ms = s->now_ms;
	if (o->prepared->plan && o->prepared->plan->kind == STATEMENT_TRANSACTION) {
		s->group_begun = pin_begins(o->prepared->plan);
		s->group_left = !s->group_begun;
	}
	pin_sent(s, o->prepared->plan, &x->step);
	words_sent(s, o->prepared->plan, &x->step);
	words_newer(s, o->latest);
	hold_said(s, o->prepared->plan, &x->step, false);
	own_sent(s, o->prepared->plan, &x->step);
	own_heirs(s, o->latest);
	if (pin_code_newer(x))
		pin_doubt(s);
	s->stats.statements++;
	return frontend_forward(s, f);
}

static enum took no_portal(struct session *s, const struct frame *f, struct span name)
{
	char text[160];

	snprintf(text, sizeof(text), "portal \"%.*s\" does not exist",
		name.n > NAME_LEN_MAX ? NAME_LEN_MAX : (int)name.n, name.n ? (const char *)name.p : "");
	return session_refuse(s, f, "34000", text, NULL, 0);
}

enum took frontend_execute(struct session *s, const struct frame *f)
{
	struct portal *o = NULL;
	struct step st = {0};
	struct err e = {0};
	struct msg_execute m;
	const char *hint = NULL;
	struct kept kept;
	struct judged one;
	unsigned counted;
	enum took took;
	bool rows;
	int r;

	if (msg_execute(f->body, &m) != WIRE_OK)
		return frontend_malformed(s, f);
	r = find_portal(s, m.portal, &o);
	if (r == -EAGAIN)
		return s->pipe.open ? wait_for_group(s) : TOOK_WAIT;
	if (!o)
		return no_portal(s, f, m.portal);
	r = restrict_portal(s, o, &e);
	if (r)
		return frontend_failed(s, f, r, &e);
	if (o->cursor && !o->shape && !describe(s, 'P', NULL, o))
		return frontend_no_memory(s);
	one = (struct judged){
		.plans = (struct plan *[]){(struct plan *)o->prepared->plan}, .n = o->prepared->plan != NULL};
	r = judge_step(s, o->cursor ? NULL : o->prepared->plan, o->prepared->j, NULL, 0, &st, &e);
	if (!r && !o->cursor && st.target != o->target)
		r = err_sql(&e, -EACCES, "42501", "\"%s\" means something else since the portal was bound",
			o->prepared->plan->name);
	counted = limit_statements(&one, &rows);
	rows = (rows || o->cursor) && !limit_lifted(&st, 1) &&
	       !(o->cursor ? o->prepared->lifts.rows.left : o->lifts.rows.left);
	if (!r)
		r = limit_admit(s, counted, rows, &hint, &e);
	if (!r)
		r = estimate_execute(s, o, &st, &hint, &e);
	if (!r)
		r = hold_execute(s, o, &st, &hint, &e);
	if (!r)
		r = pass_execute(s, o->prepared->plan, o->latest, &st, &e);
	if (!r)
		r = limit_count(s, counted, rows, &hint, &e);
	if (!r)
		r = keep_execute(s, m.portal, o, &kept, &e);
	took = r ? frontend_hinted(s, f, r, hint, &e) : send_execute(s, f, o, &st, &kept);
	step_fini(&st);
	return took;
}

/* Where nothing may be told any more, that is what columns are called as well. 0, -EAGAIN, -EACCES. */
static int admit_describe(struct session *s, const struct msg_target *m, const char **hint, struct err *e)
{
	struct prepared *p = NULL;
	struct portal *o = NULL;
	int r = m->kind == 'S' ? judge_find_prepared(s, m->name, &p) : find_portal(s, m->name, &o);

	if (r == -EAGAIN)
		frontend_answered(s);
	if (r)
		return r;
	p = o ? o->prepared : p;
	if (!p || !((o && o->cursor) || limit_rows(p->plan)))
		return 0;
	/* somebody may let it have more rows than are left, or has */
	return limit_describe(
		s, !s->grant.limits.ask && !(o && o->lifts.rows.left) && !p->lifts.rows.left, hint, e);
}

enum took frontend_target(struct session *s, const struct frame *f)
{
	const char *hint = NULL;
	struct expected *x;
	struct err e = {0};
	struct msg_target m;
	int r = 0;

	if (msg_target(f->body, &m) != WIRE_OK)
		return frontend_malformed(s, f);
	if (m.name.n > NAME_LEN_MAX)
		return session_refuse(s, f, "42622", "the name is too long", NULL, 0);
	if (f->type == FE_DESCRIBE && s->limit.stops)
		r = admit_describe(s, &m, &hint, &e);
	if (r)
		return frontend_hinted(s, f, r, hint, &e);
	x = pipeline_push(&s->pipe, f->type == FE_CLOSE ? EXPECT_CLOSE : EXPECT_DESCRIBE);
	if (!x)
		return frontend_no_memory(s);
	x->target = m.kind;
	x->name = strndup(m.name.n ? (const char *)m.name.p : "", m.name.n);
	return x->name ? frontend_forward(s, f) : frontend_no_memory(s);
}
