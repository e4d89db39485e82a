/* SPDX-License-Identifier: MIT */
/* How a statement went: kept until the end of the step, behind what the client is sent of it. */
#include "session/keep.h"

#include <string.h>
#include "record/body.h"
#include "session/kept_done.h"
#include "session/state.h"

#define TAG_MAX 64

void keep_tag(struct session *s, struct span tag)
{
	struct body b;

	body_init(&b, s->keep.tags, sizeof(s->keep.tags));
	b.n = s->keep.ntags;
	if (tag.n && tag.n <= TAG_MAX)
		body_put(&b, BODY_TAG, tag);
	s->keep.ntags = (unsigned)b.n; /* what has no room is left out */
}

void keep_done(struct session *s, struct kept *k, struct span sqlstate)
{
	struct kept_done *d = k->number ? arena_alloc(&s->keep.done_mem, sizeof(*d)) : NULL;
	uint64_t out = s->keep.out + s->lane[SIDE_CLIENT].out.bytes - s->keep.had, now_us;
	struct body b;

	if (!k->number)
		return;
	if (!d) {
		s->keep.missing++;
		return;
	}
	now_us = keep_now(s);
	d->next = s->keep.done;
	d->time_us = now_us;
	d->since_ns = k->since_ns;
	s->keep.done = d;
	body_init(&b, d->body, sizeof(d->body));
	body_put_number(&b, BODY_STATEMENT, k->number);
	if (sqlstate.n)
		body_put(&b, BODY_SQLSTATE, span_of(sqlstate.p, sqlstate.n < 5 ? sqlstate.n : 5));
	body_put_number(&b, BODY_ROWS, s->stats.rows - s->keep.rows);
	body_put_number(&b, BODY_BYTES, out - s->keep.out_done);
	body_put_number(&b, BODY_MASKED, s->stats.masked_cells - s->keep.masked);
	body_put_number(&b, BODY_TOOK_US, now_us > k->began_us ? now_us - k->began_us : 0);
	memcpy(b.p + b.n, s->keep.tags, s->keep.ntags);
	d->n = b.n + s->keep.ntags;
	s->keep.rows = s->stats.rows;
	s->keep.masked = s->stats.masked_cells;
	s->keep.out_done = out;
	s->keep.ntags = 0;
	*k = (struct kept){0};
}

void keep_heard(struct session *s, struct kept *k)
{
	if (k->sent_us)
		session_took(s, STAGE_ANSWER, k->since_ns + (uint64_t)(k->sent_us - 1) * 1000,
			session_clock_ns(s));
	k->sent_us = 0;
}

/* An error that no statement waits for, or several: it is of the last. So is all that came of several that
 * were sent before the first was answered. */
void keep_answered(struct session *s, const struct frame *f)
{
	struct msg_fields in;
	struct span tag;

	keep_heard(s, &s->keep.relayed);
	if (!s->keep.open || !frame_whole(f))
		return;
	if (f->type == BE_COMMAND_COMPLETE && msg_command_complete(f->body, &tag) == WIRE_OK)
		keep_tag(s, tag);
	if (f->type == BE_ERROR_RESPONSE && msg_fields(f->body, &in) == WIRE_OK && in.field['C'].n == 5)
		memcpy(s->keep.sqlstate, in.field['C'].p, 5);
	if (f->type != BE_READY_FOR_QUERY || (s->keep.unready && --s->keep.unready))
		return;
	keep_done(s, &s->keep.relayed, span_of(s->keep.sqlstate, strlen(s->keep.sqlstate)));
	memset(s->keep.sqlstate, 0, sizeof(s->keep.sqlstate));
}
