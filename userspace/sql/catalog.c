/* SPDX-License-Identifier: MIT */
#include "sql/catalog_internal.h"
#include "sql/function.h"
#include "sql/lineage.h"

#include <stdlib.h>
#include <string.h>

struct catalog *catalog_ref(struct catalog *c)
{
	if (c)
		__atomic_add_fetch(&c->refs, 1, __ATOMIC_RELAXED);
	return c;
}

void catalog_unref(struct catalog *c)
{
	if (!c || __atomic_sub_fetch(&c->refs, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	arena_fini(&c->a);
	free(c);
}

bool catalog_shared(const struct catalog *c)
{
	return __atomic_load_n(&c->refs, __ATOMIC_RELAXED) > 1;
}

size_t catalog_bytes(const struct catalog *c)
{
	return c->a.held;
}

const struct colset *catalog_numbered(const struct catalog *c)
{
	return &c->numbered;
}

const char *catalog_code_digest(const struct catalog *c)
{
	return c->code_digest;
}

bool catalog_has_event_triggers(const struct catalog *c)
{
	return c->event_triggers;
}

bool catalog_has_code(const struct catalog *c)
{
	for (unsigned i = 0; i < c->nfunctions; i++) {
		const struct function *f = c->functions[i];

		if (strcmp(f->schema, "information_schema") != 0 &&
			!(f->extension && function_extension_pure(f->extension)))
			return true;
	}
	return false;
}

uint64_t catalog_version(const struct catalog *c)
{
	return c->version;
}

unsigned catalog_server(const struct catalog *c)
{
	return c->server;
}

static int cmp_names(const char *schema_a, const char *a, const char *schema_b, const char *b)
{
	int d = strcmp(a, b);

	return d ? d : strcmp(schema_a, schema_b);
}

static int cmp_oid(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int relation_by_name(const void *a, const void *b)
{
	const struct relation *x = *(const struct relation *const *)a,
			      *y = *(const struct relation *const *)b;

	return cmp_names(x->schema, x->name, y->schema, y->name);
}

static int relation_by_oid(const void *a, const void *b)
{
	return cmp_oid((*(const struct relation *const *)a)->oid, (*(const struct relation *const *)b)->oid);
}

static int type_by_name(const void *a, const void *b)
{
	const struct type *x = *(const struct type *const *)a, *y = *(const struct type *const *)b;

	return cmp_names(x->schema, x->name, y->schema, y->name);
}

static int type_by_oid(const void *a, const void *b)
{
	return cmp_oid((*(const struct type *const *)a)->oid, (*(const struct type *const *)b)->oid);
}

static int function_by_name(const void *a, const void *b)
{
	return strcmp((*(const struct function *const *)a)->name, (*(const struct function *const *)b)->name);
}

static int operator_by_name(const void *a, const void *b)
{
	return strcmp(
		(*(const struct operator_ *const *)a)->name, (*(const struct operator_ *const *)b)->name);
}

void catalog_sort(struct catalog *c)
{
	qsort(c->by_name, c->nrelations, sizeof(*c->by_name), relation_by_name);
	qsort(c->by_oid, c->nrelations, sizeof(*c->by_oid), relation_by_oid);
	qsort(c->types_by_name, c->ntypes, sizeof(*c->types_by_name), type_by_name);
	qsort(c->types_by_oid, c->ntypes, sizeof(*c->types_by_oid), type_by_oid);
	qsort(c->functions, c->nfunctions, sizeof(*c->functions), function_by_name);
	qsort(c->operators, c->noperators, sizeof(*c->operators), operator_by_name);
}

const struct relation *catalog_relation(const struct catalog *c, const char *schema, const char *name)
{
	const struct relation key = {.schema = schema, .name = name}, *k = &key;
	struct relation **r = bsearch(&k, c->by_name, c->nrelations, sizeof(*r), relation_by_name);

	return r ? *r : NULL;
}

const struct relation *catalog_relation_by_oid(const struct catalog *c, uint32_t oid)
{
	const struct relation key = {.oid = oid}, *k = &key;
	struct relation **r = bsearch(&k, c->by_oid, c->nrelations, sizeof(*r), relation_by_oid);

	return r ? *r : NULL;
}

void catalog_each_relation(
	const struct catalog *c, bool (*fn)(void *arg, const struct relation *r), void *arg)
{
	for (unsigned i = 0; i < c->nrelations; i++)
		if (!fn(arg, c->by_name[i]))
			return;
}

const struct column *relation_column(const struct relation *r, const char *name)
{
	for (unsigned i = 0; i < r->ncols; i++)
		if (!strcmp(r->cols[i].name, name))
			return &r->cols[i];
	return NULL;
}

const struct column *relation_column_by_attnum(const struct relation *r, int16_t attnum)
{
	for (unsigned i = 0; i < r->ncols; i++)
		if (r->cols[i].attnum == attnum)
			return &r->cols[i];
	return NULL;
}

bool catalog_schema_exists(const struct catalog *c, const char *schema)
{
	for (unsigned i = 0; i < c->nschemas; i++)
		if (!strcmp(c->schemas[i], schema))
			return true;
	return false;
}

/* The first of a run of equal names in a sorted list. */
static unsigned lower_bound(
	void *const *v, unsigned n, const void *key, int (*cmp)(const void *, const void *))
{
	unsigned lo = 0, hi = n;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (cmp(&v[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct function *catalog_function(const struct catalog *c, const char *name, unsigned n)
{
	const struct function key = {.name = name};
	unsigned i = lower_bound((void *const *)c->functions, c->nfunctions, &key, function_by_name);

	if (n >= c->nfunctions - i || strcmp(c->functions[i + n]->name, name) != 0)
		return NULL;
	return c->functions[i + n];
}

const struct operator_ *catalog_operator(const struct catalog *c, const char *name, unsigned n)
{
	const struct operator_ key = {.name = name};
	unsigned i = lower_bound((void *const *)c->operators, c->noperators, &key, operator_by_name);

	if (n >= c->noperators - i || strcmp(c->operators[i + n]->name, name) != 0)
		return NULL;
	return c->operators[i + n];
}

const struct type *catalog_type(const struct catalog *c, const char *schema, const char *name)
{
	const struct type key = {.schema = schema, .name = name}, *k = &key;
	struct type **t = bsearch(&k, c->types_by_name, c->ntypes, sizeof(*t), type_by_name);

	return t ? *t : NULL;
}

const struct type *catalog_type_by_oid(const struct catalog *c, uint32_t oid)
{
	const struct type key = {.oid = oid}, *k = &key;
	struct type **t = bsearch(&k, c->types_by_oid, c->ntypes, sizeof(*t), type_by_oid);

	return t ? *t : NULL;
}

uint32_t catalog_type_element(const struct catalog *c, uint32_t oid)
{
	const struct type *t = catalog_type_by_oid(c, oid);

	return t ? t->elem : type_builtin_element(oid);
}

const struct relation *catalog_type_row(const struct catalog *c, uint32_t oid)
{
	return type_row(c, oid);
}

const struct type *catalog_type_foreign(const struct catalog *c, uint32_t oid)
{
	return type_foreign(c, oid);
}

bool catalog_names_foreign(const struct catalog *c, const char *name)
{
	for (unsigned i = 0; i < c->ntypes; i++)
		if (!strcmp(c->types_by_oid[i]->name, name) && type_foreign(c, c->types_by_oid[i]->oid))
			return true;
	return false;
}
