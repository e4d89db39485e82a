/* SPDX-License-Identifier: MIT */
#include "session/pipeline.h"

#include <stdlib.h>
#include <string.h>

void step_fini(struct step *st)
{
	prepared_unref(st->target);
	prepared_unref(st->defines);
	judgement_unref(st->newer);
	*st = (struct step){0};
}

void refusal_free(struct refusal *r)
{
	if (!r)
		return;
	free(r->reason);
	free(r->hint);
	free(r);
}

struct refusal *refusal_new(const char *sqlstate, const char *reason, const char *hint, int position)
{
	struct refusal *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	memcpy(r->sqlstate, sqlstate, 5);
	r->position = position;
	r->reason = strdup(reason);
	r->hint = hint ? strdup(hint) : NULL;
	if (!r->reason || (hint && !r->hint)) {
		refusal_free(r);
		return NULL;
	}
	return r;
}

static void expected_fini(struct expected *e)
{
	free(e->name);
	prepared_unref(e->prepared);
	portal_unref(e->portal);
	step_fini(&e->step);
	refusal_free(e->refusal);
	for (unsigned i = 0; i < e->nsteps; i++)
		step_fini(&e->steps[i]);
	free(e->steps);
	judgement_unref(e->j);
	judgement_unref(e->newer);
	rowplan_free(e->rows);
	copyout_free(e->copy);
}

struct expected *pipeline_at(struct pipeline *p, unsigned i)
{
	return &p->v[(p->head + i) % p->cap];
}

struct expected *pipeline_head(struct pipeline *p)
{
	return p->n ? pipeline_at(p, 0) : NULL;
}

static bool ends_group(enum expect kind)
{
	return kind == EXPECT_SYNC || kind == EXPECT_QUERY;
}

struct expected *pipeline_push(struct pipeline *p, enum expect kind)
{
	struct expected *e;

	if (p->n == p->cap) {
		unsigned cap = p->cap ? p->cap * 2 : 4;
		struct expected *v = calloc(cap, sizeof(*v));

		if (!v)
			return NULL;
		for (unsigned i = 0; i < p->n; i++)
			v[i] = *pipeline_at(p, i);
		free(p->v);
		p->v = v;
		p->cap = cap;
		p->head = 0;
	}
	e = &p->v[(p->head + p->n++) % p->cap];
	*e = (struct expected){.kind = kind};
	p->open = ends_group(kind) ? 0 : p->open + 1;
	return e;
}

void pipeline_charge(struct pipeline *p, struct expected *e, size_t bytes)
{
	e->bytes += bytes;
	p->bytes += bytes;
}

void pipeline_pop(struct pipeline *p)
{
	struct expected *e = pipeline_head(p);

	p->bytes -= e->bytes;
	expected_fini(e);
	p->head = (p->head + 1) % p->cap;
	p->n--;
	if (p->open > p->n)
		p->open = p->n;
	if (p->n == 0) { /* an idle session holds no ring */
		free(p->v);
		*p = (struct pipeline){0};
	}
}

bool pipeline_skip(struct pipeline *p)
{
	struct expected *e;

	while ((e = pipeline_head(p)) != NULL) {
		if (e->kind == EXPECT_SYNC)
			return true;
		pipeline_pop(p);
	}
	return false;
}

bool pipeline_barrier(struct pipeline *p)
{
	for (unsigned i = 0; i < p->n; i++)
		if (pipeline_at(p, i)->barrier)
			return true;
	return false;
}

void pipeline_fini(struct pipeline *p)
{
	while (p->n)
		pipeline_pop(p);
	free(p->v);
	*p = (struct pipeline){0};
}

static bool named(const struct plan *plan, struct span name)
{
	return plan->name && span_is(name, plan->name);
}

/* These two switches name every kind, so that a new one cannot be forgotten. */
enum effect step_on_prepared(const struct step *st, struct span name, struct prepared **defined)
{
	if (!st->plan)
		return EFFECT_NONE;
	*defined = NULL;
	if (st->plan->kind == STATEMENT_PREPARE && named(st->plan, name)) {
		*defined = st->defines;
		return EFFECT_DEFINES;
	}
	if (st->plan->kind == STATEMENT_DEALLOCATE && (!st->plan->name || named(st->plan, name)))
		return EFFECT_DROPS;
	return EFFECT_NONE;
}

enum effect step_on_portal(const struct step *st, struct span name, struct prepared **defined)
{
	if (!st->plan)
		return EFFECT_NONE;
	*defined = NULL;
	if (st->plan->kind == STATEMENT_DECLARE && named(st->plan, name)) {
		*defined = st->defines;
		return EFFECT_DEFINES;
	}
	if (st->plan->kind == STATEMENT_CLOSE && (!st->plan->name || named(st->plan, name)))
		return EFFECT_DROPS;
	return EFFECT_NONE;
}

static enum effect query_effect(const struct expected *e, struct span name, struct prepared **defined,
	enum effect (*fn)(const struct step *, struct span, struct prepared **))
{
	for (unsigned i = e->nsteps; i-- > 0;) {
		enum effect f = fn(&e->steps[i], name, defined);

		if (f != EFFECT_NONE)
			return f;
	}
	return EFFECT_NONE;
}

enum effect expected_on_prepared(const struct expected *e, struct span name, struct prepared **defined)
{
	*defined = NULL;
	switch (e->kind) {
	case EXPECT_PARSE:
		if (!span_is(name, e->prepared->name))
			return EFFECT_NONE;
		*defined = e->prepared;
		return EFFECT_DEFINES;
	case EXPECT_CLOSE: return e->target == 'S' && span_is(name, e->name) ? EFFECT_DROPS : EFFECT_NONE;
	case EXPECT_EXECUTE: return step_on_prepared(&e->step, name, defined);
	case EXPECT_QUERY: return query_effect(e, name, defined, step_on_prepared);
	case EXPECT_REFUSAL:
	case EXPECT_TELL:
	case EXPECT_BIND:
	case EXPECT_DESCRIBE:
	case EXPECT_PIN:
	case EXPECT_COPY_SYNCS:
	case EXPECT_SYNC: break;
	}
	return EFFECT_NONE;
}

enum effect expected_on_portal(const struct expected *e, struct span name, struct prepared **defined)
{
	*defined = NULL;
	switch (e->kind) {
	case EXPECT_BIND:
		if (!span_is(name, e->portal->name))
			return EFFECT_NONE;
		*defined = e->portal->prepared;
		return EFFECT_DEFINES;
	case EXPECT_CLOSE: return e->target == 'P' && span_is(name, e->name) ? EFFECT_DROPS : EFFECT_NONE;
	case EXPECT_EXECUTE: return step_on_portal(&e->step, name, defined);
	case EXPECT_QUERY: return query_effect(e, name, defined, step_on_portal);
	case EXPECT_REFUSAL:
	case EXPECT_TELL:
	case EXPECT_PARSE:
	case EXPECT_DESCRIBE:
	case EXPECT_PIN:
	case EXPECT_COPY_SYNCS:
	case EXPECT_SYNC: break;
	}
	return EFFECT_NONE;
}
