/* SPDX-License-Identifier: MIT */
/* A statement that a person must approve of waits here, before anything of it goes to the server.
 *
 *   asked ──► PENDING ──► CLAIMED ──► GRANTED ──► judged once more ──► sent
 *                │            written down: used up      │
 *                └─► denied, cancelled, too late, gone   └─► something moved: void
 *
 * The message stays where it is in the client's buffer, and each time something happens it is judged anew, as
 * any message that waits. So what is compared with the approval is always what would be sent now. By the time
 * the server gets it, it was written down that the approval is used up: a daemon that dies in between has run
 * nothing, and nothing will run by it. */
#include "session/hold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/guard.h"
#include "session/held_shape.h"
#include "session/state.h"

struct hold *hold_of(struct session *s)
{
	if (!s->hold)
		s->hold = calloc(1, sizeof(*s->hold));
	return s->hold;
}

/* ---- which statements ---- */

static bool asks(const struct plan *p)
{
	/* what is prepared is asked about when it runs */
	return p && p->verdict == ASK &&
	       !(p->kind == STATEMENT_PREPARE && p->inner && p->inner->verdict == ASK);
}

static const struct plan *first(const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;

	return js && js->n ? js->plans[0] : NULL;
}

/* What is to be approved of where p is about to run; of what it runs by name the newest judgement counts. A
 * FETCH is of a cursor whose DECLARE was approved, or was not asked about, and may be by now. */
static const struct plan *asking(const struct plan *p, const struct step *st)
{
	const struct prepared *then = st ? st->target : NULL;
	const struct judgement *newer = st ? st->newer : NULL;
	const struct plan *now = newer ? judge_inner(newer) : then ? then->plan : NULL;

	if (asks(p))
		return p;
	if (!p || (p->kind != STATEMENT_EXECUTE && p->kind != STATEMENT_FETCH))
		return NULL;
	if (p->kind == STATEMENT_FETCH)
		now = then && !then->approved ? first(newer) : NULL;
	return asks(now) ? now : NULL;
}

/* ---- the client ---- */

static void tell(struct session *s, const struct held *h, const struct desk_answer *a)
{
	const char *before = a->reason[0] ? arena_printf(&s->scratch, "%s. ", a->reason) : "";
	uint64_t wait_s = (a->until_ms - s->now_ms) / 1000;
	const char *text = arena_printf(&s->scratch,
		"%sapproval %llu is needed for this %s: it has not been executed, and waits up to %llu "
		"seconds",
		before ? before : "", (unsigned long long)a->id, h->asks->tag ? h->asks->tag : "statement",
		(unsigned long long)wait_s);
	const char *hint = arena_printf(&s->scratch,
		"A reviewer sees it with \"pgveil approvals show %llu\"%s%s; SHOW pgveil.approvals shows how "
		"it is. Whoever gives up may send the same again.",
		(unsigned long long)a->id, a->object[0] ? ", or as StatementApproval " : "", a->object);

	put_notice(&s->put, "00000", text ? text : "an approval is needed", hint);
	session_send(s, SIDE_CLIENT);
}

static void waited(struct session *s)
{
	struct hold *o = s->hold;

	session_took(s, STAGE_APPROVAL, o->asked_ns, session_clock_ns(s));
	o->ticket = o->fresh_ms = o->asked_ns = 0;
	o->cancelled = false;
}

/* It is not waited for any more. */
static int leave(struct session *s, enum desk_end how, enum bond_part moved)
{
	struct hold *o = s->hold;

	s->env->desk->end(s->env->desk->arg, o->ticket, how, moved);
	o->left_id = o->id;
	waited(s);
	return -EACCES;
}

static int gave_up(struct session *s, const char *why, const char **hint, struct err *e)
{
	*hint = arena_printf(&s->scratch,
		"It was not executed. Approval %llu stays asked for: the same statement finds it again.",
		(unsigned long long)s->hold->id);
	err_sql(e, -EACCES, "57014", "%s", why);
	return leave(s, DESK_LEFT, BOND_MAX);
}

static int wait_until(struct session *s, uint64_t until_ms)
{
	uint64_t at = s->now_ms + HOLD_LOOK_MS;

	s->holds = true;
	s->hold_wake_ms = until_ms && until_ms < at ? until_ms : at;
	return -EAGAIN;
}

/* Bytes of the client's that are there. */
static size_t behind(const struct session *s)
{
	const struct buf *in = &s->lane[SIDE_CLIENT].in;

	return in->filled - in->parsed;
}

static int pending(struct session *s, const struct desk_answer *a, const char **hint, struct err *e)
{
	if (a->retry) {
		*hint = arena_printf(&s->scratch,
			"Send the same statement again when it is approved: \"pgveil approvals show %llu\", "
			"%s%s%sSHOW pgveil.approvals.",
			(unsigned long long)a->id, a->object[0] ? "StatementApproval " : "", a->object,
			a->object[0] ? ", " : "");
		err_sql(e, -EACCES, "42501",
			"%s%sapproval %llu is needed for this statement: it was not executed", a->reason,
			a->reason[0] ? ". " : "", (unsigned long long)a->id);
		return leave(s, DESK_LEFT, BOND_MAX);
	}
	if (s->hold->cancelled)
		return gave_up(s, "canceling statement due to user request", hint, e);
	if (s->client_done)
		return gave_up(s, "the client does not wait for an approval", hint, e);
	/* behind that nobody would see it go */
	if (behind(s) >= s->env->message_max)
		return gave_up(s, "more was sent behind the statement than is kept while it waits", hint, e);
	if (s->now_ms >= a->until_ms)
		return gave_up(s, "the statement was not approved in time", hint, e);
	return wait_until(s, a->until_ms);
}

/* What is asked for is said by definitions as of then: those of a moment ago would void it at once. */
static int as_of_now(struct session *s, struct err *e)
{
	if (!s->hold->fresh_ms)
		s->hold->fresh_ms = s->now_ms;
	return judge_newer(s, s->hold->fresh_ms, e);
}

/* Definitions as of a moment behind the approval: what another one changed shortly before it counts. */
static int granted(struct session *s, const char **hint, struct err *e)
{
	struct hold *o = s->hold;

	if (o->cancelled || s->client_done)
		return gave_up(s, "canceling statement due to user request", hint, e);
	if (o->nruns == HOLD_RUNS_MAX) {
		err_sql(e, -EACCES, "53400", "too many approved statements in one transaction");
		return leave(s, DESK_LEFT, BOND_MAX);
	}
	return as_of_now(s, e);
}

static int answered(struct session *s, const struct desk_answer *a, const char **hint, struct err *e)
{
	switch (a->state) {
	case DESK_PENDING: return pending(s, a, hint, e);
	case DESK_CLAIMED:
		if (s->hold->cancelled)
			return gave_up(s, "canceling statement due to user request", hint, e);
		return wait_until(s, 0);
	case DESK_GRANTED:
		s->hold->lifts = (struct lifts){{a->rows, a->rows}, {a->bytes, a->bytes}};
		return granted(s, hint, e);
	case DESK_DENIED: break;
	}
	err_sql(e, -EACCES, a->sqlstate[0] ? a->sqlstate : "42501", "%s", a->reason);
	*hint = "It was not executed.";
	return leave(s, DESK_LEFT, BOND_MAX);
}

/* ---- asking ---- */

static const char *path_of(struct session *s)
{
	const char *path = "";

	for (unsigned i = 0; i < s->path.n && path; i++)
		if (s->path.counts >> i & 1)
			path = arena_printf(&s->scratch, "%s%s%s", path, *path ? ", " : "", s->path.v[i]);
	return path;
}

static const char *name_of(struct session *s, const struct relation *r)
{
	return r ? arena_printf(&s->scratch, "%s.%s", r->schema, r->name) : "?";
}

/* What the transaction has named so far: the server may have locked it. */
static unsigned locked(struct session *s, const char **v, unsigned max)
{
	const struct gate_keys *k = &s->pass.reads;
	const uint64_t *keys = k->more ? k->more : k->few;
	unsigned n = 0;

	for (unsigned i = 0; i < k->n && n < max; i++) {
		const struct relation *r =
			keys[i] <= UINT32_MAX
				? catalog_relation_by_oid(binding_catalog(s->binding), (uint32_t)keys[i])
				: NULL;

		if (r && !(v[n++] = name_of(s, r)))
			return 0;
	}
	return n;
}

static int too_much(int r, struct err *e)
{
	if (r == -ENOSPC)
		return err_sql(e, -EACCES, "54000",
			"the statement reaches more relations than can be shown for an approval");
	if (r == -E2BIG)
		return err_sql(e, -EACCES, "54000", "the statement is too long to be shown for an approval");
	return err_sql(e, -EACCES, "53200", "out of memory");
}

static int refused(int r, struct session *s, struct err *e)
{
	if (r == -ESHUTDOWN)
		return session_moved(s, e);
	if (r == -ENOSPC)
		return err_sql(e, -EACCES, "53400", "too many statements wait for an approval");
	return err_sql(e, -EACCES, "53200", "out of memory");
}

static const char *reason_of(const struct held *h)
{
	return h->demand ? h->demand->reason : h->asks->reason;
}

static int request(struct session *s, const struct held *h, const struct reached *r, struct desk_request *q)
{
	const char **names = arena_array(&s->scratch, 2ul * r->n + 64, sizeof(*names));
	struct shown shown;
	struct held_shape shape;
	int rc = shown_of(s, h, r, &shown);

	rc = rc ? rc : held_shape_of(s, h, &shown, &shape, &q->bond);
	if (rc || !names)
		return rc ? rc : -ENOMEM;
	for (unsigned i = 0; i < r->n; i++)
		if (!(names[i] = name_of(s, r->v[i])))
			return -ENOMEM;
	q->who = s->who;
	q->identity = s->grant.identity;
	q->database = s->grant.database->name;
	q->dbname = s->dbname;
	q->role = s->settled_user && !s->switched ? s->settled_user : s->role_set;
	q->path = path_of(s);
	q->rule = h->demand ? h->demand->where : h->asks->guard ? h->asks->guard->where : "default";
	q->why = reason_of(h);
	q->estimated = s->estimate.is.known;
	q->rows = s->estimate.is.rows;
	q->unestimated = s->estimate.is.why;
	q->wants = s->estimate.wants;
	q->limit = s->estimate.limit;
	q->tag = h->asks->tag;
	q->kind = statement_kind_name(h->asks->kind);
	q->reason = s->hold->reason[0] ? s->hold->reason : NULL;
	q->text = shown.text;
	q->values = shown.values;
	q->nvalues = shown.nvalues;
	q->shape = shape.text;
	q->why_no_shape = shape.why;
	q->opens = shape.opens;
	q->nopens = shape.nopens;
	q->relations = names;
	q->nrelations = r->n;
	q->in_transaction = s->status != 'I' || s->unsynced;
	q->locked = names + r->n;
	q->nlocked = locked(s, names + r->n, 64);
	q->rules = s->grant.approvals;
	q->nrules = s->grant.napprovals;
	return q->path ? 0 : -ENOMEM;
}

static int ask(struct session *s, const struct held *h, const struct reached *r, const struct bond *bond,
	const char **hint, struct err *e)
{
	const struct desk *d = s->env->desk;
	struct desk_request q = {.bond = *bond};
	struct desk_answer a = {0};
	int rc = request(s, h, r, &q);

	if (rc)
		return too_much(rc, e);
	rc = d->ask(d->arg, &q, s->now_ms, &s->hold->ticket, &a);
	if (rc) {
		s->hold->ticket = 0;
		return refused(rc, s, e);
	}
	s->hold->id = a.id;
	s->hold->asked_ns = session_clock_ns(s);
	s->hold->fresh_ms = 0;
	s->hold->bond = *bond;
	if (a.state == DESK_PENDING && !a.retry)
		tell(s, h, &a);
	return answered(s, &a, hint, e);
}

static int look(struct session *s, const struct bond *bond, const char **hint, struct err *e)
{
	const struct desk *d = s->env->desk;
	enum bond_part moved = bond_moved(&s->hold->bond, bond);
	struct desk_answer a = {0};

	if (moved == BOND_MAX) {
		d->look(d->arg, s->hold->ticket, &a);
		return answered(s, &a, hint, e);
	}
	err_sql(e, -EACCES, "42501", "approval %llu is void: %s is another one than when it was asked for",
		(unsigned long long)s->hold->id, bond_part_name(moved));
	*hint = "It was not executed. Send it again to ask anew.";
	return leave(s, DESK_MOVED, moved);
}

static int hold(struct session *s, const struct held *h, const char **hint, struct err *e)
{
	struct reached r;
	struct bond bond;
	int rc;

	s->cause = CAUSE_APPROVAL; /* of a refusal, should it be one */
	if (!s->env->desk || !s->grant.identity)
		return err_sql(
			e, -EACCES, "42501", "%s", reason_of(h) ? reason_of(h) : "an approval is needed");
	if (!hold_of(s))
		return err_sql(e, -EACCES, "53200", "out of memory");
	if (!s->hold->ticket && (!frontend_alone(s) || (h->bind && !frontend_group_ended(s))))
		return -EAGAIN;
	if (!s->hold->ticket) {
		rc = as_of_now(s, e);
		if (rc)
			return rc;
	}
	rc = bond_relations(s, h, &r);
	rc = rc ? rc : bond_of(s, h, &r, &bond);
	if (rc)
		return too_much(rc, e);
	rc = s->hold->ticket ? look(s, &bond, hint, e) : ask(s, h, &r, &bond, hint, e);
	if (!rc)
		s->cause = CAUSE_OTHER;
	return rc;
}

/* ---- the gates ---- */

/* Of what was approved and goes on, in pieces: the settings that it goes on by are those of then. */
static int moved_since(struct session *s, const uint8_t *then, bool sets, const char **hint, struct err *e)
{
	if (!sets && bond_still_under(s, then))
		return 0;
	*hint = "What was approved is what runs by the settings, the role and the search_path of then. Ask "
		"anew.";
	return err_sql(e, -EACCES, "42501",
		"a setting, the role or the search_path may be another one than when this was approved");
}

/* Step i, where it is a FETCH of a cursor whose DECLARE was approved of, before that text: what is in one
 * text is approved of together. */
static int fetches(struct session *s, const struct step *steps, unsigned i, const char **hint, struct err *e)
{
	const struct prepared *cursor = steps[i].target;
	bool sets = false;

	if (!steps[i].plan || steps[i].plan->kind != STATEMENT_FETCH || !cursor || !cursor->approved)
		return 0;
	for (unsigned k = 0; k < i; k++) {
		if (steps[k].defines == cursor)
			return 0;
		sets |= hold_sets(steps[k].plan, &steps[k]);
	}
	return moved_since(s, cursor->under, sets, hint, e);
}

static void declares(struct session *s, const struct step *st, bool demanded, const struct lifts *lifts)
{
	if (!st->defines || st->plan->kind != STATEMENT_DECLARE || !(demanded || asks(st->plan)))
		return;
	st->defines->lifts = *lifts;
	st->defines->approved = true;
	bond_under(s, st->defines->under);
}

static struct span text_of(const struct step *st)
{
	return st && st->target ? prepared_text(st->target) : (struct span){0};
}

int hold_query(struct session *s, struct span text, const struct judged *js, const struct step *steps,
	const struct demand *d, const char **hint, struct err *e)
{
	const struct plan **plans = arena_array(&s->scratch, 2ul * js->n + 1, sizeof(*plans));
	struct held h = {.text = text, .plans = plans};
	const struct step *by_name = NULL;
	int r = 0;

	*hint = NULL;
	if (!plans)
		return err_sql(e, -EACCES, "53200", "out of memory");
	for (unsigned i = 0; i < js->n; i++) {
		const struct plan *p = asking(js->plans[i], &steps[i]);

		if (!p && d->plan && d->plan == estimate_counted(js->plans[i], &steps[i]))
			p = d->plan;
		plans[h.nplans++] = js->plans[i];
		if (steps[i].target && js->plans[i]->kind == STATEMENT_EXECUTE) {
			plans[h.nplans++] = p ? p : steps[i].target->plan;
			/* one text beside the message's is shown */
			if (by_name && (p || h.asks))
				return err_sql(e, -EACCES, "42501",
					"statements run by name that need an approval are sent one by one");
			by_name = &steps[i];
		}
		if (p && js->plans[i]->kind == STATEMENT_FETCH)
			return err_sql(e, -EACCES, "42501",
				"what the cursor reads needs an approval by now: declare it anew");
		if (p && !h.asks)
			h.asks = p;
	}
	for (unsigned i = 0; i < js->n && !r; i++)
		r = fetches(s, steps, i, hint, e);
	if (r || !h.asks)
		return r;
	h.demand = h.asks == d->plan ? d : NULL;
	h.named = text_of(by_name);
	if (by_name && by_name->target)
		h.types = by_name->target->types;
	r = hold(s, &h, hint, e);
	for (unsigned i = 0; i < js->n && !r; i++)
		declares(s, &steps[i], h.demand && h.asks == steps[i].plan,
			js->n == 1 ? &s->hold->lifts : &(struct lifts){0});
	return r;
}

int hold_bind(struct session *s, const struct msg_bind *m, const struct prepared *p, const struct step *st,
	const struct demand *d, const char **hint, struct err *e)
{
	const struct plan *plans[2] = {p->plan, NULL};
	struct held h = {.plans = plans, .nplans = 1, .bind = m, .types = p->types};

	h.asks = asking(p->plan, st);
	if (!h.asks && d->plan) {
		h.asks = d->plan;
		h.demand = d;
	}
	if (!h.asks)
		return 0;
	if (p->plan->kind == STATEMENT_FETCH)
		return err_sql(e, -EACCES, "42501",
			"what the cursor reads needs an approval by now: declare it anew");
	if (h.asks != p->plan)
		plans[h.nplans++] = h.asks;
	h.text = prepared_text(p);
	h.named = text_of(st);
	return hold(s, &h, hint, e);
}

static const struct hold_run *run_of(const struct session *s, uint64_t ticket)
{
	for (unsigned i = 0; ticket && s->hold && i < s->hold->nruns; i++)
		if (s->hold->run[i].ticket == ticket)
			return &s->hold->run[i];
	return NULL;
}

int hold_execute(
	struct session *s, const struct portal *o, const struct step *st, const char **hint, struct err *e)
{
	const struct plan *p = o->prepared->plan, *newer = first(o->latest);
	const struct hold_run *run;
	struct desk_answer a = {0};
	int r;

	*hint = NULL;
	if (o->cursor && o->prepared->approved)
		return moved_since(s, o->prepared->under, false, hint, e);
	r = fetches(s, st, 0, hint, e);
	if (r)
		return r;
	if (!o->ticket && !asking(p, st) && !asks(newer) && !asks(o->latest ? judge_inner(o->latest) : NULL))
		return 0;
	s->cause = CAUSE_APPROVAL;
	run = run_of(s, o->ticket);
	if (!run) {
		*hint = "Bind it anew.";
		return err_sql(e, -EACCES, "42501",
			"the statement needs an approval, and the portal was bound without one");
	}
	s->env->desk->look(s->env->desk->arg, o->ticket, &a);
	if (a.state == DESK_GRANTED) {
		r = moved_since(s, run->under, false, hint, e);
		if (r)
			return r;
		s->cause = CAUSE_OTHER;
		declares(s, st, true, &o->lifts);
		return 0;
	}
	return err_sql(e, -EACCES, a.sqlstate[0] ? a.sqlstate : "42501", "%s", a.reason);
}

/* ---- what became of it ---- */

bool hold_lifts(const struct session *s)
{
	return s->hold && s->hold->ticket && s->hold->lifts.rows.given;
}

uint64_t hold_sent(struct session *s, bool bound, struct lifts *lifts)
{
	struct hold *o = s->hold;
	uint64_t ticket = o ? o->ticket : 0;

	*lifts = (struct lifts){0};
	if (!ticket)
		return 0;
	*lifts = o->lifts;
	s->env->desk->end(s->env->desk->arg, ticket, DESK_SENT, BOND_MAX);
	o->run[o->nruns] = (struct hold_run){.ticket = ticket, .bound = bound};
	if (bound)
		bond_under(s, o->run[o->nruns].under);
	o->nruns++;
	waited(s);
	return ticket;
}

void hold_left(struct session *s)
{
	if (s->hold && s->hold->ticket)
		(void)leave(s, DESK_LEFT, BOND_MAX);
	if (s->hold)
		s->hold->fresh_ms = s->hold->left_id = 0;
}

uint64_t hold_id(const struct session *s)
{
	return !s->hold ? 0 : s->hold->ticket ? s->hold->id : s->hold->left_id;
}

bool hold_cancel(struct session *s)
{
	if (!s->hold || !s->hold->ticket)
		return false;
	s->hold->cancelled = true;
	return true;
}

static uint64_t ticket_of(const struct expected *x)
{
	return x->kind == EXPECT_QUERY ? x->ticket : x->kind == EXPECT_EXECUTE ? x->portal->ticket : 0;
}

static bool run_over(struct session *s, const struct hold_run *r)
{
	if (s->state != STATE_OPEN)
		return true;
	if (r->bound)
		return !pipeline_len(&s->pipe) && !s->unsynced && s->status == 'I';
	for (unsigned i = 0; i < pipeline_len(&s->pipe); i++)
		if (ticket_of(pipeline_at(&s->pipe, i)) == r->ticket)
			return false;
	return true;
}

static void look_at(struct session *s, struct hold_run *r)
{
	struct expected *x = pipeline_head(&s->pipe);
	struct desk_answer a = {0};

	if (r->cancelled || !x || ticket_of(x) != r->ticket)
		return;
	s->env->desk->look(s->env->desk->arg, r->ticket, &a);
	if (a.state != DESK_DENIED)
		return;
	r->cancelled = true;
	s->once |= WANT_CANCEL;
}

void hold_step(struct session *s)
{
	struct hold *o = s->hold;

	for (unsigned i = o ? o->nruns : 0; i-- > 0;) {
		if (!run_over(s, &o->run[i])) {
			look_at(s, &o->run[i]);
			continue;
		}
		s->env->desk->end(s->env->desk->arg, o->run[i].ticket, DESK_OVER, BOND_MAX);
		o->run[i] = o->run[--o->nruns];
	}
	if (o && o->ticket && s->state != STATE_OPEN)
		hold_left(s);
}

bool hold_wakes(const struct session *s, uint64_t *at_ms)
{
	bool runs = s->hold && s->hold->nruns;

	*at_ms = s->holds ? s->hold_wake_ms : UINT64_MAX;
	if (runs && s->now_ms + HOLD_RUN_LOOK_MS < *at_ms)
		*at_ms = s->now_ms + HOLD_RUN_LOOK_MS;
	return s->holds || runs;
}

bool hold_reads(const struct session *s)
{
	/* so that it is seen when the client goes; what it says meanwhile waits in the buffer */
	return s->holds && behind(s) < s->env->message_max;
}

void hold_fini(struct session *s)
{
	struct hold *o = s->hold;

	if (!o)
		return;
	hold_left(s);
	while (o->nruns)
		s->env->desk->end(s->env->desk->arg, o->run[--o->nruns].ticket, DESK_OVER, BOND_MAX);
	free(o);
	s->hold = NULL;
}
