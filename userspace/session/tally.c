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

/* The places that count are many and on the data path; what they counted is carried over once a step. */
void session_tally(struct session *s, bool over)
{
	struct tally *t = s->env->tally;
	const struct session_stats *now = &s->stats, *told = &s->told;

	if (!t)
		return;
	metric_add(&t->statements, now->statements - told->statements);
	metric_add(&t->stopped, now->stopped - told->stopped);
	metric_add(&t->rows, now->rows - told->rows);
	metric_add(&t->masked_cells, now->masked_cells - told->masked_cells);
	metric_add(&t->bytes_to_client, now->bytes_to_client - told->bytes_to_client);
	metric_add(&t->bytes_to_server, now->bytes_to_server - told->bytes_to_server);
	metric_add(&t->spliced_bytes, now->spliced_bytes - told->spliced_bytes);
	s->told = s->stats;
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
