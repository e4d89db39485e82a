/* SPDX-License-Identifier: MIT */
#include "cli/story.h"

#include <stdlib.h>
#include <string.h>
#include "cli/plain.h"
#include "record/body.h"

#define PREPARED_MAX 256  /* statements whose text is remembered */
#define WHOLE_MAX    4096 /* bytes of a text that nothing comes behind: it is told at its time */

struct prepared {
	char *name, *text;
	size_t name_n, n;
};

struct story {
	const struct teller *teller;
	void *arg;
	struct reply_reader *reader;
	struct prepared prepared[PREPARED_MAX]; /* a ring */
	size_t next;
	struct plain bound; /* the body of the last bind */
	/* What was asked and is not told yet: more of its text may come. */
	struct plain body, text;
	uint64_t us;
	bool pending;
};

struct story *story_new(const struct teller *t, void *arg)
{
	struct story *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->teller = t;
	s->arg = arg;
	s->reader = reply_reader_new();
	if (s->reader)
		return s;
	free(s);
	return NULL;
}

void story_free(struct story *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < PREPARED_MAX; i++) {
		free(s->prepared[i].name);
		free(s->prepared[i].text);
	}
	reply_reader_free(s->reader);
	plain_fini(&s->bound);
	plain_fini(&s->body);
	plain_fini(&s->text);
	free(s);
}

static struct span span_in(const struct plain *t)
{
	return span_of(t->p, t->n);
}

static void set(struct plain *t, struct span v)
{
	t->n = 0;
	plain_put(t, v.p, v.n);
}

static struct prepared *prepared_of(struct story *s, struct span name)
{
	for (size_t i = 0; i < PREPARED_MAX; i++) {
		struct prepared *p = &s->prepared[i];

		if (p->name && span_eq(span_of(p->name, p->name_n), name))
			return p;
	}
	return NULL;
}

static void prepare(struct story *s, struct span name, struct span text)
{
	struct prepared *p = prepared_of(s, name);

	if (!p) {
		p = &s->prepared[s->next];
		s->next = (s->next + 1) % PREPARED_MAX;
	}
	free(p->name);
	free(p->text);
	*p = (struct prepared){
		.name = malloc(name.n + 1), .text = malloc(text.n + 1), .name_n = name.n, .n = text.n};
	if (!p->name || !p->text) {
		free(p->name);
		free(p->text);
		*p = (struct prepared){.n = 0};
		return;
	}
	if (name.n)
		memcpy(p->name, name.p, name.n);
	if (text.n)
		memcpy(p->text, text.p, text.n);
}

/* Tells what was asked, now that it is whole. */
static void tell(struct story *s)
{
	struct span body = span_in(&s->body), name = body_bytes(body, BODY_PREPARED), bound;
	struct question q = {.message = body_bytes(body, BODY_MESSAGE),
		.verdict = body_bytes(body, BODY_VERDICT),
		.text = span_in(&s->text),
		.body = body};
	struct body_item it;
	struct prepared *p;

	if (!s->pending)
		return;
	s->pending = false;
	q.number = body_find(body, BODY_STATEMENT, &it) ? it.number : 0;
	q.runs =
		!span_is(q.verdict, "allow") || (!span_is(q.message, "parse") && !span_is(q.message, "bind"));
	q.bound = body;
	if (span_is(q.message, "parse") && span_is(q.verdict, "allow"))
		prepare(s, name, q.text);
	if (span_is(q.message, "bind")) {
		p = prepared_of(s, name);
		if (p && !q.text.n)
			q.text = span_of(p->text, p->n);
		set(&s->bound, body);
	}
	if (span_is(q.message, "execute") && s->bound.n) {
		bound = span_in(&s->bound);
		p = prepared_of(s, body_bytes(bound, BODY_PREPARED));
		if (p && !q.text.n)
			q.text = span_of(p->text, p->n);
		q.bound = bound;
	}
	reply_reader_asked(s->reader, q.message, name, body_bytes(body, BODY_FORMATS));
	s->teller->asked(s->arg, s->us, &q);
}

static void ask(struct story *s, const struct read_record *rec)
{
	struct span text = body_bytes(rec->body, BODY_TEXT);

	if (s->pending && span_is(body_bytes(rec->body, BODY_MESSAGE), "more")) {
		plain_put(&s->text, text.p, text.n);
		return;
	}
	tell(s);
	set(&s->body, rec->body);
	set(&s->text, text);
	s->us = rec->entry.time_us;
	s->pending = true;
	if (text.n < WHOLE_MAX)
		tell(s);
}

static bool answer(struct story *s, const struct read_record *rec)
{
	struct reply r;
	enum wire w;

	if (!reply_reader_feed(s->reader, rec->body))
		return false;
	while ((w = reply_reader_next(s->reader, &r)) == WIRE_OK)
		s->teller->reply(s->arg, rec->entry.time_us, &r);
	return w == WIRE_MORE;
}

bool story_take(struct story *s, const struct read_record *rec)
{
	uint64_t us = rec->entry.time_us;

	if (rec->entry.kind == RECORD_STATEMENT) {
		ask(s, rec);
		return !s->body.failed && !s->text.failed;
	}
	tell(s);
	if (rec->entry.kind == RECORD_RESULT)
		return answer(s, rec);
	if (rec->entry.kind == RECORD_BEGIN)
		s->teller->begin(s->arg, us, rec->body);
	else if (rec->entry.kind == RECORD_DONE)
		s->teller->done(s->arg, us, rec->body);
	else if (rec->entry.kind == RECORD_EVENT)
		s->teller->event(s->arg, us, rec->body);
	else if (rec->entry.kind == RECORD_END)
		s->teller->end(s->arg, us, rec->body);
	return true;
}

void story_finish(struct story *s)
{
	tell(s);
}
