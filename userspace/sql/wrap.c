/* SPDX-License-Identifier: MIT */
/* A name in a reading place, [ONLY] schema.relation [*], becomes
 *
 *	(SELECT * FROM [ONLY] "schema"."relation" AS pgveil_row WHERE condition OFFSET 0) [AS "relation"]
 *
 * OFFSET 0 changes nothing of the result, and keeps the server from evaluating the statement's own conditions
 * on rows before ours: one that fails for some values would tell of rows that are not to be seen. */
#include "sql/wrap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pg_query/pg_query.pb-c.h"
#include "sql/filter.h"
#include "sql/lineage.h"
#include "sql/parse.h"
#include "sql/same_tree.h"

struct edit { /* in bytes */
	size_t at, drop;
	const char *put;
};

struct wrapping {
	struct span text;
	const struct wrap_place *places;
	unsigned nplaces;
	const struct schema_ref *refs;
	unsigned nrefs;
	PgQuery__ScanToken **tokens; /* without comments */
	size_t ntokens;
	const PgQuery__ParseResult *tree; /* of the client's text */
	struct edit *edits;
	unsigned nedits;
	unsigned server, met; /* met: places and references that the comparison came by */
	struct arena *a;
	const char *why;
	bool failed; /* out of memory */
};

static bool wrong(struct wrapping *w, const char *why)
{
	w->why = w->why ? w->why : why;
	return false;
}

static const char *kept(struct wrapping *w, const char *s)
{
	w->failed = w->failed || !s;
	return s ? s : "";
}

static const char *quoted(struct wrapping *w, const char *name)
{
	char *out = arena_alloc(w->a, 2 * strlen(name) + 3), *p = out;

	if (!out)
		return kept(w, NULL);
	*p++ = '"';
	for (; *name; name++) {
		if (*name == '"')
			*p++ = '"';
		*p++ = *name;
	}
	*p++ = '"';
	*p = '\0';
	return out;
}

/* ---- what is put ---- */
static const char *wrapper(struct wrapping *w, const struct wrap_place *p, bool only)
{
	return kept(w,
		arena_printf(w->a, "(SELECT * FROM %s%s.%s AS " FILTER_ALIAS " WHERE %s OFFSET 0)",
			only ? "ONLY " : "", quoted(w, p->r->schema), quoted(w, p->r->name), p->condition));
}

static const PgQuery__CopyStmt *copy_at(const struct wrapping *w, int location)
{
	for (size_t i = 0; i < w->tree->n_stmts; i++) {
		const PgQuery__Node *n = w->tree->stmts[i]->stmt;

		if (n && n->node_case == PG_QUERY__NODE__NODE_COPY_STMT && n->copy_stmt->relation &&
			n->copy_stmt->relation->location == location)
			return n->copy_stmt;
	}
	return NULL;
}

/* The query that gives what COPY would give of the table. */
static const char *copied(struct wrapping *w, const struct wrap_place *p)
{
	const PgQuery__CopyStmt *c = copy_at(w, p->at->location);
	size_t n = c && c->n_attlist ? c->n_attlist : p->ncolumns;
	const char *list = "";

	if (!c)
		return kept(w, NULL);
	for (size_t i = 0; i < n; i++)
		list = kept(w, arena_printf(w->a, "%s%s%s", list, i ? ", " : "",
				       quoted(w, c->n_attlist ? node_string(c->attlist[i]) : p->columns[i])));
	return kept(w, arena_printf(w->a, "SELECT %s FROM %s AS %s", list, wrapper(w, p, p->r->kind == 'r'),
			       quoted(w, p->r->name)));
}

/* ---- where ---- */
static PgQuery__Token token_at(const struct wrapping *w, size_t i)
{
	return i < w->ntokens ? w->tokens[i]->token : PG_QUERY__TOKEN__NUL;
}

static size_t token_of(const struct wrapping *w, int location)
{
	size_t i = 0;

	while (i < w->ntokens && w->tokens[i]->start != location)
		i++;
	return i;
}

/* Behind the name at i, which may be U&"…" UESCAPE '!'. */
static size_t behind_name(const struct wrapping *w, size_t i)
{
	bool escape =
		token_at(w, i) == PG_QUERY__TOKEN__UIDENT && token_at(w, i + 1) == PG_QUERY__TOKEN__UESCAPE;

	return i + (escape ? 3 : 1);
}

/* Behind a.b.c; *last: where its last n parts begin. */
static size_t behind_names(const struct wrapping *w, size_t i, unsigned n, size_t *last)
{
	size_t starts[5];
	unsigned parts = 0;

	for (;;) {
		if (parts < ARRAY_LEN(starts))
			starts[parts] = i;
		parts++;
		i = behind_name(w, i);
		if (token_at(w, i) != PG_QUERY__TOKEN__ASCII_46)
			break;
		i++;
	}
	*last = parts <= ARRAY_LEN(starts) && parts >= n ? starts[parts - n] : w->ntokens;
	return i;
}

/* [first, end) of the tokens becomes put. */
static bool edit(struct wrapping *w, size_t first, size_t end, const char *put)
{
	size_t at, stop;

	if (first >= end || end > w->ntokens)
		return wrong(w, "the place of a relation's name in the text is not understood");
	at = (size_t)w->tokens[first]->start;
	stop = (size_t)w->tokens[end - 1]->end;
	w->edits[w->nedits++] = (struct edit){at, stop - at, put};
	return true;
}

static bool edit_copy(struct wrapping *w, const struct wrap_place *p, size_t first, size_t end)
{
	const char *query = copied(w, p);

	if (p->at->listed) {
		if (token_at(w, end) != PG_QUERY__TOKEN__ASCII_40)
			return wrong(w, "the list of COPY's columns is not understood");
		while (end < w->ntokens && token_at(w, end) != PG_QUERY__TOKEN__ASCII_41)
			end++;
		end++;
	}
	return edit(w, first, end, kept(w, arena_printf(w->a, "(%s)", query)));
}

static bool edit_place(struct wrapping *w, const struct wrap_place *p)
{
	size_t first = token_of(w, p->at->location), last, end = behind_names(w, first, 1, &last);
	const char *put;
	bool table;

	if (first == w->ntokens)
		return wrong(w, "the place of a relation's name in the text is not known");
	if (p->at->copied)
		return edit_copy(w, p, first, end);
	if (token_at(w, end) == PG_QUERY__TOKEN__ASCII_42)
		end++;
	if (p->at->only && first && token_at(w, first - 1) == PG_QUERY__TOKEN__ONLY) {
		first--;
	} else if (p->at->only) {
		if (first < 2 || token_at(w, first - 1) != PG_QUERY__TOKEN__ASCII_40 ||
			token_at(w, first - 2) != PG_QUERY__TOKEN__ONLY ||
			token_at(w, end) != PG_QUERY__TOKEN__ASCII_41)
			return wrong(w, "this ONLY is not understood");
		first -= 2;
		end++;
	}
	table = first && token_at(w, first - 1) == PG_QUERY__TOKEN__TABLE;
	first -= table;
	put = kept(
		w, arena_printf(w->a, "%s%s%s%s", table ? "SELECT * FROM " : "", wrapper(w, p, p->at->only),
			   p->at->alias ? "" : " AS ", p->at->alias ? "" : quoted(w, p->r->name)));
	return edit(w, first, end, put);
}

/* What stands in brackets has no schema: relation.column must then mean the same. */
static bool edit_ref(struct wrapping *w, const struct schema_ref *ref)
{
	size_t first = token_of(w, ref->location), last;

	(void)behind_names(w, first, 2, &last);
	return first < w->ntokens && last > first ? edit(w, first, last, "")
						  : wrong(w, "a column's name is not understood");
}

/* ---- the same tree? ---- */
static const struct wrap_place *place_at(const struct wrapping *w, int location)
{
	for (unsigned i = 0; i < w->nplaces; i++)
		if (w->places[i].at->location == location)
			return &w->places[i];
	return NULL;
}

static const PgQuery__Node *parsed(struct wrapping *w, const char *text)
{
	struct PgQuery__ParseResult *tree;
	struct err e = {0};
	int position;

	if (w->failed || parse(span_of(text, strlen(text)), w->server, w->a, &tree, &position, &e) ||
		tree->n_stmts != 1)
		return NULL;
	return tree->stmts[0]->stmt;
}

static bool is_query(struct wrapping *w, const PgQuery__Node *n, const char *text)
{
	const PgQuery__Node *want = parsed(w, text);

	return n && want && same_tree(&want->base, &n->base, NULL, NULL);
}

/* It is what we put there for the name x. */
static bool is_wrapped(
	struct wrapping *w, const struct wrap_place *p, const PgQuery__RangeVar *x, const PgQuery__Node *n)
{
	const PgQuery__RangeSubselect *y =
		n->node_case == PG_QUERY__NODE__NODE_RANGE_SUBSELECT ? n->range_subselect : NULL;
	const char *text = wrapper(w, p, !x->inh);

	if (!y || !y->alias || y->lateral || strlen(text) < 2 ||
		!is_query(w, y->subquery, kept(w, arena_strndup(w->a, text + 1, strlen(text) - 2))))
		return false;
	return x->alias ? same_tree(&x->alias->base, &y->alias->base, NULL, NULL)
			: !strcmp(y->alias->aliasname, p->r->name) && !y->alias->n_colnames;
}

static bool is_copied(struct wrapping *w, const struct wrap_place *p, const PgQuery__CopyStmt *x,
	const PgQuery__CopyStmt *y)
{
	PgQuery__CopyStmt of = *x, is = *y;

	of.relation = NULL;
	of.n_attlist = 0;
	is.query = NULL;
	return same_tree(&of.base, &is.base, NULL, NULL) && is_query(w, y->query, copied(w, p));
}

static bool is_ref(const PgQuery__ColumnRef *x, const PgQuery__ColumnRef *y)
{
	size_t skip = x->n_fields - 2;

	if (x->n_fields < 3 || y->n_fields != 2)
		return false;
	for (size_t i = 0; i < 2; i++)
		if (!same_tree(&x->fields[skip + i]->base, &y->fields[i]->base, NULL, NULL))
			return false;
	return true;
}

static bool has_ref(const struct wrapping *w, int location)
{
	for (unsigned i = 0; i < w->nrefs; i++)
		if (w->refs[i].location == location)
			return true;
	return false;
}

static enum same compare(void *arg, const ProtobufCMessage *m, const ProtobufCMessage *o)
{
	struct wrapping *w = arg;
	const PgQuery__Node *x = (const void *)m, *y = (const void *)o;
	const struct wrap_place *p = NULL;
	bool ok;

	if (m->descriptor != &pg_query__node__descriptor || o->descriptor != &pg_query__node__descriptor)
		return SAME_LOOK;
	if (x->node_case == PG_QUERY__NODE__NODE_RANGE_VAR)
		p = place_at(w, x->range_var->location);
	if (p) {
		ok = is_wrapped(w, p, x->range_var, y);
	} else if (x->node_case == PG_QUERY__NODE__NODE_COPY_STMT && x->copy_stmt->relation &&
		   (p = place_at(w, x->copy_stmt->relation->location))) {
		ok = y->node_case == PG_QUERY__NODE__NODE_COPY_STMT &&
		     is_copied(w, p, x->copy_stmt, y->copy_stmt);
	} else if (x->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && has_ref(w, x->column_ref->location)) {
		ok = y->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && is_ref(x->column_ref, y->column_ref);
	} else {
		return SAME_LOOK;
	}
	w->met++;
	return ok ? SAME_YES : SAME_NO;
}

static bool proved(struct wrapping *w, const char *text)
{
	struct PgQuery__ParseResult *tree;
	struct err e = {0};
	int position;

	if (parse(span_of(text, strlen(text)), w->server, w->a, &tree, &position, &e)) {
		w->failed = w->failed || !strcmp(e.sqlstate, "53200");
		return wrong(w, "the statement is too long, or of a form that cannot be filtered");
	}
	return (same_tree(&w->tree->base, &tree->base, compare, w) && w->met == w->nplaces + w->nrefs) ||
	       wrong(w, "the statement is of a form that cannot be filtered");
}

/* ---- whether schema.relation.column may lose its schema ---- */
struct search {
	struct wrapping *w;
	const struct relation *r;
	bool other; /* something else is called so */
};

static enum same look_for(void *arg, const ProtobufCMessage *m, const ProtobufCMessage *same)
{
	struct search *s = arg;
	const struct wrap_place *p;

	(void)same;
	if (m->descriptor == &pg_query__alias__descriptor) {
		s->other =
			s->other || !strcmp(((const PgQuery__Alias *)(const void *)m)->aliasname, s->r->name);
	} else if (m->descriptor == &pg_query__common_table_expr__descriptor) {
		s->other = s->other ||
			   !strcmp(((const PgQuery__CommonTableExpr *)(const void *)m)->ctename, s->r->name);
	} else if (m->descriptor == &pg_query__range_var__descriptor) {
		const PgQuery__RangeVar *rv = (const void *)m;

		p = place_at(s->w, rv->location);
		s->other = s->other || (!strcmp(rv->relname, s->r->name) && (!p || p->r != s->r));
	}
	return SAME_LOOK;
}

static bool refs_stay(struct wrapping *w)
{
	for (unsigned i = 0; i < w->nplaces && w->nrefs; i++) {
		struct search s = {w, w->places[i].r, false};
		bool used = false;

		for (unsigned k = 0; k < w->nrefs; k++)
			used = used || w->refs[k].relid == s.r->oid;
		if (used && (!same_tree(&w->tree->base, &w->tree->base, look_for, &s) || s.other))
			return wrong(w, "columns are named with a schema, and something else in the "
					"statement has the relation's name: give the relation an alias");
	}
	return true;
}

/* ---- all together ---- */
static int by_place(const void *x, const void *y)
{
	const struct edit *a = x, *b = y;

	return a->at < b->at ? -1 : a->at > b->at;
}

static unsigned characters(const uint8_t *p, size_t n)
{
	unsigned c = 0;

	for (size_t i = 0; i < n; i++)
		c += (p[i] & 0xC0) != 0x80;
	return c;
}

static bool apply(struct wrapping *w, struct arena *a, struct wrapped *out)
{
	size_t size = w->text.n + 1, from = 0;
	char *p;

	qsort(w->edits, w->nedits, sizeof(*w->edits), by_place);
	for (unsigned i = 0; i < w->nedits; i++)
		size += strlen(w->edits[i].put);
	if (size > ANALYZE_TEXT_MAX)
		return wrong(w, "the statement would become too long by its row filters");
	out->text = p = arena_alloc(a, size);
	out->edits = arena_array(a, w->nedits, sizeof(*out->edits));
	if (!out->text || !out->edits) {
		w->failed = true;
		return false;
	}
	for (unsigned i = 0; i < w->nedits; i++) {
		const struct edit *e = &w->edits[i];
		size_t put = strlen(e->put);

		if (e->at < from || e->at + e->drop > w->text.n)
			return wrong(w, "the places of relations' names in the text are not understood");
		memcpy(p, w->text.p + from, e->at - from);
		p += e->at - from;
		memcpy(p, e->put, put);
		p += put;
		from = e->at + e->drop;
		out->edits[out->nedits++] = (struct wrap_edit){characters(w->text.p, e->at),
			characters(w->text.p + e->at, e->drop), characters((const uint8_t *)e->put, put)};
	}
	memcpy(p, w->text.p + from, w->text.n - from);
	p[w->text.n - from] = '\0';
	return true;
}

static bool read_text(struct wrapping *w)
{
	const PgQuery__ScanResult *scan = parse_tokens(w->text, w->a);
	struct PgQuery__ParseResult *tree;
	struct err e = {0};
	int position;

	w->tokens = scan ? arena_array(w->a, scan->n_tokens, sizeof(PgQuery__ScanToken *)) : NULL;
	w->edits = arena_array(w->a, (size_t)w->nplaces + w->nrefs + 1, sizeof(*w->edits));
	if (!w->tokens || !w->edits || parse(w->text, w->server, w->a, &tree, &position, &e)) {
		w->failed = true;
		return false;
	}
	for (size_t i = 0; i < scan->n_tokens; i++)
		if (scan->tokens[i]->token != PG_QUERY__TOKEN__SQL_COMMENT &&
			scan->tokens[i]->token != PG_QUERY__TOKEN__C_COMMENT)
			w->tokens[w->ntokens++] = scan->tokens[i];
	w->tree = tree;
	return true;
}

int wrap_text(struct wrapped *out, struct span text, const struct wrap_place *v, unsigned n,
	const struct schema_ref *refs, unsigned nrefs, unsigned server, struct arena *a,
	struct arena *scratch, const char **why)
{
	struct wrapping w = {.text = text,
		.places = v,
		.nplaces = n,
		.refs = refs,
		.nrefs = nrefs,
		.server = server,
		.a = scratch};
	bool ok = read_text(&w) && refs_stay(&w);

	*out = (struct wrapped){0};
	for (unsigned i = 0; ok && i < n; i++)
		ok = edit_place(&w, &v[i]);
	for (unsigned i = 0; ok && i < nrefs; i++)
		ok = edit_ref(&w, &refs[i]);
	ok = ok && !w.failed && apply(&w, a, out) && proved(&w, out->text);
	*why = w.why;
	if (w.failed)
		return -ENOMEM;
	return ok ? 0 : -EINVAL;
}

unsigned wrap_position(const struct wrapped *w, unsigned position)
{
	unsigned at = position ? position - 1 : 0;
	long shift = 0; /* of the wrapped text against the client's */

	for (unsigned i = 0; i < w->nedits; i++) {
		const struct wrap_edit *e = &w->edits[i];

		if ((long)at < (long)e->at + shift)
			break;
		if ((long)at < (long)e->at + shift + (long)e->put)
			return e->at + 1;
		shift += (long)e->put - (long)e->drop;
	}
	return (unsigned)((long)at - shift + 1);
}
