/* SPDX-License-Identifier: MIT */
/* Errors, warnings and notices of the server in a judged session: they may carry values, so how much of their
 * words may go to the client is said by the plans of what they are about. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pgwire/sqlstate.h"
#include "session/state.h"

/* The least of several counts. */
enum words { WORDS_STANDARD = 0, WORDS_ANALYSIS, WORDS_NAMES, WORDS_ALL };

static enum words fewer(enum words a, enum words b)
{
	return a < b ? a : b;
}

static enum words plan_words(const struct session *s, const struct plan *p)
{
	if (!p)
		return WORDS_STANDARD;
	if (!p->sanitize || (p->frank && !s->hushed))
		return WORDS_ALL;
	return p->names ? WORDS_NAMES : p->analysed ? WORDS_ANALYSIS : WORDS_STANDARD;
}

static enum words judgement_words(const struct session *s, const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;
	enum words w = WORDS_ALL;

	for (unsigned i = 0; js && i < js->n; i++)
		w = fewer(w, plan_words(s, js->plans[i]));
	return w;
}

static enum words step_words(const struct session *s, const struct step *st, const struct plan *p)
{
	enum words w = fewer(plan_words(s, p), judgement_words(s, st->newer));

	return st->target ? fewer(w, plan_words(s, st->target->plan)) : w;
}

/* What the server says about x; STANDARD where that is not known. */
static enum words words(const struct session *s, struct expected *x)
{
	enum words w = WORDS_ALL;

	if (!x)
		return WORDS_ALL;
	switch (x->kind) {
	case EXPECT_PARSE:
	case EXPECT_DESCRIBE:
	case EXPECT_CLOSE: return WORDS_ALL; /* nothing was run */
	case EXPECT_BIND: return plan_words(s, x->portal->prepared->plan);
	case EXPECT_QUERY:
		/* One for all: a deferred trigger of the first statement speaks up at the commit after the
		 * last. */
		for (unsigned i = 0; i < x->nsteps; i++)
			w = fewer(w, step_words(s, &x->steps[i], x->steps[i].plan));
		return w;
	case EXPECT_EXECUTE:
		if (!x->portal->prepared->plan)
			return WORDS_ALL; /* the empty query */
		w = step_words(s, &x->step, backend_plan(x));
		return fewer(w, judgement_words(s, x->portal->latest));
	case EXPECT_SYNC: return s->frank && !s->hushed ? WORDS_ALL : WORDS_STANDARD; /* it commits */
	case EXPECT_PIN:
	case EXPECT_COPY_SYNCS:
	case EXPECT_TELL:
	case EXPECT_REFUSAL: break;
	}
	return WORDS_STANDARD;
}

static void note(struct session *s, const struct plan *p)
{
	s->frank = s->frank || p->frank;
	s->hushed = s->hushed || !p->frank;
}

void words_newer(struct session *s, const struct judgement *j)
{
	const struct judged *js = j ? judgement_plans(j) : NULL;

	for (unsigned i = 0; js && i < js->n; i++)
		note(s, js->plans[i]);
}

void words_sent(struct session *s, const struct plan *p, const struct step *st)
{
	if (p)
		note(s, p);
	words_newer(s, st->newer);
	if (st->target && st->target->plan)
		note(s, st->target->plan);
}

void words_idle(struct session *s)
{
	s->frank = s->hushed = false;
}

/* The text that the server speaks of, where it is not the client's. */
static const struct wrapped *wrapped_text(const struct expected *x)
{
	const struct judgement *j = x ? x->j : NULL;

	if (x && x->prepared)
		j = x->prepared->j;
	if (x && x->portal)
		j = x->portal->prepared->j;
	return j ? judgement_plans(j)->wrapped : NULL;
}

/* A place in the text that was sent becomes one in the client's. */
static enum fate pass_placed(struct session *s, const struct frame *f, const struct wrapped *w)
{
	const uint8_t *p = f->body.p, *end = p + f->body.n;
	struct msg_fields in;
	char place[16];

	if (!w)
		return FATE_PASS;
	if (msg_fields(f->body, &in) != WIRE_OK)
		return backend_unexpected(s, f);
	if (!in.field['P'].p || in.field['P'].n >= sizeof(place))
		return FATE_PASS;
	memcpy(place, in.field['P'].p, in.field['P'].n);
	place[in.field['P'].n] = '\0';
	snprintf(place, sizeof(place), "%u", wrap_position(w, (unsigned)strtoul(place, NULL, 10)));
	put_start(&s->put, (char)f->type);
	while (p < end && *p) {
		size_t n = strlen((const char *)p + 1);

		put_u8(&s->put, *p);
		put_cstr(&s->put, *p == 'P' ? place : (const char *)p + 1);
		p += n + 2;
	}
	put_u8(&s->put, 0);
	put_finish(&s->put);
	session_send(s, SIDE_CLIENT);
	return FATE_WRITTEN;
}

enum fate words_pass(struct session *s, const struct frame *f, struct expected *x)
{
	enum words w = words(s, x);
	struct msg_fields in;

	if (w == WORDS_ALL)
		return pass_placed(s, f, wrapped_text(x));
	if (msg_fields(f->body, &in) != WIRE_OK)
		return backend_unexpected(s, f);
	/* Only the analysis says where in the text something is wrong. What runs has no text, but for names
	 * of types that are made of values: these are told with a context. */
	if (w != WORDS_STANDARD && in.field['P'].p && words_of_analysis(&in))
		return pass_placed(s, f, wrapped_text(x));
	return rewrite_message(f, w == WORDS_NAMES, &s->lane[SIDE_CLIENT].out) == WIRE_OK
		       ? FATE_WRITTEN
		       : backend_unexpected(s, f);
}

/* Where the server was, when no code was: in a literal of the text. */
static bool plain_context(struct span w)
{
	static const char json[] = "JSON data, line ";

	return !w.p || (w.n > strlen(json) && !memcmp(w.p, json, strlen(json)) && !memchr(w.p, '\n', w.n));
}

/* Of names (but not of rights), of literals, of what the server does not do at all, and that it did not come
 * to it; without a word of any code. */
bool words_of_analysis(const struct msg_fields *in)
{
	static const char *const others[] = {"0A000", "25P02", "55P03", "57014"};
	struct span code = in->field['C'];
	bool told = false;

	if (!plain_context(in->field['W']) || in->field['q'].p || in->field['p'].p || !sqlstate_known(code))
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(others); i++)
		told = told || span_is(code, others[i]);
	return told || !memcmp(code.p, "22", 2) || (!memcmp(code.p, "42", 2) && !span_is(code, "42501"));
}
