/* SPDX-License-Identifier: MIT */
/* What is known of the session's output settings at the place that the answers have reached. The server
 * reports a change only before ReadyForQuery (since version 14): from a statement that may have made one up
 * to there the style is not known, and rows are masked as if it could be any. A report in between is one of
 * another change; it counts from there on, but makes nothing sure. */
#include <string.h>

#include "base/attr.h"
#include "session/state.h"

/* Whether rows or statements behind p may be written in another style than those before it. */
static bool sets(const struct session *s, const struct plan *p)
{
	if (plan_sets(p, "datestyle") || plan_sets(p, "intervalstyle"))
		return true;
	/* What is undone, or held by SET LOCAL only until here. */
	return p->kind == STATEMENT_TRANSACTION && s->style.touched;
}

static void doubt(struct session *s)
{
	s->style.touched = true;
	s->style.doubtful = true;
	s->style.now.date = DATE_STYLE_UNKNOWN;
	s->style.now.order = DATE_ORDER_UNKNOWN;
	s->style.now.interval = INTERVAL_STYLE_UNKNOWN;
	s->style.now.utc = false;
}

/* Of the zone alone: in ISO, as drivers have it, it stands beside each value. */
static void doubt_zone(struct session *s)
{
	s->style.touched = true;
	s->style.zone_doubtful = true;
	s->style.now.utc = false;
}

/* Whether code of the database's own may be what p's reports tell of. The end of a transaction runs what was
 * put off, and brings back values that code may have set long before. */
static bool tells_of_code(const struct session *s, const struct plan *p)
{
	if (p && p->kind == STATEMENT_TRANSACTION)
		return s->pin.ran;
	return !p || p->sanitize;
}

/* Before version 14 a report comes at once, while what caused it runs. */
static bool runs_code(const struct session *s, struct expected *x)
{
	const struct step *st = backend_step(x);
	const struct plan *p = backend_plan(x);

	if (x && x->kind == EXPECT_BIND)
		return pin_code(x->portal->prepared->plan); /* the planner runs some functions */
	return st && p && (tells_of_code(s, p) || pin_code_step(st) || pin_code_newer(x));
}

void style_note(struct session *s)
{
	s->style.code = s->style.code || runs_code(s, pipeline_head(&s->pipe));
}

/* It undoes what the transaction set, as its end does. */
void style_error(struct session *s)
{
	s->style.code = s->style.code || s->pin.ran;
}

void style_ran(struct session *s, const struct expected *x, const struct plan *p)
{
	const struct step *st = x->kind == EXPECT_EXECUTE ? &x->step
				: x->at < x->nsteps       ? &x->steps[x->at]
							  : NULL;

	if (pin_code_newer(x)) {
		pin_doubt(s); /* code that was not known of when the statement was sent */
		s->pin.found = true;
	}
	s->style.code = s->style.code || tells_of_code(s, p) || pin_code_step(st);
	if (s->style.doubtful)
		return;
	if ((p && (sets(s, p) || pin_code(p))) || pin_code_step(st) || pin_code_newer(x))
		doubt(s);
	else if (plan_sets(p, "timezone"))
		doubt_zone(s);
}

void style_report(struct session *s, struct span name, struct span value)
{
	style_take(&s->style.reported, name, value);
	if (!s->style.doubtful)
		style_take(&s->style.now, name, value);
	if (s->style.zone_doubtful)
		s->style.now.utc = false;
}

bool style_tells(const struct session *s, struct span name)
{
	/* Whose values are words of the server's. */
	static const char *const closed[] = {"client_encoding", "DateStyle", "IntervalStyle",
		"default_transaction_read_only", "in_hot_standby", "standard_conforming_strings"};

	for (unsigned i = 0; s->style.code && i < ARRAY_LEN(closed); i++)
		if (span_is(name, closed[i]))
			return true;
	return !s->style.code;
}

bool style_told_again(struct session *s, struct span name, struct span value)
{
	static const char *const set_again[] = {
		"client_encoding", "standard_conforming_strings", "session_authorization", "is_superuser"};
	const struct plan *p = backend_plan(pipeline_head(&s->pipe));
	bool was = s->style.unicode;

	if (span_is(name, "client_encoding")) {
		s->style.unicode = span_is(value, "UNICODE");
		if (s->style.unicode != was)
			return false;
	}
	if (p && (p->nchanges || (p->kind == STATEMENT_SET && p->setting && strcmp(p->setting, "all") != 0)))
		return false; /* the client's own */
	for (unsigned i = 0; i < ARRAY_LEN(set_again); i++)
		if (span_is(name, set_again[i]))
			return true;
	return false;
}

void style_settle(struct session *s, char status)
{
	s->style.doubtful = s->style.code = false;
	s->style.zone_doubtful = false;
	s->style.now = s->style.reported;
	if (status == 'I')
		s->style.touched = false;
}
