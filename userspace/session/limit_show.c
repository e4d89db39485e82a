/* SPDX-License-Identifier: MIT */
/* SHOW pgveil.limits: what policy/show.c leaves to be filled in when it is sent, as a query that the server
 * answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/show.h"
#include "session/state.h"

bool limit_shown(const struct plan *p)
{
	return p && p->kind == STATEMENT_SHOW && p->instead && p->setting &&
	       strcmp(p->setting, SHOW_LIMITS) == 0;
}

/* Strings are read as the standard has them in every session that is judged. */
static void literal(FILE *o, const char *s)
{
	fputc('\'', o);
	for (; *s; s++) {
		if (*s == '\'')
			fputc('\'', o);
		fputc(*s, o);
	}
	fputc('\'', o);
}

struct row {
	const char *scope, *subject;
	const struct limit_set *set;
	unsigned period_s;     /* 0: none */
	const uint64_t *spent; /* NULL: of no one statement */
};

static void rows(FILE *o, const struct row *r)
{
	for (enum measure m = MEASURE_ROWS; m < MEASURES; m++) {
		if (r->set->most[m] == LIMIT_NONE)
			continue;
		fprintf(o, ", ('%s', '%s', %llu", r->scope, measure_name(m),
			(unsigned long long)r->set->most[m]);
		if (r->spent)
			fprintf(o, ", %llu", (unsigned long long)r->spent[m]);
		else
			fputs(", NULL", o);
		if (r->period_s)
			fprintf(o, ", %u, ", r->period_s);
		else
			fputs(", NULL, ", o);
		literal(o, r->subject);
		fputs(", ", o);
		literal(o, r->set->where[m] ? r->set->where[m] : "");
		fputc(')', o);
	}
}

static int windows(struct session *s, FILE *o, struct err *e)
{
	for (unsigned i = 0; i < s->limit.nwindows; i++) {
		const struct window_limit *l = s->limit.windows[i].limit;
		uint64_t spent[MEASURES];
		int r = limit_spent(s, i, spent, e);

		if (r)
			return r;
		rows(o, &(struct row){"window", l->key, &l->set, l->period_s, spent});
	}
	return 0;
}

int limit_show(struct session *s, const char **instead, struct err *e)
{
	char *text = NULL;
	size_t n;
	FILE *o = open_memstream(&text, &n);
	int r;

	if (!o)
		return err_sql(e, -EACCES, "53200", "out of memory");
	fputs(SHOW_LIMITS_BEGIN, o);
	rows(o, &(struct row){"statement", "", &s->grant.limits.statement, 0, NULL});
	rows(o, &(struct row){"session", "", &s->grant.limits.session, 0, s->limit.spent});
	r = windows(s, o, e);
	fputs(SHOW_LIMITS_END, o);
	fclose(o);
	if (!r) {
		*instead = text ? arena_strdup(&s->scratch, text) : NULL;
		r = *instead ? 0 : err_sql(e, -EACCES, "53200", "out of memory");
	}
	free(text);
	return r;
}
