/* SPDX-License-Identifier: MIT */
/* The server is asked how many rows a statement is about where a rule of the policy, or a reviewer, wants to
 * know: by EXPLAIN of what would be sent, with its parameters, in between the client's messages.
 *
 *   outside of a transaction:  BEGIN READ ONLY,  limits on time,             EXPLAIN,  ROLLBACK
 *   in one:                    SAVEPOINT,        these and read only,        EXPLAIN,  ROLLBACK TO, RELEASE
 *
 * So locks, settings and errors of ours go with it. A transaction that sees what it saw first would see it
 * from then on: there nothing is asked, nor in a group of messages that ran something and is no transaction,
 * where an error of ours would be the group's. What has no estimate is treated as if it were of too many
 * rows.
 */
#include "session/estimate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "session/state.h"
#include "sql/estimate.h"
#include "value/utf8.h"

#define TRIES_MAX 4 /* while definitions change */

static bool is_held(const struct session *s)
{
	return s->hold && s->hold->ticket;
}

void estimate_forget(struct session *s)
{
	binding_unref(s->estimate.binding);
	s->estimate = (struct estimate){0};
}

/* What p would run; of what has no rows of its own, NULL. */
const struct plan *estimate_counted(const struct plan *p, const struct step *st)
{
	if (!p || p->kind == STATEMENT_FETCH || p->kind == STATEMENT_PREPARE)
		return NULL;
	if (p->kind != STATEMENT_EXECUTE)
		return p;
	if (!st || !st->target)
		return NULL;
	return st->newer ? judge_inner(st->newer) : st->target->plan;
}

/* ---- asking ---- */

static void know(struct session *s, const char *why)
{
	struct estimate *x = &s->estimate;

	if (why)
		x->is = (struct estimated){.why = why};
	else if (!x->is.known && !x->is.why)
		x->is.why = "the server's plan is not understood";
	x->phase = ESTIMATE_KNOWN;
	binding_unref(x->binding);
	x->binding = binding_ref(s->binding);
}

static const char *savepoint(struct session *s, const char *what)
{
	return arena_printf(&s->scratch, "%s pgveil_estimate_%s", what, strrchr(s->poison, '_') + 1);
}

/* With a plan for any parameters an EXECUTE would be estimated by none. */
#define LIMITS                                                                                               \
	"SELECT pg_catalog.set_config('statement_timeout', '2000', true),"                                   \
	" pg_catalog.set_config('lock_timeout', '500', true),"                                               \
	" pg_catalog.set_config('plan_cache_mode', 'force_custom_plan', true)"

static bool undo(struct session *s)
{
	if (!s->estimate.block)
		return pin_put(s, PIN_PLAIN, "ROLLBACK");
	return pin_put(s, PIN_PLAIN, savepoint(s, "ROLLBACK TO SAVEPOINT")) &&
	       pin_put(s, PIN_PLAIN, savepoint(s, "RELEASE SAVEPOINT"));
}

static bool put_explain(struct session *s, const char *sql, struct span types, const struct msg_bind *m)
{
	bool block = s->estimate.block;

	return pin_put(s, PIN_PLAIN,
		       block ? savepoint(s, "SAVEPOINT")
			     : "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY") &&
	       pin_put(s, PIN_PLAIN,
		       block ? LIMITS ", pg_catalog.set_config('transaction_read_only', 'on', true)"
			     : LIMITS) &&
	       pin_put_bound(s, PIN_ESTIMATE, sql, types, m) && undo(s) && pin_end(s);
}

static int sent(struct session *s, bool ok)
{
	if (ok)
		return -EAGAIN;
	session_break(s, "53200", "out of memory");
	return -EPIPE;
}

/* Nothing of ours or of the client's is under way. */
static int ask(struct session *s, struct span text, struct span types, const struct msg_bind *m)
{
	struct estimate *x = &s->estimate;
	const char *sql;

	switch (x->phase) {
	case ESTIMATE_KNOWN: /* of other definitions than now */
	case ESTIMATE_NONE:
		x->is = (struct estimated){0};
		x->undone = false;
		x->block = s->status == 'T';
		if (!x->block)
			break;
		x->phase = ESTIMATE_LOOKS;
		/* this needs no snapshot, as all that reads a table does */
		return sent(s, pin_put(s, PIN_ISOLATION, "SHOW transaction_isolation") && pin_end(s));
	case ESTIMATE_LOOKS:
		if (!x->frozen)
			break;
		know(s, "its transaction sees what it sees first, and that would be the estimate's");
		return 0;
	case ESTIMATE_ASKED: know(s, NULL); return 0;
	}
	sql = estimate_text(text, &s->scratch);
	if (!sql) {
		know(s, "the server makes no plan of such a statement");
		return 0;
	}
	x->phase = ESTIMATE_ASKED;
	return sent(s, put_explain(s, sql, types, m));
}

static bool in_block(const struct session *s)
{
	return s->group_begun || (s->status == 'T' && !s->group_left);
}

/* 0: s->estimate.is says it; -EAGAIN, -EPIPE; -EACCES with e. */
static int learn(struct session *s, struct span text, struct span types, const struct msg_bind *m,
	const char *obstacle, struct err *e)
{
	struct estimate *x = &s->estimate;
	bool asks = x->phase == ESTIMATE_LOOKS || x->phase == ESTIMATE_ASKED;
	int r;

	if (x->phase == ESTIMATE_KNOWN && (is_held(s) || x->binding == s->binding))
		return 0;
	if (!asks && !obstacle && x->tries++ >= TRIES_MAX)
		obstacle = "definitions keep changing";
	if (!asks && !obstacle && s->unsynced && s->group_ran && !in_block(s))
		obstacle = "other statements of its group ran before it";
	if (!asks && obstacle) {
		know(s, obstacle);
		return 0;
	}
	if (!frontend_alone(s) || !frontend_group_closed(s))
		return -EAGAIN;
	if (x->cancelled)
		return err_sql(e, -EACCES, "57014", "canceling statement due to user request");
	r = s->status == 'E' ? 0 : ask(s, text, types, m);
	if (s->status == 'E')
		know(s, "its transaction has failed");
	return r;
}

/* ---- deciding ---- */

static const struct threshold *fitting(const struct plan *p, const struct estimated *is)
{
	const struct threshold *t = NULL;

	for (unsigned i = 0; p && i < p->nthresholds; i++) {
		const struct threshold *one = &p->thresholds[i];

		if ((!is->known || is->rows > one->rows) && (!t || one->verdict < t->verdict))
			t = one;
	}
	return t;
}

static const char *words(struct session *s, const struct threshold *t, const struct estimated *is)
{
	const char *text =
		is->known
			? arena_printf(&s->scratch, "%s: %llu rows are estimated, more than %llu", t->reason,
				  (unsigned long long)is->rows, (unsigned long long)t->rows)
			: arena_printf(&s->scratch,
				  "%s where more than %llu rows are estimated, and there is no estimate: %s",
				  t->reason, (unsigned long long)t->rows,
				  is->why ? is->why : "it was bound without one");

	return text ? text : t->reason;
}

static int decide(struct session *s, const struct plan *p, struct demand *d, const char **hint, struct err *e)
{
	const struct threshold *t = fitting(p, &s->estimate.is);

	if (!t)
		return 0;
	if (t->verdict == DENY) {
		*hint = t->hint;
		s->cause = CAUSE_GUARD;
		return err_sql(e, -EACCES, "42501", "%s", words(s, t, &s->estimate.is));
	}
	if (p->verdict == ALLOW && !d->plan)
		*d = (struct demand){
			.plan = p, .reason = words(s, t, &s->estimate.is), .where = t->rule->where};
	return 0;
}

static bool gives_rows(const struct plan *p)
{
	return p && (limit_rows(p) || p->kind == STATEMENT_DECLARE);
}

/* Whether it gives more rows than the limits leave. What was found stays, while a person thinks about it. */
static int exceed(struct session *s, const struct plan *p, struct demand *d, struct err *e)
{
	struct estimate *x = &s->estimate;
	const char *reason, *where = NULL;
	int r;

	if (!s->grant.limits.ask || !gives_rows(p) || !x->is.known)
		return 0;
	if (!x->wants) {
		r = limit_rows_left(s, &x->left, &x->limit, &where, e);
		if (r || x->is.given <= x->left)
			return r;
		snprintf(x->where, sizeof(x->where), "%s", where ? where : "");
		x->wants = x->is.given;
	}
	d->lifts = true;
	if (p->verdict != ALLOW || d->plan)
		return 0;
	reason = arena_printf(&s->scratch,
		"%llu rows are estimated, more than export limit %s leaves (%llu): it needs an approval",
		(unsigned long long)x->wants, x->limit, (unsigned long long)x->left);
	d->plan = p;
	d->reason = reason ? reason : "an export limit would be exceeded: it needs an approval";
	d->where = x->where;
	return 0;
}

/* A reviewer is told, too. */
static bool wants(const struct session *s, const struct plan *p)
{
	return p && (p->nthresholds || (s->grant.limits.ask && gives_rows(p)) ||
			    (p->verdict == ASK && s->env->desk && !is_held(s)));
}

/* What an estimate says of rows that a filter hides is not for whoever may not see them. */
static bool filtered(const struct judgement *j)
{
	return j && judgement_plans(j)->wrapped;
}

static bool filters(const struct judged *js, const struct step *st)
{
	return js->wrapped || (st && st->target && (filtered(st->newer) || filtered(st->target->j)));
}

static const char *obstacle_of(const struct plan *p, const struct plan *counted, bool hidden)
{
	if (hidden)
		return "it reads a relation with a row filter, and an estimate would tell of hidden rows";
	return p->unestimated ? p->unestimated : counted ? counted->unestimated : NULL;
}

/* The server fails on whatever is sent but what ends the transaction. */
static bool has_failed(const struct session *s)
{
	return s->status == 'E' && !s->unsynced && !pipeline_len((struct pipeline *)(uintptr_t)&s->pipe);
}

int estimate_query(struct session *s, struct span text, const struct judged *js, const struct step *steps,
	struct demand *d, const char **hint, struct err *e)
{
	const char *obstacle = NULL;
	bool any = false;
	int r;

	for (unsigned i = 0; i < js->n; i++) {
		const struct plan *p = estimate_counted(js->plans[i], &steps[i]);

		any = any || wants(s, p) || wants(s, js->plans[i]);
		obstacle = obstacle_of(js->plans[i], p, filters(js, &steps[i]));
	}
	if (!any || (js->n == 1 && has_failed(s)))
		return 0;
	if (js->n > 1)
		obstacle = "it stands among other statements in one text";
	r = learn(s, text, (struct span){0}, NULL, obstacle, e);
	for (unsigned i = 0; i < js->n && !r; i++)
		r = decide(s, estimate_counted(js->plans[i], &steps[i]), d, hint, e);
	for (unsigned i = 0; i < js->n && !r; i++)
		r = exceed(s, estimate_counted(js->plans[i], &steps[i]), d, e);
	return r;
}

int estimate_bind(struct session *s, const struct msg_bind *m, const struct prepared *p,
	const struct step *st, struct demand *d, const char **hint, struct err *e)
{
	const struct plan *counted = estimate_counted(p->plan, st);
	const char *obstacle =
		p->plan ? obstacle_of(p->plan, counted, filters(judgement_plans(p->j), st)) : NULL;
	int r;

	if ((!wants(s, counted) && !wants(s, p->plan)) || has_failed(s))
		return 0;
	if (p->from_sql)
		obstacle = "it was prepared by a statement, and is run by a message";
	r = learn(s, prepared_text(p), p->types, m, obstacle, e);
	r = r ? r : decide(s, counted, d, hint, e);
	return r ? r : exceed(s, counted, d, e);
}

/* What the policy or the catalogue made of it since it was bound. */
int estimate_execute(
	struct session *s, const struct portal *o, const struct step *st, const char **hint, struct err *e)
{
	const struct judged *js = o->latest ? judgement_plans(o->latest) : NULL;
	const struct plan *p = estimate_counted(js && js->n ? js->plans[0] : NULL, st);
	const struct threshold *t = o->cursor ? NULL : fitting(p, &o->estimated);

	if (!t || (t->verdict == ASK && o->ticket))
		return 0;
	*hint = t->verdict == ASK ? "Bind it anew." : t->hint;
	return err_sql(e, -EACCES, "42501", "%s", words(s, t, &o->estimated));
}

/* ---- the answers ---- */

static bool only_cell(const struct frame *f, struct span *cell)
{
	struct cur c;
	uint16_t n;

	return msg_data_row(f->body, &c, &n) == WIRE_OK && n == 1 && msg_cell_next(&c, cell) == WIRE_OK &&
	       cur_end(&c) == WIRE_OK;
}

void estimate_row(struct session *s, const struct frame *f, enum pin_what what)
{
	struct estimate *x = &s->estimate;
	struct span cell = {0};
	bool ok = only_cell(f, &cell) && cell.n;

	if (what == PIN_ISOLATION)
		x->frozen = !ok || (!span_is(cell, "read committed") && !span_is(cell, "read uncommitted"));
	else if (!ok || !utf8_valid(cell) || !estimate_read(cell, &s->scratch, &x->is))
		x->is = (struct estimated){.why = "the server's plan is not understood"};
}

bool estimate_failed(struct session *s, struct span sqlstate)
{
	struct estimate *x = &s->estimate;

	if (x->phase != ESTIMATE_ASKED || x->undone)
		return false;
	x->is = (struct estimated){
		.why = span_is(sqlstate, "57014")   ? "the server took too long to plan it"
		       : span_is(sqlstate, "55P03") ? "the server waited for a lock to plan it"
		       : span_is(sqlstate, "42501") ? "the server does not let the role do it"
						    : "the server could not plan it"};
	x->recover = x->undone = true;
	return true;
}

void estimate_ready(struct session *s, const struct expected *x, char status)
{
	if (!s->estimate.recover || !x->ours)
		return;
	s->estimate.recover = false;
	if (status == 'E' && (!pin_close(s) || !undo(s) || !pin_end(s)))
		session_break(s, "53200", "out of memory");
}

bool estimate_cancel(struct session *s)
{
	if (s->estimate.phase != ESTIMATE_LOOKS && s->estimate.phase != ESTIMATE_ASKED)
		return false;
	s->estimate.cancelled = true;
	return true;
}
