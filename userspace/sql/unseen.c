/* SPDX-License-Identifier: MIT */
#include "sql/unseen.h"

#include <stdlib.h>
#include <string.h>

#include "pg_query/pg_query.pb-c.h"
#include "sql/parse.h"

#define OPENS "CASE WHEN false THEN "

struct edit {
	size_t at, drop; /* so many bytes go away there */
	const char *put;
};

struct entry {                   /* as tokens: [first, last] is the expression */
	size_t first, last, end; /* end: of its label too, in bytes */
};

static bool is_comment(const PgQuery__ScanToken *t)
{
	return t->token == PG_QUERY__TOKEN__SQL_COMMENT || t->token == PG_QUERY__TOKEN__C_COMMENT;
}

/* What comes behind a SELECT list or a RETURNING list, or the next entry. prev is the token before it: words
 * may be names behind a dot or AS, and have other places in some operators. */
static bool ends(PgQuery__Token t, PgQuery__Token prev)
{
	if (prev == PG_QUERY__TOKEN__ASCII_46 || prev == PG_QUERY__TOKEN__AS)
		return false;
	switch ((int)t) {
	case PG_QUERY__TOKEN__FROM: return prev != PG_QUERY__TOKEN__DISTINCT;
	case PG_QUERY__TOKEN__GROUP_P: return prev != PG_QUERY__TOKEN__WITHIN;
	case PG_QUERY__TOKEN__ASCII_44:
	case PG_QUERY__TOKEN__ASCII_59:
	case PG_QUERY__TOKEN__WHERE:
	case PG_QUERY__TOKEN__HAVING:
	case PG_QUERY__TOKEN__WINDOW:
	case PG_QUERY__TOKEN__UNION:
	case PG_QUERY__TOKEN__EXCEPT:
	case PG_QUERY__TOKEN__INTERSECT:
	case PG_QUERY__TOKEN__ORDER:
	case PG_QUERY__TOKEN__LIMIT:
	case PG_QUERY__TOKEN__OFFSET:
	case PG_QUERY__TOKEN__FETCH:
	case PG_QUERY__TOKEN__FOR:
	case PG_QUERY__TOKEN__INTO: return true;
	default: return false;
	}
}

static bool opens(PgQuery__Token t)
{
	return t == PG_QUERY__TOKEN__ASCII_40 || t == PG_QUERY__TOKEN__ASCII_91;
}

static bool closes(PgQuery__Token t)
{
	return t == PG_QUERY__TOKEN__ASCII_41 || t == PG_QUERY__TOKEN__ASCII_93;
}

/* v[0 .. n) without comments. */
static bool find(PgQuery__ScanToken *const *v, size_t n, const struct target *t, struct entry *out)
{
	unsigned depth = 0;
	size_t i = 0;

	while (i < n && v[i]->start != t->location)
		i++;
	if (i == n)
		return false;
	out->first = i;
	for (; i < n; i++) {
		PgQuery__Token prev = i > out->first ? v[i - 1]->token : PG_QUERY__TOKEN__NUL;

		if (!depth && (closes(v[i]->token) || ends(v[i]->token, prev)))
			break;
		depth = depth + opens(v[i]->token) - closes(v[i]->token);
	}
	if (i == out->first)
		return false;
	out->last = i - 1;
	out->end = (size_t)v[i - 1]->end;
	if (t->named) {
		size_t label = v[out->last - (out->last > out->first)]->token == PG_QUERY__TOKEN__AS ? 2 : 1;

		if (out->last < out->first + label)
			return false;
		out->last -= label;
	}
	return true;
}

static const char *behind(struct arena *a, const char *label)
{
	char *quoted = arena_alloc(a, 2 * strlen(label) + 1), *p = quoted;

	for (const char *s = label; quoted && *s; s++) {
		if (*s == '"')
			*p++ = '"';
		*p++ = *s;
	}
	if (!quoted)
		return NULL;
	*p = '\0';
	return arena_printf(a, " END AS \"%s\"", quoted);
}

static int by_place(const void *x, const void *y)
{
	const struct edit *a = x, *b = y;

	return a->at < b->at ? -1 : a->at > b->at;
}

static const char *apply(struct arena *a, struct span text, struct edit *v, unsigned n)
{
	size_t size = text.n + 1, from = 0;
	char *out, *p;

	qsort(v, n, sizeof(*v), by_place);
	for (unsigned i = 0; i < n; i++)
		size += strlen(v[i].put);
	p = out = arena_alloc(a, size);
	if (!out)
		return NULL;
	for (unsigned i = 0; i < n; i++) {
		size_t put = strlen(v[i].put);

		if (v[i].at < from || v[i].at + v[i].drop > text.n)
			return NULL;
		memcpy(p, text.p + from, v[i].at - from);
		p += v[i].at - from;
		memcpy(p, v[i].put, put);
		p += put;
		from = v[i].at + v[i].drop;
	}
	memcpy(p, text.p + from, text.n - from);
	p[text.n - from] = '\0';
	return out;
}

static const char *edited(struct arena *a, struct span text, const PgQuery__ScanResult *scan,
	const struct target *v, unsigned n)
{
	PgQuery__ScanToken **tokens = arena_array(a, scan->n_tokens, sizeof(PgQuery__ScanToken *));
	struct edit *edits = arena_array(a, 2 * (size_t)n, sizeof(*edits));
	unsigned nedits = 0;
	size_t ntokens = 0;

	if (!tokens || !edits)
		return NULL;
	for (size_t i = 0; i < scan->n_tokens; i++)
		if (!is_comment(scan->tokens[i]))
			tokens[ntokens++] = scan->tokens[i];
	for (unsigned i = 0; i < n; i++) {
		struct entry e;
		size_t end;

		if (!find(tokens, ntokens, &v[i], &e))
			return NULL;
		end = (size_t)tokens[e.last]->end;
		edits[nedits++] = (struct edit){(size_t)tokens[e.first]->start, 0, OPENS};
		edits[nedits++] = (struct edit){end, e.end - end, behind(a, v[i].label)};
		if (!edits[nedits - 1].put)
			return NULL;
	}
	return apply(a, text, edits, nedits);
}

const char *unseen_text(struct arena *a, struct span text, const struct target *v, unsigned n)
{
	const PgQuery__ScanResult *scan = n ? parse_tokens(text, a) : NULL;

	return scan ? edited(a, text, scan, v, n) : NULL;
}
