/* SPDX-License-Identifier: MIT */
/* A refused statement is answered by the server itself, in its place: instead of the client's message it gets
 * a Bind to a statement name that nobody can have made, fails on it as it would on any error (transaction,
 * implicit transaction and pipeline included), and its ErrorResponse is replaced by ours (backend.c). So the
 * order of answers and the transaction's state are the server's, never an imitation.
 *
 * Where a name is not known (plan.tells), the server is asked before that what it says to the text: a Parse
 * alone, under a name that nobody knows and that is closed at once, so nothing of it can ever run. It fails
 * there, and what it says is told; or it does not, and the refusal behind it counts. */
#include <stdio.h>
#include <string.h>

#include "pgwire/sqlstate.h"
#include "session/state.h"
#include "session/tally.h"

void session_drop(struct session *s, const struct frame *f)
{
	buf_parse(&s->lane[SIDE_CLIENT].in, FRAME_HEADER + f->body.n);
	s->lane[SIDE_CLIENT].drop = f->total - FRAME_HEADER - f->body.n;
}

/* A Close of our own. */
static bool put_close(struct session *s, const char *name)
{
	struct expected *x = pipeline_push(&s->pipe, EXPECT_CLOSE);

	if (!x)
		return false;
	x->ours = true;
	x->target = 'S';
	x->name = strdup(name);
	put_start(&s->put, FE_CLOSE);
	put_u8(&s->put, 'S');
	put_cstr(&s->put, name);
	put_finish(&s->put);
	return x->name != NULL;
}

/* As many blanks as there are characters before the statement, so that places in it are those in the text. */
static void put_blanks(struct put *w, struct span before)
{
	for (size_t i = 0; i < before.n; i++)
		if ((before.p[i] & 0xC0) != 0x80)
			put_u8(w, ' ');
}

static bool put_question(
	struct session *s, const struct question *q, const struct refusal *r, const struct kept *kept)
{
	struct expected *x = pipeline_push(&s->pipe, EXPECT_TELL);
	char name[POISON_LEN];

	if (!x)
		return false;
	x->kept = *kept;
	x->refusal = refusal_new(r->sqlstate, r->reason, r->hint, r->position);
	if (x->refusal)
		x->refusal->aborts = r->aborts;
	snprintf(name, sizeof(name), "pgveil_ask_%s", strrchr(s->poison, '_') + 1);
	put_start(&s->put, FE_PARSE);
	put_cstr(&s->put, name);
	put_blanks(&s->put, q->before);
	put_cstr_span(&s->put, q->text);
	put_be16(&s->put, q->nparams);
	put_span(&s->put, q->param_types);
	put_finish(&s->put);
	return x->refusal && put_close(s, name);
}

/* Reasons of ours name what is in a catalogue. Errors that PostgreSQL would give name what the client typed,
 * not always in quotes. */
static const char *tellable(const char *sqlstate, const char *reason)
{
	bool ours = strcmp(sqlstate, "42501") == 0 || strcmp(sqlstate, "0A000") == 0 || sqlstate[0] == '5';

	return ours ? reason : sqlstate_text(span_of(sqlstate, strlen(sqlstate)));
}

/* On record before anything of it goes anywhere. false: it is not, and *r says so instead. */
static bool keep_refusal(struct session *s, const struct frame *f, struct refusal **r, struct kept *kept)
{
	char told[300];
	struct err e = {0};

	session_without_names(told, sizeof(told), tellable((*r)->sqlstate, (*r)->reason));
	if (!keep_refused(s, f, (*r)->sqlstate, told, kept, &e))
		return true;
	*kept = (struct kept){0};
	refusal_free(*r);
	*r = refusal_new(e.sqlstate, e.msg, NULL, 0);
	return false;
}

static void count(struct session *s, const char *sqlstate)
{
	struct tally *t = s->env->tally;
	enum refusal_cause c = s->cause ? s->cause : refusal_cause_of(sqlstate);

	if (!t)
		return;
	metric_add(&t->refused[refusal_of(sqlstate)], 1);
	/* whatever else was wrong with it, it is told that it could not be recorded */
	metric_add(&t->causes[strcmp(sqlstate, KEEP_SQLSTATE) == 0 ? CAUSE_RECORD : c], 1);
}

/* r is taken over. */
static enum took refuse(struct session *s, const struct frame *f, struct refusal *r, const struct question *q)
{
	bool alone = f->type == FE_QUERY || f->type == FE_FUNCTION_CALL;
	/* Whatever comes of it, a Query and a Parse of the unnamed statement drop the one before. */
	bool unnamed = f->type == FE_QUERY || (f->type == FE_PARSE && f->body.n && f->body.p[0] == 0);
	struct expected *x;
	struct kept kept;

	if (!r)
		return session_break(s, "53200", "out of memory");
	if (!keep_refusal(s, f, &r, &kept))
		q = NULL;
	if (!r)
		return session_break(s, "53200", "out of memory");
	hold_left(s);
	session_note(s, NOTE_STATEMENT_REFUSED, r->sqlstate, tellable(r->sqlstate, r->reason));
	s->stats.refused++;
	count(s, r->sqlstate);
	if ((unnamed && !put_close(s, "")) || (q && !put_question(s, q, r, &kept)))
		x = NULL;
	else
		x = pipeline_push(&s->pipe, EXPECT_REFUSAL);
	if (!x) {
		refusal_free(r);
		return session_break(s, "53200", "out of memory");
	}
	x->refusal = r;
	x->kept = kept;
	put_start(&s->put, FE_BIND);
	put_cstr(&s->put, "");
	put_cstr(&s->put, s->poison);
	put_be16(&s->put, 0);
	put_be16(&s->put, 0);
	put_be16(&s->put, 0);
	put_finish(&s->put);
	if (alone)
		put_sync(&s->put);
	session_send(s, SIDE_SERVER);
	x = alone ? pipeline_push(&s->pipe, EXPECT_SYNC) : NULL;
	if (alone && !x)
		return session_break(s, "53200", "out of memory");
	if (x)
		pin_sync(s, x);
	s->skip = s->unsynced = !alone;
	session_drop(s, f);
	return TOOK_IT;
}

enum took session_refuse(struct session *s, const struct frame *f, const char *sqlstate, const char *reason,
	const char *hint, int position)
{
	return refuse(s, f, refusal_new(sqlstate, reason, hint, position), NULL);
}

enum took session_refuse_asking(
	struct session *s, const struct frame *f, const struct plan *p, bool aborts, const struct question *q)
{
	struct refusal *r = refusal_new(p->sqlstate, p->reason, p->hint, p->position);

	if (r)
		r->aborts = aborts;
	if (p->guarded)
		s->cause = CAUSE_GUARD;
	return refuse(s, f, r, q);
}
