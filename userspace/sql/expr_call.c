/* SPDX-License-Identifier: MIT */
/* Functions in expressions. */
#include "sql/candidate.h"
#include "sql/dialect.h"
#include "sql/setting.h"

#include <string.h>

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
		lineage_fail(l, "42501", f->location,
			"%s is not allowed here: this server's version reads it otherwise than pgveil does",
			*name);
		return false;
	}
	return true;
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

static void current_setting(struct lineage *l, struct scope *sc, const PgQuery__FuncCall *f)
{
	const char *name = string_constant(f->n_args ? f->args[0] : NULL);
	struct taint t = {0};

	if (name && setting_custom(name)) {
		lineage_setting(l);
		return;
	}
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

/* The bounds of a partition are values of its keys, and so is which of them has the rows that were changed.
 */
static void of_partitions(struct lineage *l, const char *name, struct taint *acc)
{
	const struct relation *r = catalog_relation(l->names->catalog, "pg_catalog", "pg_class");
	const struct column *bound = r ? relation_column(r, "relpartbound") : NULL;

	if (bound)
		acc->from = lineage_join(l, &acc->from, &bound->read);
	else
		lineage_opaque(l, "pg_catalog", name);
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

	if (l->unseen || strcmp(name, "set_config") != 0 || f->n_args != 3 || f->n_agg_order ||
		f->agg_filter || f->over || f->agg_distinct || f->func_variadic || l->need || l->body ||
		(schema ? strcmp(schema, "pg_catalog") != 0
			: catalog_function(l->names->catalog, name, 0) != NULL) ||
		!lineage_now(s) || s->kind == STATEMENT_MERGE)
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

/* What reads a value as of a type whose name it is given runs that type's own functions, a domain's checks.
 */
static bool runs_a_type(struct lineage *l, const char *name, const PgQuery__FuncCall *f)
{
	const char *type = f->n_args == 2 ? string_constant(f->args[1]) : NULL;

	return (!strcmp(name, "pg_input_is_valid") || !strcmp(name, "pg_input_error_info")) &&
	       !(type && typename_reads_builtin(l, type));
}

struct taint expr_call_of(
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
	if (runs_a_type(l, name, f))
		lineage_opaque(l, "pg_catalog", name);
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
	if (of_sequence(name) && !(l->fallback && !strcmp(name, "nextval")))
		acc.from = lineage_join(l, &acc.from, catalog_numbered(l->names->catalog));
	else if (!strcmp(name, "pg_get_partition_constraintdef") || !strncmp(name, "pg_stat_get_", 12))
		of_partitions(l, name, &acc);
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

	return expr_call_of(l, sc, f, &c);
}
