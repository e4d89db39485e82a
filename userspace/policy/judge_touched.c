/* SPDX-License-Identifier: MIT */
/* For the recording: which masked columns a statement has to do with, and whether constants in its text may
 * be values of theirs. Every doubt says yes. */
#include <string.h>

#include "policy/judge.h"

struct touch {
	struct judge *j;
	struct plan *p;
	struct colset set;
};

static bool masked(const struct touch *t, struct colref c)
{
	return binding_column(t->j->b, c) != NULL;
}

static void add(struct touch *t, struct colref c)
{
	c.via = c.group = 0;
	if (!colset_add(t->j->a, &t->set, c))
		t->j->failed = true;
}

/* intimate: whoever is in s and masked is not only shown. */
static void add_set(struct touch *t, const struct colset *s, bool intimate)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (!masked(t, s->v[i]))
			continue;
		add(t, s->v[i]);
		t->p->intimate |= intimate;
	}
}

/* Kinds of statements all of whose constants have to do with nothing but the columns that the analysis names.
 */
static bool plain_kind(const struct statement *st)
{
	switch (st->kind) {
	case STATEMENT_EMPTY:
	case STATEMENT_SELECT:
	case STATEMENT_INSERT:
	case STATEMENT_UPDATE:
	case STATEMENT_DELETE:
	case STATEMENT_MERGE:
	case STATEMENT_SHOW:
	case STATEMENT_TRANSACTION:
	case STATEMENT_EXPLAIN:
	case STATEMENT_PREPARE:
	case STATEMENT_DEALLOCATE:
	case STATEMENT_DECLARE:
	case STATEMENT_FETCH:
	case STATEMENT_CLOSE:
	case STATEMENT_LISTEN:
	case STATEMENT_UNLISTEN:
	case STATEMENT_LOCK:
	case STATEMENT_COPY_OUT:
	case STATEMENT_COPY_IN:
	case STATEMENT_DISCARD: return true;
	/* One of nobody's may be asked for later, and compared with anything. */
	case STATEMENT_SET: return st->setting && !strchr(st->setting, '.');
	/* EXECUTE: what its name means is not known here. */
	case STATEMENT_EXECUTE:
	case STATEMENT_NOTIFY:
	case STATEMENT_DEFINE:
	case STATEMENT_OTHER: return false;
	}
	return false;
}

/* What is written where: by a rule of a view, or below a parent, into more than is named. */
static void add_written(struct touch *t, const struct statement *st)
{
	add_set(t, &st->assigned, true);
	for (unsigned i = 0; st->writes && i < st->nrelations; i++)
		t->p->intimate |= judge_masks(t->j->b, st->relations[i]);
}

void judge_touched(struct judge *j, const struct statement *st, struct plan *p)
{
	struct touch t = {j, p, {0}};

	p->intimate |= p->verdict == DENY || !plain_kind(st) || st->nopaque || st->nchanges || p->instead ||
		       (p->inner && p->inner->intimate) || (st->inner && !p->inner);
	for (unsigned i = 0; i < st->noutputs; i++)
		add_set(&t, &st->outputs[i].from, !st->outputs[i].direct);
	for (unsigned i = 0; i < st->nuses; i++) {
		if (!masked(&t, st->uses[i].column))
			continue;
		add(&t, st->uses[i].column);
		p->intimate = true;
	}
	for (unsigned i = 0; i < st->nasks; i++)
		add_set(&t, &st->asks[i].columns, true);
	for (unsigned i = 0; i < st->ncopied; i++)
		add_set(&t, &st->copied[i].from, true);
	add_set(&t, &st->stored, true);
	add_set(&t, &st->tested, true);
	add_set(&t, &st->paid, true);
	add_written(&t, st);
	p->touched = t.set.v;
	p->ntouched = t.set.n;
}
