/* SPDX-License-Identifier: MIT */
#include "sql/lineage.h"

#include <string.h>
#include <strings.h>

static const char *word(const PgQuery__DefElem *d)
{
	return d->arg && d->arg->node_case == PG_QUERY__NODE__NODE_STRING ? d->arg->string->sval : "";
}

static bool utf8(const char *name)
{
	return !strcasecmp(name, "utf8") || !strcasecmp(name, "utf-8") || !strcasecmp(name, "unicode");
}

/* ---- how rows are written: what is not certain is odd, and only hinders where something is masked ---- */
static void odd(struct copy_options *o, const char *what)
{
	o->odd = o->odd ? o->odd : what;
}

static const char *text_of(struct lineage *l, const PgQuery__DefElem *d)
{
	const PgQuery__Node *n = d->arg;
	const char *s = NULL;

	if (n && n->node_case == PG_QUERY__NODE__NODE_STRING)
		return n->string->sval;
	if (n && n->node_case == PG_QUERY__NODE__NODE_INTEGER) {
		s = arena_printf(l->a, "%d", n->integer->ival);
		l->oom = l->oom || !s;
	}
	return s;
}

static void character(struct lineage *l, struct copy_options *o, const PgQuery__DefElem *d, char *out)
{
	const char *s = text_of(l, d);

	if (s && *s && !s[1])
		*out = *s;
	else
		odd(o, d->defname);
}

static void header(struct copy_options *o, const PgQuery__DefElem *d)
{
	static const char *const yes[] = {"true", "on"}, *const no[] = {"false", "off"};
	const PgQuery__Node *n = d->arg;
	int known = -1;

	if (!n)
		known = 1;
	else if (n->node_case == PG_QUERY__NODE__NODE_BOOLEAN)
		known = n->boolean->boolval;
	else if (n->node_case == PG_QUERY__NODE__NODE_INTEGER && (unsigned)n->integer->ival < 2)
		known = n->integer->ival;
	for (unsigned i = 0; n && n->node_case == PG_QUERY__NODE__NODE_STRING && i < 2; i++)
		known = !strcasecmp(n->string->sval, yes[i])  ? 1
			: !strcasecmp(n->string->sval, no[i]) ? 0
							      : known;
	if (known < 0)
		odd(o, d->defname);
	o->header = known > 0;
}

static void force_quote(struct lineage *l, struct copy_options *o, const PgQuery__DefElem *d)
{
	const PgQuery__Node *n = d->arg;

	if (n && n->node_case == PG_QUERY__NODE__NODE_A_STAR) {
		o->quote_all = true;
		return;
	}
	if (!n || n->node_case != PG_QUERY__NODE__NODE_LIST || n->list->n_items > LINEAGE_OUTPUTS_MAX) {
		odd(o, d->defname);
		return;
	}
	o->quoted = lineage_alloc(l, n->list->n_items, sizeof(*o->quoted));
	for (size_t i = 0; o->quoted && i < n->list->n_items; i++)
		o->quoted[o->nquoted++] = node_string(n->list->items[i]);
}

static void format(struct lineage *l, struct copy_options *o, const PgQuery__DefElem *d)
{
	o->binary = !strcmp(word(d), "binary");
	o->csv = !strcmp(word(d), "csv");
	if (!o->binary && !o->csv && strcmp(word(d), "text") != 0)
		lineage_odd(l, d->location, "this COPY format");
}

static void encoding(struct lineage *l, const PgQuery__DefElem *d)
{
	if (!utf8(word(d)))
		lineage_fail(l, "42501", -1, "COPY in another encoding than UTF8 is not allowed here");
}

static void option(struct lineage *l, struct copy_options *o, const PgQuery__DefElem *d, bool in)
{
	static const char *const of_in[] = {"force_not_null", "force_null", "freeze", "default", "on_error",
		"log_verbosity", "reject_limit"};
	const char *name = d->defname;

	if (!strcmp(name, "format"))
		format(l, o, d);
	else if (!strcmp(name, "encoding"))
		encoding(l, d);
	else if (!strcmp(name, "delimiter"))
		character(l, o, d, &o->delimiter);
	else if (!strcmp(name, "quote"))
		character(l, o, d, &o->quote);
	else if (!strcmp(name, "escape"))
		character(l, o, d, &o->escape);
	else if (!strcmp(name, "null"))
		o->null = text_of(l, d);
	else if (!strcmp(name, "header"))
		header(o, d);
	else if (!strcmp(name, "force_quote"))
		force_quote(l, o, d);
	else {
		for (unsigned i = 0; in && i < ARRAY_LEN(of_in); i++)
			if (!strcmp(of_in[i], name))
				return;
		lineage_odd(l, d->location, "this option of COPY");
	}
}

static void defaults(struct copy_options *o)
{
	if (!o->null)
		o->null = o->csv ? "" : "\\N";
	if (!o->delimiter)
		o->delimiter = o->csv ? ',' : '\t';
	if (!o->quote)
		o->quote = '"';
	if (!o->escape)
		o->escape = o->quote;
}

static bool line_end(char c)
{
	return c == '\n' || c == '\r';
}

/* Also what the server would refuse, if it did. */
static bool plain(const struct copy_options *o)
{
	if (line_end(o->delimiter) || strpbrk(o->null, "\r\n") || strchr(o->null, o->delimiter))
		return false;
	if (!o->csv)
		return !strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", o->delimiter);
	return !line_end(o->quote) && !line_end(o->escape) && o->quote != o->delimiter &&
	       o->escape != o->delimiter && !strchr(o->null, o->quote);
}

/* Text format has no quotes for a value that looks like NULL, but a backslash stands before some letters
 * only. */
static bool null_doubtful(const struct copy_options *o)
{
	for (const char *p = o->null; *p; p++)
		if (*p == '\\' && (!*++p || (!strchr("bfnrtv\\", *p) && *p != o->delimiter)))
			return false;
	return true;
}

/* NULL: stopped. An option that is given twice is the server's to refuse. */
static struct copy_options *options(struct lineage *l, const PgQuery__CopyStmt *c)
{
	struct copy_options *o = lineage_alloc(l, 1, sizeof(*o));
	bool null_given = false;

	if (!o)
		return NULL;
	for (size_t i = 0; i < c->n_options && !lineage_stopped(l); i++) {
		if (c->options[i]->node_case != PG_QUERY__NODE__NODE_DEF_ELEM) {
			lineage_odd(l, -1, "an option of COPY");
			continue;
		}
		null_given = null_given || !strcmp(c->options[i]->def_elem->defname, "null");
		option(l, o, c->options[i]->def_elem, c->is_from);
	}
	if (lineage_stopped(l))
		return NULL;
	if (null_given && !o->null)
		odd(o, "null");
	defaults(o);
	if (!o->binary && !plain(o))
		odd(o, "a delimiter, quote or escape that may be taken for something else");
	o->null_doubtful = !o->binary && !o->csv && null_doubtful(o);
	return o;
}

/* With row security the server copies a query of all columns, else all but the generated ones. */
static bool left_out(const struct relation *r, unsigned i, struct copy_options *o)
{
	if (!r->cols[i].generated)
		return false;
	if (r->row_security)
		odd(o, "its generated columns, which row security may add; name the columns");
	return true;
}

static void out_column(
	struct lineage *l, const struct relation *r, const char *name, struct taint t, struct outputs *o)
{
	const struct column *c = relation_column(r, name);

	outputs_add(l, o, name, t);
	if (c && !lineage_stopped(l))
		o->v[o->n - 1].own = (struct colref){r->oid, c->attnum};
}

static void out_columns(struct lineage *l, const PgQuery__CopyStmt *c, const struct item *it,
	struct copy_options *options, struct outputs *o)
{
	for (unsigned i = 0; c->n_attlist == 0 && i < item_ncols(it) && !lineage_stopped(l); i++)
		if (!left_out(it->rel, i, options))
			out_column(l, it->rel, item_name(it, i), item_taint(l, it, i), o);
	for (size_t i = 0; i < c->n_attlist && !lineage_stopped(l); i++) {
		const char *name = node_string(c->attlist[i]);
		struct taint t = {0};

		if (!relation_column(it->rel, name))
			lineage_fail_retry(l, "42703", -1, "column \"%s\" of relation \"%s\" does not exist",
				name, it->rel->name);
		else if (item_find(l, it, name, &t) == 1)
			out_column(l, it->rel, name, t, o);
	}
}

/* The rows of children come along only where row security makes a query of it, in older versions. */
static void copy_out(struct lineage *l, const PgQuery__CopyStmt *c, struct copy_options *options)
{
	struct namespace_ ns = {0};
	struct scope sc = {0};
	struct outputs o = {0};
	PgQuery__Node n = PG_QUERY__NODE__INIT;
	struct mention *named;
	struct item *it;

	l->s->kind = STATEMENT_COPY_OUT;
	n.node_case = PG_QUERY__NODE__NODE_RANGE_VAR;
	n.range_var = c->relation;
	it = from_item(l, &sc, &n, &ns);
	named = lineage_mention(l, c->relation->location);
	if (named) {
		named->copied = true;
		named->listed = c->n_attlist > 0;
	}
	/* the server says so itself, where it may say anything */
	if (it && it->rel && !strchr("rpmf", it->rel->kind) && !l->names->unfollowed)
		lineage_fail(l, "42809", c->relation->location, "cannot copy from \"%s\": it is not a table",
			it->rel->name);
	if (it && it->rel) {
		it->only = it->rel->kind == 'r' && !it->rel->row_security;
		out_columns(l, c, it, options, &o);
	}
	lineage_finish(l, &o, false);
}

static void copy_query(struct lineage *l, const PgQuery__CopyStmt *c)
{
	l->s->kind = STATEMENT_COPY_OUT;
	l->s->inner = statement_inner(l, c->query);
	lineage_finish(l, NULL, false);
	if (lineage_stopped(l))
		return;
	if ((!l->s->inner->rows && !l->names->unfollowed) || l->s->inner->open) {
		lineage_odd(l, -1, "COPY of this");
		return;
	}
	l->s->outputs = l->s->inner->outputs;
	l->s->noutputs = l->s->inner->noutputs;
}

static void copy_in(struct lineage *l, const PgQuery__CopyStmt *c)
{
	struct scope sc = {0};
	const struct relation *r;
	struct item *it;

	l->s->kind = STATEMENT_COPY_IN;
	r = dml_target(l, c->relation, true);
	if (!r)
		return;
	for (size_t i = 0; i < c->n_attlist && !lineage_stopped(l); i++)
		dml_assign(l, r, node_string(c->attlist[i]), -1, 0);
	for (unsigned i = 0; c->n_attlist == 0 && i < r->ncols && !lineage_stopped(l); i++)
		dml_assign(l, r, r->cols[i].name, -1, 0);
	fallback_copy(l, r, c);
	it = item_of_relation(l, c->relation, r);
	if (it && c->where_clause) {
		namespace_add(l, &sc.ns, (struct visible){it, true, true, false});
		predicate(l, &sc, c->where_clause, "WHERE");
	}
}

void utility_copy(struct lineage *l, const PgQuery__CopyStmt *c)
{
	struct copy_options *o;

	l->s->tag = "COPY";
	if (c->is_program || *c->filename) {
		lineage_fail(
			l, "42501", -1, "COPY with a file or a program on the server is not allowed here");
		return;
	}
	o = options(l, c);
	if (!o)
		return;
	l->s->binary = o->binary;
	l->s->copy = c->is_from ? NULL : o;
	if (c->query && !c->is_from)
		copy_query(l, c);
	else if (c->relation && c->is_from)
		copy_in(l, c);
	else if (c->relation)
		copy_out(l, c, o);
	else
		lineage_odd(l, -1, "this COPY");
}
