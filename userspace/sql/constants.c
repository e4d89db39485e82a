/* SPDX-License-Identifier: MIT */
#include "sql/constants.h"

#include <errno.h>
#include <string.h>
#include "pg_query/pg_query.pb-c.h"
#include "sql/outline.h"
#include "sql/parse.h"

static bool found(struct span text, struct constant *v, unsigned *n, size_t at, size_t len)
{
	bool last = *n == CONSTANTS_MAX - 1;

	v[(*n)++] = (struct constant){at, last ? text.n - at : len};
	return !last;
}

/* Whether there may be a comment; most texts have none, and need not be split to know it. */
static bool may_comment(struct span text)
{
	for (size_t i = 1; i < text.n; i++)
		if ((text.p[i] == '-' && text.p[i - 1] == '-') || (text.p[i] == '*' && text.p[i - 1] == '/'))
			return true;
	return false;
}

static bool is_quoted(struct span token)
{
	return token.n && (token.p[0] == '"' || (token.n > 1 && token.p[1] == '&'));
}

static bool wanted(const PgQuery__ScanToken *t, struct span token, enum constants_which which)
{
	switch ((int)t->token) {
	case PG_QUERY__TOKEN__SQL_COMMENT:
	case PG_QUERY__TOKEN__C_COMMENT: return true;
	case PG_QUERY__TOKEN__SCONST:
	case PG_QUERY__TOKEN__USCONST:
	case PG_QUERY__TOKEN__BCONST:
	case PG_QUERY__TOKEN__XCONST:
	case PG_QUERY__TOKEN__ICONST:
	case PG_QUERY__TOKEN__FCONST: return which != CONSTANTS_COMMENTS;
	case PG_QUERY__TOKEN__IDENT:
	case PG_QUERY__TOKEN__UIDENT: return which == CONSTANTS_ALL && is_quoted(token);
	default: return false;
	}
}

/* What the scanner reads as one token is within the text, and behind the one before, or nothing is believed.
 */
static bool split(
	struct span text, enum constants_which which, struct arena *a, struct constant *v, unsigned *n)
{
	const PgQuery__ScanResult *scan = parse_tokens(text, a);
	size_t before = 0;

	for (size_t i = 0; scan && i < scan->n_tokens; i++) {
		const PgQuery__ScanToken *t = scan->tokens[i];
		size_t at = t->start < 0 ? text.n : (size_t)t->start, end = t->end < 0 ? 0 : (size_t)t->end;

		if (at < before || end < at || end > text.n)
			return false;
		before = end;
		if (wanted(t, span_of(text.p + at, end - at), which) && !found(text, v, n, at, end - at))
			break;
	}
	return scan != NULL;
}

int constants_find(
	struct span text, enum constants_which which, struct arena *a, struct constant **out, unsigned *n)
{
	struct outline o;
	struct constant *v;

	*n = 0;
	*out = NULL;
	if (!text.n || (which == CONSTANTS_COMMENTS && !may_comment(text)))
		return 0;
	if (which == CONSTANTS_NOT_NAMES && outline_of(text, &o)) {
		*out = v = arena_array(a, o.n, sizeof(*v));
		for (unsigned i = 0; v && i < o.n; i++)
			(void)found(text, v, n, o.c[i].at, o.c[i].len);
		return v ? 0 : -ENOMEM;
	}
	*out = v = arena_array(a, CONSTANTS_MAX, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (split(text, which, a, v, n))
		return 0;
	v[0] = (struct constant){0, text.n};
	*n = 1;
	return 0;
}

struct span constants_value(struct span token, struct arena *a)
{
	struct span in = span_of(token.p + 1, token.n > 1 ? token.n - 2 : 0);
	uint8_t *p, *end;

	if (token.n < 2 || token.p[0] != '\'' || token.p[token.n - 1] != '\'')
		return token;
	if (!in.n || !memchr(in.p, '\'', in.n))
		return in;
	p = end = arena_alloc(a, in.n);
	if (!p)
		return token;
	for (size_t i = 0; i < in.n; i++) {
		*end++ = in.p[i];
		i += in.p[i] == '\'' && i + 1 < in.n && in.p[i + 1] == '\'';
	}
	return span_of(p, (size_t)(end - p));
}
