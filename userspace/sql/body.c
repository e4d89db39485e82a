/* SPDX-License-Identifier: MIT */
/* A call of a function in LANGUAGE sql is judged by following its text with the call's arguments for its
 * parameters. What the text cannot be followed through makes the function opaque, not the statement wrong.
 *
 * The text of a body is read when it runs, under the search_path that holds then: the function's own, or its
 * caller's. Where neither is known here (a function called by a view, one that runs as its owner) a relation
 * must be written with its schema, and functions of any schema may be meant. */
#include "sql/lineage.h"

#include <string.h>
#include "sql/parse.h"

#define DEPTH_MAX  16
#define BODIES_MAX 200 /* in one statement */

static bool takes(char mode)
{
	return strchr("ibv", mode) != NULL;
}

static unsigned inputs_of(const struct function *f)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->nparameters; i++)
		n += takes(f->parameters[i].mode);
	return n;
}

static bool variadic_of(const struct function *f)
{
	for (unsigned i = 0; i < f->nparameters; i++)
		if (f->parameters[i].mode == 'v')
			return true;
	return false;
}

static const struct parameter *input(const struct function *f, unsigned n)
{
	for (unsigned i = 0; i < f->nparameters; i++)
		if (takes(f->parameters[i].mode) && n-- == 0)
			return &f->parameters[i];
	return NULL;
}

static unsigned named(const struct function *f, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < f->nparameters; i++) {
		if (!takes(f->parameters[i].mode))
			continue;
		if (!strcmp(f->parameters[i].name, name))
			return n;
		n++;
	}
	return n;
}

bool body_fits(const struct function *f, const struct argument *v, size_t n, bool variadic)
{
	unsigned max = inputs_of(f);

	if (f->kind == 'a') /* WITHIN GROUP holds arguments too */
		return true;
	if (variadic_of(f) && !variadic)
		return n + f->ndefaults + 1 >= max;
	for (size_t i = 0; i < n; i++)
		if (v[i].name && named(f, v[i].name) == max)
			return false;
	return n <= max && n + f->ndefaults >= max;
}

static const struct parameter *output(const struct function *f, unsigned n)
{
	for (unsigned i = 0; i < f->nparameters; i++)
		if (strchr("obt", f->parameters[i].mode) && n-- == 0)
			return &f->parameters[i];
	return NULL;
}

static bool is_domain(const struct lineage *l, uint32_t oid)
{
	const struct type *t = catalog_type_by_oid(l->names->catalog, oid);

	return t && t->kind == TYPE_DOMAIN;
}

unsigned function_shape(struct lineage *l, const struct function *f, const char *const **names)
{
	static const char *const unnamed[] = {NULL};
	const struct relation *r = lineage_row(l, f->returns);
	const char **v = lineage_alloc(l, f->nparameters + (r ? r->ncols : 0), sizeof(*v));
	const struct parameter *p;
	unsigned n = 0;

	*names = NULL;
	if (!v)
		return 0;
	*names = v;
	for (unsigned i = 0; r && i < r->ncols; i++)
		v[n++] = r->cols[i].name;
	while (!r && (p = output(f, n))) {
		v[n] = *p->name ? p->name : n ? arena_printf(l->a, "column%u", n + 1) : "column1";
		n++;
	}
	if (n == 1 && !r && !*output(f, 0)->name)
		v[0] = NULL;
	if (n)
		return n;
	*names = unnamed;
	return f->returns_composite && !is_domain(l, f->returns) ? 0 : 1;
}

bool body_parameter(struct lineage *l, const char *name, int number, struct taint *t)
{
	const struct body *b = l->body;
	unsigned i = (unsigned)number - 1;

	if (!b)
		return false;
	if (name)
		i = *name ? named(b->f, name) : b->nargs;
	if (i >= b->nargs)
		return false;
	*t = b->args[i];
	return true;
}

/* ---- values that the server converts by itself ---- */
static bool calm_text(uint32_t oid)
{
	return oid == type_builtin("text") || oid == type_builtin("varchar");
}

/* t where a value of the type is wanted: a conversion that may fail makes it a use. */
static struct taint converted(struct lineage *l, struct taint t, uint32_t type, const char *what)
{
	bool same = type && type_converts(l->names->catalog, t.type, type);
	bool known = type && type_simple(l->names->catalog, type);
	const struct type *foreign = type ? type_foreign(l->names->catalog, type) : NULL;
	bool same_type = t.type == type;
	const char *where;

	if (!same && !taint_constant(&t) && !(known && calm_text(type) && !t.odd)) {
		where = arena_printf(l->a, "%s %s()", what, l->body->f->name);
		lineage_use(l, &t, where ? where : what);
		t.odd = true;
	}
	t.odd = t.odd || !known;
	t.direct = t.direct && t.type == type && type;
	t.calm = t.calm && same;
	t.constant = t.constant && same;
	t.type = type;
	t.row = NULL;
	t.places = NULL;
	t.nfields = 0;
	t.cols = NULL;
	t.ncols = 0;
	if (foreign) {
		t.foreign = arena_printf(l->a, "%s.%s", foreign->schema, foreign->name);
		if (!same_type) /* reading a literal, or a domain's CHECK */
			lineage_opaque(l, foreign->schema, foreign->name);
	}
	return t;
}

/* ---- the text ---- */
/* What names in the body mean. */
static bool body_names(struct lineage *l, const struct function *f, struct name_scope *out)
{
	const char **path;
	unsigned n = 0;
	bool listed = false, last;

	*out = (struct name_scope){.catalog = l->names->catalog, .own_settings = l->names->own_settings};
	if (!f->path) {
		/* of the caller's: what it may use is not what the function's owner may */
		out->any = f->definer || l->need || l->names->any || l->names->made;
		if (!out->any)
			*out = *l->names;
		return true;
	}
	for (unsigned i = 0; i < f->npath; i++)
		listed = listed || !strcmp(f->path[i], "pg_temp");
	last = f->npath && !strcmp(f->path[f->npath - 1], "pg_temp");
	out->temp = l->names->temp;
	out->temp_in_path = listed;
	out->temp_doubtful = l->names->temp_doubtful;
	/* while a catalogue is built nobody knows which temporary tables there are: they may only come last
	 */
	out->any = !last && (l->need || l->names->any || l->names->made);
	path = lineage_alloc(l, f->npath, sizeof(*path));
	if (!path)
		return false;
	for (unsigned i = 0; i < f->npath; i++) {
		if (strcmp(f->path[i], "pg_temp") != 0)
			path[n++] = f->path[i];
		else if (out->temp)
			path[n++] = out->temp;
	}
	out->path = path;
	out->npath = n;
	out->unsure = true;
	return true;
}

static void made_names(struct lineage *l, const struct function *f, struct name_scope *out)
{
	*out = (struct name_scope){.catalog = l->names->catalog,
		.path = f->made_path,
		.npath = f->nmade_path,
		.made = true,
		.own_settings = l->names->own_settings};
}

static const PgQuery__Node *parse_one(struct lineage *l, const char *text)
{
	struct PgQuery__ParseResult *tree;
	struct err e;
	int position;

	if (parse(span_of(text, strlen(text)), catalog_server(l->names->catalog), l->a, &tree, &position,
		    &e) < 0 ||
		tree->n_stmts != 1 || !tree->stmts[0]->stmt) {
		lineage_odd(l, -1, "the definition of a function");
		return NULL;
	}
	return tree->stmts[0]->stmt;
}

static void body_statement(struct lineage *l, const PgQuery__Node *n, struct outputs *out, unsigned depth);

static void body_list(struct lineage *l, const PgQuery__List *list, struct outputs *out, unsigned depth)
{
	for (size_t i = 0; i < list->n_items && !lineage_stopped(l); i++)
		body_statement(l, list->items[i], out, depth + 1);
}

static void body_statement(struct lineage *l, const PgQuery__Node *n, struct outputs *out, unsigned depth)
{
	struct scope sc = {0};
	struct taint t;

	*out = (struct outputs){0};
	if (!n || depth > 4) {
		lineage_odd(l, -1, "the body of a function");
		return;
	}
	if (n->node_case == PG_QUERY__NODE__NODE_LIST) {
		body_list(l, n->list, out, depth);
	} else if (n->node_case == PG_QUERY__NODE__NODE_RETURN_STMT) {
		lineage_seen(l, n->return_stmt);
		t = expr(l, &sc, n->return_stmt->returnval);
		outputs_add(l, out, "", t);
	} else {
		query(l, NULL, n, out);
	}
	if (!lineage_stopped(l))
		(void)lineage_covered(l, n);
	deeds_walk(l, n, true);
}

static void body_text(struct lineage *l, const char *text, struct outputs *out)
{
	struct PgQuery__ParseResult *tree;
	struct err e;
	int position;

	if (parse(span_of(text, strlen(text)), catalog_server(l->names->catalog), l->a, &tree, &position,
		    &e) < 0) {
		lineage_odd(l, -1, "the body of a function");
		return;
	}
	for (size_t i = 0; i < tree->n_stmts && !lineage_stopped(l); i++)
		body_statement(l, tree->stmts[i]->stmt, out, 0);
}

/* ---- the call ---- */
/* The n-th default stands for the n-th of the last parameters. */
static void defaults(struct lineage *l, const PgQuery__CreateFunctionStmt *s, struct taint *args)
{
	struct scope sc = {0};
	unsigned at = 0;

	for (size_t i = 0; i < s->n_parameters && !lineage_stopped(l); i++) {
		const PgQuery__FunctionParameter *p = s->parameters[i]->function_parameter;

		if (s->parameters[i]->node_case != PG_QUERY__NODE__NODE_FUNCTION_PARAMETER) {
			lineage_odd(l, -1, "a parameter of a function");
			return;
		}
		if (p->mode == PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_OUT ||
			p->mode == PG_QUERY__FUNCTION_PARAMETER_MODE__FUNC_PARAM_TABLE)
			continue;
		if (p->defexpr) {
			struct taint t = expr(l, &sc, p->defexpr);

			if (t.from.n)
				taint_mix(l, &args[at], &t);
			(void)lineage_covered(l, p->defexpr);
			deeds_walk(l, p->defexpr, true);
		}
		at++;
	}
}

static void place(struct lineage *l, const struct function *f, const struct argument *v, size_t n, bool mixed,
	struct taint *args, unsigned nargs)
{
	for (unsigned i = 0; i < nargs && !lineage_stopped(l); i++) {
		bool set = false;

		args[i] = (struct taint){.constant = true, .calm = true};
		for (size_t k = 0; k < n; k++) {
			bool here = mixed || (v[k].name ? named(f, v[k].name) == i : k == i);

			if (!here)
				continue;
			if (!set)
				args[i] = v[k].t;
			else
				taint_mix(l, &args[i], &v[k].t);
			set = true;
		}
		args[i] = converted(l, args[i], input(f, i)->type, "an argument of");
	}
}

/* The type of the i-th of n columns; 0: not known. */
static uint32_t result_type(const struct lineage *l, const struct function *f, unsigned i)
{
	const struct relation *row = type_row(l->names->catalog, f->returns);
	const struct parameter *p = output(f, i);

	if (row)
		return i < row->ncols ? row->cols[i].type_oid : 0;
	if (p)
		return p->type;
	return f->returns_composite && !is_domain(l, f->returns) ? 0 : f->returns;
}

/* The i-th of n columns, of what the last statement gives: as many columns, or one that is the whole row. */
static struct taint result(
	struct lineage *l, const struct function *f, const struct outputs *o, unsigned i, unsigned n)
{
	bool whole = o->n == 1 && n > 1;
	struct taint t = o->v[whole ? 0 : i].t;

	if (whole && t.row && !t.row->open && item_ncols(t.row) == n)
		t = item_taint(l, t.row, i);
	else if (whole)
		t = (struct taint){.from = t.from, .odd = true};
	if (n)
		t = converted(l, t, result_type(l, f, i), "the result of");
	t.calm = false;
	return t;
}

static void results(struct lineage *l, const struct function *f, const struct outputs *o,
	const struct taint *strict, struct outputs *out)
{
	const char *const *names;
	unsigned n = function_shape(l, f, &names);

	*out = (struct outputs){0};
	if (f->returns == type_builtin("void") || f->kind == 'p') {
		outputs_add(l, out, "", (struct taint){.odd = true});
		return;
	}
	if (o->n == 0 || (n && o->n != n && o->n != 1)) {
		lineage_odd(l, -1, "what the function returns");
		return;
	}
	for (unsigned i = 0; i < (n ? n : o->n) && !lineage_stopped(l); i++) {
		struct taint t = result(l, f, o, i, n);

		if (strict->from.n) {
			t.from = lineage_join(l, &t.from, &strict->from);
			t.direct = false;
			t.places = NULL;
		}
		outputs_add(l, out, n ? names[i] : "", t);
	}
}

static void run(struct lineage *l, const struct function *f, struct taint *args, struct outputs *o)
{
	const struct name_scope *before = l->names;
	const PgQuery__Node *made = NULL;
	struct name_scope names;

	if (f->made) {
		made_names(l, f, &names);
		l->names = &names;
		made = parse_one(l, f->made);
		if (made && made->node_case != PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT)
			lineage_odd(l, -1, "the definition of a function");
		if (!lineage_stopped(l)) {
			defaults(l, made->create_function_stmt, args);
			if (made->create_function_stmt->sql_body)
				body_statement(l, made->create_function_stmt->sql_body, o, 0);
			else
				made = NULL;
		}
	}
	l->names = before;
	if (!made && !lineage_stopped(l) && body_names(l, f, &names)) {
		l->names = &names;
		body_text(l, f->body, o);
	}
	l->names = before;
}

static bool may_follow(const struct lineage *l, const struct function *f)
{
	if (!f->body || f->odd || strchr("fp", f->kind) == NULL || l->nbodies >= BODIES_MAX ||
		(l->body && l->body->depth >= DEPTH_MAX))
		return false;
	for (const struct body *b = l->body; b; b = b->outer)
		if (b->f == f)
			return false;
	return true;
}

bool body_follow(struct lineage *l, const struct function *f, const struct argument *v, size_t n,
	bool variadic, struct outputs *out)
{
	struct body b = {.outer = l->body, .f = f, .nargs = inputs_of(f)};
	unsigned rels = l->rels.n;
	struct span text = l->text;
	struct colset *unseen = l->unseen;
	struct taint *args, strict = {0};
	struct outputs o = {0};

	if (lineage_stopped(l) || !may_follow(l, f))
		return false;
	args = lineage_alloc(l, b.nargs, sizeof(*args));
	if (!args)
		return false;
	l->nbodies++;
	l->s->follows = true;
	b.args = args;
	b.depth = b.outer ? b.outer->depth + 1 : 0;
	for (size_t i = 0; f->strict && i < n; i++)
		taint_mix(l, &strict, &v[i].t);
	l->text = (struct span){NULL, 0};
	l->body = &b;
	l->unseen = NULL;
	place(l, f, v, n, variadic || variadic_of(f), args, b.nargs);
	run(l, f, args, &o);
	results(l, f, &o, &strict, out);
	/* NULL for NULL is no row where there could be one */
	if (f->strict && f->returns_set)
		lineage_use(l, &strict, "a strict function that returns rows");
	/* what the planner computes, EXPLAIN shows */
	if (f->immutable && l->rels.n != rels)
		lineage_odd(l, -1, "an immutable function that reads a relation");
	l->body = b.outer;
	l->text = text;
	l->unseen = unseen;
	if (!l->s->problem)
		return !l->oom;
	l->s->problem = NULL;
	l->s->sqlstate[0] = '\0';
	l->s->position = 0;
	l->s->retry = false;
	*out = (struct outputs){0};
	(void)lineage_spend(l, 0); /* too much is too much */
	return false;
}
