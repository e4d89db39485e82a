/* SPDX-License-Identifier: MIT */
/* What a client is sent, from the end of its login on. It is looked at where it is queued, so that it is on
 * record before anybody can write it, whoever queued it. */
#include "session/keep.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "record/body.h"
#include "session/kept_done.h"
#include "session/state.h"

#define BLOCK ((size_t)256 << 10) /* bytes of one record */
#define PARTS 64

/* ---- what is queued ---- */

/* A place in the client's queue. */
struct reading {
	const struct outq *q;
	size_t at, off; /* span, bytes of it */
};

static const struct span *spans(const struct outq *q)
{
	return q->v ? q->v : q->few;
}

static struct reading reading_at(const struct outq *q, size_t skip)
{
	struct reading r = {q, q->head, q->head_off};

	while (r.at < q->n && skip >= spans(q)[r.at].n - r.off) {
		skip -= spans(q)[r.at++].n - r.off;
		r.off = 0;
	}
	r.off += skip;
	return r;
}

/* The next bytes, at most max; empty at the end. */
static struct span reading_next(struct reading *r, size_t max)
{
	struct span s;

	if (r->at >= r->q->n)
		return (struct span){0};
	s = spans(r->q)[r->at];
	s = span_of(s.p + r->off, s.n - r->off);
	if (s.n > max)
		s.n = max;
	r->off += s.n;
	if (r->off == spans(r->q)[r->at].n) {
		r->at++;
		r->off = 0;
	}
	return s;
}

/* n bytes one behind the other; false: there are not so many. */
static bool reading_copy(struct reading *r, uint8_t *out, size_t n)
{
	while (n) {
		struct span s = reading_next(r, n);

		if (!s.n)
			return false;
		memcpy(out, s.p, s.n);
		out += s.n;
		n -= s.n;
	}
	return true;
}

static int put_result(struct session *s)
{
	struct outq *q = &s->lane[SIDE_CLIENT].out;
	struct reading rd = reading_at(q, s->keep.had);
	uint64_t now_us = keep_now(s);
	int r = 0;

	s->keep.out += q->bytes - s->keep.had;
	s->keep.had = q->bytes;
	if (s->grant.record.level != RECORD_LEVEL_FULL)
		return 0;
	while (!r && rd.at < q->n) {
		struct span parts[PARTS];
		size_t left = BLOCK, n = 0;

		while (n < PARTS && left && (parts[n] = reading_next(&rd, left)).n)
			left -= parts[n++].n;
		r = n ? keep_put(s, RECORD_RESULT, now_us, parts, n) : 0;
	}
	return r;
}

/* ---- messages without what they quote ---- */

bool keep_veils(struct session *s, const struct frame *f, const struct kept *about)
{
	if (!s->keep.open || !about || !about->number || !about->intimate || !s->env->scribe ||
		s->grant.record.level != RECORD_LEVEL_FULL ||
		(f->type != BE_ERROR_RESPONSE && f->type != BE_NOTICE_RESPONSE))
		return false;
	s->keep.failed |= put_result(s) != 0;
	return true;
}

static void put_token(struct session *s, struct put *w, struct span value)
{
	uint8_t token[KEEP_TOKEN];

	keep_token(s, value, token);
	put_span(w, span_of(token, sizeof(token)));
}

/* Without what stands in quotes and is no plain name, from there to the last quote: which is the end of one
 * that has quotes in it nobody can tell. In other languages there may be other quotes. */
static void put_words(struct session *s, struct put *w, struct span text)
{
	size_t at = 0;

	while (at < text.n && text.p[at] != '"' && text.p[at] < 0x80)
		at++;
	put_span(w, span_of(text.p, at));
	text = span_of(text.p + at, text.n - at);
	while (text.n) {
		const uint8_t *end =
			text.p[0] == '"' && text.n > 1 ? memchr(text.p + 1, '"', text.n - 1) : NULL;
		struct span name = span_of(text.p + 1, end ? (size_t)(end - text.p) - 1 : 0);

		if (!end || !keep_plain_name(name))
			break;
		for (at = name.n + 2; at < text.n && text.p[at] != '"' && text.p[at] < 0x80;)
			at++;
		put_span(w, span_of(text.p, at));
		text = span_of(text.p + at, text.n - at);
	}
	if (!text.n)
		return;
	for (at = text.n; text.p[0] == '"' && at > 1 && text.p[at - 1] != '"';)
		at--;
	put_token(s, w, span_of(text.p, at));
	/* Behind the last quote there is nothing that anybody quoted. */
	put_span(w, span_of(text.p + at, text.n - at));
}

static void put_field(struct session *s, struct put *w, uint8_t code, struct span v)
{
	put_u8(w, code);
	if (code == 'M' || code == 'H')
		put_words(s, w, v);
	else if (code == 'D' || code == 'W' || code == 'q')
		put_token(s, w, v);
	else
		put_span(w, v);
	put_u8(w, 0);
}

/* message: whole, ours or the server's. */
static int put_veiled(struct session *s, struct span message)
{
	struct cur c = cur_of(span_of(message.p + FRAME_HEADER, message.n - FRAME_HEADER));
	struct put w = {0};
	struct span whole;
	uint8_t code;
	int r;

	put_start(&w, (char)message.p[0]);
	while ((code = (uint8_t)cur_u8(&c)) && !c.bad) {
		struct span v = cur_str(&c);

		if (!c.bad)
			put_field(s, &w, code, v);
	}
	put_u8(&w, 0);
	put_finish(&w);
	whole = put_bytes(&w);
	r = put_failed(&w) ? -ENOMEM : keep_put(s, RECORD_RESULT, keep_now(s), &whole, 1);
	put_fini(&w);
	return r;
}

void keep_veiled(struct session *s)
{
	const struct outq *q = &s->lane[SIDE_CLIENT].out;
	size_t n = q->bytes - s->keep.had;
	struct reading rd = reading_at(q, s->keep.had);
	uint8_t *p;

	if (q->bytes <= s->keep.had)
		return;
	p = arena_alloc(&s->scratch, n);
	if (!p || n < FRAME_HEADER || !reading_copy(&rd, p, n)) {
		s->keep.failed = true;
		return;
	}
	s->keep.out += n;
	s->keep.had = q->bytes;
	s->keep.failed |= put_veiled(s, span_of(p, n)) != 0;
}

/* ---- a step ---- */

void keep_step_begins(struct session *s)
{
	keep_look(s);
	s->keep.had = s->keep.began = s->lane[SIDE_CLIENT].out.bytes;
	s->keep.now_us = 0;
}

static int put_done(struct session *s)
{
	struct kept_done *d, *first = NULL, *next;
	int r = 0;

	for (d = s->keep.done; d; d = next) {
		next = d->next;
		d->next = first;
		first = d;
	}
	s->keep.done = first;
	for (d = first; d && !r; d = d->next) {
		struct span body = span_of(d->body, d->n);

		r = keep_put(s, RECORD_DONE, d->time_us, &body, 1);
	}
	return r;
}

/* So that a gap is on record too. */
static void put_missing(struct session *s)
{
	uint64_t missing = s->keep.missing;
	uint8_t room[128];
	char text[64];
	struct span whole;
	struct body b;

	if (!missing || !s->keep.put)
		return;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)missing);
	body_init(&b, room, sizeof(room));
	body_put_text(&b, BODY_EVENT, "record.lost");
	body_put_text(&b, BODY_EVENT_TEXT, text);
	whole = span_of(b.p, b.n);
	if (!keep_put(s, RECORD_EVENT, keep_now(s), &whole, 1))
		s->keep.missing -= missing;
}

/* The message that says that nothing can be recorded, as put_refusal writes it. */
static bool excuses_itself(struct reading *rd, size_t n)
{
	uint8_t have[512];
	struct put w = {0};
	bool same;

	if (n > sizeof(have) || !reading_copy(rd, have, n))
		return false;
	put_error(&w, "ERROR", KEEP_SQLSTATE, KEEP_REASON, NULL, NULL);
	same = !put_failed(&w) && span_eq(put_bytes(&w), span_of(have, n));
	put_fini(&w);
	return same;
}

/* Whether all that the client would get from had on says nothing but that nothing can be recorded: then the
 * session may live. */
static bool excused(const struct session *s, size_t had)
{
	struct reading rd = reading_at(&s->lane[SIDE_CLIENT].out, had);
	size_t left = s->lane[SIDE_CLIENT].out.bytes - had;

	while (left) {
		struct reading begin = rd;
		uint8_t head[FRAME_HEADER], body[1];
		struct frame f;

		if (left < FRAME_HEADER || !reading_copy(&rd, head, sizeof(head)) ||
			frame_peek(span_of(head, sizeof(head)), PEER_BACKEND, &f) != WIRE_OK ||
			f.total > left)
			return false;
		left -= f.total;
		switch (f.type) {
		case BE_ERROR_RESPONSE:
			rd = begin;
			if (!excuses_itself(&rd, f.total))
				return false;
			break;
		case BE_READY_FOR_QUERY:
			if (f.total != FRAME_HEADER + 1 || !reading_copy(&rd, body, 1))
				return false;
			break;
		case BE_PARSE_COMPLETE:
		case BE_BIND_COMPLETE:
		case BE_CLOSE_COMPLETE:
			if (f.total != FRAME_HEADER)
				return false;
			break;
		default: return false;
		}
	}
	return true;
}

/* When the end of a step begins whose commit is measured: where somebody's statement is, or none is by now.
 */
static uint64_t measured_since(const struct session *s)
{
	struct tally *t = s->env->tally;
	bool due = false;

	for (const struct kept_done *d = s->keep.done; d; d = d->next)
		due = due || d->since_ns;
	if (!t || (!due && !s->keep.relayed.sent_us && !session_measures(s, &t->measured_record_ms)))
		return 0;
	return session_clock_ns(s);
}

/* How long those took whose end waited for the end of the step. */
static void tell_done(const struct session *s)
{
	for (const struct kept_done *d = s->keep.done; d; d = d->next)
		session_took(s, STAGE_STATEMENT, d->since_ns, s->keep.written_ns);
}

void keep_grant_ends(struct session *s)
{
	size_t bytes = s->lane[SIDE_CLIENT].out.bytes;
	struct err e = {0};
	int r;

	if (!s->keep.open)
		return;
	keep_join(s);
	r = s->keep.failed || s->keep.beside.lost ? -EIO : 0;
	if (!r && bytes > s->keep.had)
		r = put_result(s);
	if (!r && s->keep.done)
		r = put_done(s);
	if (!r && s->keep.put)
		r = keep_commit(s, 0);
	s->keep.failed = s->keep.beside.lost = false;
	s->keep.done = NULL;
	s->keep.broken |= r && keep_lost(s, &e);
}

bool keep_step_ends(struct session *s)
{
	size_t bytes = s->lane[SIDE_CLIENT].out.bytes;
	bool lost, owed = false, full = s->grant.record.level == RECORD_LEVEL_FULL;
	uint64_t since_ns;
	struct err e = {0};
	int r;

	if (!s->keep.open)
		return true;
	if (keep_hand(s))
		return true;
	if (s->state == STATE_CLOSING || bytes != s->keep.had || s->keep.done || s->keep.put ||
		s->keep.missing || s->keep.failed)
		keep_join(s); /* which has its own time */
	since_ns = bytes != s->keep.had || s->keep.done || s->keep.put ? measured_since(s) : 0;
	lost = s->keep.beside.lost;
	r = s->keep.failed || lost ? -EIO : 0;
	if (bytes < s->keep.began) /* nobody will have them */
		s->keep.began = bytes;
	if (bytes < s->keep.had)
		s->keep.had = bytes;
	if (!r && bytes > s->keep.had)
		r = put_result(s);
	if (!r && s->keep.done)
		r = put_done(s);
	if (!r)
		put_missing(s);
	owed = s->keep.owed;
	if (!r && s->keep.put) {
		r = keep_commit(s, since_ns);
		if (since_ns)
			tell_done(s);
	}
	if (since_ns && s->keep.relayed.sent_us && owed) /* what was not committed before */
		keep_sent(&s->keep.relayed, s->keep.written_ns);
	s->keep.failed = s->keep.owed = s->keep.beside.lost = false;
	s->keep.done = NULL;
	if (session_idle(s)) { /* what it will need then is not held until then */
		arena_fini(&s->keep.done_mem);
		keep_beside_idle(s);
	} else
		arena_reset(&s->keep.done_mem);
	if (s->keep.broken)
		return false;
	if (!r || !keep_lost(s, &e))
		return true;
	/* What is only told of statements that are on record may be missing. */
	return !owed && !lost && (!full || excused(s, s->keep.began));
}
