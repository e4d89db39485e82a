/* SPDX-License-Identifier: MIT */
/* SHOW pgveil.approvals: what the caller's subject asked for lately, as rows that the server makes of
 * constants, so that they come as any result does, in each protocol and format. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/show.h"
#include "session/state.h"

#define TEXT_MAX 200 /* bytes of a statement */

/* As a string constant: strings are read as the standard has them in a session that is judged. */
static void literal(FILE *o, const char *s, size_t max)
{
	size_t n = strlen(s);

	if (n > max)
		for (n = max; n && ((unsigned char)s[n] & 0xC0) == 0x80;)
			n--;
	fputc('\'', o);
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '\'')
			fputc('\'', o);
		fputc(s[i], o);
	}
	fputs(s[n] ? "...'" : "'", o);
}

struct listing {
	FILE *o;
	unsigned n;
};

static void row(void *arg, uint64_t id, const char *state, const char *text, const char *cause)
{
	struct listing *l = arg;

	fprintf(l->o, "%s('%llu', ", l->n++ ? ", " : "", (unsigned long long)id);
	literal(l->o, state, TEXT_MAX);
	fputs(", ", l->o);
	literal(l->o, text, TEXT_MAX);
	fputs(", ", l->o);
	literal(l->o, cause, TEXT_MAX);
	fputc(')', l->o);
}

const char *hold_list(struct session *s)
{
	const struct desk *d = s->env->desk;
	struct listing l = {0};
	const char *out = NULL;
	char *text = NULL;
	size_t n;

	l.o = open_memstream(&text, &n);
	if (!l.o)
		return NULL;
	fputs("SELECT * FROM (VALUES ", l.o);
	if (d && s->grant.identity)
		d->list(d->arg, s->grant.identity, row, &l);
	n = l.n;
	if (!n)
		row(&l, 0, "", "", "");
	fprintf(l.o, ") AS a(id, state, statement, cause)%s", n ? "" : " WHERE false");
	if (fclose(l.o) == 0 && text)
		out = arena_strdup(&s->scratch, text);
	free(text);
	return out;
}

bool hold_lists(const struct judged *js)
{
	const struct plan *p = js->n == 1 ? js->plans[0] : NULL;

	return p && p->kind == STATEMENT_SHOW && p->verdict == ALLOW && p->setting &&
	       strcmp(p->setting, SHOW_APPROVALS) == 0;
}
