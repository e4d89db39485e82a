/* SPDX-License-Identifier: MIT */
/* Rows that go from the server to the client without being read: nothing of the engine looks at what is in
 * them, so whether they come through its memory is of no concern to anybody. */
#include <assert.h>
#include <string.h>

#include "session/state.h"
#include "session/tally.h"

/* May this result be spliced? The one place that says so: what comes to look at rows that pass, to record
 * them or to count what is in them, says no here. */
static bool may_be_spliced(const struct session *s, const struct rowplan *rows)
{
	if (s->grant.record.level == RECORD_LEVEL_FULL)
		return false;
	return !s->judged || (rows && rows->pass);
}

static bool large(const struct session *s, const struct frame *f)
{
	return s->env->splice_min && f->total >= s->env->splice_min &&
	       (f->type == BE_DATA_ROW || f->type == BE_COPY_DATA);
}

void splice_begin(struct session *s, const struct frame *f, const struct rowplan *rows)
{
	struct lane *l = &s->lane[SIDE_SERVER];
	bool row = (f->type == BE_DATA_ROW || f->type == BE_COPY_DATA) && may_be_spliced(s, rows);

	l->row_type = row ? f->type : 0;
	l->clean = row ? l->clean + f->total : 0;
	l->unread = row && large(s, f);
	if (l->unread && s->env->tally)
		metric_add(&s->env->tally->large_clean, 1);
}

bool splice_rewritten(struct session *s, const struct frame *f)
{
	struct lane *l = &s->lane[SIDE_SERVER];

	if (l->sent) {
		session_break(s, "57P01", "definitions changed in the middle of a result");
		return false;
	}
	l->unread = false;
	l->row_type = 0;
	l->clean = 0;
	if (large(s, f) && s->env->tally)
		metric_add(&s->env->tally->large_rewritten, 1);
	return true;
}

bool splice_within(const struct session *s)
{
	const struct lane *l = &s->lane[SIDE_SERVER];

	return l->through || l->streaming || l->sent;
}

/* Whether what the server says next is the next that the client gets. */
static bool level(const struct session *s)
{
	const struct outq *out = &s->lane[SIDE_CLIENT].out;

	return s->state == STATE_OPEN && s->env->splice_min && buf_peek(&s->lane[SIDE_SERVER].in).n == 0 &&
	       outq_empty(out) && !outq_failed(out) && !keep_ahead(s);
}

size_t session_splice(const struct session *s)
{
	const struct lane *l = &s->lane[SIDE_SERVER];

	/* What was read of it goes first. */
	return l->unread && l->through >= s->env->splice_min && level(s) ? l->through : 0;
}

void session_spliced(struct session *s, size_t n)
{
	struct lane *l = &s->lane[SIDE_SERVER];

	/* invariant: of what session_splice gave, and nothing else of the server was read meanwhile */
	assert(n <= l->through);
	l->through -= n;
	s->stats.bytes_to_client += n;
	s->stats.spliced_bytes += n;
}

bool session_may_stream(const struct session *s, struct session_stream *out)
{
	const struct lane *l = &s->lane[SIDE_SERVER];

	/* Not where anything of the session is masked: a stream that the kernel lost its place in could run
	 * on into a result that is. Kernels show bytes twice (bpf/README.md); that is mended, the next such
	 * thing is not known. */
	if (s->judged)
		return false;
	/* Most results are over before it would be worth while. */
	if (!l->row_type || l->streaming || l->clean < s->env->splice_min || !level(s))
		return false;
	*out = (struct session_stream){l->row_type, l->through};
	return true;
}

void session_stream_begin(struct session *s)
{
	s->lane[SIDE_SERVER].streaming = true;
	s->lane[SIDE_SERVER].unread = false;
}

int session_stream_end(struct session *s, const struct session_streamed *st)
{
	struct lane *l = &s->lane[SIDE_SERVER];
	uint8_t *room;
	size_t len;
	int r;

	assert(l->streaming && st->nhead <= sizeof(st->head) && (!st->nhead || !st->to_next));
	l->streaming = false;
	l->through = st->to_next;
	s->stats.rows += st->rows;
	s->stats.bytes_to_client += st->bytes;
	s->stats.spliced_bytes += st->bytes;
	if (!st->nhead)
		return 0;
	/* The rest of the header comes behind them; they are counted, and the client has them. */
	r = session_room(s, SIDE_SERVER, &room, &len);
	if (r)
		return r;
	memcpy(room, st->head, st->nhead);
	buf_commit(&l->in, st->nhead);
	l->sent = (uint8_t)st->nhead;
	return 0;
}
