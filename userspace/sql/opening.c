/* SPDX-License-Identifier: MIT */
/* The tree says which places are open, by their positions, and the tokens what stands there. Where the two do
 * not say the same nothing is open. The server reads a constant's type from its token: an integer that is too
 * long for an int4 is an int8, one that is longer a numeric, and each can be another operator or function. So
 * a place is open for its own kind of token only, and a sign belongs to the shape. */
#include "sql/opening.h"

#include <errno.h>
#include <string.h>
#include "pg_query/pg_query.pb-c.h"
#include "sql/analyze.h"
#include "sql/parse.h"

#define PARAMS_MAX    256
#define BIGINT_DIGITS 18 /* that are an int8, whatever they are */
#define PARAM_KIND    "value of its type"

struct finding {
	int at[OPENINGS_MAX]; /* constants, or the minus before one */
	unsigned nat;
	unsigned all[PARAMS_MAX + 1], open[PARAMS_MAX + 1]; /* how often each parameter is there */
	unsigned last;                                      /* the highest parameter */
	bool too_many;
};

/* ---- the tree ---- */

/* A type whose values are values, by the name that the grammar has for it or by its own. */
static bool plain_type(const PgQuery__TypeName *t)
{
	static const char *const names[] = {"int2", "int4", "int8", "float4", "float8", "numeric", "text",
		"varchar", "bpchar", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "uuid",
		"bool", "bytea", "inet"};
	const PgQuery__Node *last = t && t->n_names ? t->names[t->n_names - 1] : NULL;

	if (!last || last->node_case != PG_QUERY__NODE__NODE_STRING || t->n_array_bounds || t->setof ||
		t->n_names > 2)
		return false;
	if (t->n_names == 2 && (t->names[0]->node_case != PG_QUERY__NODE__NODE_STRING ||
				       strcmp(t->names[0]->string->sval, "pg_catalog") != 0))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(last->string->sval, names[i]) == 0)
			return true;
	return false;
}

static void open_at(struct finding *f, const PgQuery__Node *n)
{
	if (n && n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) {
		if (!plain_type(n->type_cast->type_name))
			return;
		n = n->type_cast->arg;
	}
	if (!n)
		return;
	if (n->node_case == PG_QUERY__NODE__NODE_PARAM_REF) {
		if (n->param_ref->number > 0 && n->param_ref->number <= PARAMS_MAX)
			f->open[n->param_ref->number]++;
		return;
	}
	if (n->node_case != PG_QUERY__NODE__NODE_A_CONST || n->a_const->isnull)
		return;
	if (f->nat < OPENINGS_MAX)
		f->at[f->nat++] = n->a_const->location;
	else
		f->too_many = true;
}

static bool is_column(const PgQuery__Node *n)
{
	return n && n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
}

static bool named_equals(const PgQuery__AExpr *e)
{
	return e->n_name == 1 && e->name[0]->node_case == PG_QUERY__NODE__NODE_STRING &&
	       strcmp(e->name[0]->string->sval, "=") == 0;
}

static void query(struct finding *f, const PgQuery__Node *n);

/* EXISTS (…), column IN (…). */
static void subquery(struct finding *f, const PgQuery__SubLink *l)
{
	bool any = l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK && !l->n_oper_name;

	if (any || l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK)
		query(f, l->subselect);
}

static void compared(struct finding *f, const PgQuery__AExpr *e)
{
	if (!named_equals(e))
		return;
	if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_OP) {
		if (is_column(e->lexpr))
			open_at(f, e->rexpr);
		else if (is_column(e->rexpr))
			open_at(f, e->lexpr);
	} else if (e->kind == PG_QUERY__A__EXPR__KIND__AEXPR_IN && is_column(e->lexpr) && e->rexpr &&
		   e->rexpr->node_case == PG_QUERY__NODE__NODE_LIST) {
		for (size_t i = 0; i < e->rexpr->list->n_items; i++)
			open_at(f, e->rexpr->list->items[i]);
	}
}

/* A condition that lets rows through: what NOT turns round would be open for all the others. */
static void condition(struct finding *f, const PgQuery__Node *n)
{
	if (!n)
		return;
	if (n->node_case == PG_QUERY__NODE__NODE_A_EXPR)
		compared(f, n->a_expr);
	else if (n->node_case == PG_QUERY__NODE__NODE_SUB_LINK)
		subquery(f, n->sub_link);
	else if (n->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR &&
		 n->bool_expr->boolop != PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR)
		for (size_t i = 0; i < n->bool_expr->n_args; i++)
			condition(f, n->bool_expr->args[i]);
}

static void source(struct finding *f, const PgQuery__Node *n)
{
	if (n && n->node_case == PG_QUERY__NODE__NODE_RANGE_SUBSELECT) {
		query(f, n->range_subselect->subquery);
	} else if (n && n->node_case == PG_QUERY__NODE__NODE_JOIN_EXPR) {
		source(f, n->join_expr->larg);
		source(f, n->join_expr->rarg);
		condition(f, n->join_expr->quals);
	}
}

static void sources(struct finding *f, PgQuery__Node *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		source(f, v[i]);
}

/* How often one runs that refers to itself would be decided by what it begins with. */
static void with(struct finding *f, const PgQuery__WithClause *w)
{
	for (size_t i = 0; w && !w->recursive && i < w->n_ctes; i++)
		if (w->ctes[i]->node_case == PG_QUERY__NODE__NODE_COMMON_TABLE_EXPR)
			query(f, w->ctes[i]->common_table_expr->ctequery);
}

static void selected(struct finding *f, const PgQuery__SelectStmt *s)
{
	for (; s; s = s->rarg) {
		with(f, s->with_clause);
		sources(f, s->from_clause, s->n_from_clause);
		condition(f, s->where_clause);
		selected(f, s->larg);
	}
}

/* SET column = … */
static void assigned(struct finding *f, PgQuery__Node *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i]->node_case == PG_QUERY__NODE__NODE_RES_TARGET && !v[i]->res_target->n_indirection)
			open_at(f, v[i]->res_target->val);
}

static void inserted(struct finding *f, const PgQuery__InsertStmt *s)
{
	const PgQuery__SelectStmt *from =
		s->select_stmt && s->select_stmt->node_case == PG_QUERY__NODE__NODE_SELECT_STMT
			? s->select_stmt->select_stmt
			: NULL;

	with(f, s->with_clause);
	for (size_t i = 0; from && i < from->n_values_lists; i++)
		if (from->values_lists[i]->node_case == PG_QUERY__NODE__NODE_LIST)
			for (size_t k = 0; k < from->values_lists[i]->list->n_items; k++)
				open_at(f, from->values_lists[i]->list->items[k]);
	if (from && !from->n_values_lists)
		selected(f, from);
	if (s->on_conflict_clause) {
		condition(f, s->on_conflict_clause->where_clause);
		assigned(f, s->on_conflict_clause->target_list, s->on_conflict_clause->n_target_list);
	}
}

/* What is computed (a list of results, an argument, a LIMIT) is not looked into: a constant in there may
 * decide how much. */
static void query(struct finding *f, const PgQuery__Node *n)
{
	if (!n)
		return;
	if (n->node_case == PG_QUERY__NODE__NODE_SELECT_STMT) {
		selected(f, n->select_stmt);
	} else if (n->node_case == PG_QUERY__NODE__NODE_INSERT_STMT) {
		inserted(f, n->insert_stmt);
	} else if (n->node_case == PG_QUERY__NODE__NODE_UPDATE_STMT) {
		with(f, n->update_stmt->with_clause);
		sources(f, n->update_stmt->from_clause, n->update_stmt->n_from_clause);
		condition(f, n->update_stmt->where_clause);
		assigned(f, n->update_stmt->target_list, n->update_stmt->n_target_list);
	} else if (n->node_case == PG_QUERY__NODE__NODE_DELETE_STMT) {
		with(f, n->delete_stmt->with_clause);
		sources(f, n->delete_stmt->using_clause, n->delete_stmt->n_using_clause);
		condition(f, n->delete_stmt->where_clause);
	}
}

/* ---- parameters, wherever they are ---- */

static void count_param(struct finding *f, int number)
{
	if (number < 1 || number > PARAMS_MAX) {
		f->too_many = true;
		return;
	}
	f->all[number]++;
	if ((unsigned)number > f->last)
		f->last = (unsigned)number;
}

static void walk(struct finding *f, const ProtobufCMessage *m);

static void walk_field(struct finding *f, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *d)
{
	const uint8_t *at = (const uint8_t *)m + d->offset;

	if (d->type != PROTOBUF_C_TYPE_MESSAGE)
		return;
	if (d->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = *(const size_t *)((const uint8_t *)m + d->quantifier_offset);
		ProtobufCMessage *const *v = *(ProtobufCMessage *const *const *)at;

		for (size_t i = 0; i < n; i++)
			walk(f, v[i]);
		return;
	}
	if (!(d->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
		*(const uint32_t *)((const uint8_t *)m + d->quantifier_offset) == d->id)
		walk(f, *(ProtobufCMessage *const *)at);
}

/* No deeper than the parser let it be. */
static void walk(struct finding *f, const ProtobufCMessage *m)
{
	if (!m)
		return;
	if (m->descriptor == &pg_query__param_ref__descriptor)
		count_param(f, ((const PgQuery__ParamRef *)(const void *)m)->number);
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		walk_field(f, m, &m->descriptor->fields[i]);
}

static bool has_shape(const PgQuery__Node *n)
{
	return n && (n->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ||
			    n->node_case == PG_QUERY__NODE__NODE_INSERT_STMT ||
			    n->node_case == PG_QUERY__NODE__NODE_UPDATE_STMT ||
			    n->node_case == PG_QUERY__NODE__NODE_DELETE_STMT);
}

/* ---- the tokens ---- */

struct writing {
	struct span text;
	struct arena *a;
	char *shown;   /* at most as long as the text and twelve bytes for each place */
	uint8_t *form; /* five bytes and itself for each token */
	size_t nshown, nform, done;
	struct opening *v;
	unsigned n, next;
};

static bool all_of(struct span s, const char *set)
{
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(set, s.p[i]))
			return false;
	return s.n > 0;
}

/* What another token must be, too, to stand in this one's place. NULL: it keeps its value. */
static const char *kind_of(const PgQuery__ScanToken *t, struct span token, bool minus)
{
	bool digits = all_of(token, "0123456789");

	switch ((int)t->token) {
	case PG_QUERY__TOKEN__ICONST: return digits ? "integer" : NULL;
	case PG_QUERY__TOKEN__FCONST:
		/* 2147483648 is one more than the least int4, which it is behind a minus */
		if (digits)
			return token.n <= BIGINT_DIGITS && !minus ? "bigint" : NULL;
		return all_of(token, "0123456789.eE+-") ? "number" : NULL;
	case PG_QUERY__TOKEN__SCONST: return token.n > 1 && token.p[0] == '\'' ? "text" : NULL;
	default: return NULL;
	}
}

static bool found_at(const struct finding *f, int at)
{
	for (unsigned i = 0; i < f->nat; i++)
		if (f->at[i] == at)
			return true;
	return false;
}

static void form_add(struct writing *w, uint8_t tag, struct span s, bool lower)
{
	uint8_t *p = w->form + w->nform;

	p[0] = tag;
	for (int i = 0; i < 4; i++)
		p[1 + i] = (uint8_t)(s.n >> (8 * i));
	for (size_t i = 0; i < s.n; i++)
		p[5 + i] = lower && s.p[i] >= 'A' && s.p[i] <= 'Z' ? (uint8_t)(s.p[i] - 'A' + 'a') : s.p[i];
	w->nform += 5 + s.n;
}

/* The text up to there. */
static void show_to(struct writing *w, size_t at)
{
	memcpy(w->shown + w->nshown, w->text.p + w->done, at - w->done);
	w->nshown += at - w->done;
	w->done = at;
}

static bool show_opening(struct writing *w, struct span token, const char *kind)
{
	const char *s = arena_printf(w->a, "$%u", w->next);
	size_t at = (size_t)(token.p - w->text.p), n = s ? strlen(s) : 0;

	if (!s)
		return false;
	show_to(w, at);
	memcpy(w->shown + w->nshown, s, n);
	w->nshown += n;
	w->done = at + token.n;
	w->v[w->n++] = (struct opening){.number = w->next++, .kind = kind, .token = token};
	return true;
}

static bool is_constant(const PgQuery__ScanToken *t)
{
	return t->token == PG_QUERY__TOKEN__SCONST || t->token == PG_QUERY__TOKEN__USCONST ||
	       t->token == PG_QUERY__TOKEN__BCONST || t->token == PG_QUERY__TOKEN__XCONST ||
	       t->token == PG_QUERY__TOKEN__ICONST || t->token == PG_QUERY__TOKEN__FCONST;
}

/* What no planner's extension takes for a hint. */
static bool is_comment(const PgQuery__ScanToken *t, struct span token)
{
	return (t->token == PG_QUERY__TOKEN__SQL_COMMENT || t->token == PG_QUERY__TOKEN__C_COMMENT) &&
	       !(token.n > 2 && token.p[2] == '+');
}

static bool write_token(struct writing *w, const struct finding *f, const PgQuery__ScanToken *t,
	const PgQuery__ScanToken *before)
{
	struct span token = span_of(w->text.p + t->start, (size_t)(t->end - t->start));
	bool minus = before && w->text.p[before->start] == '-' && before->end - before->start == 1 &&
		     found_at(f, before->start);
	bool open = is_constant(t) && (minus || found_at(f, t->start));
	const char *kind = open ? kind_of(t, token, minus) : NULL;

	if (is_comment(t, token)) {
		show_to(w, (size_t)t->start);
		w->done = (size_t)t->end;
		w->shown[w->nshown++] = ' ';
		return true;
	}
	if (!kind) {
		form_add(w, 't', token, !is_constant(t) && !memchr(token.p, '"', token.n));
		return true;
	}
	form_add(w, 'o', span_of(kind, strlen(kind)), false);
	return w->n < OPENINGS_MAX && show_opening(w, token, kind);
}

static bool within(const PgQuery__ScanResult *scan, size_t n)
{
	int before = 0;

	for (size_t i = 0; i < scan->n_tokens; i++) {
		const PgQuery__ScanToken *t = scan->tokens[i];

		if (t->start < before || t->end <= t->start || (size_t)t->end > n)
			return false;
		before = t->end;
	}
	return true;
}

static int write_all(struct writing *w, const struct finding *f, const PgQuery__ScanResult *scan)
{
	const PgQuery__ScanToken *before = NULL;
	size_t n = scan->n_tokens;

	while (n && w->text.p[scan->tokens[n - 1]->start] == ';')
		n--;
	for (size_t i = 0; i < n; i++) {
		const PgQuery__ScanToken *t = scan->tokens[i];

		if (!write_token(w, f, t, before))
			return -ENOMEM;
		if (!is_comment(t, span_of(w->text.p + t->start, (size_t)(t->end - t->start))))
			before = t;
	}
	show_to(w, n < scan->n_tokens ? (size_t)scan->tokens[n]->start : w->text.n);
	w->shown[w->nshown] = '\0';
	return 0;
}

static void add_params(struct writing *w, const struct finding *f)
{
	for (unsigned i = 1; i <= f->last && w->n < OPENINGS_MAX; i++)
		if (f->open[i] && f->open[i] == f->all[i])
			w->v[w->n++] = (struct opening){.number = i, .param = true, .kind = PARAM_KIND};
}

static int write_shape(struct openings *out, const struct finding *f, struct span text, struct arena *a)
{
	const PgQuery__ScanResult *scan = parse_tokens(text, a);
	struct writing w = {.text = text, .a = a, .next = f->last + 1};
	int r;

	if (!scan || !within(scan, text.n))
		return -ENOMEM;
	w.v = arena_array(a, OPENINGS_MAX, sizeof(*w.v));
	w.shown = arena_alloc(a, text.n + 12ul * OPENINGS_MAX + scan->n_tokens + 1);
	w.form = arena_alloc(a, text.n + 16 * scan->n_tokens + 1);
	if (!w.v || !w.shown || !w.form)
		return -ENOMEM;
	add_params(&w, f);
	r = write_all(&w, f, scan);
	*out = (struct openings){w.shown, span_of(w.form, w.nform), w.v, w.n};
	return r;
}

int openings_of(struct openings *out, struct span text, struct arena *a, const char **why)
{
	struct finding *f = arena_alloc(a, sizeof(*f));
	PgQuery__ParseResult *tree;
	struct err e = {0};
	int position, r;

	*out = (struct openings){0};
	*why = "";
	if (!f)
		return -ENOMEM;
	*f = (struct finding){0};
	r = parse(text, 0, a, &tree, &position, &e);
	*why = "it cannot be taken apart";
	if (r)
		return r == -ENOMEM ? r : -EINVAL;
	*why = "it is not one SELECT, INSERT, UPDATE or DELETE";
	if (tree->n_stmts != 1 || !has_shape(tree->stmts[0]->stmt))
		return -EINVAL;
	walk(f, (const ProtobufCMessage *)tree->stmts[0]->stmt);
	query(f, tree->stmts[0]->stmt);
	*why = "too many constants or parameters are in it";
	if (f->too_many || f->nat + f->last > OPENINGS_MAX)
		return -EINVAL;
	r = write_shape(out, f, text, a);
	*why = "no constant of it is put into a column, or compared with one by = or IN";
	return r ? r : out->n ? 0 : -EINVAL;
}

bool openings_param(const struct openings *o, unsigned number)
{
	for (unsigned i = 0; i < o->n; i++)
		if (o->v[i].param && o->v[i].number == number)
			return true;
	return false;
}
