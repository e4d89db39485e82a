/* SPDX-License-Identifier: MIT */
/* While COPY FROM STDIN may begin or runs, the server takes some messages for data, ignores Flush and Sync,
 * and fails on the rest: what it would do with anything else is not worth following. */
#include "session/state.h"

/* Data of a COPY neither opens nor ends a group. */
static enum took forward_copy(struct session *s, const struct frame *f)
{
	session_pass(s, SIDE_CLIENT, f);
	return TOOK_IT;
}

static void put_flush(struct session *s)
{
	put_start(&s->put, FE_FLUSH);
	put_finish(&s->put);
}

/* An Execute runs one statement, so no other COPY follows; its answer may need the client's Sync. With a Sync
 * among the data, what follows waits until it is known how the COPY went. */
static void data_ended(struct session *s)
{
	struct expected *x = pipeline_head(&s->pipe);

	s->copy_in = false;
	if (!x || x->kind != EXPECT_EXECUTE)
		return;
	if (s->copy_syncs) {
		put_flush(s);
		session_send(s, SIDE_SERVER);
		return;
	}
	x->barrier = false;
	s->barrier = pipeline_barrier(&s->pipe);
}

enum took copy_client(struct session *s, const struct frame *f)
{
	if (!s->copy_in)
		return TOOK_WAIT;
	switch ((enum frontend_type)f->type) {
	case FE_COPY_DATA: return forward_copy(s, f);
	case FE_COPY_DONE:
	case FE_COPY_FAIL:
		forward_copy(s, f);
		data_ended(s);
		return TOOK_IT;
	case FE_SYNC: s->copy_syncs++; return forward_copy(s, f);
	case FE_FLUSH: session_drop(s, f); return TOOK_IT;
	case FE_TERMINATE: session_pass(s, SIDE_CLIENT, f); return TOOK_IT;
	case FE_BIND:
	case FE_CLOSE:
	case FE_DESCRIBE:
	case FE_EXECUTE:
	case FE_FUNCTION_CALL:
	case FE_PARSE:
	case FE_PASSWORD:
	case FE_QUERY: break;
	}
	return session_break(s, "08P01", "unexpected %s message during COPY from stdin",
		frame_name(PEER_FRONTEND, f->type));
}

/* The server reads a Sync among the data of a COPY and forgets it; one that it reads after the COPY failed it
 * answers. Which of them it answers is not known: a Sync and a Close of ours behind them tell. All
 * ReadyForQuery before the CloseComplete but the last are the client's. */
bool copy_failed(struct session *s)
{
	struct expected *x;

	if (!s->copy_syncs)
		return true;
	s->copy_syncs = 0;
	x = pipeline_push(&s->pipe, EXPECT_COPY_SYNCS);
	if (!x)
		return false;
	if (s->client_done && !s->waiting)
		return true; /* nothing follows that their answers could be taken for, and nothing can be
				asked */
	x->ours = x->barrier = s->barrier = true;
	put_sync(&s->put);
	put_start(&s->put, FE_CLOSE);
	put_u8(&s->put, 'S');
	put_cstr(&s->put, s->poison);
	put_finish(&s->put);
	put_flush(s);
	session_send(s, SIDE_SERVER);
	return true;
}

void copy_sync_answered(struct session *s, struct expected *x, char status)
{
	if (x->held) {
		put_ready(&s->put, x->held);
		session_send(s, SIDE_CLIENT);
		s->skip = false; /* the server does not skip either */
	}
	x->held = status;
}
