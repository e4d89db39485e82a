/* SPDX-License-Identifier: MIT */
#include "sql/lineage.h"

#include <string.h>
#include "sql/type_table.h"

#define CAST_SIZE 32 /* how many times as long a value may be as what it is cast from */

uint32_t type_builtin(const char *name)
{
	for (unsigned i = 0; i < type_table_n; i++)
		if (!strcmp(type_table[i].name, name))
			return type_table[i].oid;
	return 0;
}

uint32_t type_builtin_array(uint32_t element)
{
	for (unsigned i = 0; i < type_table_n && element; i++)
		if (type_table[i].oid == element)
			return type_table[i].array;
	return 0;
}

uint32_t type_builtin_element(uint32_t array)
{
	for (unsigned i = 0; i < type_table_n && array; i++)
		if (type_table[i].array == array)
			return strcmp(type_table[i].name, "record") != 0 ? type_table[i].oid : 0;
	return 0;
}

bool type_builtin_is_array(uint32_t oid)
{
	return type_builtin_element(oid) != 0;
}

/* oid and the floats are not here: bigint and numeric convert to them by themselves, and that may fail. Nor
 * is name: its collation is its own, and two of them do not go together. */
bool type_simple_builtin(uint32_t oid)
{
	static const char *const names[] = {"text", "varchar", "bpchar", "char", "int2", "int4", "int8",
		"numeric", "bool", "date", "time", "timetz", "timestamp", "timestamptz", "interval", "uuid"};

	for (unsigned i = 0; i < type_table_n; i++) {
		if (type_table[i].oid != oid)
			continue;
		for (unsigned k = 0; k < ARRAY_LEN(names); k++)
			if (!strcmp(type_table[i].name, names[k]))
				return true;
		return false;
	}
	return false;
}

/* A text but for how it compares, which is by lower(), and cannot fail either. */
bool type_citext(const struct catalog *c, uint32_t oid)
{
	const struct type *t = oid >= FIRST_USER_OID ? catalog_type_by_oid(c, oid) : NULL;

	return t && t->kind == TYPE_BASE && !t->elem && t->extension && !strcmp(t->extension, "citext") &&
	       !strcmp(t->name, "citext");
}

bool type_simple(const struct catalog *c, uint32_t oid)
{
	const struct type *t;

	if (type_simple_builtin(oid))
		return true;
	t = catalog_type_by_oid(c, oid);
	if (!t)
		return false;
	if (t->kind == TYPE_DOMAIN)
		return t->base != oid && type_simple(c, t->base);
	return t->kind == TYPE_ENUM || type_citext(c, oid);
}

bool type_scalar(const struct catalog *c, uint32_t oid)
{
	const struct type *t = oid ? catalog_type_by_oid(c, oid) : NULL;

	if (t && t->kind == TYPE_DOMAIN)
		t = catalog_type_by_oid(c, oid = t->base);
	if (t && oid >= FIRST_USER_OID)
		return t->kind != TYPE_COMPOSITE && t->kind != TYPE_PSEUDO && t->kind != TYPE_DOMAIN;
	return type_builtin_is_array(oid) || type_builtin_array(oid) ? oid != type_builtin("record") : false;
}

bool type_element(const struct catalog *c, uint32_t oid)
{
	const struct type *t;

	oid = type_base(c, oid);
	t = oid ? catalog_type_by_oid(c, oid) : NULL;
	if (t && oid >= FIRST_USER_OID)
		return !t->elem && t->kind != TYPE_PSEUDO && t->kind != TYPE_DOMAIN;
	return type_builtin_array(oid) && !type_builtin_is_array(oid) && oid != type_builtin("record") &&
	       oid != type_builtin("int2vector") && oid != type_builtin("oidvector");
}

const struct relation *type_row(const struct catalog *c, uint32_t oid)
{
	const struct type *t = oid ? catalog_type_by_oid(c, oid) : NULL;

	if (t && t->kind == TYPE_DOMAIN)
		t = catalog_type_by_oid(c, t->base);
	return t && t->kind == TYPE_COMPOSITE ? catalog_relation(c, t->schema, t->name) : NULL;
}

static const struct type *foreign(const struct catalog *c, uint32_t oid, unsigned depth)
{
	static const struct type unknown = {.schema = "pg_type", .name = "unknown"};
	const struct relation *r;
	const struct type *t;

	t = catalog_type_by_oid(c, oid);
	if (t && t->cast)
		return t;
	if (oid < FIRST_USER_OID)
		return NULL;
	if (!t || depth > 16)
		return &unknown;
	switch (t->kind) {
	case TYPE_BASE:
		if (t->elem)
			return foreign(c, t->elem, depth + 1);
		return t->extension && function_extension_pure(t->extension) ? NULL : t;
	case TYPE_RANGE: return t->extension && function_extension_pure(t->extension) ? NULL : t;
	case TYPE_ENUM: return NULL;
	/* A CHECK of built-in code says something of the value alone, and only where one is made: a cast to
	 * the domain is a use of what is cast. */
	case TYPE_DOMAIN: return t->code ? t : foreign(c, t->base, depth + 1);
	case TYPE_PSEUDO: return t;
	case TYPE_COMPOSITE: break;
	}
	r = catalog_relation(c, t->schema, t->name);
	for (unsigned i = 0; r && i < r->ncols; i++) {
		const struct type *f = foreign(c, r->cols[i].type_oid, depth + 1);

		if (f)
			return f;
	}
	return r ? NULL : t;
}

const struct type *type_foreign(const struct catalog *c, uint32_t oid)
{
	return foreign(c, oid, 0);
}

static uint32_t oid_in(const struct catalog *c, const char *schema, const char *name)
{
	const struct type *t;

	if (!strcmp(schema, "pg_catalog") && type_builtin(name))
		return type_builtin(name);
	t = catalog_type(c, schema, name);
	return t ? t->oid : 0;
}

static uint32_t find(const struct name_scope *ns, const char *schema, const char *name)
{
	uint32_t oid = 0;

	if (schema)
		return oid_in(ns->catalog, scope_schema(ns, schema), name);
	if (ns->temp && !ns->temp_in_path)
		oid = oid_in(ns->catalog, ns->temp, name);
	if (!oid)
		oid = oid_in(ns->catalog, "pg_catalog", name);
	if (ns->any)
		return oid;
	for (unsigned i = 0; i < ns->npath && !oid; i++)
		oid = oid_in(ns->catalog, ns->path[i], name);
	return oid;
}

/* numeric(10, 2), geometry(Point): constants and words, never columns. */
static void typmods(struct lineage *l, const PgQuery__TypeName *t)
{
	for (size_t i = 0; i < t->n_typmods; i++) {
		const PgQuery__Node *n = t->typmods[i];

		if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && n->column_ref->n_fields == 1)
			lineage_seen(l, n->column_ref);
		else if (n->node_case != PG_QUERY__NODE__NODE_A_CONST)
			lineage_odd(l, t->location, "a type modifier");
	}
}

/* Between types of pg_catalog a cast of users' own runs only where it is asked for by the type's name. */
static bool recast(const struct catalog *c, uint32_t oid)
{
	const struct type *t = catalog_type_by_oid(c, oid);

	return t && (t->recast || (t->elem && recast(c, t->elem)));
}

bool typename_judge(struct lineage *l, const PgQuery__TypeName *t, struct type_ref *out)
{
	const char *schema = t->n_names >= 2 ? node_string(t->names[t->n_names - 2]) : NULL;
	const struct type *type;
	uint32_t oid;

	lineage_seen(l, t);
	typmods(l, t);
	if (t->n_names == 0 || t->n_names > 3 || t->setof || t->pct_type)
		lineage_odd(l, t->location, "this type name");
	if (lineage_stopped(l))
		return false;
	*out = (struct type_ref){.name = node_string(t->names[t->n_names - 1])};
	oid = find(l->names, schema, out->name);
	if (!oid) {
		lineage_fail_retry(l, "42704", t->location, "type \"%s\" does not exist", out->name);
		return false;
	}
	if (!schema && (oid >= FIRST_USER_OID || l->names->temp))
		l->s->by_path = true;
	if (oid >= FIRST_USER_OID)
		lineage_looks_up(l, schema, out->name);
	(void)lineage_row(l, oid);
	out->foreign = type_foreign(l->names->catalog, oid);
	if (out->foreign)
		lineage_opaque(l, out->foreign->schema, out->foreign->name);
	else if (recast(l->names->catalog, oid))
		lineage_opaque(l, "a cast to", out->name);
	type = catalog_type_by_oid(l->names->catalog, oid);
	out->simple = t->n_array_bounds == 0 && type_simple(l->names->catalog, oid) &&
		      !(type && type->kind == TYPE_DOMAIN);
	out->oid = t->n_array_bounds ? type_builtin_array(oid) : oid;
	return true;
}

bool typename_reads_builtin(struct lineage *l, const char *text)
{
	static const char *const words[] = {"bigint", "boolean", "character", "character varying", "decimal",
		"double precision", "int", "integer", "real", "smallint"};
	size_t n = strcspn(text, "([");
	char name[32];
	uint32_t oid;

	if (n >= sizeof(name))
		return false;
	memcpy(name, text, n);
	name[n] = 0;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (!strcmp(name, words[i]))
			return true;
	l->s->by_path = true;
	oid = find(l->names, NULL, name);
	return oid && oid < FIRST_USER_OID && oid == type_builtin(name);
}

bool typename_foreign(const struct lineage *l, const PgQuery__TypeName *t)
{
	const char *schema = t->n_names >= 2 ? node_string(t->names[t->n_names - 2]) : NULL;
	uint32_t oid;

	if (t->n_names == 0 || t->n_names > 3 || t->setof || t->pct_type)
		return true;
	oid = find(l->names, schema, node_string(t->names[t->n_names - 1]));
	return oid && type_foreign(l->names->catalog, oid);
}

/* Conversions between pg_catalog's types that hold for every value. */
static bool widens(uint32_t from, uint32_t to)
{
	static const char *const pairs[][2] = {{"int2", "int4"}, {"int2", "int8"}, {"int2", "numeric"},
		{"int4", "int8"}, {"int4", "numeric"}, {"int8", "numeric"}, {"float4", "float8"},
		{"int2", "float8"}, {"int4", "float8"}, {"int8", "float8"}, {"int4", "bool"},
		{"bool", "int4"}, {"timestamp", "date"}, {"timestamp", "time"}, {"varchar", "text"},
		{"bpchar", "text"}};

	for (unsigned i = 0; i < ARRAY_LEN(pairs); i++)
		if (from == type_builtin(pairs[i][0]) && to == type_builtin(pairs[i][1]))
			return true;
	return false;
}

/* A value of a domain is one of the type below. */
uint32_t type_base(const struct catalog *c, uint32_t oid)
{
	const struct type *t = oid ? catalog_type_by_oid(c, oid) : NULL;

	return t && t->kind == TYPE_DOMAIN ? t->base : oid;
}

/* A text keeps the collation that it has. */
static bool collatable(const struct catalog *c, uint32_t oid)
{
	return oid == type_builtin("text") || oid == type_builtin("varchar") ||
	       oid == type_builtin("bpchar") || type_citext(c, oid);
}

static bool literal(const PgQuery__Node *n)
{
	return n->node_case == PG_QUERY__NODE__NODE_A_CONST || n->node_case == PG_QUERY__NODE__NODE_PARAM_REF;
}

/* What the server computes before it runs anything: a literal is read by the type's input function, and a
 * number is converted to a simple type by what is immutable. */
static bool folded(
	const struct catalog *c, const PgQuery__AConst *from, const struct type_ref *to, bool plain)
{
	const struct type *t = catalog_type_by_oid(c, to->oid);

	if (to->foreign || (t && t->kind == TYPE_DOMAIN))
		return false;
	return to->simple ||
	       (plain && to->oid && (from->isnull || from->val_case == PG_QUERY__A__CONST__VAL_SVAL));
}

bool type_converts(const struct catalog *c, uint32_t from, uint32_t to)
{
	return from && (from == to || widens(type_base(c, from), to) || type_base(c, from) == to);
}

/* Asked for by name, so that what is too long for varchar(n) is cut. */
static bool array_converts(const struct lineage *l, const struct taint *t, uint32_t to, bool plain)
{
	uint32_t from = type_builtin_element(type_base(l->names->catalog, t->type));
	uint32_t element = type_builtin_element(to);

	return from && element && !t->foreign &&
	       ((collatable(l->names->catalog, element) && taint_prints(l, t)) ||
		       (plain && type_converts(l->names->catalog, from, element)));
}

/* ROW(…) to a row type, field by field. */
static bool row_converts(const struct lineage *l, const struct taint *t, uint32_t to)
{
	const struct type *type = catalog_type_by_oid(l->names->catalog, to);
	const struct relation *r =
		type && type->kind == TYPE_COMPOSITE ? type_row(l->names->catalog, to) : NULL;

	if (!r || !t->nfields || r->ncols != t->nfields)
		return false;
	for (unsigned i = 0; i < r->ncols; i++) {
		const struct taint *f = &t->fields[i];
		const struct column *c = &r->cols[i];

		if (f->foreign || c->foreign ||
			(!taint_constant(f) &&
				(c->typmod >= 0 || !(type_converts(l->names->catalog, f->type, c->type_oid) ||
							   (collatable(l->names->catalog, c->type_oid) &&
								   taint_prints(l, f))))))
			return false;
	}
	return true;
}

static bool cast_total(const struct lineage *l, const struct taint *t, const struct type_ref *to, bool plain)
{
	return (collatable(l->names->catalog, to->oid) && taint_prints(l, t)) ||
	       (to->oid && to->oid == type_builtin("json") && t->type == type_builtin("jsonb")) ||
	       (plain && type_converts(l->names->catalog, t->type, to->oid)) ||
	       array_converts(l, t, to->oid, plain) || row_converts(l, t, to->oid);
}

/* The collation that a text has of the value it was made of. */
static bool keeps_collation(const struct catalog *c, const struct taint *t)
{
	return t->collated || (t->odd && (!t->type || collatable(c, type_base(c, t->type))));
}

bool type_grows(const struct catalog *c, uint32_t oid)
{
	oid = type_base(c, oid);
	return !oid || !type_simple(c, oid) || collatable(c, oid);
}

/* A cast between them changes no value, and of equal keys keeps the last. */
static bool document(uint32_t type)
{
	return type && (type == type_builtin("json") || type == type_builtin("jsonb"));
}

static unsigned cast_size(
	const struct catalog *c, const struct taint *t, const struct type_ref *to, bool total)
{
	if (t->type && type_base(c, t->type) == type_base(c, to->oid))
		return t->size;
	if (!type_grows(c, to->oid))
		return 0;
	if (t->type && t->type == type_builtin("json") && total)
		return t->size;
	if (t->type && t->type == type_builtin("jsonb") && total)
		return taint_times(t, 2);
	if (!t->odd)
		return total ? t->size : taint_times(t, CAST_SIZE);
	return total ? taint_times(t, CAST_SIZE) : TAINT_SIZE_MAX;
}

struct taint expr_cast(struct lineage *l, struct scope *sc, const PgQuery__TypeCast *c)
{
	struct taint t = {0}, acc = {0};
	struct type_ref type;
	const char *where;
	bool plain, total, constant;

	lineage_seen(l, c);
	if (!c->arg || !c->type_name || !typename_judge(l, c->type_name, &type)) {
		lineage_odd(l, c->location, "this cast");
		return t;
	}
	t = expr(l, sc, c->arg);
	if (lineage_stopped(l))
		return t;
	if (t.row && t.row->rel && type_row(l->names->catalog, type.oid) == t.row->rel)
		return t; /* a row to its own type: how view definitions are printed */
	taint_mix(l, &acc, &t);
	plain = c->type_name->n_typmods == 0;
	constant = c->arg->node_case == PG_QUERY__NODE__NODE_A_CONST;
	total = constant ? folded(l->names->catalog, c->arg->a_const, &type, plain)
			 : cast_total(l, &t, &type, plain);
	if (!constant && !total) {
		where = arena_printf(l->a, "a cast to %s", type.name);
		lineage_use(l, &acc, where ? where : "a cast");
	}
	acc.calm = total && t.calm;
	acc.constant = total && t.constant;
	acc.odd = !type.simple || (collatable(l->names->catalog, type.oid) && !literal(c->arg) &&
					  keeps_collation(l->names->catalog, &t));
	acc.type = type.oid;
	acc.size = literal(c->arg) ? t.size : cast_size(l->names->catalog, &t, &type, total);
	taint_fits(l, &acc);
	if (type_row(l->names->catalog, type.oid)) {
		acc.fields = t.fields;
		acc.nfields = t.nfields;
	}
	if (plain && document(t.type) && document(type.oid))
		acc.places = t.places;
	return acc;
}
