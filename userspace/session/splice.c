/* SPDX-License-Identifier: MIT */
/* Rows that go from the server to the client without being read: nothing of the engine looks at what is in
 * them, so whether they come through its memory is of no concern to anybody. */
#include <assert.h>

#include "session/state.h"
#include "session/tally.h"

/* May this result be spliced? The one place that says so: what comes to look at rows that pass, to record
 * them or to count what is in them, says no here. */
static bool may_be_spliced(const struct session *s, const struct rowplan *rows)
{
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

	l->unread = large(s, f) && may_be_spliced(s, rows);
	if (l->unread && s->env->tally)
		metric_add(&s->env->tally->large_clean, 1);
}

void splice_rewritten(struct session *s, const struct frame *f)
{
	s->lane[SIDE_SERVER].unread = false;
	if (large(s, f) && s->env->tally)
		metric_add(&s->env->tally->large_rewritten, 1);
}

size_t session_splice(const struct session *s)
{
	const struct lane *l = &s->lane[SIDE_SERVER];
	const struct outq *out = &s->lane[SIDE_CLIENT].out;

	if (s->state != STATE_OPEN || !l->unread || l->through < s->env->splice_min)
		return 0;
	/* What was read of it goes first. */
	return buf_peek(&l->in).n == 0 && outq_empty(out) && !outq_failed(out) ? l->through : 0;
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
