/* SPDX-License-Identifier: MIT */
#include "sql/filter.h"

#include <errno.h>
#include <string.h>

#include "pg_query/pg_query.pb-c.h"
#include "sql/filter_fit.h"
#include "sql/lineage.h"
#include "sql/parse.h"

#define OPENS     "SELECT (\n"
#define DEPTH_MAX 100
#define SQL_MAX   ((size_t)65536)

struct filter {
	const char *sql;
	struct filter_check *checks;
	unsigned nchecks;
	const char **columns;
	unsigned ncolumns;
};

struct reader {
	struct arena *a;
	struct filter *f;
	char *sql;
	size_t n, cap;
	unsigned checks_cap, columns_cap, depth;
	bool failed;     /* out of memory */
	const char *why; /* the first thing that is wrong */
	int location;
};

static void condition(struct reader *r, const PgQuery__Node *n);

static void wrong(struct reader *r, int location, const char *why)
{
	if (r->why)
		return;
	r->why = why;
	r->location = location;
}

static bool stopped(const struct reader *r)
{
	return r->failed || r->why;
}

static void say(struct reader *r, const char *s)
{
	size_t n = strlen(s);

	if (stopped(r))
		return;
	if (r->n + n + 1 > r->cap) {
		size_t cap = 2 * (r->n + n + 1);
		char *p = cap > SQL_MAX ? NULL : arena_alloc(r->a, cap);

		if (!p) {
			r->failed = cap <= SQL_MAX;
			wrong(r, -1, "the condition is too long");
			return;
		}
		memcpy(p, r->sql ? r->sql : "", r->n);
		r->sql = p;
		r->cap = cap;
	}
	memcpy(r->sql + r->n, s, n + 1);
	r->n += n;
}

static void say_quoted(struct reader *r, const char *s, char quote)
{
	char one[3] = {quote, 0, 0};

	say(r, one);
	for (; *s; s++) {
		one[0] = *s;
		one[1] = *s == quote ? quote : 0;
		say(r, one);
		one[1] = 0;
	}
	one[0] = quote;
	say(r, one);
}

static void add_check(struct reader *r, struct filter_check c)
{
	struct filter *f = r->f;

	if (f->nchecks == r->checks_cap) {
		unsigned cap = r->checks_cap ? 2 * r->checks_cap : 8;
		struct filter_check *v = arena_array(r->a, cap, sizeof(*v));

		r->failed = r->failed || !v;
		if (!v)
			return;
		if (f->nchecks)
			memcpy(v, f->checks, f->nchecks * sizeof(*v));
		f->checks = v;
		r->checks_cap = cap;
	}
	f->checks[f->nchecks++] = c;
}

static void add_column(struct reader *r, const char *name)
{
	struct filter *f = r->f;

	for (unsigned i = 0; i < f->ncolumns; i++)
		if (!strcmp(f->columns[i], name))
			return;
	if (f->ncolumns == r->columns_cap) {
		unsigned cap = r->columns_cap ? 2 * r->columns_cap : 8;
		const char **v = arena_array(r->a, cap, sizeof(*v));

		r->failed = r->failed || !v;
		if (!v)
			return;
		if (f->ncolumns)
			memcpy(v, f->columns, f->ncolumns * sizeof(*v));
		f->columns = v;
		r->columns_cap = cap;
	}
	f->columns[f->ncolumns++] = name;
}

/* ---- operands ---- */
enum operand_kind { OPERAND_COLUMN, OPERAND_CONSTANT, OPERAND_USER };
struct operand {
	enum operand_kind kind;
	const char *column, *call; /* call: lower(), upper(), btrim() of it; NULL: as it is */
	struct filter_constant constant;
	const char *user;
	int location;
};

/* NULL: something else. */
static const char *column_of(struct reader *r, const PgQuery__Node *n)
{
	const PgQuery__ColumnRef *c = n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF ? n->column_ref : NULL;
	const char *name;

	if (!c)
		return NULL;
	if (c->n_fields != 1 || c->fields[0]->node_case != PG_QUERY__NODE__NODE_STRING) {
		wrong(r, c->location, "columns are named without a relation or a schema");
		return NULL;
	}
	name = arena_strdup(r->a, node_string(c->fields[0]));
	r->failed = r->failed || !name;
	if (name)
		add_column(r, name);
	return name;
}

static bool constant_of(struct reader *r, const PgQuery__AConst *c, struct filter_constant *out)
{
	const char *text = "";

	if (c->isnull) {
		wrong(r, c->location, "a comparison with NULL is never true: write IS NULL");
		return false;
	}
	switch ((int)c->val_case) {
	case PG_QUERY__A__CONST__VAL_SVAL:
		out->kind = CONSTANT_STRING;
		text = c->sval->sval;
		break;
	case PG_QUERY__A__CONST__VAL_FVAL:
		out->kind = CONSTANT_NUMBER;
		text = c->fval->fval;
		break;
	case PG_QUERY__A__CONST__VAL_IVAL:
		out->kind = CONSTANT_INTEGER;
		out->text = arena_printf(r->a, "%d", c->ival->ival);
		r->failed = r->failed || !out->text;
		return !r->failed;
	case PG_QUERY__A__CONST__VAL_BOOLVAL:
		out->kind = CONSTANT_BOOL;
		text = c->boolval->boolval ? "true" : "false";
		break;
	default: wrong(r, c->location, "bit strings are not supported"); return false;
	}
	out->text = arena_strdup(r->a, text);
	r->failed = r->failed || !out->text;
	return !r->failed;
}

static bool cast_of(struct reader *r, const PgQuery__TypeCast *t, struct operand *out)
{
	const PgQuery__TypeName *name = t->type_name;
	const char *type = name && name->n_names ? node_string(name->names[name->n_names - 1]) : "";

	if (!t->arg || t->arg->node_case != PG_QUERY__NODE__NODE_A_CONST) {
		wrong(r, t->location,
			"only constants can be cast: what a cast of a column gives may fail, or hang on "
			"the session's settings");
		return false;
	}
	if (!name || name->n_array_bounds || name->n_typmods || name->setof || name->n_names > 2 ||
		(name->n_names == 2 && strcmp(node_string(name->names[0]), "pg_catalog") != 0)) {
		wrong(r, t->location, "this type is not supported");
		return false;
	}
	out->kind = OPERAND_CONSTANT;
	if (!constant_of(r, t->arg->a_const, &out->constant))
		return false;
	out->constant.type = arena_strdup(r->a, type);
	r->failed = r->failed || !out->constant.type;
	return !r->failed;
}

static bool call_of(struct reader *r, const PgQuery__FuncCall *f, struct operand *out)
{
	static const char *const calls[] = {"lower", "upper", "btrim"};
	const char *name = f->n_funcname ? node_string(f->funcname[f->n_funcname - 1]) : "";

	if (f->n_funcname > 2 ||
		(f->n_funcname == 2 && strcmp(node_string(f->funcname[0]), "pg_catalog") != 0))
		name = "";
	for (unsigned i = 0; i < ARRAY_LEN(calls); i++)
		if (!strcmp(calls[i], name))
			out->call = calls[i];
	if (!out->call || f->n_args != 1 || f->n_agg_order || f->agg_filter || f->over || f->agg_star ||
		f->agg_distinct || f->func_variadic || f->agg_within_group) {
		wrong(r, f->location,
			"this function is not supported: lower(), upper() and btrim() of a column are");
		return false;
	}
	out->kind = OPERAND_COLUMN;
	out->column = column_of(r, f->args[0]);
	if (!out->column)
		wrong(r, f->location, "the argument of a function must be a column");
	return out->column != NULL;
}

/* Who the session is, a masked caller cannot change. */
static bool user_of(struct reader *r, const PgQuery__SQLValueFunction *v, struct operand *out)
{
	out->kind = OPERAND_USER;
	switch ((int)v->op) {
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_ROLE:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_CURRENT_USER:
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_USER: out->user = "CURRENT_USER"; return true;
	case PG_QUERY__SQLVALUE_FUNCTION_OP__SVFOP_SESSION_USER: out->user = "SESSION_USER"; return true;
	default:
		wrong(r, v->location,
			"the time, and what else hangs on the session's settings, is not supported");
		return false;
	}
}

static bool operand_of(struct reader *r, const PgQuery__Node *n, struct operand *out)
{
	*out = (struct operand){.location = -1};
	if (!n || stopped(r))
		return false;
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		out->column = column_of(r, n);
		out->location = n->column_ref->location;
		return out->column != NULL;
	case PG_QUERY__NODE__NODE_A_CONST:
		out->kind = OPERAND_CONSTANT;
		out->location = n->a_const->location;
		return constant_of(r, n->a_const, &out->constant);
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		out->location = n->type_cast->location;
		return cast_of(r, n->type_cast, out);
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		out->location = n->func_call->location;
		return call_of(r, n->func_call, out);
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
		out->location = n->sqlvalue_function->location;
		return user_of(r, n->sqlvalue_function, out);
	case PG_QUERY__NODE__NODE_PARAM_REF: wrong(r, -1, "parameters have no value here"); return false;
	case PG_QUERY__NODE__NODE_SUB_LINK: wrong(r, -1, "subqueries are not supported"); return false;
	default:
		wrong(r, -1,
			"an operand is a column, lower(), upper() or btrim() of one, a constant, or "
			"CURRENT_USER");
		return false;
	}
}

static void say_column(struct reader *r, const char *name)
{
	say(r, FILTER_ALIAS ".");
	say_quoted(r, name, '"');
}

static void say_operand(struct reader *r, const struct operand *o)
{
	switch (o->kind) {
	case OPERAND_COLUMN:
		if (o->call) {
			say(r, "pg_catalog.");
			say(r, o->call);
			say(r, "(");
		}
		say_column(r, o->column);
		say(r, o->call ? ")" : "");
		break;
	case OPERAND_USER:
		say(r, o->user);
		say(r, "::pg_catalog.text");
		break;
	case OPERAND_CONSTANT:
		if (o->constant.kind == CONSTANT_STRING) {
			say_quoted(r, o->constant.text, '\'');
		} else {
			say(r, "(");
			say(r, o->constant.text);
			say(r, ")");
		}
		break;
	}
}

/* ---- conditions ---- */
static void check_pair(struct reader *r, const struct operand *x, const struct operand *y, bool text)
{
	const struct operand *c = x->kind == OPERAND_COLUMN ? x : y, *o = c == x ? y : x;
	struct filter_check check = {.column = c->column, .call = c->call != NULL};

	if (c->kind != OPERAND_COLUMN) {
		wrong(r, x->location, "a comparison needs a column on one side");
		return;
	}
	switch (o->kind) {
	case OPERAND_COLUMN:
		check.kind = CHECK_COLUMNS;
		check.other = o->column;
		check.other_call = o->call != NULL;
		break;
	case OPERAND_USER: check.kind = CHECK_TEXT; break;
	case OPERAND_CONSTANT:
		check.kind = text ? CHECK_TEXT : CHECK_CONSTANT;
		check.constant = o->constant;
		break;
	}
	add_check(r, check);
}

static void compare(
	struct reader *r, const struct operand *x, const char *op, const struct operand *y, bool text)
{
	check_pair(r, x, y, text);
	say(r, "(");
	say_operand(r, x);
	say(r, " OPERATOR(pg_catalog.");
	say(r, op);
	say(r, ") ");
	say_operand(r, y);
	say(r, ")");
}

static const char *operator_of(
	struct reader *r, const PgQuery__AExpr *e, const char *const *known, unsigned n)
{
	const char *name = e->n_name ? node_string(e->name[e->n_name - 1]) : "";

	if (e->n_name > 2 || (e->n_name == 2 && strcmp(node_string(e->name[0]), "pg_catalog") != 0))
		name = "";
	for (unsigned i = 0; i < n; i++)
		if (!strcmp(known[i], name))
			return known[i];
	wrong(r, e->location,
		"this operator is not supported: =, <>, <, <=, >, >=, LIKE, ILIKE, IN, BETWEEN, IS NULL, "
		"IS DISTINCT FROM, AND, OR and NOT are");
	return NULL;
}

static void in_list(struct reader *r, const PgQuery__AExpr *e)
{
	static const char *const known[] = {"=", "<>"};
	const char *op = operator_of(r, e, known, ARRAY_LEN(known));
	const PgQuery__List *list =
		e->rexpr && e->rexpr->node_case == PG_QUERY__NODE__NODE_LIST ? e->rexpr->list : NULL;
	struct operand x, y;

	if (!op || !operand_of(r, e->lexpr, &x))
		return;
	if (!list || !list->n_items) {
		wrong(r, e->location, "IN needs a list of constants");
		return;
	}
	say(r, "(");
	for (size_t i = 0; i < list->n_items && operand_of(r, list->items[i], &y); i++) {
		say(r, !i ? "" : *op == '=' ? " OR " : " AND ");
		compare(r, &x, op, &y, false);
	}
	say(r, ")");
}

static void between(struct reader *r, const PgQuery__AExpr *e, bool not )
{
	const PgQuery__List *list =
		e->rexpr && e->rexpr->node_case == PG_QUERY__NODE__NODE_LIST ? e->rexpr->list : NULL;
	struct operand x, low, high;

	if (!list || list->n_items != 2) {
		wrong(r, e->location, "BETWEEN needs two constants");
		return;
	}
	if (!operand_of(r, e->lexpr, &x) || !operand_of(r, list->items[0], &low) ||
		!operand_of(r, list->items[1], &high))
		return;
	say(r, "(");
	compare(r, &x, not ? "<" : ">=", &low, false);
	say(r, not ? " OR " : " AND ");
	compare(r, &x, not ? ">" : "<=", &high, false);
	say(r, ")");
}

static void like(struct reader *r, const PgQuery__AExpr *e, const char *const *known)
{
	const char *op = operator_of(r, e, known, 2), *p;
	struct operand x, y;
	unsigned slashes = 0;

	if (!op || !operand_of(r, e->lexpr, &x) || !operand_of(r, e->rexpr, &y))
		return;
	if (x.kind != OPERAND_COLUMN || y.kind != OPERAND_CONSTANT || y.constant.kind != CONSTANT_STRING) {
		wrong(r, e->location, "LIKE needs a column on its left and a constant on its right");
		return;
	}
	for (p = y.constant.text + strlen(y.constant.text); p > y.constant.text && p[-1] == '\\'; p--)
		slashes++;
	if (slashes % 2)
		wrong(r, e->location, "the pattern ends in a backslash, on which LIKE fails");
	compare(r, &x, op, &y, true);
}

/* IS DISTINCT FROM looks for = along the search_path, and cannot be told where. */
static void distinct(struct reader *r, const PgQuery__AExpr *e, bool not )
{
	struct operand x, y;

	if (!operand_of(r, e->lexpr, &x) || !operand_of(r, e->rexpr, &y))
		return;
	if (x.kind == OPERAND_COLUMN && y.kind == OPERAND_COLUMN) {
		wrong(r, e->location, "IS DISTINCT FROM needs a constant on one side");
		return;
	}
	say(r, "(");
	compare(r, &x, "=", &y, false);
	say(r, not ? " IS TRUE)" : " IS NOT TRUE)");
}

static void expression(struct reader *r, const PgQuery__AExpr *e)
{
	static const char *const comparisons[] = {"=", "<>", "<", "<=", ">", ">="};
	static const char *const likes[] = {"~~", "!~~"}, *const ilikes[] = {"~~*", "!~~*"};
	struct operand x, y;
	const char *op;

	switch ((int)e->kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
		op = operator_of(r, e, comparisons, ARRAY_LEN(comparisons));
		if (op && operand_of(r, e->lexpr, &x) && operand_of(r, e->rexpr, &y))
			compare(r, &x, op, &y, false);
		else
			wrong(r, e->location, "a comparison needs two operands");
		break;
	case PG_QUERY__A__EXPR__KIND__AEXPR_IN: in_list(r, e); break;
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN: between(r, e, false); break;
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN: between(r, e, true); break;
	case PG_QUERY__A__EXPR__KIND__AEXPR_LIKE: like(r, e, likes); break;
	case PG_QUERY__A__EXPR__KIND__AEXPR_ILIKE: like(r, e, ilikes); break;
	case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT: distinct(r, e, false); break;
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT: distinct(r, e, true); break;
	default: (void)operator_of(r, e, NULL, 0); break;
	}
}

static void bool_expr(struct reader *r, const PgQuery__BoolExpr *b)
{
	const char *between_args = b->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR  ? " AND "
				   : b->boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR ? " OR "
										    : NULL;

	say(r, between_args ? "(" : "(NOT ");
	if (!between_args && (b->boolop != PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR || b->n_args != 1))
		wrong(r, b->location, "this condition is not understood");
	for (size_t i = 0; i < b->n_args && !stopped(r); i++) {
		say(r, i ? between_args : "");
		condition(r, b->args[i]);
	}
	say(r, ")");
}

static void null_test(struct reader *r, const PgQuery__NullTest *t)
{
	const char *name = t->arg ? column_of(r, t->arg) : NULL;

	if (!name) {
		wrong(r, t->location, "IS NULL needs a column");
		return;
	}
	add_check(r, (struct filter_check){.kind = CHECK_ANY, .column = name});
	say(r, "(");
	say_column(r, name);
	say(r, t->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NULL ? " IS NULL)" : " IS NOT NULL)");
}

static void boolean_test(struct reader *r, const PgQuery__BooleanTest *t)
{
	static const char *const words[] = {[PG_QUERY__BOOL_TEST_TYPE__IS_TRUE] = " IS TRUE)",
		[PG_QUERY__BOOL_TEST_TYPE__IS_NOT_TRUE] = " IS NOT TRUE)",
		[PG_QUERY__BOOL_TEST_TYPE__IS_FALSE] = " IS FALSE)",
		[PG_QUERY__BOOL_TEST_TYPE__IS_NOT_FALSE] = " IS NOT FALSE)",
		[PG_QUERY__BOOL_TEST_TYPE__IS_UNKNOWN] = " IS UNKNOWN)",
		[PG_QUERY__BOOL_TEST_TYPE__IS_NOT_UNKNOWN] = " IS NOT UNKNOWN)"};

	if ((unsigned)t->booltesttype >= ARRAY_LEN(words) || !words[t->booltesttype]) {
		wrong(r, t->location, "this condition is not understood");
		return;
	}
	say(r, "(");
	condition(r, t->arg);
	say(r, words[t->booltesttype]);
}

static void bare_column(struct reader *r, const PgQuery__Node *n)
{
	const char *name = column_of(r, n);

	if (!name)
		return;
	add_check(r, (struct filter_check){.kind = CHECK_BOOL, .column = name});
	say_column(r, name);
}

static void condition(struct reader *r, const PgQuery__Node *n)
{
	if (stopped(r))
		return;
	if (!n || ++r->depth > DEPTH_MAX) {
		wrong(r, -1, "the condition is nested too deep");
		return;
	}
	switch ((int)n->node_case) {
	case PG_QUERY__NODE__NODE_BOOL_EXPR: bool_expr(r, n->bool_expr); break;
	case PG_QUERY__NODE__NODE_A_EXPR: expression(r, n->a_expr); break;
	case PG_QUERY__NODE__NODE_NULL_TEST: null_test(r, n->null_test); break;
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST: boolean_test(r, n->boolean_test); break;
	case PG_QUERY__NODE__NODE_COLUMN_REF: bare_column(r, n); break;
	case PG_QUERY__NODE__NODE_SUB_LINK:
		wrong(r, n->sub_link->location, "subqueries are not supported");
		break;
	case PG_QUERY__NODE__NODE_A_CONST:
		if (n->a_const->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL && !n->a_const->isnull) {
			say(r, n->a_const->boolval->boolval ? "true" : "false");
			break;
		}
		wrong(r, n->a_const->location, "a constant is no condition");
		break;
	default: wrong(r, -1, "this is no condition that is supported here"); break;
	}
	r->depth--;
}

/* NULL: something else than one expression. */
static const PgQuery__Node *expression_of(const PgQuery__ParseResult *tree)
{
	const PgQuery__Node *n = tree->n_stmts == 1 ? tree->stmts[0]->stmt : NULL;
	const PgQuery__SelectStmt *q =
		n && n->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ? n->select_stmt : NULL;
	const PgQuery__ResTarget *t;

	if (!q || q->n_target_list != 1 || q->n_from_clause || q->where_clause || q->n_group_clause ||
		q->having_clause || q->n_sort_clause || q->limit_count || q->limit_offset || q->larg ||
		q->rarg || q->with_clause || q->into_clause || q->n_window_clause || q->n_values_lists ||
		q->n_locking_clause || q->n_distinct_clause ||
		q->target_list[0]->node_case != PG_QUERY__NODE__NODE_RES_TARGET)
		return NULL;
	t = q->target_list[0]->res_target;
	return *t->name || t->n_indirection ? NULL : t->val;
}

int filter_parse(struct filter **out, const char *text, struct arena *a, const char **why, unsigned *at)
{
	size_t n = strlen(text);
	char *whole = n <= FILTER_TEXT_MAX ? arena_printf(a, OPENS "%s\n)", text) : NULL;
	struct reader r = {.a = a, .location = -1, .f = arena_zalloc(a, sizeof(*r.f))};
	struct PgQuery__ParseResult *tree;
	struct err e = {0};
	int position = 0;

	*at = 0;
	*why = "is longer than 8192 bytes";
	if (n > FILTER_TEXT_MAX)
		return -EINVAL;
	if (!whole || !r.f)
		return -ENOMEM;
	if (parse(span_of(whole, strlen(whole)), 0, a, &tree, &position, &e)) {
		*why = arena_strdup(a, e.msg);
		*at = position > (int)strlen(OPENS) ? (unsigned)position - (unsigned)strlen(OPENS) - 1 : 0;
		return *why ? -EINVAL : -ENOMEM;
	}
	if (!expression_of(tree))
		wrong(&r, -1, "it is not one condition");
	condition(&r, expression_of(tree));
	if (r.failed)
		return -ENOMEM;
	*why = r.why;
	*at = r.location > (int)strlen(OPENS) ? (unsigned)r.location - (unsigned)strlen(OPENS) : 0;
	*at = *at < n ? *at : 0;
	r.f->sql = r.sql;
	*out = r.f;
	return r.why ? -EINVAL : 0;
}

const char *filter_misfit(
	const struct filter *f, const struct catalog *c, const struct relation *r, struct arena *a)
{
	const char *why = NULL;

	for (unsigned i = 0; i < f->nchecks && !why; i++)
		why = filter_check_fails(&f->checks[i], c, r, a);
	return why;
}

const char *filter_sql(const struct filter *f)
{
	return f->sql;
}

unsigned filter_columns(const struct filter *f, const char *const **names)
{
	*names = f->columns;
	return f->ncolumns;
}
