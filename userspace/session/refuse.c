/* SPDX-License-Identifier: MIT */
/* A refused statement is answered by the server itself, in its place: instead of the client's message it gets
 * a Bind to a statement name that nobody can have made, fails on it as it would on any error (transaction,
 * implicit transaction and pipeline included), and its ErrorResponse is replaced by ours (backend.c). So the
 * order of answers and the transaction's state are the server's, never an imitation. */
#include <string.h>

#include "pgwire/sqlstate.h"
#include "session/state.h"
#include "session/tally.h"

void session_drop(struct session *s, const struct frame *f)
{
	buf_parse(&s->lane[SIDE_CLIENT].in, FRAME_HEADER + f->body.n);
	s->lane[SIDE_CLIENT].drop = f->total - FRAME_HEADER - f->body.n;
}

/* A Close of our own: what a message that the server does not get would have dropped there. */
static bool drop_unnamed(struct session *s)
{
	struct expected *x = pipeline_push(&s->pipe, EXPECT_CLOSE);

	if (!x)
		return false;
	x->ours = true;
	x->target = 'S';
	x->name = strdup("");
	put_start(&s->put, FE_CLOSE);
	put_u8(&s->put, 'S');
	put_cstr(&s->put, "");
	put_finish(&s->put);
	return x->name != NULL;
}

/* Reasons of ours name what is in a catalogue. Errors that PostgreSQL would give name what the client typed,
 * not always in quotes. */
static const char *tellable(const char *sqlstate, const char *reason)
{
	bool ours = strcmp(sqlstate, "42501") == 0 || strcmp(sqlstate, "0A000") == 0 || sqlstate[0] == '5';

	return ours ? reason : sqlstate_text(span_of(sqlstate, strlen(sqlstate)));
}

enum took session_refuse(struct session *s, const struct frame *f, const char *sqlstate, const char *reason,
	const char *hint, int position)
{
	bool alone = f->type == FE_QUERY || f->type == FE_FUNCTION_CALL;
	/* Whatever comes of it, a Query and a Parse of the unnamed statement drop the one before. */
	bool unnamed = f->type == FE_QUERY || (f->type == FE_PARSE && f->body.n && f->body.p[0] == 0);
	struct expected *x;

	if (unnamed && !drop_unnamed(s))
		return session_break(s, "53200", "out of memory");
	x = pipeline_push(&s->pipe, EXPECT_REFUSAL);
	if (!x)
		return session_break(s, "53200", "out of memory");
	x->refusal = refusal_new(sqlstate, reason, hint, position);
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
	if (!x->refusal)
		return session_break(s, "53200", "out of memory");
	x = alone ? pipeline_push(&s->pipe, EXPECT_SYNC) : NULL;
	if (alone && !x)
		return session_break(s, "53200", "out of memory");
	if (x)
		pin_sync(s, x);
	s->skip = s->unsynced = !alone;
	s->stats.refused++;
	if (s->env->tally)
		metric_add(&s->env->tally->refused[refusal_of(sqlstate)], 1);
	session_note(s, NOTE_STATEMENT_REFUSED, sqlstate, tellable(sqlstate, reason));
	session_drop(s, f);
	return TOOK_IT;
}
