/* SPDX-License-Identifier: MIT */
#include "sql/stencil.h"

#include <errno.h>
#include <string.h>
#include "pg_query/pg_query.pb-c.h"
#include "sql/analyze.h"
#include "sql/parse.h"

static bool is_constant(PgQuery__Token t)
{
	return t == PG_QUERY__TOKEN__ICONST || t == PG_QUERY__TOKEN__FCONST || t == PG_QUERY__TOKEN__SCONST ||
	       t == PG_QUERY__TOKEN__USCONST || t == PG_QUERY__TOKEN__BCONST || t == PG_QUERY__TOKEN__XCONST;
}

static bool is_comment(PgQuery__Token t)
{
	return t == PG_QUERY__TOKEN__SQL_COMMENT || t == PG_QUERY__TOKEN__C_COMMENT;
}

static bool take(struct stencil_token *out, const PgQuery__ScanToken *t, struct span text, struct arena *a)
{
	const char *at = (const char *)text.p + t->start;
	char *s = arena_strndup(a, at, (size_t)(t->end - t->start));
	bool quoted = s && strchr(s, '"');

	if (!s)
		return false;
	*out = (struct stencil_token){.text = s,
		.param = t->token == PG_QUERY__TOKEN__PARAM,
		.constant = is_constant(t->token),
		.number = t->token == PG_QUERY__TOKEN__ICONST || t->token == PG_QUERY__TOKEN__FCONST};
	if (quoted || out->constant || out->param)
		return true;
	out->word = true;
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s - 'A' + 'a');
	return true;
}

int stencil_of(struct stencil *out, struct span text, struct arena *a)
{
	PgQuery__ScanResult *scan = parse_tokens(text, a);
	struct stencil_token *v =
		scan ? arena_array(a, scan->n_tokens ? scan->n_tokens : 1, sizeof(*v)) : NULL;
	unsigned n = 0;

	*out = (struct stencil){0};
	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < scan->n_tokens; i++) {
		const PgQuery__ScanToken *t = scan->tokens[i];

		if (is_comment(t->token))
			continue;
		if (t->start < 0 || t->end < t->start || (size_t)t->end > text.n)
			return -ENOMEM;
		if (!take(&v[n++], t, text, a))
			return -ENOMEM;
	}
	while (n && !strcmp(v[n - 1].text, ";"))
		n--;
	*out = (struct stencil){v, n};
	return 0;
}

int stencil_parse(struct stencil *out, const char *text, struct arena *a, const char **why)
{
	struct span all = span_of(text, strlen(text));
	PgQuery__ParseResult *tree;
	struct err e = {0};
	int position, r = parse(all, 0, a, &tree, &position, &e);

	*why = "";
	if (r) {
		*why = arena_printf(a, "\"%.60s\" is no statement: %s", text, e.msg);
		return *why && r != -ENOMEM ? -EINVAL : -ENOMEM;
	}
	if (tree->n_stmts != 1) {
		*why = arena_printf(a, "\"%.60s\" is not one statement", text);
		return *why ? -EINVAL : -ENOMEM;
	}
	return stencil_of(out, all, a);
}

/* The constant at v[i]: how many tokens it is; 0: it is none. */
static unsigned constant_at(const struct stencil *s, unsigned i)
{
	const struct stencil_token *t = &s->v[i];

	if (t->constant || t->param)
		return 1;
	if (t->word && (!strcmp(t->text, "true") || !strcmp(t->text, "false") || !strcmp(t->text, "null")))
		return 1;
	return !strcmp(t->text, "-") && i + 1 < s->n && s->v[i + 1].number ? 2 : 0;
}

bool stencil_fits(const struct stencil *shape, const struct stencil *statement)
{
	unsigned at = 0;

	for (unsigned i = 0; i < shape->n; i++) {
		const struct stencil_token *t = &shape->v[i];
		unsigned n = 1;

		if (at >= statement->n)
			return false;
		if (t->param)
			n = constant_at(statement, at);
		else if (t->word != statement->v[at].word || statement->v[at].param ||
			 strcmp(t->text, statement->v[at].text) != 0)
			return false;
		if (!n)
			return false;
		at += n;
	}
	return at == statement->n;
}
