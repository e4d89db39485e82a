/* SPDX-License-Identifier: MIT */
#include "session/tally.h"

#include <string.h>
#include "session/state.h"

const char *refusal_word(enum refusal_code r)
{
#define X(name, code) [REFUSAL_##name] = (code),
	static const char *const codes[] = {REFUSALS(X)};
#undef X
	return codes[r];
}

enum refusal_code refusal_of(const char *sqlstate)
{
	for (enum refusal_code r = REFUSAL_OTHER + 1; r < REFUSAL_MAX; r++) {
		if (strcmp(sqlstate, refusal_word(r)) == 0)
			return r;
	}
	return REFUSAL_OTHER;
}

const char *refusal_cause_name(enum refusal_cause c)
{
#define X(name, word) [CAUSE_##name] = (word),
	static const char *const names[] = {REFUSAL_CAUSES(X)};
#undef X
	return names[c];
}

enum refusal_cause refusal_cause_of(const char *sqlstate)
{
	switch (refusal_of(sqlstate)) {
	case REFUSAL_PRIVILEGE:
	case REFUSAL_NOT_SUPPORTED: return CAUSE_MASKS;
	case REFUSAL_SYNTAX:
	case REFUSAL_UNKNOWN_RELATION:
	case REFUSAL_UNKNOWN_COLUMN:
	case REFUSAL_UNKNOWN_FUNCTION:
	case REFUSAL_UNKNOWN_STATEMENT:
	case REFUSAL_UNKNOWN_CURSOR: return CAUSE_TEXT;
	case REFUSAL_LIMIT:
	case REFUSAL_TOO_LARGE: return CAUSE_ROOM;
	case REFUSAL_UNRECORDED: return CAUSE_RECORD;
	case REFUSAL_NO_CATALOGUE: return CAUSE_CATALOGUE;
	case REFUSAL_WINDOW:
	case REFUSAL_OTHER:
	case REFUSAL_MAX: break;
	}
	return strncmp(sqlstate, "42", 2) == 0 ? CAUSE_TEXT : CAUSE_OTHER;
}

const char *stage_name(enum stage st)
{
#define X(name, word) [STAGE_##name] = (word),
	static const char *const names[] = {STAGES(X)};
#undef X
	return names[st];
}

const char *limit_scope_name(enum limit_scope s)
{
	static const char *const names[] = {"statement", "session", "window"};

	return names[s];
}

uint64_t session_clock_ns(const struct session *s)
{
	return s->env->tally && s->env->clock_ns ? s->env->clock_ns(s->env->arg) : 0;
}

bool session_measures(const struct session *s, uint64_t *last_ms)
{
	if (*last_ms == s->now_ms)
		return false;
	*last_ms = s->now_ms;
	return true;
}

void session_took(const struct session *s, enum stage st, uint64_t since_ns, uint64_t now_ns)
{
	if (since_ns && now_ns >= since_ns)
		metric_took(&s->env->tally->took[st], now_ns - since_ns);
}

static void tally_queue(struct session *s, struct tally *t, enum side side, bool over)
{
	size_t n = over ? 0 : s->lane[side].out.bytes + (side == SIDE_CLIENT ? keep_ahead(s) : 0);

	if (n == s->told_queue[side])
		return;
	metric_add(&t->queued[side], (uint64_t)n - s->told_queue[side]);
	s->told_queue[side] = n;
}

static void add(_Atomic uint64_t *m, uint64_t now, uint64_t told)
{
	if (now != told)
		metric_add(m, now - told);
}

static void tally_stats(struct session *s, struct tally *t)
{
	const struct session_stats *now = &s->stats, *told = &s->told;

	add(&t->statements, now->statements, told->statements);
	add(&t->approved, now->approved, told->approved);
	add(&t->stopped, now->stopped, told->stopped);
	add(&t->rows, now->rows, told->rows);
	add(&t->masked_cells, now->masked_cells, told->masked_cells);
	add(&t->bytes_to_client, now->bytes_to_client, told->bytes_to_client);
	add(&t->bytes_to_server, now->bytes_to_server, told->bytes_to_server);
	add(&t->spliced_bytes, now->spliced_bytes, told->spliced_bytes);
	s->told = s->stats;
}

/* The places that count are many and on the data path; what they counted is carried over once a step. */
void session_tally(struct session *s, bool over)
{
	struct tally *t = s->env->tally;

	if (!t)
		return;
	tally_stats(s, t);
	tally_queue(s, t, SIDE_CLIENT, over);
	tally_queue(s, t, SIDE_SERVER, over);
	if (!over && s->counted && s->counted_state == s->state && s->counted_judged == s->judged)
		return;
	if (s->counted)
		metric_add(&t->sessions[s->counted_state][s->counted_judged], (uint64_t)-1);
	s->counted = !over;
	s->counted_state = s->state;
	s->counted_judged = s->judged;
	if (!over)
		metric_add(&t->sessions[s->state][s->judged], 1);
}
