/* SPDX-License-Identifier: MIT */
/* What this session holds of its database's gate (sql/gate.h), until its transaction, or group of extended
 * messages, is over: what its statements named, and what they redefined. What waits here waits as long as for
 * a catalogue, and is judged anew then. A session that ends holds it until the
 * server is done with it (net/conn.c): what was sent may yet run. */
#include <errno.h>

#include "session/state.h"

#define LOOK_MS 10

/* What was changed before the pass had a relation must be known to who judges by it; who changes it after
 * that waits for us. So a message that waits for a catalogue need not wait for what others change meanwhile.
 */
static int reads_plan(struct session *s, const struct plan *p)
{
	struct gate *g = slot_gate(s->slot);
	int r = 0;

	for (; p && !r; p = p->inner) {
		unsigned had = s->pass.reads.n;

		r = p->nnamed ? gate_read(g, &s->pass, p->named, p->nnamed) : 0;
		if (s->pass.reads.n != had)
			s->pass_since_ms = gate_since_ms(g);
	}
	return r;
}

static int reads_judged(struct session *s, const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;
	int r = 0;

	for (unsigned i = 0; js && i < js->n && !r; i++)
		r = reads_plan(s, js->plans[i]);
	return r;
}

static int reads_step(struct session *s, const struct step *st)
{
	int r = reads_plan(s, st->target ? st->target->plan : NULL);

	return r ? r : reads_judged(s, st->newer);
}

static bool redefines(const struct plan *p)
{
	for (; p; p = p->inner)
		if (p->redefines)
			return true;
	return false;
}

/* Another daemon's gates know nothing of ours. Before it takes over there is nobody left who has changed
 * something, and afterwards only one of both lets anybody begin, when the other has no sessions any more. */
static int may_change(const struct session *s)
{
	switch (session_tenure(s)) {
	case TENURE_OVER: return -ESHUTDOWN;
	case TENURE_SHARED: return gate_changes(&s->pass) ? 0 : -EAGAIN;
	case TENURE_SOLE: return 0;
	}
	return -ESHUTDOWN;
}

static int changes_plan(struct session *s, const struct plan *p)
{
	int r = 0;

	for (; p && !r; p = p->inner) {
		if (!p->redefines)
			continue;
		r = may_change(s);
		if (!r)
			r = gate_change(
				slot_gate(s->slot), &s->pass, p->redefined, p->nredefined, p->redefines_any);
	}
	return r;
}

static int waits(struct session *s, const char *sqlstate, const char *reason, struct err *e)
{
	uint64_t since = s->catalog_since_ms ? s->catalog_since_ms : s->now_ms;

	if (s->now_ms >= since + JUDGE_WAIT_MS)
		return err_sql(e, -EACCES, sqlstate, "%s", reason);
	s->catalog_since_ms = since;
	s->waits_for_catalog = true;
	s->wake_ms = s->now_ms + LOOK_MS;
	return -EAGAIN;
}

/* What gate_read() or gate_change() said. */
static int answer(struct session *s, int r, bool changes, struct err *e)
{
	if (r == -ESHUTDOWN)
		return session_moved(s, e);
	if (r == -EAGAIN && changes)
		return waits(
			s, "55006", "a relation that this statement changes is in use by another session", e);
	if (r == -EAGAIN)
		return waits(s, "55P03", "another session changes what a relation of this statement is", e);
	return r == -ENOSPC ? err_sql(e, -EACCES, "53400", "too many relations in one transaction")
			    : err_sql(e, -EACCES, "53200", "out of memory");
}

static int settled(struct session *s, struct err *e)
{
	if (gate_changes(&s->pass))
		s->pass_since_ms = gate_since_ms(slot_gate(s->slot));
	return judge_newer(s, s->pass_since_ms, e);
}

int pass_query(struct session *s, const struct judged *js, const struct step *steps, struct err *e)
{
	unsigned kept = s->pass.changes.n;
	int r = 0;

	for (unsigned i = 0; i < js->n && !r; i++) {
		r = reads_plan(s, js->plans[i]);
		r = r ? r : reads_step(s, &steps[i]);
	}
	if (r)
		return answer(s, r, false, e);
	for (unsigned i = 0; i < js->n && !r; i++)
		r = changes_plan(s, js->plans[i]);
	if (r) {
		gate_shorten(slot_gate(s->slot), &s->pass, kept);
		return answer(s, r, true, e);
	}
	s->pass_before = kept;
	return settled(s, e);
}

int pass_step(struct session *s, const struct step *st, struct err *e)
{
	int r = reads_step(s, st);

	return r ? answer(s, r, false, e) : settled(s, e);
}

int pass_bind(struct session *s, const struct plan *p, const struct step *st, struct err *e)
{
	int r = reads_plan(s, p);

	r = r ? r : reads_step(s, st);
	return r ? answer(s, r, false, e) : settled(s, e);
}

int pass_execute(struct session *s, const struct plan *p, const struct judgement *latest,
	const struct step *st, struct err *e)
{
	unsigned kept = s->pass.changes.n;
	int r = reads_judged(s, latest);

	if (r)
		return answer(s, r, false, e);
	r = changes_plan(s, p);
	if (r) {
		gate_shorten(slot_gate(s->slot), &s->pass, kept);
		return answer(s, r, true, e);
	}
	s->pass_before = kept;
	return pass_bind(s, p, st, e);
}

/* One statement that failed has changed nothing, whatever becomes of its transaction. Of several in one text
 * some may stand before a savepoint. */
void pass_failed(struct session *s, const struct expected *x)
{
	const struct plan *p = x->kind == EXPECT_EXECUTE                   ? x->portal->prepared->plan
			       : x->kind == EXPECT_QUERY && x->nsteps == 1 ? x->steps[0].plan
									   : NULL;

	if (p && redefines(p))
		gate_shorten(slot_gate(s->slot), &s->pass, s->pass_before);
}

void pass_changed(struct session *s)
{
	gate_end_changing(slot_gate(s->slot), &s->pass, s->now_ms);
}

void pass_settle(struct session *s)
{
	if (!gate_holds(&s->pass))
		return;
	/* the server's own locks go with the transaction, too, and a cursor WITH HOLD runs at its end */
	if (!pipeline_len(&s->pipe) && !s->unsynced && !s->waits_for_catalog && s->status == 'I') {
		gate_end_reading(slot_gate(s->slot), &s->pass);
		s->pass_since_ms = 0;
	}
	/* asked for, and given up, or refused for something else */
	if (gate_changes(&s->pass) && !s->own.redefines)
		gate_end_changing(slot_gate(s->slot), &s->pass, 0);
}

void pass_over(struct session *s, uint64_t now_ms)
{
	if (!gate_holds(&s->pass))
		return;
	if (s->own.redefines)
		slot_expire(s->slot, now_ms + 1);
	gate_end_reading(slot_gate(s->slot), &s->pass);
	gate_end_changing(slot_gate(s->slot), &s->pass, now_ms);
}
