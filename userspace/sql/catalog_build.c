/* SPDX-License-Identifier: MIT */
#include "sql/catalog_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "sql/function.h"

static uint64_t versions; /* atomic */

int catalog_builder_new(struct catalog_builder **out, struct err *e)
{
	struct catalog_builder *b = calloc(1, sizeof(*b));

	*out = NULL;
	if (b)
		b->c = calloc(1, sizeof(*b->c));
	if (!b || !b->c) {
		free(b);
		return err_set(e, -ENOMEM, "out of memory for a catalogue");
	}
	b->c->refs = 1;
	b->c->version = __atomic_add_fetch(&versions, 1, __ATOMIC_RELAXED);
	b->next_oid = FIRST_USER_OID;
	*out = b;
	return 0;
}

void catalog_builder_temp(struct catalog_builder *b, const char *schema)
{
	b->temp = schema;
}

void catalog_builder_free(struct catalog_builder *b)
{
	if (!b)
		return;
	catalog_unref(b->c);
	free(b->edges);
	free(b);
}

/* ---- the draft ---- */
bool draft_add(struct catalog_builder *b, struct pointers *p, void *what)
{
	if (what && p->n == p->cap) {
		unsigned cap = p->cap ? p->cap * 2 : 64;
		void **v = arena_array(&b->c->a, cap, sizeof(*v));

		if (v && p->n)
			memcpy(v, p->v, p->n * sizeof(*v));
		if (v) {
			p->v = v;
			p->cap = cap;
		} else {
			what = NULL;
		}
	}
	if (!what) {
		b->oom = true;
		return false;
	}
	p->v[p->n++] = what;
	return true;
}

struct draft_relation *draft_relation(
	struct catalog_builder *b, uint32_t oid, const char *schema, const char *name, char kind)
{
	struct draft_relation *d = arena_zalloc(&b->c->a, sizeof(*d));

	if (!schema || !name || !draft_add(b, &b->relations, d)) {
		b->oom = true;
		return NULL;
	}
	d->r = (struct relation){
		.oid = oid, .schema = schema, .name = name, .kind = kind, .system = system_schema(schema)};
	return d;
}

/* Columns come sorted by relation and relations in any order, so the last hit is tried first. */
struct draft_relation *draft_find(struct catalog_builder *b, uint32_t oid)
{
	if (b->last && b->last->r.oid == oid)
		return (struct draft_relation *)(uintptr_t)b->last;
	for (unsigned i = 0; i < b->relations.n; i++) {
		struct draft_relation *d = b->relations.v[i];

		if (d->r.oid == oid) {
			b->last = d;
			return d;
		}
	}
	return NULL;
}

struct draft_column *draft_column(
	struct catalog_builder *b, struct draft_relation *r, const char *name, int16_t attnum)
{
	struct draft_column *c;

	if (r->ncols == r->cap) {
		unsigned cap = r->cap ? r->cap * 2 : 8;
		struct draft_column *v = arena_array(&b->c->a, cap, sizeof(*v));

		if (!v) {
			b->oom = true;
			return NULL;
		}
		if (r->ncols)
			memcpy(v, r->cols, r->ncols * sizeof(*v));
		r->cols = v;
		r->cap = cap;
	}
	if (!name) {
		b->oom = true;
		return NULL;
	}
	c = &r->cols[r->ncols++];
	*c = (struct draft_column){
		.c = {.name = name,
			.attnum = attnum,
			.typmod = -1,
			.sensitive = r->r.system && system_sensitive(r->r.schema, r->r.name, name),
			.written = r->r.system && system_written(r->r.name, name)}};
	return c;
}

void draft_indexed(struct draft_relation *r, int16_t attnum)
{
	for (unsigned i = 0; i < r->ncols; i++)
		if (attnum == 0 || r->cols[i].c.attnum == attnum)
			r->cols[i].c.indexed = true;
}

bool draft_edge(struct catalog_builder *b, uint32_t child, uint32_t parent)
{
	if (b->nedges == b->edges_cap) {
		unsigned cap = b->edges_cap ? b->edges_cap * 2 : 64;
		struct edge *v = realloc(b->edges, cap * sizeof(*v));

		if (!v) {
			b->oom = true;
			return false;
		}
		b->edges = v;
		b->edges_cap = cap;
	}
	b->edges[b->nedges++] = (struct edge){child, parent};
	return true;
}

bool draft_member(struct catalog_builder *b, enum member_kind kind, uint32_t id, struct colref column)
{
	struct member *m = arena_alloc(&b->c->a, sizeof(*m));

	if (m)
		*m = (struct member){kind, id, column};
	return draft_add(b, &b->members, m);
}

bool draft_key(struct catalog_builder *b, struct foreign_key key)
{
	struct foreign_key *k = arena_alloc(&b->c->a, sizeof(*k));

	if (k)
		*k = key;
	return draft_add(b, &b->keys, k);
}

bool draft_label(struct catalog_builder *b, struct type *t, const char *label)
{
	/* The list grows at powers of two. */
	if ((t->nlabels & (t->nlabels - 1)) == 0) {
		const char **v = arena_array(&b->c->a, t->nlabels ? t->nlabels * 2 : 1, sizeof(*v));

		if (v && t->nlabels)
			memcpy(v, t->labels, t->nlabels * sizeof(*v));
		if (!v)
			label = NULL;
		else
			t->labels = v;
	}
	if (!label) {
		b->oom = true;
		return false;
	}
	t->labels[t->nlabels++] = label;
	return true;
}

/* ---- rows ---- */
struct cells {
	struct catalog_builder *b;
	const struct span *v;
	bool bad;
};

static int64_t number(struct cells *c, unsigned i, int64_t min, int64_t max)
{
	const struct span *s = &c->v[i];
	int64_t n = 0;
	size_t at = s->p && s->n && s->p[0] == '-';

	if (!s->p || s->n == at || s->n > 11) {
		c->bad = true;
		return 0;
	}
	for (size_t k = at; k < s->n; k++) {
		if (s->p[k] < '0' || s->p[k] > '9')
			c->bad = true;
		n = n * 10 + (s->p[k] - '0');
	}
	n = at ? -n : n;
	if (n < min || n > max)
		c->bad = true;
	return c->bad ? 0 : n;
}

static uint32_t oid(struct cells *c, unsigned i)
{
	return (uint32_t)number(c, i, 0, UINT32_MAX);
}

static const char *optional(struct cells *c, unsigned i)
{
	const char *s;

	if (!c->v[i].p)
		return NULL;
	if (memchr(c->v[i].p, 0, c->v[i].n)) {
		c->bad = true;
		return NULL;
	}
	s = arena_strndup(&c->b->c->a, (const char *)c->v[i].p, c->v[i].n);
	if (!s)
		c->b->oom = true;
	return s;
}

static const char *text(struct cells *c, unsigned i)
{
	if (!c->v[i].p)
		c->bad = true;
	return optional(c, i);
}

/* As it is, or cast to text. */
static bool boolean(struct cells *c, unsigned i)
{
	bool yes = span_is(c->v[i], "t") || span_is(c->v[i], "true");

	if (!yes && !span_is(c->v[i], "f") && !span_is(c->v[i], "false"))
		c->bad = true;
	return yes;
}

static char letter(struct cells *c, unsigned i)
{
	if (!c->v[i].p || c->v[i].n != 1) {
		c->bad = true;
		return '?';
	}
	return (char)c->v[i].p[0];
}

static void row_schema(struct cells *c)
{
	(void)draft_add(c->b, &c->b->schemas, (void *)(uintptr_t)text(c, 0));
}

static void row_relation(struct cells *c)
{
	struct draft_relation *d = draft_relation(c->b, oid(c, 0), text(c, 1), text(c, 2), letter(c, 3));

	if (!d)
		return;
	d->r.row_security = boolean(c, 4);
	d->r.triggers = boolean(c, 5);
	d->r.rules = boolean(c, 6);
	d->definition = optional(c, 7);
	d->r.had_children = boolean(c, 8);
	d->r.own = boolean(c, 9);
	if ((d->r.kind == 'v' || d->r.kind == 'm') && !d->r.system && !d->definition)
		d->r.problem = "its definition could not be read";
}

static void row_column(struct cells *c)
{
	struct draft_relation *d = draft_find(c->b, oid(c, 0));
	struct draft_column *col =
		d ? draft_column(c->b, d, text(c, 1), (int16_t)number(c, 2, 1, INT16_MAX)) : NULL;

	if (!col)
		return; /* a relation that came into being between two queries cannot be: they share a
			   snapshot */
	col->c.type_oid = oid(c, 3);
	col->c.typmod = (int32_t)number(c, 4, INT32_MIN, INT32_MAX);
	col->generated = optional(c, 5);
	col->c.generated = col->generated != NULL;
	col->c.collated = boolean(c, 6);
}

static void key_column(struct catalog_builder *b, struct colref at)
{
	struct draft_relation *d = draft_find(b, at.relid);

	for (unsigned i = 0; d && i < d->ncols; i++)
		if (d->cols[i].c.attnum == at.attnum)
			d->cols[i].c.key = true;
}

static void row_indexed(struct cells *c, struct colref column)
{
	struct draft_relation *d = draft_find(c->b, column.relid);

	if (d)
		draft_indexed(d, column.attnum);
}

static void row_member(struct cells *c)
{
	struct colref column = {oid(c, 2), (int16_t)number(c, 3, INT16_MIN, INT16_MAX)};
	uint32_t id = oid(c, 1);

	switch (letter(c, 0)) {
	case 'e': (void)draft_member(c->b, MEMBER_EQUAL, id, column); break;
	case 'u': (void)draft_member(c->b, MEMBER_UNIQUE, id, column); break;
	case 'c': (void)draft_member(c->b, MEMBER_CHECK, id, column); break;
	case 's': (void)draft_member(c->b, MEMBER_SOURCE, id, column); break;
	case 'g': (void)draft_member(c->b, MEMBER_GENERATED, id, column); break;
	case 'p': (void)draft_member(c->b, MEMBER_POLICY, id, column); break;
	case 'k': key_column(c->b, column); break;
	case 'i': row_indexed(c, column); break;
	default: c->bad = true;
	}
}

static void row_foreign_key(struct cells *c)
{
	(void)draft_key(c->b, (struct foreign_key){.id = oid(c, 0),
				      .from = {oid(c, 1), (int16_t)number(c, 2, INT16_MIN, INT16_MAX)},
				      .to = {oid(c, 3), (int16_t)number(c, 4, INT16_MIN, INT16_MAX)},
				      .on_delete = letter(c, 5),
				      .on_update = letter(c, 6)});
}

static bool pure(struct cells *c, unsigned i)
{
	const char *extension = optional(c, i);

	return extension && function_extension_pure(extension);
}

static struct type *draft_type(struct cells *c, uint32_t type)
{
	for (unsigned i = 0; i < c->b->types.n; i++) {
		struct type *t = c->b->types.v[i];

		if (t->oid == type)
			return t;
	}
	return NULL;
}

static void row_code(struct cells *c)
{
	char what = letter(c, 0);
	struct draft_relation *d = what == 't' ? NULL : draft_find(c->b, oid(c, 1));
	struct type *t = what == 't' ? draft_type(c, oid(c, 1)) : NULL;

	if (what != 'c' && what != 'd' && what != 't')
		c->bad = true;
	if (pure(c, 2))
		return;
	if (t)
		t->code = true;
	if (d) {
		d->r.code = true;
		d->r.computes = d->r.computes || what == 'd';
	}
}

/* Where both ends are of pg_catalog, marking them would refuse nearly everything; only a cast that the server
 * adds by itself leaves no choice. */
static void row_cast(struct cells *c)
{
	uint32_t from = oid(c, 0), to = oid(c, 1);
	struct type *source = draft_type(c, from), *target = draft_type(c, to);
	char context = letter(c, 2);
	bool builtin = from < FIRST_USER_OID && to < FIRST_USER_OID;

	if (pure(c, 3))
		return;
	if (source && (from >= FIRST_USER_OID || (builtin && context == 'i')))
		source->cast = true;
	if (target && (to >= FIRST_USER_OID || (builtin && context == 'i')))
		target->cast = true;
	if (target && builtin)
		target->recast = true;
	/* values of users' own types are looked at where they are stored */
	if (target && context != 'e' && (to >= FIRST_USER_OID || builtin))
		target->stores = true;
}

static void row_label(struct cells *c)
{
	uint32_t of = oid(c, 0);
	const char *label = text(c, 1);

	/* They come sorted by type. */
	if (!c->b->last_type || c->b->last_type->oid != of)
		c->b->last_type = draft_type(c, of);
	if (c->b->last_type)
		(void)draft_label(c->b, c->b->last_type, label);
}

static void row_version(struct cells *c)
{
	c->b->c->server = (unsigned)number(c, 0, 0, INT_MAX) / 10000;
}

static void row_partition_key(struct cells *c)
{
	struct draft_relation *d = draft_find(c->b, oid(c, 0));
	int16_t attnum = (int16_t)number(c, 1, 0, INT16_MAX);

	for (unsigned i = 0; d && i < d->ncols; i++)
		if (attnum == 0 || d->cols[i].c.attnum == attnum)
			d->cols[i].partition_key = true;
}

static void row_inherits(struct cells *c)
{
	(void)draft_edge(c->b, oid(c, 0), oid(c, 1));
}

static enum type_kind kind_of(struct cells *c, char letter_)
{
	switch (letter_) {
	case 'b': return TYPE_BASE;
	case 'c': return TYPE_COMPOSITE;
	case 'd': return TYPE_DOMAIN;
	case 'e': return TYPE_ENUM;
	case 'r':
	case 'm': return TYPE_RANGE;
	case 'p': return TYPE_PSEUDO;
	}
	c->bad = true;
	return TYPE_PSEUDO;
}

static void row_type(struct cells *c)
{
	struct type *t = arena_zalloc(&c->b->c->a, sizeof(*t));

	if (!draft_add(c->b, &c->b->types, t))
		return;
	*t = (struct type){.oid = oid(c, 0),
		.schema = text(c, 1),
		.name = text(c, 2),
		.kind = kind_of(c, letter(c, 3)),
		.multi = letter(c, 3) == 'm',
		.elem = oid(c, 4),
		.base = oid(c, 5),
		.checked = boolean(c, 6),
		.extension = optional(c, 7),
		.typmod = (int32_t)number(c, 8, -1, INT32_MAX),
		.delim = letter(c, 9)};
}

static void settings(struct cells *c, struct function *f, struct span s)
{
	while (s.p && s.n) {
		const uint8_t *end = memchr(s.p, '\n', s.n);
		size_t n = end ? (size_t)(end - s.p) : s.n;

		draft_setting(c->b, f, (const char *)s.p, n);
		s.p += n + (end != NULL);
		s.n -= n + (end != NULL);
	}
}

static void row_function(struct cells *c)
{
	struct function *f = arena_zalloc(&c->b->c->a, sizeof(*f));

	if (!draft_add(c->b, &c->b->functions, f))
		return;
	*f = (struct function){.oid = oid(c, 0),
		.schema = text(c, 1),
		.name = text(c, 2),
		.extension = optional(c, 3),
		.kind = letter(c, 4),
		.returns_composite = boolean(c, 5),
		.returns_set = boolean(c, 6),
		.returns = oid(c, 7),
		.ndefaults = (unsigned)number(c, 8, 0, INT16_MAX),
		.strict = boolean(c, 9),
		.definer = boolean(c, 10),
		.immutable = letter(c, 11) == 'i',
		.volatile_ = letter(c, 11) == 'v',
		.body = optional(c, 12),
		.made = optional(c, 13)};
	settings(c, f, c->v[14]);
}

static void row_parameter(struct cells *c)
{
	uint32_t of = oid(c, 0);
	struct function *f;

	/* Both come sorted by function. */
	for (;; c->b->last_function++) {
		if (c->b->last_function == c->b->functions.n) {
			c->bad = true;
			return;
		}
		f = c->b->functions.v[c->b->last_function];
		if (f->oid == of)
			break;
	}
	(void)draft_parameter(c->b, f, (struct parameter){text(c, 1), letter(c, 2), oid(c, 3)});
}

static void row_operator(struct cells *c)
{
	struct operator_ *o = arena_zalloc(&c->b->c->a, sizeof(*o));

	if (!draft_add(c->b, &c->b->operators, o))
		return;
	*o = (struct operator_){text(c, 0), text(c, 1), optional(c, 2), oid(c, 3), oid(c, 4)};
}

static void row_event_trigger(struct cells *c)
{
	c->b->c->event_triggers = number(c, 0, 0, INT32_MAX) > 0;
}

static void row_foreign_table(struct cells *c)
{
	struct draft_relation *d = draft_find(c->b, oid(c, 0));
	int16_t attnum = (int16_t)number(c, 3, 1, INT16_MAX);

	if (!d)
		return;
	d->r.remote_schema = text(c, 1);
	d->r.remote_name = text(c, 2);
	for (unsigned i = 0; i < d->ncols; i++)
		if (d->cols[i].c.attnum == attnum)
			d->cols[i].c.remote = text(c, 4);
}

static void row_sequence(struct cells *c)
{
	struct member *m = arena_alloc(&c->b->c->a, sizeof(*m));

	if (m)
		*m = (struct member){MEMBER_SOURCE, oid(c, 0),
			{.relid = oid(c, 1), .attnum = (int16_t)number(c, 2, 1, INT16_MAX)}};
	(void)draft_add(c->b, &c->b->sequences, m);
}

static void row_policy(struct cells *c)
{
	struct draft_policy *p = arena_alloc(&c->b->c->a, sizeof(*p));

	if (p)
		*p = (struct draft_policy){oid(c, 0), text(c, 1), boolean(c, 2)};
	(void)draft_add(c->b, &c->b->policies, p);
}

static struct column *column_of(struct cells *c)
{
	struct draft_relation *d = draft_find(c->b, oid(c, 0));
	int16_t attnum = (int16_t)number(c, 1, 1, INT16_MAX);

	for (unsigned i = 0; d && i < d->ncols; i++)
		if (d->cols[i].c.attnum == attnum)
			return &d->cols[i].c;
	return NULL;
}

static void row_fallback(struct cells *c)
{
	struct column *of = column_of(c);

	if (of)
		of->fallback = text(c, 2);
}

static void row_named(struct cells *c)
{
	struct column *of = column_of(c);
	struct colref named = {oid(c, 2), (int16_t)number(c, 3, 1, INT16_MAX)};

	if (of && !colset_add(&c->b->c->a, &of->named, named))
		c->b->oom = true;
}

static void row_trigger(struct cells *c)
{
	struct draft_relation *d = draft_find(c->b, oid(c, 0));

	if (d)
		draft_trigger(c->b, d, draft_function(c->b, oid(c, 1)));
}

static void row_digest(struct cells *c)
{
	uint32_t of = oid(c, 0);
	struct draft_relation *d = of ? draft_find(c->b, of) : NULL;

	if (d)
		d->r.digest = text(c, 1);
	else if (!of)
		c->b->c->code_digest = text(c, 1);
}

static const struct {
	unsigned n;
	void (*row)(struct cells *);
} readers[] = {{1, row_schema}, {10, row_relation}, {7, row_column}, {4, row_member}, {2, row_inherits},
	{10, row_type}, {15, row_function}, {5, row_operator}, {2, row_partition_key}, {7, row_foreign_key},
	{3, row_code}, {4, row_cast}, {2, row_label}, {1, row_version}, {1, row_event_trigger},
	{4, row_parameter}, {5, row_foreign_table}, {3, row_sequence}, {3, row_policy}, {3, row_fallback},
	{4, row_named}, {2, row_trigger}, {2, row_digest}};

unsigned catalog_query_cells(unsigned i)
{
	return i < ARRAY_LEN(readers) ? readers[i].n : 0;
}

int catalog_builder_row(
	struct catalog_builder *b, unsigned i, const struct span *v, unsigned n, struct err *e)
{
	struct cells c = {.b = b, .v = v};

	if (i >= ARRAY_LEN(readers) || n != readers[i].n)
		return err_set(e, -EPROTO, "the catalogue query %u gave %u columns", i, n);
	readers[i].row(&c);
	if (c.bad)
		return err_set(e, -EPROTO, "the catalogue query %u gave a value that is none of its kind", i);
	return b->oom ? err_set(e, -ENOMEM, "out of memory for a catalogue") : 0;
}

int catalog_builder_finish(struct catalog_builder *b, struct catalog **out, struct err *e)
{
	int rc = catalog_finish(b, e);

	*out = rc < 0 ? NULL : catalog_ref(b->c);
	catalog_builder_free(b);
	return rc;
}
