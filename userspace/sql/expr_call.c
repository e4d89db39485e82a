/* SPDX-License-Identifier: MIT */
/* Functions, in expressions and in FROM. */
#include "sql/dialect.h"
#include "sql/lineage.h"

#include <string.h>

struct candidates {
	bool any;
	unsigned n;
	bool builtin; /* one of them is pg_catalog's */
	enum function_class class;
	unsigned ncols; /* in FROM; 0: not known */
	const char *const *cols;
	bool others;          /* than those that were followed: the result is made of the arguments */
	unsigned nfollowed;   /* functions in LANGUAGE sql: the result is what their bodies give */
	struct colset opaque; /* those of which nothing is known */
	struct taint followed;
	struct outputs out; /* of the one, where no others may be meant */
};

struct arguments { /* of a call; v NULL: not known */
	const struct argument *v;
	size_t n;
	bool variadic;
};

static bool same_names(const char *const *a, const char *const *b, unsigned n)
{
	for (unsigned i = 0; a != b && i < n; i++) {
		const char *x = a ? a[i] : NULL, *y = b ? b[i] : NULL;

		if (x && y ? strcmp(x, y) != 0 : x != y)
			return false;
	}
	return true;
}

static void add_candidate(
	struct candidates *c, enum function_class class, unsigned ncols, const char *const *cols)
{
	c->class = !c->any || class < c->class ? class : c->class;
	if (!c->any) {
		c->ncols = ncols;
		c->cols = cols;
	} else if (c->ncols != ncols || !same_names(c->cols, cols, ncols)) {
		c->ncols = 0;
		c->cols = NULL;
	}
	c->any = true;
	c->n++;
}

/* initdb's own: an array as rows of element and place. JDBC asks for keys and indexes by it. */
static bool expands_array(const struct function *f)
{
	return !strcmp(f->schema, "information_schema") && !strcmp(f->name, "_pg_expandarray");
}

static void take_followed(struct lineage *l, const struct outputs *o, struct candidates *c)
{
	bool one = !c->nfollowed && o->n == 1;

	if (one)
		c->followed = o->v[0].t;
	for (unsigned i = 0; !one && i < o->n; i++)
		taint_mix(l, &c->followed, &o->v[i].t);
	c->out = *o;
	c->nfollowed++;
}

/* Its result may be anything that there is; so may the number of rows that it gives. */
static void opaque_candidate(struct lineage *l, const struct function *f, struct candidates *c)
{
	lineage_opaque_function(l, f->schema, f->name, f);
	if (!colset_add(l->a, &c->opaque, (struct colref){.relid = f->oid, .attnum = COLREF_OPAQUE}))
		l->oom = true;
	if (f->returns_set)
		lineage_use_set(l, &c->opaque, "the number of rows of a function");
}

static void user_candidate(
	struct lineage *l, const struct function *f, const struct arguments *args, struct candidates *c)
{
	bool pure = f->extension && function_extension_pure(f->extension), trusted = lineage_trusts(l, f);
	const char *const *cols;
	unsigned ncols = function_shape(l, f, &cols);
	struct outputs o = {0};

	if (!pure && !trusted && args->v && body_follow(l, f, args->v, args->n, args->variadic, &o)) {
		add_candidate(c, FUNCTION_TOTAL, ncols, cols);
		take_followed(l, &o, c);
		return;
	}
	l->s->code = l->s->code || trusted;
	if (!pure && !trusted)
		opaque_candidate(l, f, c);
	c->others = true;
	add_candidate(c, pure || trusted ? FUNCTION_PURE : FUNCTION_OPAQUE, ncols, cols);
}

static void user_candidates(struct lineage *l, const char *schema, const char *name,
	const struct arguments *args, struct candidates *c)
{
	static const char *const expanded[] = {"x", "n"};
	const struct function *f;

	for (unsigned n = 0; lineage_spend(l, 1) && (f = catalog_function(l->names->catalog, name, n)); n++) {
		l->s->by_path = l->s->by_path || !schema;
		if (schema ? strcmp(scope_schema(l->names, schema), f->schema) != 0
			   : !scope_calls(l->names, f->schema))
			continue;
		if (args->v && !body_fits(f, args->v, args->n, args->variadic))
			continue;
		if (!expands_array(f)) {
			user_candidate(l, f, args, c);
			continue;
		}
		add_candidate(c, FUNCTION_PURE, ARRAY_LEN(expanded), expanded);
		c->others = true;
	}
}

static void type_candidate(struct lineage *l, const char *schema, const char *name, struct candidates *c)
{
	const struct type *t = catalog_type(l->names->catalog, scope_schema(l->names, schema), name);
	const struct type *foreign = t ? type_foreign(l->names->catalog, t->oid) : NULL;

	if (foreign)
		lineage_opaque(l, foreign->schema, foreign->name);
	l->s->by_path = l->s->by_path || t;
	if (!t || !c->any)
		return;
	add_candidate(c, FUNCTION_PURE, 0, NULL);
	c->others = true;
}

/* f(x) is also how a cast to a type named f is written, and every table is a type. */
static void type_candidates(struct lineage *l, const char *schema, const char *name, struct candidates *c)
{
	if (schema && strcmp(schema, "pg_catalog") != 0)
		type_candidate(l, schema, name, c);
	if (!schema && l->names->temp && !l->names->temp_in_path)
		type_candidate(l, l->names->temp, name, c);
	for (unsigned i = 0; !schema && i < l->names->npath; i++)
		if (strcmp(l->names->path[i], "pg_catalog") != 0)
			type_candidate(l, l->names->path[i], name, c);
}

static struct candidates candidates_of(struct lineage *l, const char *schema, const char *name,
	const struct arguments *args, bool row, int location)
{
	bool one_arg = args->n == 1;
	struct candidates c = {0};

	user_candidates(l, schema, name, args, &c);
	if ((!schema || !strcmp(schema, "pg_catalog")) && function_known(name)) {
		const char *const *cols = NULL;
		unsigned ncols = function_columns(name, &cols);

		add_candidate(&c, function_class(name), ncols, cols);
		c.others = c.builtin = true;
		if (function_class(name) == FUNCTION_OPAQUE)
			lineage_opaque(l, "pg_catalog", name);
	}
	if (one_arg)
		type_candidates(l, schema, name, &c);
	if (!c.any && one_arg && row)
		lineage_odd(l, location, "a column written as a function (or an unknown function of a row)");
	else if (!c.any)
		lineage_fail_retry(l, "42883", location, "function %s%s%s does not exist, or is not known",
			schema ? schema : "", schema ? "." : "", name);
	return c;
}

/* The name's parts; false: not understood. */
static bool name_of(struct lineage *l, const PgQuery__FuncCall *f, const char **schema, const char **name)
{
	size_t n = f->n_funcname;

	*schema = n >= 2 && n <= 3 ? node_string(f->funcname[n - 2]) : NULL;
	*name = n ? node_string(f->funcname[n - 1]) : "";
	if (n == 0 || n > 3) {
		lineage_odd(l, f->location, "this function name");
		return false;
	}
	if (f->funcformat == PG_QUERY__COERCION_FORM__COERCE_SQL_SYNTAX &&
		dialect_function(*name, catalog_server(l->names->catalog))) {
		lineage_fail(l, "0A000", f->location,
			"%s is not allowed here: this server's version reads it otherwise than pgveil does",
			*name);
		return false;
	}
	return true;
}

void function_shadow(struct lineage *l, const char *name)
{
	struct candidates c = {0};

	user_candidates(l, NULL, name, &(struct arguments){0}, &c);
}

/* ORDER BY, FILTER, OVER, DISTINCT of an aggregate or window function. */
static void call_clauses(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f, struct taint *acc)
{
	if (f->agg_distinct)
		lineage_use(l, acc, "DISTINCT in an aggregate");
	for (size_t i = 0; i < f->n_agg_order && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = f->agg_order[i];
		struct taint t;

		sort_by(l, sc, n, "ORDER BY in an aggregate");
		if (!f->agg_within_group || lineage_stopped(l))
			continue;
		t = expr(l, sc, n->sort_by->node);
		taint_mix(l, acc, &t);
	}
	if (f->agg_filter)
		predicate(l, sc, f->agg_filter, "FILTER");
	if (f->over)
		select_window(l, sc, f->over);
}

static const char *string_constant(const PgQuery__Node *n)
{
	if (n && n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		n = n->type_cast->arg;
	return n && n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
			       n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL
		       ? n->a_const->sval->sval
		       : NULL;
}

/* pg_settings.name, unchanged: that view leaves out settings that nobody defined. */
static bool is_setting_name(const struct lineage *l, const struct taint *t)
{
	const struct relation *r = catalog_relation(l->names->catalog, "pg_catalog", "pg_settings");
	const struct column *c = r ? relation_column(r, "name") : NULL;

	return c && t->direct && t->from.n == 1 && t->from.v->relid == r->oid &&
	       t->from.v->attnum == c->attnum;
}

/* A setting of nobody's ("app.x") holds whatever some function put there. */
static void current_setting(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f)
{
	const char *name = string_constant(f->n_args ? f->args[0] : NULL);
	struct taint t = {0};

	if (name ? strchr(name, '.') != NULL
		 : f->n_args == 0 || (t = expr(l, sc, f->args[0]), !is_setting_name(l, &t)))
		lineage_opaque(l, "pg_catalog", "current_setting");
}

/* What a sequence gives, or is asked for, is or may become a value of the columns that get its numbers. */
static bool of_sequence(const char *name)
{
	static const char *const names[] = {
		"nextval", "currval", "lastval", "setval", "pg_sequence_last_value"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* The bounds of a partition are values of its keys. */
static void of_bounds(struct lineage *l, struct taint *acc)
{
	const struct relation *r = catalog_relation(l->names->catalog, "pg_catalog", "pg_class");
	const struct column *bound = r ? relation_column(r, "relpartbound") : NULL;

	if (bound)
		acc->from = lineage_join(l, &acc->from, &bound->read);
	else
		lineage_opaque(l, "pg_catalog", "pg_get_partition_constraintdef");
}

/* What gives definitions or comments as text. */
static bool gives_written(const char *name)
{
	static const char *const names[] = {"col_description", "obj_description", "shobj_description"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return !strncmp(name, "pg_get_", 7) &&
	       (strstr(name + 7, "def") || strstr(name + 7, "function_") || !strcmp(name, "pg_get_expr"));
}

/* A constant or a parameter, or one that is cast. *text stays NULL for what is not known. */
static bool given(const PgQuery__Node *n, const char **text)
{
	while (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST && n->type_cast->arg)
		n = n->type_cast->arg;
	if (n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
		n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL)
		*text = n->a_const->sval->sval;
	return n->node_case == PG_QUERY__NODE__NODE_A_CONST || n->node_case == PG_QUERY__NODE__NODE_PARAM_REF;
}

static bool is_null(const PgQuery__Node *n)
{
	while (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST && n->type_cast->arg)
		n = n->type_cast->arg;
	return n->node_case == PG_QUERY__NODE__NODE_A_CONST && n->a_const->isnull;
}

/* set_config() of a client's own, where the server runs it now and once: a SET. Not in what is kept for
 * later. */
static bool changes_setting(
	struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f, const char *schema, const char *name)
{
	struct statement *s = l->s;
	struct setting_change c = {0};
	char *lower;

	if (strcmp(name, "set_config") != 0 || f->n_args != 3 || f->n_agg_order || f->agg_filter || f->over ||
		f->agg_distinct || f->func_variadic || l->need || l->body ||
		(schema ? strcmp(schema, "pg_catalog") != 0
			: catalog_function(l->names->catalog, name, 0) != NULL) ||
		(s->kind != STATEMENT_SELECT && s->kind != STATEMENT_INSERT && s->kind != STATEMENT_UPDATE &&
			s->kind != STATEMENT_DELETE))
		return false;
	if (!given(f->args[0], &c.name) && sc->setting && is_bare_name(f->args[0]))
		c.name = sc->setting;
	if (!c.name || !given(f->args[1], &c.value) || s->nchanges == SETTING_CHANGES_MAX)
		return false;
	c.any = !c.value && !is_null(f->args[1]);
	lower = arena_strdup(l->a, c.name);
	for (char *p = lower; p && *p; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
	c.name = lower;
	if (!s->changes)
		s->changes = lineage_alloc(l, SETTING_CHANGES_MAX, sizeof(*s->changes));
	l->oom = l->oom || !lower;
	if (!s->changes || !lower)
		return false;
	s->changes[s->nchanges++] = c;
	return true;
}

/* Each, and all of them in acc; *row: the last one is a row. */
static struct arguments arguments_of(
	struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f, struct taint *acc, bool *row)
{
	struct argument *v = lineage_alloc(l, f->n_args, sizeof(*v));

	*row = false;
	for (size_t i = 0; i < f->n_args && !lineage_stopped(l); i++) {
		const PgQuery__Node *n = f->args[i];

		v[i].t = expr(l, sc, n);
		v[i].name =
			n->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR ? n->named_arg_expr->name : NULL;
		*row = v[i].t.row || type_row(l->names->catalog, v[i].t.type);
		taint_mix(l, acc, &v[i].t);
	}
	return (struct arguments){v, f->n_args, f->func_variadic};
}

/* What the bodies give, and where a function without one may be meant the arguments too. While a catalogue
 * is being built not all is known that a body may read. */
static struct taint followed(struct lineage *l, const struct candidates *c, const struct taint *acc)
{
	struct taint t = c->followed;

	if (c->others || l->need)
		taint_mix(l, &t, acc);
	if (!c->others) { /* it is declared */
		t.type = c->followed.type;
		t.odd = c->followed.odd;
	}
	t.calm = false;
	t.places = NULL;
	return t;
}

static bool one_of(const char *name, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, v[i]))
			return true;
	return false;
}

static bool positive(const PgQuery__Node *n)
{
	return n->node_case == PG_QUERY__NODE__NODE_A_CONST && !n->a_const->isnull &&
	       n->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL && n->a_const->ival->ival > 0;
}

/* What gives one of its values as it is, of whatever type, without a look at it. */
static bool hands_on(const char *name, const PgQuery__FuncCall *f)
{
	static const char *const windows[] = {"first_value", "last_value", "lag", "lead", "any_value"};

	if (!strcmp(name, "nth_value"))
		return f->n_args == 2 && positive(f->args[1]);
	return f->n_args > 0 && f->n_args <= 2 && one_of(name, windows, ARRAY_LEN(windows));
}

/* The type of what it gives, where that is its argument's, or an array of such; 0: not known. */
static uint32_t same_type(
	const struct lineage *l, const char *name, const PgQuery__FuncCall *f, const struct arguments *args)
{
	static const char *const types[] = {
		"int2", "int4", "int8", "numeric", "date", "timestamp", "timestamptz", "text"};
	uint32_t type = args->n ? args->v[0].t.type : 0, base = type_base(l->names->catalog, type);

	if (hands_on(name, f))
		return type;
	if (args->n == 1 && !strcmp(name, "array_agg"))
		return type ? type_builtin_array(type) : 0;
	if (args->n != 1 || (strcmp(name, "min") != 0 && strcmp(name, "max") != 0))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (base && base == type_builtin(types[i]))
			return base;
	return base && base == type_builtin("varchar") ? type_builtin("text") : 0;
}

/* The function of pg_catalog, which nobody else's may be meant for, cannot fail on these values. */
static struct total total_of(const struct lineage *l, const struct candidates *c, const char *name,
	const PgQuery__FuncCall *f, const struct arguments *args)
{
	if (!c->builtin || c->n != 1 || c->class == FUNCTION_OPAQUE || lineage_stopped(l))
		return (struct total){0};
	return total_call(l, name, f, args->v);
}

static bool all_calm(const struct arguments *args)
{
	for (size_t i = 0; i < args->n; i++)
		if (!args->v[i].t.calm)
			return false;
	return true;
}

static bool plain(const PgQuery__FuncCall *f)
{
	return !f->agg_filter && !f->over && !f->agg_distinct && !f->n_agg_order && !f->agg_star;
}

/* The type that an expression has, whatever its value is. */
static bool names_type(const struct lineage *l, const struct candidates *c, const char *name)
{
	return !strcmp(name, "pg_typeof") && c->class == FUNCTION_PURE && !c->nfollowed && !c->opaque.n &&
	       !catalog_function(l->names->catalog, name, 0);
}

/* Whether it fails hangs on which relation is named beside the tree, not on a constant in it. */
static bool prints_tree(const struct lineage *l, const char *schema, const char *name)
{
	return !strcmp(name, "pg_get_expr") &&
	       (schema ? !strcmp(schema, "pg_catalog") : !catalog_function(l->names->catalog, name, 0));
}

static struct taint call(
	struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f, struct candidates *c)
{
	static struct colref text = {.attnum = COLREF_WRITTEN};
	static const struct colset written = {.v = &text, .n = 1};
	const char *schema, *name;
	struct arguments args;
	struct taint acc = {0};
	bool row, counts, aggregate, odd, total, tree;
	struct total known;
	char *where;

	lineage_seen(l, f);
	if (!name_of(l, f, &schema, &name))
		return acc;
	args = arguments_of(l, sc, f, &acc, &row);
	call_clauses(l, sc, f, &acc);
	if (lineage_stopped(l))
		return acc;
	if (changes_setting(l, sc, f, schema, name)) {
		lineage_use(l, &acc, "an argument of set_config()");
		return (struct taint){.type = type_builtin("text"), .odd = true};
	}
	*c = candidates_of(l, schema, name, &args, row, f->location);
	aggregate = c->class != FUNCTION_OPAQUE && !c->nfollowed &&
		    aggregate_call(l, sc, f, args.n ? &args.v[args.n - 1].t : &acc, &acc.from);
	if (!strcmp(name, "current_setting"))
		current_setting(l, sc, f);
	if (lineage_stopped(l))
		return acc;
	if (names_type(l, c, name))
		return (struct taint){.odd = true};
	counts = aggregate || (c->class == FUNCTION_TOTAL && !c->nfollowed && !strcmp(name, "count"));
	total = c->class == FUNCTION_TOTAL ||
		(c->class == FUNCTION_PURE && !strcmp(name, "nth_value") && hands_on(name, f) &&
			!catalog_function(l->names->catalog, name, 0));
	known = total_of(l, c, name, f, &args);
	tree = prints_tree(l, schema, name);
	total = total || known.yes || tree;
	odd = acc.odd && c->others && !hands_on(name, f) && !known.yes && !tree;
	if (!counts && (!total || odd || f->func_variadic || known.keyed)) {
		where = arena_printf(l->a, "an argument of %s()", name);
		lineage_use(l, known.keyed ? &args.v[0].t : &acc, where ? where : "an argument");
	}
	if (c->nfollowed)
		acc = followed(l, c, &acc);
	acc.from = lineage_join(l, &acc.from, &c->opaque);
	if (of_sequence(name))
		acc.from = lineage_join(l, &acc.from, catalog_numbered(l->names->catalog));
	else if (!strcmp(name, "pg_get_partition_constraintdef"))
		of_bounds(l, &acc);
	if (gives_written(name))
		acc.from = lineage_join(l, &acc.from, &written);
	/* what gives a simple type is only known of total functions, and of count() whatever it counts, and
	 * other aggregates of numbers */
	acc.calm = total && !odd && !tree && !known.keyed && !f->func_variadic && !c->nfollowed &&
		   !c->opaque.n && plain(f) && f->n_args && all_calm(&args);
	if (total && !c->nfollowed)
		acc.type = known.type ? known.type : same_type(l, name, f, &args);
	else if (c->builtin && c->n == 1 && c->class == FUNCTION_PURE)
		acc.type = total_short(name);
	acc.odd = !counts &&
		  (known.yes ? known.odd || acc.collated : acc.odd || !total || !strcmp(name, "array_agg"));
	acc.size = known.yes ? known.size : acc.size;
	if (counts)
		acc.size = 0;
	taint_fits(l, &acc);
	if (c->ncols > 1 && c->cols) {
		acc.ncols = c->ncols;
		acc.cols = c->cols;
	}
	if (known.yes && !c->nfollowed && !c->opaque.n)
		acc.places = places_of_call(l, name, f, args.v);
	return acc;
}

struct taint expr_call(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f)
{
	struct candidates c = {0};

	return call(l, sc, f, &c);
}

/* ---- FROM ---- */
static void add_column(struct lineage *l, struct outputs *o, const char *name, const struct taint *t)
{
	struct taint copy = *t;

	copy.direct = copy.calm = false;
	copy.row = NULL;
	copy.places = NULL;
	copy.cols = NULL;
	copy.ncols = 0;
	copy.type = 0;
	outputs_add(l, o, name, copy);
}

/* AS (a int, b text): the caller says what the columns are. */
static void defined_columns(
	struct lineage *l, PgQuery__Node **defs, size_t n, const struct taint *t, struct outputs *o)
{
	for (size_t i = 0; i < n && !lineage_stopped(l); i++) {
		const PgQuery__ColumnDef *d = defs[i]->column_def;
		struct taint copy = *t;
		struct type_ref type;

		if (defs[i]->node_case != PG_QUERY__NODE__NODE_COLUMN_DEF || !d->type_name) {
			lineage_odd(l, -1, "a column definition list");
			return;
		}
		lineage_seen(l, d);
		lineage_seen(l, d->coll_clause);
		if (!typename_judge(l, d->type_name, &type))
			return;
		copy.odd = !type.simple || d->coll_clause;
		add_column(l, o, d->colname, &copy);
	}
}

/* unnest() of what is known to be an array of scalars gives one column; of an array of rows it gives theirs.
 */
static bool scalar_elements(const struct catalog *c, const struct taint *t)
{
	const struct type *array = t->type ? catalog_type_by_oid(c, t->type) : NULL;

	return type_builtin_is_array(t->type) || (array && array->elem && type_scalar(c, array->elem)) ||
	       (t->type && (t->type == type_builtin("int2vector") || t->type == type_builtin("oidvector")));
}

/* The columns of the one body that was followed. */
static void followed_columns(struct lineage *l, const struct candidates *c, const struct taint *whole,
	const char *fallback, struct outputs *o)
{
	for (unsigned i = 0; i < c->out.n && !lineage_stopped(l); i++) {
		struct taint t = c->out.v[i].t;

		t.calm = t.constant = false;
		t.row = NULL;
		if (l->need) {
			t.from = lineage_join(l, &t.from, &whole->from);
			t.direct = false;
		}
		t.places = NULL;
		outputs_add(l, o, c->cols && c->cols[i] ? c->cols[i] : fallback, t);
	}
}

/* unnest(a, b): a column for each. */
static void unnest_columns(
	struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f, struct item *it, struct outputs *o)
{
	for (size_t i = 0; i < f->n_args && !lineage_stopped(l); i++) {
		struct taint t = expr(l, sc, f->args[i]);

		it->open = it->open || !scalar_elements(l->names->catalog, &t) ||
			   catalog_function(l->names->catalog, "unnest", 0);
		t.odd = true;
		add_column(l, o, "unnest", &t);
	}
}

/* jsonb_populate_record(NULL::t, …): the columns of t, each made of all arguments. */
static bool record_columns(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f,
	const struct taint *t, struct outputs *o)
{
	static const char *const names[] = {"json_populate_record", "json_populate_recordset",
		"jsonb_populate_record", "jsonb_populate_recordset"};
	const char *name = node_string(f->funcname[f->n_funcname - 1]);
	const struct relation *row = NULL;
	struct taint first, copy = *t;

	for (unsigned i = 0; i < ARRAY_LEN(names) && f->n_args && !lineage_stopped(l); i++) {
		if (strcmp(names[i], name) != 0 || catalog_function(l->names->catalog, name, 0))
			continue;
		first = expr(l, sc, f->args[0]);
		row = type_row(l->names->catalog, first.type);
	}
	copy.odd = true;
	for (unsigned i = 0; row && i < row->ncols; i++)
		add_column(l, o, row->cols[i].name, &copy);
	return row != NULL;
}

static void call_columns(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f,
	const PgQuery__Alias *alias, struct item *it, struct outputs *o)
{
	const char *name = f->n_funcname ? node_string(f->funcname[f->n_funcname - 1]) : "";
	const char *fallback = alias ? alias->aliasname : name;
	struct candidates c = {0};
	struct taint t, arg;

	t = call(l, sc, f, &c);
	if (!strcmp(name, "unnest") && f->n_args > 1) {
		unnest_columns(l, sc, f, it, o);
		return;
	}
	if (record_columns(l, sc, f, &t, o))
		return;
	if (!strcmp(name, "unnest") && f->n_args == 1 && !lineage_stopped(l)) {
		arg = expr(l, sc, f->args[0]);
		c.ncols = 1;
		it->open = it->open || !scalar_elements(l->names->catalog, &arg) ||
			   catalog_function(l->names->catalog, name, 0);
		t.odd = true;
	}
	if (c.nfollowed == 1 && !c.others && c.ncols && c.out.n == c.ncols) {
		followed_columns(l, &c, &t, fallback, o);
		return;
	}
	if (c.ncols == 0) {
		it->open = true;
		c.ncols = 1;
		c.cols = NULL;
	}
	for (unsigned i = 0; i < c.ncols && !lineage_stopped(l); i++) {
		const char *column = c.cols && c.cols[i] ? c.cols[i] : fallback;

		t.odd = true;
		add_column(l, o, column, &t);
	}
}

/* One entry of ROWS FROM (…), or the only function. */
static void function_columns_of(struct lineage *l, struct scope *sc, const PgQuery__List *entry,
	const PgQuery__RangeFunction *f, struct item *it, struct outputs *o)
{
	const PgQuery__Node *call = entry->n_items ? entry->items[0] : NULL;
	const PgQuery__Alias *alias = f->n_functions == 1 ? f->alias : NULL;
	struct taint t;

	if (!call || entry->n_items > 2) {
		lineage_odd(l, -1, "a function in FROM");
		return;
	}
	if (entry->n_items == 2 && entry->items[1]->node_case == PG_QUERY__NODE__NODE_LIST) {
		t = expr(l, sc, call);
		defined_columns(l, entry->items[1]->list->items, entry->items[1]->list->n_items, &t, o);
	} else if (entry->n_items == 2 && entry->items[1]->node_case != PG_QUERY__NODE__NODE__NOT_SET) {
		lineage_odd(l, -1, "a function in FROM");
	} else if (f->n_coldeflist) {
		t = expr(l, sc, call);
		defined_columns(l, f->coldeflist, f->n_coldeflist, &t, o);
	} else if (call->node_case == PG_QUERY__NODE__NODE_FUNC_CALL) {
		call_columns(l, sc, call->func_call, alias, it, o);
	} else {
		t = expr(l, sc, call);
		it->open = it->open || (call->node_case != PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION &&
					       !type_scalar(l->names->catalog, t.type));
		add_column(l, o, alias ? alias->aliasname : label_of(l, call), &t);
	}
}

struct item *from_function(struct lineage *l, struct scope *sc, const PgQuery__RangeFunction *f)
{
	struct item *it = lineage_alloc(l, 1, sizeof(*it));
	bool before = sc->lateral;
	struct outputs o = {0};

	if (!it)
		return NULL;
	lineage_seen(l, f);
	sc->lateral = true;
	for (size_t i = 0; i < f->n_functions && !lineage_stopped(l); i++) {
		if (f->functions[i]->node_case != PG_QUERY__NODE__NODE_LIST) {
			lineage_odd(l, -1, "a function in FROM");
			return NULL;
		}
		function_columns_of(l, sc, f->functions[i]->list, f, it, &o);
	}
	sc->lateral = before;
	if (lineage_stopped(l) || !f->n_functions)
		return NULL;
	if (f->ordinality)
		outputs_add(l, &o, "ordinality", (struct taint){0});
	it->alias = label_of(l, f->functions[0]->list->items[0]);
	if (f->functions[0]->list->items[0]->node_case == PG_QUERY__NODE__NODE_FUNC_CALL) {
		const PgQuery__FuncCall *call = f->functions[0]->list->items[0]->func_call;

		it->alias = node_string(call->funcname[call->n_funcname - 1]);
	}
	it->cols = o.v;
	it->ncols = o.n;
	item_alias(l, it, f->alias);
	return lineage_stopped(l) ? NULL : it;
}
