/* SPDX-License-Identifier: MIT */
/* What this session holds of its database's gate (sql/gate.h): the relations of what it has sent and is not
 * answered, a group of extended messages as a whole, and those that its transaction has redefined. What waits
 * here waits as long as for a catalogue, and is judged anew then. A session that ends holds it until the
 * server is done with it (net/conn.c): what was sent may yet run. */
#include <errno.h>

#include "session/state.h"

#define LOOK_MS 10

struct wanted {
	uint64_t v[GATE_PASS_MAX];
	unsigned n;
	bool all;
};

static bool reads_plan(struct session *s, const struct plan *p)
{
	for (; p; p = p->inner)
		if (p->nnamed && !gate_read(slot_gate(s->slot), &s->pass, p->named, p->nnamed))
			return false;
	return true;
}

static bool reads_judged(struct session *s, const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;

	for (unsigned i = 0; js && i < js->n; i++)
		if (!reads_plan(s, js->plans[i]))
			return false;
	return true;
}

static bool reads_step(struct session *s, const struct step *st)
{
	return reads_plan(s, st->target ? st->target->plan : NULL) && reads_judged(s, st->newer);
}

static void want(struct wanted *w, const struct plan *p)
{
	for (; p; p = p->inner) {
		if (!p->redefines)
			continue;
		w->all = w->all || p->redefines_any || p->nredefined > GATE_PASS_MAX - w->n;
		for (unsigned i = 0; i < p->nredefined && !w->all; i++)
			w->v[w->n++] = p->redefined[i];
	}
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

static bool redefines(const struct plan *p)
{
	for (; p; p = p->inner)
		if (p->redefines)
			return true;
	return false;
}

static int change(struct session *s, const struct plan *const *plans, unsigned n, struct err *e)
{
	struct wanted w = {.n = 0};

	for (unsigned i = 0; i < n; i++)
		want(&w, plans[i]);
	s->pass_before = s->pass.nchanges;
	if ((w.n || w.all) && !gate_change(slot_gate(s->slot), &s->pass, w.v, w.n, w.all))
		return waits(
			s, "55006", "a relation that this statement changes is in use by another session", e);
	return 0;
}

static int settled(struct session *s, bool reads, struct err *e)
{
	return reads ? judge_newer(s, gate_since_ms(slot_gate(s->slot)), e)
		     : waits(s, "55P03", "another session changes what a relation of this statement is", e);
}

int pass_query(struct session *s, const struct judged *js, const struct step *steps, struct err *e)
{
	bool reads = true, changes = false;
	int r = 0;

	for (unsigned i = 0; i < js->n && reads; i++) {
		reads = reads_plan(s, js->plans[i]) && reads_step(s, &steps[i]);
		changes = changes || redefines(js->plans[i]);
	}
	if (reads && changes)
		r = change(s, (const struct plan *const *)js->plans, js->n, e);
	return r ? r : settled(s, reads, e);
}

int pass_step(struct session *s, const struct step *st, struct err *e)
{
	return settled(s, reads_step(s, st), e);
}

int pass_portal(struct session *s, const struct plan *p, const struct judgement *latest,
	const struct step *st, struct err *e)
{
	bool reads = reads_plan(s, p) && reads_judged(s, latest) && reads_step(s, st);
	int r = reads && redefines(p) ? change(s, &p, 1, e) : 0;

	return r ? r : settled(s, reads, e);
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
	if (!pipeline_len(&s->pipe) && !s->unsynced)
		gate_end_reading(slot_gate(s->slot), &s->pass);
	/* asked for, and given up, or refused for something else */
	if (gate_changes(&s->pass) && !s->own.redefines)
		gate_end_changing(slot_gate(s->slot), &s->pass, 0);
}

void pass_fini(struct session *s)
{
	if (!gate_holds(&s->pass))
		return;
	if (s->own.redefines)
		slot_expire(s->slot, s->now_ms);
	gate_end_reading(slot_gate(s->slot), &s->pass);
	pass_changed(s);
}
