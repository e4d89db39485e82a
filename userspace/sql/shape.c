/* SPDX-License-Identifier: MIT */
#include "sql/shape.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "pg_query/pg_query.pb-c.h"
#include "sql/parse.h"
#include "sql/stencil.h"

#define TOKEN_MARK "\u2039tok:" /* session/keep.c writes it, 12 digits and the end */
#define TOKEN_END  "\u203a"
#define TOKEN_LEN  (sizeof(TOKEN_MARK) - 1 + 12 + sizeof(TOKEN_END) - 1)

#define DEEP_MAX 256 /* brackets; deeper ones are what a function is called with */

/* ---- values that are not on record ---- */

static bool is_hidden(const uint8_t *p, size_t n)
{
	return n >= TOKEN_LEN && !memcmp(p, TOKEN_MARK, sizeof(TOKEN_MARK) - 1) &&
	       !memcmp(p + TOKEN_LEN - sizeof(TOKEN_END) + 1, TOKEN_END, sizeof(TOKEN_END) - 1);
}

/* The text with each of them between quotes, so that the grammar takes it for a constant; as it is where
 * there is none. p NULL: no memory. */
static struct span with_quotes(struct span text, struct arena *a, bool *any)
{
	size_t n = 0, at = 0;
	uint8_t *p;

	for (size_t i = 0; i < text.n; i++)
		n += is_hidden(text.p + i, text.n - i);
	*any = n > 0;
	if (!n)
		return text;
	p = arena_alloc(a, text.n + 2 * n);
	if (!p)
		return (struct span){0};
	for (size_t i = 0; i < text.n;) {
		size_t len = is_hidden(text.p + i, text.n - i) ? TOKEN_LEN : 1;

		if (len > 1)
			p[at++] = '\'';
		memcpy(p + at, text.p + i, len);
		at += len;
		i += len;
		if (len > 1)
			p[at++] = '\'';
	}
	return span_of(p, at);
}

/* ---- tokens ---- */

struct cut { /* of one statement */
	struct arena *a;
	struct span text, own;  /* of all statements; of this one */
	PgQuery__ScanToken **t; /* without comments */
	unsigned n;
	bool hides; /* texts of hidden values are theirs, and nobody else's */
};

static bool is_constant(int t)
{
	return t == PG_QUERY__TOKEN__ICONST || t == PG_QUERY__TOKEN__FCONST || t == PG_QUERY__TOKEN__SCONST ||
	       t == PG_QUERY__TOKEN__USCONST || t == PG_QUERY__TOKEN__BCONST || t == PG_QUERY__TOKEN__XCONST;
}

static bool is_open(const struct cut *c, unsigned i)
{
	return is_constant(c->t[i]->token) || c->t[i]->token == PG_QUERY__TOKEN__PARAM;
}

static struct span text_at(const struct cut *c, unsigned i)
{
	return span_of(c->text.p + c->t[i]->start, (size_t)(c->t[i]->end - c->t[i]->start));
}

/* What is in the bracket behind this token is given to a function or makes a type. */
static bool calls(const PgQuery__ScanToken *t)
{
	switch ((int)t->token) {
	case PG_QUERY__TOKEN__VALUES:
	case PG_QUERY__TOKEN__EXISTS:
	case PG_QUERY__TOKEN__ROW:
	case PG_QUERY__TOKEN__BETWEEN:
	case PG_QUERY__TOKEN__FILTER:
	case PG_QUERY__TOKEN__OVER:
	case PG_QUERY__TOKEN__LIKE:
	case PG_QUERY__TOKEN__ILIKE: return false;
	case PG_QUERY__TOKEN__IDENT:
	case PG_QUERY__TOKEN__UIDENT:
	case PG_QUERY__TOKEN__CAST: return true;
	default:
		return t->keyword_kind == PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD ||
		       t->keyword_kind == PG_QUERY__KEYWORD_KIND__COL_NAME_KEYWORD ||
		       t->keyword_kind == PG_QUERY__KEYWORD_KIND__TYPE_FUNC_NAME_KEYWORD;
	}
}

/* ORDER BY 2: the list that BY began goes on until one of these. */
static bool ends_list(int t)
{
	return t == PG_QUERY__TOKEN__LIMIT || t == PG_QUERY__TOKEN__OFFSET || t == PG_QUERY__TOKEN__HAVING ||
	       t == PG_QUERY__TOKEN__FETCH || t == PG_QUERY__TOKEN__FOR || t == PG_QUERY__TOKEN__WINDOW ||
	       t == PG_QUERY__TOKEN__UNION || t == PG_QUERY__TOKEN__EXCEPT || t == PG_QUERY__TOKEN__INTERSECT;
}

static bool is_reg(struct span type)
{
	return type.n > 3 && !strncasecmp((const char *)type.p, "reg", 3);
}

/* 'x'::regclass, 'x'::pg_catalog.regproc, regclass 'x' */
static bool names_something(const struct cut *c, unsigned i)
{
	if (i && is_reg(text_at(c, i - 1)))
		return true;
	if (i + 2 >= c->n || c->t[i + 1]->token != PG_QUERY__TOKEN__TYPECAST)
		return false;
	i += i + 4 < c->n && c->t[i + 3]->token == PG_QUERY__TOKEN__ASCII_46 ? 4 : 2;
	return is_reg(text_at(c, i));
}

/* Behind these a - is the sign of the number that follows. */
static bool before_sign(int t)
{
	return t == PG_QUERY__TOKEN__ASCII_40 || t == PG_QUERY__TOKEN__ASCII_44 ||
	       t == PG_QUERY__TOKEN__ASCII_60 || t == PG_QUERY__TOKEN__ASCII_61 ||
	       t == PG_QUERY__TOKEN__ASCII_62 || t == PG_QUERY__TOKEN__ASCII_91 ||
	       t == PG_QUERY__TOKEN__LESS_EQUALS || t == PG_QUERY__TOKEN__GREATER_EQUALS ||
	       t == PG_QUERY__TOKEN__NOT_EQUALS;
}

static bool is_sign(const struct cut *c, unsigned i)
{
	return i && i + 1 < c->n && c->t[i]->token == PG_QUERY__TOKEN__ASCII_45 &&
	       before_sign(c->t[i - 1]->token) &&
	       (c->t[i + 1]->token == PG_QUERY__TOKEN__ICONST ||
		       c->t[i + 1]->token == PG_QUERY__TOKEN__FCONST);
}

/* What is a query, or has one in it; of all else the constants are a part of what it does. */
static bool queries(int t)
{
	switch (t) {
	case PG_QUERY__TOKEN__SELECT:
	case PG_QUERY__TOKEN__WITH:
	case PG_QUERY__TOKEN__VALUES:
	case PG_QUERY__TOKEN__INSERT:
	case PG_QUERY__TOKEN__UPDATE:
	case PG_QUERY__TOKEN__DELETE_P:
	case PG_QUERY__TOKEN__MERGE:
	case PG_QUERY__TOKEN__EXPLAIN:
	case PG_QUERY__TOKEN__DECLARE:
	case PG_QUERY__TOKEN__COPY:
	case PG_QUERY__TOKEN__PREPARE:
	case PG_QUERY__TOKEN__EXECUTE:
	case PG_QUERY__TOKEN__FETCH:
	case PG_QUERY__TOKEN__MOVE:
	case PG_QUERY__TOKEN__ASCII_40: return true;
	default: return false;
	}
}

/* Which parts are what, before the grammar was asked. */
static unsigned mark(const struct cut *c, struct shape_part *v)
{
	bool call[DEEP_MAX] = {!queries(c->t[0]->token)}, list[DEEP_MAX] = {false};
	bool runs = c->t[0]->token == PG_QUERY__TOKEN__EXECUTE;
	unsigned depth = 0, n = 0;

	for (unsigned i = 0; i < c->n; i++) {
		unsigned top = depth < DEEP_MAX ? depth : DEEP_MAX - 1;
		int t = c->t[i]->token, before = i ? (int)c->t[i - 1]->token : 0;
		struct shape_part *p = &v[n];

		if (is_sign(c, i))
			continue;
		*p = (struct shape_part){.text = text_at(c, i)};
		p->word = !is_open(c, i) && !memchr(p->text.p, '"', p->text.n);
		p->blank = n && c->t[i]->start > c->t[i - 1]->end;
		if (is_open(c, i)) {
			bool column = before == PG_QUERY__TOKEN__BY ||
				      (before == PG_QUERY__TOKEN__ASCII_44 && list[top]);

			p->is = call[top] || column || names_something(c, i) ? SHAPE_TIGHT : SHAPE_OPEN;
			p->hidden = c->hides && is_hidden(p->text.p + 1, p->text.n ? p->text.n - 1 : 0);
			if (i && is_sign(c, i - 1)) {
				p->text = span_of(c->text.p + c->t[i - 1]->start,
					(size_t)(c->t[i]->end - c->t[i - 1]->start));
				p->blank = c->t[i - 1]->start > c->t[i - 2]->end;
			}
			if (t == PG_QUERY__TOKEN__PARAM)
				p->is = SHAPE_OPEN;
		}
		n++;
		if (t == PG_QUERY__TOKEN__BY || ends_list(t))
			list[top] = t == PG_QUERY__TOKEN__BY;
		if (t == PG_QUERY__TOKEN__ASCII_40 && ++depth < DEEP_MAX) {
			int next = i + 1 < c->n ? (int)c->t[i + 1]->token : 0;
			bool query = next == PG_QUERY__TOKEN__SELECT || next == PG_QUERY__TOKEN__WITH ||
				     next == PG_QUERY__TOKEN__VALUES;

			call[depth] = !runs && !query && ((i && calls(c->t[i - 1])) || call[depth - 1]);
			list[depth] = false;
		}
		if (t == PG_QUERY__TOKEN__ASCII_41 && depth)
			depth--;
	}
	return n;
}

/* ---- what the grammar takes ---- */

struct trial {
	const struct shape *s;
	struct shape_part *v;
	const unsigned *may; /* the parts that may be open, … */
	const enum shape_is *as;
	struct arena scratch;
	bool failed; /* no memory */
};

static bool in_word(uint8_t c)
{
	return c >= 0x80 || c == '_' || c == '$' || isalnum(c);
}

/* 'x'AS needs no blank, and $1AS does. */
static bool needs_blank(const struct shape *s, unsigned i, bool open, bool open_before)
{
	struct span before = i ? s->v[i - 1].text : (struct span){0}, t = s->v[i].text;

	if (!i || s->v[i].blank)
		return s->v[i].blank;
	if (open && (open_before || (before.n && in_word(before.p[before.n - 1]))))
		return true;
	return open_before && t.n && in_word(t.p[0]);
}

static char *text_of(const struct shape *s, const bool *varied, bool trial, struct arena *a)
{
	size_t cap = 1, n = 0;
	unsigned number = 0;
	bool before = false;
	char *out;

	for (unsigned i = 0; i < s->n; i++)
		cap += s->v[i].text.n + 16;
	out = arena_alloc(a, cap);
	for (unsigned i = 0; out && i < s->n; i++) {
		const struct shape_part *p = &s->v[i];
		bool open = p->is == SHAPE_OPEN ||
			    (p->is == SHAPE_TIGHT && (trial || p->hidden || (varied && varied[i])));

		if (needs_blank(s, i, open, before))
			out[n++] = ' ';
		if (open) {
			n += (size_t)snprintf(out + n, cap - n, "$%u", ++number);
		} else {
			memcpy(out + n, p->text.p, p->text.n);
			n += p->text.n;
		}
		before = open;
	}
	if (out)
		out[n] = '\0';
	return out;
}

char *shape_text(const struct shape *s, const bool *varied, struct arena *a)
{
	return text_of(s, varied, false, a);
}

static bool parses(struct trial *t)
{
	char *text = text_of(t->s, NULL, true, &t->scratch);
	struct stencil x;
	const char *why;
	int r = text ? stencil_parse(&x, text, &t->scratch, &why) : -ENOMEM;

	t->failed |= r == -ENOMEM;
	arena_reset(&t->scratch);
	return r == 0;
}

static void set(struct trial *t, unsigned from, unsigned to, bool open)
{
	for (unsigned i = from; i < to; i++)
		t->v[t->may[i]].is = open ? t->as[i] : SHAPE_FIXED;
}

/* Of from..to those become open that the grammar takes a parameter for: all at once, or by halves. */
static void try_open(struct trial *t, unsigned from, unsigned to)
{
	unsigned mid = from + (to - from) / 2;

	if (from == to || t->failed)
		return;
	set(t, from, to, true);
	if (parses(t))
		return;
	set(t, from, to, false);
	if (to - from == 1)
		return;
	try_open(t, from, mid);
	try_open(t, mid, to);
}

static int open_parts(struct shape *s, struct shape_part *v, struct arena *a)
{
	unsigned *may = arena_array(a, s->n, sizeof(*may)), n = 0;
	enum shape_is *as = arena_array(a, s->n, sizeof(*as));
	struct trial t = {.s = s, .v = v, .may = may, .as = as};

	if (!may || !as)
		return -ENOMEM;
	for (unsigned i = 0; i < s->n; i++)
		if (v[i].is != SHAPE_FIXED) {
			may[n] = i;
			as[n++] = v[i].is;
		}
	arena_init(&t.scratch, (size_t)64 << 20);
	set(&t, 0, n, false);
	try_open(&t, 0, n);
	arena_fini(&t.scratch);
	return t.failed ? -ENOMEM : 0;
}

/* ---- one statement ---- */

static bool make_key(struct shape *s, struct arena *a)
{
	size_t cap = 1, n = 0;
	uint8_t *p;

	for (unsigned i = 0; i < s->n; i++)
		cap += s->v[i].text.n + 1;
	p = arena_alloc(a, cap);
	for (unsigned i = 0; p && i < s->n; i++) {
		struct span t = s->v[i].text;
		bool as_is = !s->v[i].word;

		if (s->v[i].is != SHAPE_FIXED) {
			p[n++] = 2;
			continue;
		}
		for (size_t k = 0; k < t.n; k++)
			p[n++] = as_is || t.p[k] < 'A' || t.p[k] > 'Z' ? t.p[k]
								       : (uint8_t)(t.p[k] - 'A' + 'a');
		p[n++] = 1;
	}
	s->key = span_of(p, n);
	return p != NULL;
}

static int shape_one(struct cut *c, struct shape *out, const char **why)
{
	struct shape_part *v = arena_array(c->a, c->n ? c->n : 1, sizeof(*v));
	int r;

	if (!v)
		return -ENOMEM;
	*out = (struct shape){.v = v, .text = c->own};
	out->n = c->n ? mark(c, v) : 0;
	r = open_parts(out, v, c->a);
	for (unsigned i = 0; i < out->n && !r; i++)
		if (v[i].is == SHAPE_FIXED && v[i].hidden) {
			*why = "a constant whose value is not on record stands where no parameter may";
			return -EINVAL;
		}
	return r ? r : make_key(out, c->a) ? 0 : -ENOMEM;
}

/* Where each statement is; a text that has one, and as the daemon judges it (policy/judge_guard.c). */
static int cut_one(struct cut *c, const PgQuery__ScanResult *scan, const PgQuery__RawStmt *st)
{
	int from = st->stmt_location, to = st->stmt_len ? from + st->stmt_len : (int)c->text.n;

	if (from < 0 || to < from || (size_t)to > c->text.n)
		return -ENOMEM;
	c->n = 0;
	c->own = span_of(c->text.p + from, (size_t)(to - from));
	c->t = arena_array(c->a, scan->n_tokens ? scan->n_tokens : 1, sizeof(PgQuery__ScanToken *));
	if (!c->t)
		return -ENOMEM;
	for (size_t i = 0; i < scan->n_tokens; i++) {
		PgQuery__ScanToken *t = scan->tokens[i];

		if (t->token == PG_QUERY__TOKEN__SQL_COMMENT || t->token == PG_QUERY__TOKEN__C_COMMENT ||
			t->start < from || t->end > to)
			continue;
		if (t->start < 0 || t->end <= t->start || (size_t)t->end > c->text.n)
			return -ENOMEM;
		c->t[c->n++] = t;
	}
	while (c->n && c->t[c->n - 1]->token == PG_QUERY__TOKEN__ASCII_59)
		c->n--;
	return 0;
}

int shape_all(struct span text, struct arena *a, struct shape **out, unsigned *n, const char **why)
{
	struct cut c = {.a = a};
	PgQuery__ScanResult *scan;
	PgQuery__ParseResult *tree;
	struct err e = {0};
	int position, r;

	*n = 0;
	*why = "it is too long";
	if (text.n > SHAPE_TEXT_MAX)
		return -EINVAL;
	c.text = with_quotes(text, a, &c.hides);
	if (!c.text.p && text.n)
		return -ENOMEM;
	r = parse(c.text, 0, a, &tree, &position, &e);
	*why = c.hides ? "without the values that are not on record it cannot be read" : "it cannot be read";
	if (r)
		return r == -ENOMEM ? r : -EINVAL;
	scan = parse_tokens(c.text, a);
	*out = arena_array(a, tree->n_stmts ? tree->n_stmts : 1, sizeof(**out));
	if (!scan || !*out)
		return -ENOMEM;
	for (size_t i = 0; i < tree->n_stmts && !r; i++) {
		r = cut_one(&c, scan, tree->stmts[i]);
		if (!r && c.n)
			r = shape_one(&c, &(*out)[(*n)++], why);
	}
	return r;
}
