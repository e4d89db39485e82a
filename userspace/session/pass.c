/* SPDX-License-Identifier: MIT */
/* What this session holds of its database's gate (sql/gate.h): the relations of what it has sent and is not
 * answered, a group of extended messages as a whole, and those that its transaction has redefined. What waits
 * here waits as long as for a catalogue, and is judged anew then. A session that ends holds it until the
 * server is done with it (net/conn.c): what was sent may yet run. */
#include <errno.h>

#include "session/state.h"

#define LOOK_MS 10

struct wanted {
	uint32_t v[GATE_PASS_MAX];
	unsigned n;
	bool all;
};

static bool reads_plan(struct session *s, const struct plan *p)
{
	for (; p; p = p->inner)
		if (p->nrelations && !gate_read(slot_gate(s->slot), &s->pass, p->relations, p->nrelations))
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
			w->v[w->n++] = p->redefined[i].relid;
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

static int take(struct session *s, bool reads, const struct wanted *w, struct err *e)
{
	struct gate *g = slot_gate(s->slot);

	if (!reads)
		return waits(s, "55P03", "another session changes what a relation of this statement is", e);
	if ((w->n || w->all) && !gate_change(g, &s->pass, w->v, w->n, w->all))
		return waits(
			s, "55006", "a relation that this statement changes is in use by another session", e);
	return judge_newer(s, gate_since_ms(g), e);
}

int pass_query(struct session *s, const struct judged *js, const struct step *steps, struct err *e)
{
	struct wanted w = {.n = 0};
	bool reads = true;

	for (unsigned i = 0; i < js->n && reads; i++) {
		reads = reads_plan(s, js->plans[i]) && reads_step(s, &steps[i]);
		want(&w, js->plans[i]);
	}
	return take(s, reads, &w, e);
}

int pass_step(struct session *s, const struct step *st, struct err *e)
{
	return take(s, reads_step(s, st), &(struct wanted){.n = 0}, e);
}

int pass_portal(struct session *s, const struct prepared *p, const struct judgement *latest,
	const struct step *st, struct err *e)
{
	struct wanted w = {.n = 0};

	want(&w, p->plan);
	return take(s, reads_plan(s, p->plan) && reads_judged(s, latest) && reads_step(s, st), &w, e);
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
	if (!s->own.redefines && !(s->pass.waits && s->waits_for_catalog))
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
