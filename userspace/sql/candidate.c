/* SPDX-License-Identifier: MIT */
#include "sql/candidate.h"

#include <string.h>

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
	if (l->fallback)
		return;
	if (!colset_add(l->a, &c->opaque, (struct colref){.relid = f->oid, .attnum = COLREF_OPAQUE}))
		l->oom = true;
	if (f->returns_set)
		lineage_use_set(l, &c->opaque, "the number of rows of a function");
}

/* A type whose values become one of an extension's, an array or a text only where that is asked for: nobody's
 * implicit casts say otherwise (function_extension_pure() lists extensions that were looked through for it).
 */
static bool stays(const struct catalog *c, uint32_t type)
{
	static const char *const names[] = {"json", "jsonb", "bytea", "float4", "float8"};

	for (unsigned i = 0; i < ARRAY_LEN(names) && type; i++)
		if (type == type_builtin(names[i]))
			return true;
	return type && (type_simple_builtin(type) || type_citext(c, type));
}

static bool of_extension(const struct catalog *c, uint32_t oid)
{
	const struct type *t = catalog_type_by_oid(c, oid);

	if (t && t->elem)
		t = catalog_type_by_oid(c, t->elem);
	return t && t->extension && function_extension_pure(t->extension) &&
	       (t->kind == TYPE_BASE || t->kind == TYPE_RANGE);
}

bool candidate_takes(const struct lineage *l, uint32_t parameter, const struct taint *value)
{
	static const char *const texts[] = {"text", "varchar", "bpchar", "char"};
	uint32_t type = type_base(l->names->catalog, value->type);
	bool text = type_citext(l->names->catalog, type);

	/* a bare constant is of whatever type is wanted */
	if (!parameter || parameter == type || value->constant || value->foreign || value->row ||
		value->nfields || !stays(l->names->catalog, type))
		return true;
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++)
		text = text || type == type_builtin(texts[i]);
	return !of_extension(l->names->catalog, parameter) && !type_builtin_is_array(parameter) &&
	       (text || parameter != type_builtin("text"));
}

/* Of a function of an extension known to be pure: of another it is not worth a mistake. */
static bool meant(const struct lineage *l, const struct function *f, const struct arguments *args)
{
	size_t at = 0;

	if (!args->v || args->variadic || !f->extension || !function_extension_pure(f->extension))
		return true;
	for (size_t i = 0; i < args->n; i++)
		if (args->v[i].name)
			return true;
	for (unsigned i = 0; i < f->nparameters && at < args->n; i++) {
		if (!strchr("ibv", f->parameters[i].mode))
			continue;
		if (f->parameters[i].mode == 'v')
			return true;
		if (!candidate_takes(l, f->parameters[i].type, &args->v[at++].t))
			return false;
	}
	return true;
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
	if (trusted) /* it may do something: it is not left out */
		l->unseen = NULL;
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
		if (!meant(l, f, args))
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

struct candidates candidates_of(struct lineage *l, const char *schema, const char *name,
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

void function_shadow(struct lineage *l, const char *name)
{
	struct candidates c = {0};

	user_candidates(l, NULL, name, &(struct arguments){0}, &c);
}
