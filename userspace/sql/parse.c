/* SPDX-License-Identifier: MIT */
/* The library parses by recursion without a guard: a deep tree runs over the stack of the thread that called
 * it, and so would everything that walks the tree. So the tokens are looked at first, in a flat pass, for an
 * upper bound of the depth. Per bracket level that is
 *
 *   the heaviest run between commas  +  the set operations, which nest across commas  +  the deepest level
 * inside
 *
 * where names, constants, dots, AND and OR weigh nothing, since no number of them nests (AND and OR chains
 * are flat in the tree), and every other token weighs one. One unit is at most three messages of the tree. */
#include "sql/parse.h"

#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <pg_query.h>
#include "pg_query/pg_query.pb-c.h"
#include "sql/analyze.h"
#include "sql/dialect.h"

struct level {
	unsigned run, heaviest, sets, deepest;
	bool is_case;
};

static int too_deep(struct err *e)
{
	return err_sql(e, -EINVAL, "54001", "stack depth limit exceeded: the statement nests too deeply");
}

static int no_memory(struct err *e)
{
	return err_sql(e, -ENOMEM, "53200", "out of memory while reading the statement");
}

static int check_encoding(struct span text, struct err *e)
{
	const uint8_t *p = text.p, *end = text.p + text.n;

	while (p < end) {
		unsigned more = *p < 0x80 ? 0 : *p >= 0xC2 && *p < 0xE0 ? 1 : (*p & 0xF0) == 0xE0 ? 2 : 3;

		if (*p == 0 || (*p >= 0x80 && *p < 0xC2) || *p > 0xF4 || (size_t)(end - p) <= more)
			goto bad;
		if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) ||
			(*p == 0xF0 && p[1] < 0x90) || (*p == 0xF4 && p[1] > 0x8F))
			goto bad;
		for (unsigned i = 1; i <= more; i++)
			if ((p[i] & 0xC0) != 0x80)
				goto bad;
		p += more + 1;
	}
	return 0;
bad:
	return err_sql(e, -EILSEQ, "22021", "invalid byte sequence for encoding \"UTF8\"");
}

static unsigned weight(PgQuery__Token t)
{
	switch ((int)t) {
	case PG_QUERY__TOKEN__IDENT:
	case PG_QUERY__TOKEN__UIDENT:
	case PG_QUERY__TOKEN__ICONST:
	case PG_QUERY__TOKEN__FCONST:
	case PG_QUERY__TOKEN__SCONST:
	case PG_QUERY__TOKEN__USCONST:
	case PG_QUERY__TOKEN__BCONST:
	case PG_QUERY__TOKEN__XCONST:
	case PG_QUERY__TOKEN__PARAM:
	case PG_QUERY__TOKEN__AND:
	case PG_QUERY__TOKEN__OR:
	case PG_QUERY__TOKEN__ASCII_46:
	case PG_QUERY__TOKEN__SQL_COMMENT:
	case PG_QUERY__TOKEN__C_COMMENT: return 0;
	default: return 1;
	}
}

static unsigned level_depth(const struct level *l)
{
	return (l->run > l->heaviest ? l->run : l->heaviest) + l->sets + l->deepest;
}

/* CASE and END are brackets too, and what stands between WHEN, THEN and ELSE is side by side. All of them may
 * also be names of columns; right inside a CASE only behind a dot. Taken for a bracket, such a CASE makes the
 * bound higher, never lower. */
static bool within_case(const struct level *l, bool dotted)
{
	return l->is_case && !dotted;
}

static bool opens(PgQuery__Token t)
{
	return t == PG_QUERY__TOKEN__ASCII_40 || t == PG_QUERY__TOKEN__ASCII_91 || t == PG_QUERY__TOKEN__CASE;
}

static bool closes(PgQuery__Token t, const struct level *l, bool dotted)
{
	return t == PG_QUERY__TOKEN__ASCII_41 || t == PG_QUERY__TOKEN__ASCII_93 ||
	       (t == PG_QUERY__TOKEN__END_P && within_case(l, dotted));
}

static bool separates(PgQuery__Token t, const struct level *l, bool dotted)
{
	return t == PG_QUERY__TOKEN__ASCII_44 || t == PG_QUERY__TOKEN__ASCII_59 ||
	       ((t == PG_QUERY__TOKEN__WHEN || t == PG_QUERY__TOKEN__THEN || t == PG_QUERY__TOKEN__ELSE) &&
		       within_case(l, dotted));
}

/* -ERANGE where the bound goes beyond ANALYZE_DEPTH_MAX. */
static int depth_of(const PgQuery__ScanResult *scan, struct level *levels)
{
	unsigned top = 0;
	bool dotted = false;

	levels[0] = (struct level){0};
	for (size_t i = 0; i < scan->n_tokens; i++) {
		PgQuery__Token t = scan->tokens[i]->token;
		struct level *l = &levels[top];

		if (opens(t)) {
			if (++top > ANALYZE_DEPTH_MAX)
				return -ERANGE;
			levels[top] = (struct level){.is_case = t == PG_QUERY__TOKEN__CASE};
		} else if (closes(t, l, dotted)) {
			unsigned d = level_depth(l) + (l->is_case ? 3 : 1);

			if (top == 0)
				continue; /* the grammar will refuse it */
			top--;
			if (d > levels[top].deepest)
				levels[top].deepest = d;
		} else if (separates(t, l, dotted)) {
			if (l->run > l->heaviest)
				l->heaviest = l->run;
			l->run = 0;
		} else if (t == PG_QUERY__TOKEN__UNION || t == PG_QUERY__TOKEN__INTERSECT ||
			   t == PG_QUERY__TOKEN__EXCEPT) {
			l->sets++;
		} else {
			l->run += weight(t);
		}
		if (t != PG_QUERY__TOKEN__SQL_COMMENT && t != PG_QUERY__TOKEN__C_COMMENT)
			dotted = t == PG_QUERY__TOKEN__ASCII_46;
		if (top + level_depth(&levels[top]) > ANALYZE_DEPTH_MAX)
			return -ERANGE;
	}
	return 0;
}

static int syntax_error(const PgQueryError *q, int *position, struct err *e)
{
	*position = q->cursorpos > 0 ? q->cursorpos : 0;
	if (q->message && !strncmp(q->message, "memory exhausted", 16))
		return too_deep(e);
	return err_sql(e, -EINVAL, "42601", "%s", q->message ? q->message : "syntax error");
}

static int check_dialect(
	const PgQuery__ScanResult *scan, struct span text, unsigned server, int *position, struct err *e)
{
	unsigned at = 0;
	const char *what = dialect_differs(scan, text, server, &at);

	if (!what)
		return 0;
	*position = 1;
	for (unsigned i = 0; i < at; i++)
		*position += (text.p[i] & 0xC0) != 0x80;
	return err_sql(e, -EINVAL, "0A000",
		"%s is not allowed here: this server's version reads it otherwise than pgveil does", what);
}

static int check_tokens(struct span span, const char *text, unsigned server, int *position, struct err *e)
{
	struct level *levels = malloc((ANALYZE_DEPTH_MAX + 1) * sizeof(*levels));
	PgQueryScanResult r = pg_query_scan(text);
	PgQuery__ScanResult *scan = NULL;
	int rc;

	if (r.error) {
		rc = syntax_error(r.error, position, e);
		goto out;
	}
	scan = pg_query__scan_result__unpack(NULL, r.pbuf.len, (const uint8_t *)r.pbuf.data);
	if (!levels || !scan)
		rc = no_memory(e);
	else if ((rc = depth_of(scan, levels)) < 0)
		rc = too_deep(e);
	else
		rc = check_dialect(scan, span, server, position, e);
out:
	if (scan)
		pg_query__scan_result__free_unpacked(scan, NULL);
	pg_query_free_scan_result(r);
	free(levels);
	return rc;
}

static void *tree_alloc(void *arena, size_t n)
{
	return arena_alloc(arena, n);
}

static void tree_free(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

int parse(struct span text, unsigned server, struct arena *a, struct PgQuery__ParseResult **out,
	int *position, struct err *e)
{
	ProtobufCAllocator memory = {tree_alloc, tree_free, a};
	PgQueryProtobufParseResult r;
	char *copy;
	int rc;

	*position = 0;
	*out = NULL;
	if (text.n > ANALYZE_TEXT_MAX)
		return err_sql(e, -E2BIG, "54000",
			"statement text of %zu bytes is longer than the limit of %zu", text.n,
			ANALYZE_TEXT_MAX);
	rc = check_encoding(text, e);
	if (rc < 0)
		return rc;
	copy = arena_strndup(a, text.n ? (const char *)text.p : "", text.n);
	if (!copy)
		return no_memory(e);
	if (text.n > ANALYZE_DEPTH_MAX || dialect_suspect(text, server)) {
		rc = check_tokens(text, copy, server, position, e);
		if (rc < 0)
			return rc;
	}
	r = pg_query_parse_protobuf(copy);
	if (r.error) {
		rc = syntax_error(r.error, position, e);
	} else {
		*out = pg_query__parse_result__unpack(
			&memory, r.parse_tree.len, (const uint8_t *)r.parse_tree.data);
		rc = *out ? 0 : no_memory(e);
	}
	pg_query_free_protobuf_parse_result(r);
	return rc;
}

struct PgQuery__ScanResult *parse_tokens(struct span text, struct arena *a)
{
	ProtobufCAllocator memory = {tree_alloc, tree_free, a};
	PgQuery__ScanResult *out = NULL;
	PgQueryScanResult r;
	char *copy;

	if (text.n > ANALYZE_TEXT_MAX || check_encoding(text, NULL) < 0)
		return NULL;
	copy = arena_strndup(a, text.n ? (const char *)text.p : "", text.n);
	if (!copy)
		return NULL;
	r = pg_query_scan(copy);
	if (!r.error)
		out = pg_query__scan_result__unpack(&memory, r.pbuf.len, (const uint8_t *)r.pbuf.data);
	pg_query_free_scan_result(r);
	return out;
}

const char *parse_grammar(void)
{
	return PG_VERSION;
}

unsigned parse_grammar_major(void)
{
	return PG_VERSION_NUM / 10000;
}
