/* SPDX-License-Identifier: MIT */
/* Names, found the way PostgreSQL's parse_relation.c and parse_expr.c find them. */
#include "sql/lineage.h"

#include <string.h>

const char *scope_schema(const struct name_scope *ns, const char *schema)
{
	return ns->temp && !strcmp(schema, "pg_temp") ? ns->temp : schema;
}

bool scope_calls(const struct name_scope *ns, const char *schema)
{
	if (ns->any || !strcmp(schema, "pg_catalog"))
		return true;
	if (ns->temp && !strcmp(schema, ns->temp))
		return false;
	for (unsigned i = 0; i < ns->npath; i++)
		if (!strcmp(ns->path[i], schema))
			return true;
	return false;
}

/* In how many places of the path. */
static unsigned places_of(const struct name_scope *ns, const char *name)
{
	unsigned n = catalog_relation(ns->catalog, "pg_catalog", name) != NULL;

	n += ns->temp && !ns->temp_in_path && catalog_relation(ns->catalog, ns->temp, name);
	for (unsigned i = 0; i < ns->npath; i++)
		n += catalog_relation(ns->catalog, ns->path[i], name) != NULL;
	return n;
}

static const struct relation *find_in_path(const struct name_scope *ns, const char *name)
{
	const struct relation *r = NULL;

	if (ns->any || (ns->unsure && places_of(ns, name) > 1))
		return NULL;
	if (ns->temp && !ns->temp_in_path)
		r = catalog_relation(ns->catalog, ns->temp, name);
	if (!r)
		r = catalog_relation(ns->catalog, "pg_catalog", name);
	for (unsigned i = 0; i < ns->npath && !r; i++)
		r = catalog_relation(ns->catalog, ns->path[i], name);
	return r;
}

/* What others keep for their sessions they may change at any time, and a masked view is let be temporary
 * since no other session sees it: so none does, whatever schemas the role may use. */
static bool of_others(const struct name_scope *ns, const struct relation *r)
{
	return strncmp(r->schema, "pg_temp_", 8) == 0 && (!ns->temp || strcmp(r->schema, ns->temp) != 0);
}

const struct relation *scope_relation(const struct name_scope *ns, const char *schema, const char *name)
{
	return *schema ? catalog_relation(ns->catalog, scope_schema(ns, schema), name)
		       : find_in_path(ns, name);
}

const struct relation *relation_find(struct lineage *l, const PgQuery__RangeVar *rv)
{
	const struct relation *r;

	if (lineage_stopped(l))
		return NULL;
	r = scope_relation(l->names, rv->schemaname, rv->relname);
	if (r && !l->need && of_others(l->names, r)) /* need: a catalogue is being built */
		r = NULL;
	if (!*rv->schemaname && (!r || l->names->temp || strcmp(r->schema, "pg_catalog") != 0))
		l->s->by_path = true;
	if (!r || !r->system)
		lineage_looks_up(l, rv->schemaname, rv->relname);
	if (!r) {
		lineage_fail_retry(l, "42P01", rv->location, "relation \"%s%s%s\" does not exist",
			rv->schemaname, *rv->schemaname ? "." : "", rv->relname);
		return NULL;
	}
	if (l->names->temp_doubtful && !strcmp(r->schema, l->names->temp)) {
		lineage_doubt(l, rv->location,
			"code of the database's own ran in this session and may have written into \"%s\": "
			"temporary tables cannot be read any more before DISCARD TEMP",
			rv->relname);
	}
	if (l->need)
		l->need(l->need_arg, r);
	return r;
}

struct taint relation_read(struct lineage *l, const struct relation *r, unsigned i, bool only)
{
	const struct column *c = &r->cols[i];
	bool view = r->kind == 'v' || r->kind == 'm';
	struct taint t = {
		.from = c->read,
		.type = c->type_oid,
		.direct = c->from.n == 0 || (view && c->direct),
		.calm = !c->foreign && (strchr("rpmSt", r->kind) ? c->from.n == 0 || view : c->calm),
		.odd = !c->simple,
		.size = 1,
		.collated = c->collated,
		.foreign = c->foreign,
	};

	if (only && r->nchildren) {
		struct colref self = {r->oid, c->attnum};
		struct colset one = {&self, 1, 1};
		struct colset own = {0};

		if (!colset_union(l->a, &own, &one) || !colset_union(l->a, &own, &c->from))
			l->oom = true;
		t.from = own;
	}
	return t;
}

unsigned item_ncols(const struct item *it)
{
	return it->rel ? it->rel->ncols : it->ncols;
}

const char *item_name(const struct item *it, unsigned i)
{
	if (!it->rel)
		return it->cols[i].name;
	return it->renamed ? it->renamed[i] : it->rel->cols[i].name;
}

struct taint item_taint(struct lineage *l, const struct item *it, unsigned i)
{
	return it->rel ? relation_read(l, it->rel, i, it->only) : it->cols[i].t;
}

struct taint item_row(struct lineage *l, const struct item *it)
{
	struct taint acc = {0};
	const char *foreign = NULL;

	for (unsigned i = 0; i < item_ncols(it); i++) {
		struct taint t = item_taint(l, it, i);

		foreign = foreign ? foreign : t.foreign;
		t.foreign = NULL;
		taint_mix(l, &acc, &t);
	}
	if (it->rel) {
		const struct type *type = catalog_type(l->names->catalog, it->rel->schema, it->rel->name);

		acc.type = type ? type->oid : 0;
	}
	acc.row = it;
	acc.odd = true;
	acc.foreign = foreign;
	return acc;
}

static bool is_system_column(const char *name)
{
	static const char *const names[] = {"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"};

	for (unsigned i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

void lineage_partition_keys(struct lineage *l, const struct relation *r, struct colset *out)
{
	for (unsigned i = 0; r && i < r->ncols; i++)
		if (r->cols[i].partition_key)
			*out = lineage_join(l, out, &r->cols[i].read);
}

void lineage_place(struct lineage *l, const struct relation *r, struct colset *out)
{
	if (l->names->temp && !strcmp(r->schema, l->names->temp) &&
		!colset_add(l->a, out, (struct colref){r->oid, COLREF_PLACE, 0, 0}))
		l->oom = true;
}

/* Which partition a row is in, and where there, hangs on its keys. */
static struct taint system_column(struct lineage *l, const struct relation *r, const char *name)
{
	struct taint t = {.odd = true};

	if (!strcmp(name, "ctid"))
		lineage_place(l, r, &t.from);
	if ((strcmp(name, "tableoid") != 0 && strcmp(name, "ctid") != 0) || !r->nchildren ||
		!lineage_spend(l, r->nchildren))
		return t;
	lineage_partition_keys(l, r, &t.from);
	for (unsigned i = 0; i < r->nchildren; i++)
		lineage_partition_keys(
			l, catalog_relation_by_oid(l->names->catalog, r->children[i]), &t.from);
	return t;
}

unsigned item_find(struct lineage *l, const struct item *it, const char *name, struct taint *t)
{
	unsigned n = item_ncols(it), found = 0;

	if (!lineage_spend(l, n / 16 + 1))
		return 0;
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(item_name(it, i), name) != 0)
			continue;
		*t = item_taint(l, it, i);
		found++;
	}
	if (!found && it->rel && it->rel->kind != 'v' && is_system_column(name)) {
		*t = system_column(l, it->rel, name);
		if (!colset_add(l->a, &l->s->placed, (struct colref){it->rel->oid, 0, 0, 0}))
			l->oom = true;
		found = 1;
	}
	return found;
}

void namespace_add(struct lineage *l, struct namespace_ *ns, struct visible v)
{
	if (ns->n == ns->cap) {
		unsigned cap = ns->cap ? ns->cap * 2 : 4;
		struct visible *a = lineage_alloc(l, cap, sizeof(*a));

		if (!a || !lineage_spend(l, cap))
			return;
		if (ns->n)
			memcpy(a, ns->v, ns->n * sizeof(*a));
		ns->v = a;
		ns->cap = cap;
	}
	ns->v[ns->n++] = v;
}

static bool hidden(const struct scope *sc, const struct visible *v)
{
	return v->lateral && !sc->lateral;
}

/* The relation that schema.name means, for references like schema.rel.col; quiet. */
static bool same_relation(struct lineage *l, const struct item *it, const char *schema, const char *name)
{
	return it->rel && it->named && !strcmp(it->rel->name, name) &&
	       it->rel == scope_relation(l->names, schema, name);
}

struct item *scope_item(
	struct lineage *l, const struct scope *sc, const char *schema, const char *name, int location)
{
	for (; sc && !lineage_stopped(l); sc = sc->outer) {
		struct item *found = NULL;

		if (!lineage_spend(l, sc->ns.n / 8 + 1))
			return NULL;
		for (unsigned i = 0; i < sc->ns.n; i++) {
			const struct visible *v = &sc->ns.v[i];

			if (!v->as_rel || hidden(sc, v))
				continue;
			if (schema ? !same_relation(l, v->item, schema, name)
				   : strcmp(v->item->alias, name) != 0)
				continue;
			if (found && found != v->item) {
				lineage_fail(
					l, "42P09", location, "table reference \"%s\" is ambiguous", name);
				return NULL;
			}
			found = v->item;
		}
		if (found)
			return found;
	}
	return NULL;
}

/* In one level: how many columns of that name. */
static unsigned level_column(
	struct lineage *l, const struct scope *sc, const char *name, struct taint *t, bool *open)
{
	unsigned found = 0;

	*open = false;
	for (unsigned i = 0; i < sc->ns.n; i++) {
		const struct visible *v = &sc->ns.v[i];

		if (!v->as_cols || hidden(sc, v))
			continue;
		found += item_find(l, v->item, name, t);
		*open = *open || v->item->open;
	}
	return found;
}

bool scope_column(struct lineage *l, const struct scope *sc, const char *name, int location, struct taint *t)
{
	for (; sc && lineage_spend(l, 1); sc = sc->outer) {
		bool open;
		unsigned found = level_column(l, sc, name, t, &open);

		if (found > 1)
			lineage_fail(l, "42702", location, "column reference \"%s\" is ambiguous", name);
		else if (open) /* it may have a column of that name, or not the one that it seems to have */
			lineage_odd(l, location, "a name beside a function whose columns are not known");
		if (found)
			return true;
	}
	return false;
}

static struct taint bare(struct lineage *l, struct scope *sc, const char *name, int location)
{
	struct taint t = {0};
	struct item *it;

	if (scope_column(l, sc, name, location, &t))
		return t;
	it = scope_item(l, sc, NULL, name, location);
	if (it)
		return item_row(l, it);
	if (body_parameter(l, name, 0, &t))
		return t;
	lineage_fail_retry(l, "42703", location, "column \"%s\" does not exist", name);
	return t;
}

static void no_item(struct lineage *l, const char *schema, const char *name, int location)
{
	if (schema)
		lineage_fail_retry(
			l, "42P01", location, "missing FROM-clause entry for table \"%s.%s\"", schema, name);
	else
		lineage_fail_retry(l, "42P01", location, "missing FROM-clause entry for table \"%s\"", name);
}

static struct taint qualified(struct lineage *l, struct scope *sc, const char *schema, const char *rel,
	const char *name, int location)
{
	struct item *it = scope_item(l, sc, schema, rel, location);
	struct taint t = {0};
	unsigned found;

	if (!it) {
		if (l->body && !schema && !strcmp(rel, l->body->f->name) && body_parameter(l, name, 0, &t))
			return t;
		no_item(l, schema, rel, location);
		return t;
	}
	if (schema)
		lineage_schema_ref(l, it->rel, location);
	found = item_find(l, it, name, &t);
	if (it->open)
		lineage_odd(l, location, "a column of a function whose columns are not known");
	else if (found > 1)
		lineage_fail(l, "42702", location, "column reference \"%s\" is ambiguous", name);
	else if (!found && (function_known(name) || catalog_function(l->names->catalog, name, 0)))
		lineage_odd_name(l, location, "calling a function in column notation");
	else if (!found)
		lineage_fail_retry(l, "42703", location, "column %s.%s does not exist", rel, name);
	return t;
}

/* The strings of a ColumnRef; a star counts as NULL. 0: not understood. */
static unsigned fields_of(struct lineage *l, const PgQuery__ColumnRef *r, const char *f[4])
{
	lineage_seen(l, r);
	if (r->n_fields == 0 || r->n_fields > 4) {
		lineage_odd(l, r->location, "this column reference");
		return 0;
	}
	for (size_t i = 0; i < r->n_fields; i++) {
		bool star = r->fields[i]->node_case == PG_QUERY__NODE__NODE_A_STAR;

		if ((star && i + 1 < r->n_fields) ||
			(!star && r->fields[i]->node_case != PG_QUERY__NODE__NODE_STRING)) {
			lineage_odd(l, r->location, "this column reference");
			return 0;
		}
		f[i] = star ? NULL : node_string(r->fields[i]);
	}
	return (unsigned)r->n_fields;
}

struct item *column_ref_item(struct lineage *l, struct scope *sc, const PgQuery__ColumnRef *r)
{
	const char *f[4];
	unsigned n = fields_of(l, r, f);
	const char *schema = n >= 3 ? f[n - 3] : NULL;
	struct item *it;

	if (lineage_stopped(l))
		return NULL;
	if (n < 2 || f[n - 1]) {
		lineage_fail(l, "42601", r->location, "a star is not allowed here");
		return NULL;
	}
	it = scope_item(l, sc, schema, f[n - 2], r->location);
	if (!it)
		no_item(l, schema, f[n - 2], r->location);
	else if (schema)
		lineage_schema_ref(l, it->rel, r->location);
	return it;
}

struct taint column_ref(struct lineage *l, struct scope *sc, const PgQuery__ColumnRef *r)
{
	const char *f[4];
	unsigned n = fields_of(l, r, f);
	struct taint t = {0};

	if (lineage_stopped(l))
		return t;
	if (!f[n - 1]) {
		struct item *it = column_ref_item(l, sc, r);

		return it ? item_row(l, it) : t;
	}
	if (n == 1)
		return bare(l, sc, f[0], r->location);
	return qualified(l, sc, n >= 3 ? f[n - 3] : NULL, f[n - 2], f[n - 1], r->location);
}
