/* SPDX-License-Identifier: MIT */
#include "sql/lineage.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORK_MAX   2000000ul
#define GROUPS_MAX 256

/* The mark of a visited message. The tree is ours alone, and its unknown fields (there are none in a tree
 * that the same library packed) are the one place of every message that nothing else reads. */
#define SEEN UINT_MAX

bool lineage_stopped(const struct lineage *l)
{
	return l->oom || l->s->problem;
}

static int position_of(const struct lineage *l, int location)
{
	int position = 1;

	if (location < 0 || (size_t)location > l->text.n || !l->text.p)
		return 0;
	for (int i = 0; i < location; i++)
		position += (l->text.p[i] & 0xC0) != 0x80;
	return position;
}

static void fail(struct lineage *l, const char *sqlstate, int location, const char *fmt, va_list ap)
{
	char text[400];

	if (lineage_stopped(l))
		return;
	vsnprintf(text, sizeof(text), fmt, ap);
	l->s->problem = arena_strdup(l->a, text);
	if (!l->s->problem) {
		l->oom = true;
		return;
	}
	memcpy(l->s->sqlstate, sqlstate, 5);
	l->s->sqlstate[5] = '\0';
	l->s->position = position_of(l, location);
	l->s->tells = !memcmp(sqlstate, "42", 2) && strcmp(sqlstate, "42501") != 0;
}

void lineage_fail(struct lineage *l, const char *sqlstate, int location, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(l, sqlstate, location, fmt, ap);
	va_end(ap);
}

void lineage_fail_retry(struct lineage *l, const char *sqlstate, int location, const char *fmt, ...)
{
	bool before = lineage_stopped(l);
	va_list ap;

	va_start(ap, fmt);
	fail(l, sqlstate, location, fmt, ap);
	va_end(ap);
	if (!before)
		l->s->retry = true;
}

void lineage_doubt(struct lineage *l, int location, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (lineage_stopped(l) || l->s->doubt)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	l->s->doubt = arena_strdup(l->a, text);
	l->oom = l->oom || !l->s->doubt;
	l->s->position = position_of(l, location);
}

void lineage_odd(struct lineage *l, int location, const char *what)
{
	lineage_fail(l, "0A000", location, "%s is not understood, so the statement cannot be judged", what);
}

void lineage_odd_name(struct lineage *l, int location, const char *what)
{
	bool before = lineage_stopped(l);

	lineage_odd(l, location, what);
	if (!before)
		l->s->tells = true;
}

bool lineage_spend(struct lineage *l, unsigned long n)
{
	l->work += n;
	if (l->work <= WORK_MAX)
		return !lineage_stopped(l);
	lineage_fail(l, "54000", -1, "the statement is too large to follow each of its columns");
	return false;
}

void *lineage_alloc(struct lineage *l, size_t n, size_t size)
{
	void *p;

	if (lineage_stopped(l))
		return NULL;
	p = arena_array(l->a, n, size);
	if (!p)
		l->oom = true;
	return p;
}

void lineage_seen(struct lineage *l, const void *message)
{
	ProtobufCMessage *m = (ProtobufCMessage *)(uintptr_t)message;

	if (!m)
		return;
	if (m->n_unknown_fields != 0 && m->n_unknown_fields != SEEN)
		lineage_odd(l, -1, "a part of the statement");
	m->n_unknown_fields = SEEN;
}

/* These say nothing by themselves: whoever handles their parent reads them or need not. */
static bool plain(const ProtobufCMessageDescriptor *d)
{
	return d == &pg_query__node__descriptor || d == &pg_query__string__descriptor ||
	       d == &pg_query__integer__descriptor || d == &pg_query__float__descriptor ||
	       d == &pg_query__boolean__descriptor || d == &pg_query__bit_string__descriptor ||
	       d == &pg_query__list__descriptor || d == &pg_query__alias__descriptor ||
	       d == &pg_query__a__const__descriptor || d == &pg_query__a__star__descriptor ||
	       d == &pg_query__param_ref__descriptor;
}

static bool field_covered(struct lineage *l, const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f)
{
	const uint8_t *at = (const uint8_t *)m + f->offset;

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return true;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = *(const size_t *)((const uint8_t *)m + f->quantifier_offset);
		ProtobufCMessage *const *v = *(ProtobufCMessage *const *const *)at;

		for (size_t i = 0; i < n; i++)
			if (!lineage_covered(l, v[i]))
				return false;
		return true;
	}
	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
		*(const uint32_t *)((const uint8_t *)m + f->quantifier_offset) != f->id)
		return true;
	return lineage_covered(l, *(ProtobufCMessage *const *)at);
}

bool lineage_covered(struct lineage *l, const void *message)
{
	const ProtobufCMessage *m = message;

	if (!m)
		return true;
	if (m->descriptor == &pg_query__node__descriptor) {
		const PgQuery__Node *n = message;

		/* all members of the union are pointers to messages */
		return n->node_case == PG_QUERY__NODE__NODE__NOT_SET || lineage_covered(l, n->alias);
	}
	if (!plain(m->descriptor) && m->n_unknown_fields != SEEN) {
		lineage_fail(l, "0A000", -1,
			"a part of the statement (%s) is not understood, so it cannot be judged",
			m->descriptor->short_name);
		return false;
	}
	for (unsigned i = 0; i < m->descriptor->n_fields; i++)
		if (!field_covered(l, m, &m->descriptor->fields[i]))
			return false;
	return true;
}

struct colset lineage_join(struct lineage *l, const struct colset *a, const struct colset *b)
{
	struct colset out = {0};

	if (b->n == 0 || a->v == b->v)
		return *a;
	if (a->n == 0)
		return *b;
	if (!lineage_spend(l, a->n + b->n))
		return out;
	if (a->n == 1 && colset_equal(a, b))
		return *a;
	if (!colset_union(l->a, &out, a) || !colset_union(l->a, &out, b))
		l->oom = true;
	return out;
}

unsigned taint_times(const struct taint *t, unsigned n)
{
	return n && t->size > TAINT_SIZE_MAX / n ? TAINT_SIZE_MAX : t->size * n;
}

void taint_mix(struct lineage *l, struct taint *acc, const struct taint *t)
{
	struct taint out = {
		.from = lineage_join(l, &acc->from, &t->from),
		.odd = acc->odd || t->odd,
		.collated = acc->collated || t->collated,
		.size = acc->size + t->size < TAINT_SIZE_MAX ? acc->size + t->size : TAINT_SIZE_MAX,
	};
	const char *foreign = acc->foreign ? acc->foreign : t->foreign;

	if (foreign)
		lineage_opaque(l, NULL, foreign);
	*acc = out;
	taint_fits(l, acc);
}

void taint_fits(struct lineage *l, const struct taint *t)
{
	if (t->size >= TAINT_SIZE_MAX)
		lineage_use(l, t, "a value that may become too long");
}

bool taint_constant(const struct taint *t)
{
	return t->constant && t->from.n == 0;
}

/* Of these, some do not hold all values of the others: a date may be later than any timestamp. */
static bool temporal(const struct taint *t)
{
	static const char *const names[] = {"date", "time", "timetz", "timestamp", "timestamptz", "interval"};

	for (unsigned i = 0; i < ARRAY_LEN(names) && t->type; i++)
		if (t->type == type_builtin(names[i]))
			return true;
	return false;
}

/* A literal of no type of its own becomes one of the other's. */
static bool untyped(const struct taint *t)
{
	return taint_constant(t) && (!t->type || t->type == type_builtin("text"));
}

uint32_t taint_common_type(const struct lineage *l, const struct taint *a, const struct taint *b)
{
	const struct catalog *c = l->names->catalog;

	if (a->type == b->type || untyped(b))
		return a->type;
	if (untyped(a))
		return b->type;
	return type_converts(c, a->type, b->type)   ? b->type
	       : type_converts(c, b->type, a->type) ? a->type
						    : 0;
}

struct taint taint_alone(struct lineage *l, struct taint t)
{
	struct taint out = {0};

	taint_mix(l, &out, &t);
	out.type = t.type;
	out.constant = t.constant;
	out.calm = t.calm;
	out.places = t.places;
	return out;
}

struct taint taint_either(struct lineage *l, struct taint a, struct taint b, const char *where)
{
	bool same = a.type && a.type == b.type, constant = taint_constant(&a) || taint_constant(&b), risky;
	unsigned size = a.size > b.size ? a.size : b.size;
	const struct json_places *places = !b.from.n ? a.places : !a.from.n ? b.places : NULL;
	struct taint out = a;

	out.size = b.size = 0;
	taint_mix(l, &out, &b);
	risky = !same && !constant && (out.odd || temporal(&a) || temporal(&b));
	if (risky)
		lineage_use(l, &out, where);
	out.type = taint_common_type(l, &a, &b);
	out.constant = taint_constant(&a) && taint_constant(&b);
	out.calm = a.calm && b.calm && !risky;
	out.size = size;
	out.places = places;
	return out;
}

static struct use_group *group_of(struct lineage *l, const char *where, bool asked, unsigned target)
{
	struct use_groups *all = &l->groups;
	unsigned cap = all->cap ? all->cap * 2 : 8;
	struct use_group *g;

	for (unsigned i = 0; i < all->n; i++)
		if (all->v[i].asked == asked && all->v[i].target == target &&
			(all->v[i].where == where || !strcmp(all->v[i].where, where)))
			return &all->v[i];
	if (all->n == GROUPS_MAX - 1) { /* the last one takes all that come after it too */
		where = "an expression";
		asked = false;
		target = 0;
	}
	if (all->n == GROUPS_MAX)
		return &all->v[GROUPS_MAX - 1];
	if (all->n == all->cap) {
		g = lineage_alloc(l, cap, sizeof(*g));
		if (!g)
			return NULL;
		if (all->n)
			memcpy(g, all->v, all->n * sizeof(*g));
		all->v = g;
		all->cap = cap;
	}
	g = &all->v[all->n++];
	*g = (struct use_group){.where = where, .asked = asked, .target = target};
	return g;
}

static void use_set(struct lineage *l, const struct colset *s, const char *where, bool asked, unsigned target)
{
	struct use_group *g;

	if (s->n == 0 || !lineage_spend(l, s->n))
		return;
	if (l->unseen) {
		l->oom = l->oom || !colset_union(l->a, l->unseen, s);
		return;
	}
	g = group_of(l, where, asked, target);
	if (!g || !lineage_spend(l, g->columns.n + (l->ungrouped ? s->n : 0)))
		return;
	if (!l->ungrouped && !colset_union(l->a, &g->columns, s))
		l->oom = true;
	for (unsigned i = 0; l->ungrouped && i < s->n; i++) {
		struct colref c = s->v[i];

		c.group = c.via == VIA_COUNT ? c.group : 0;
		if (!colset_add(l->a, &g->columns, c))
			l->oom = true;
	}
}

struct use_groups lineage_uses_apart(struct lineage *l)
{
	struct use_groups before = l->groups;

	l->groups = (struct use_groups){0};
	return before;
}

void lineage_uses_join(struct lineage *l, struct use_groups before, unsigned target)
{
	struct use_groups apart = l->groups;

	l->groups = before;
	for (unsigned i = 0; i < apart.n; i++)
		use_set(l, &apart.v[i].columns, apart.v[i].where, apart.v[i].asked,
			apart.v[i].target ? apart.v[i].target : target);
}

void lineage_use_set(struct lineage *l, const struct colset *s, const char *where)
{
	use_set(l, s, where, false, 0);
}

static void add_ask(struct lineage *l, const struct colset *columns, unsigned constants, unsigned param)
{
	struct statement *s = l->s;

	if (s->nasks == l->asks_cap) {
		unsigned cap = l->asks_cap ? l->asks_cap * 2 : 8;
		struct ask *v = lineage_alloc(l, cap, sizeof(*v));

		if (!v || !lineage_spend(l, cap))
			return;
		if (s->nasks)
			memcpy(v, s->asks, s->nasks * sizeof(*v));
		s->asks = v;
		l->asks_cap = cap;
	}
	s->asks[s->nasks++] = (struct ask){*columns, constants, param};
}

void lineage_ask(struct lineage *l, const struct taint *t, unsigned constants, unsigned param)
{
	if (lineage_stopped(l) || t->from.n == 0)
		return;
	use_set(l, &t->from, "WHERE", true, 0);
	add_ask(l, &t->from, constants, param);
}

void lineage_pay(struct lineage *l, const struct colset *columns, unsigned constants)
{
	if (lineage_stopped(l))
		return;
	if (!colset_union(l->a, &l->s->paid, columns))
		l->oom = true;
	add_ask(l, columns, constants, 0);
}

void lineage_use(struct lineage *l, const struct taint *t, const char *where)
{
	if (t->foreign)
		lineage_opaque(l, NULL, t->foreign);
	lineage_use_set(l, &t->from, where);
}

void lineage_opaque(struct lineage *l, const char *schema, const char *name)
{
	lineage_opaque_function(l, schema, name, NULL);
}

void lineage_opaque_function(
	struct lineage *l, const char *schema, const char *name, const struct function *f)
{
	struct statement *s = l->s;
	const char *full;

	if (lineage_stopped(l))
		return;
	/* what pg_catalog itself knows to read is no code of anybody's */
	if (l->fallback &&
		(!schema || strcmp(schema, "pg_catalog") != 0 || !strcmp(name, "current_setting"))) {
		l->fallback->opaque = l->fallback->opaque || strcmp(name, "current_setting") != 0;
		return;
	}
	full = schema ? arena_printf(l->a, "%s.%s", schema, name) : name;
	if (!full) {
		l->oom = true;
		return;
	}
	if (!lineage_spend(l, s->nopaque + 1))
		return;
	for (unsigned i = 0; i < s->nopaque; i++)
		if (s->opaque[i].function == f && !strcmp(s->opaque[i].name, full))
			return;
	if (s->nopaque == l->opaque_cap) {
		unsigned cap = l->opaque_cap ? l->opaque_cap * 2 : 8;
		struct opaque *v = lineage_alloc(l, cap, sizeof(*v));

		if (!v)
			return;
		if (s->nopaque)
			memcpy(v, s->opaque, s->nopaque * sizeof(*v));
		s->opaque = v;
		l->opaque_cap = cap;
	}
	s->opaque[s->nopaque++] = (struct opaque){full, f};
}

bool lineage_now(const struct statement *s)
{
	return s->kind == STATEMENT_SELECT || s->kind == STATEMENT_INSERT || s->kind == STATEMENT_UPDATE ||
	       s->kind == STATEMENT_DELETE || s->kind == STATEMENT_MERGE;
}

void lineage_setting(struct lineage *l)
{
	if (l->names->own_settings && (l->need || lineage_now(l->s)))
		l->s->settings = true;
	else
		lineage_opaque(l, "pg_catalog", "current_setting");
}

bool lineage_trusts(const struct lineage *l, const struct function *f)
{
	for (unsigned i = 0; i < l->names->ntrusted; i++)
		if (l->names->trusted[i] == f)
			return true;
	return false;
}

void lineage_code_of(struct lineage *l, const struct relation *r)
{
	for (unsigned i = 0; i < r->nopaque; i++) {
		l->s->code = l->s->code || lineage_trusts(l, r->opaque[i].function);
		if (!lineage_trusts(l, r->opaque[i].function))
			lineage_opaque_function(l, NULL, r->opaque[i].name, r->opaque[i].function);
	}
}

void lineage_store(struct lineage *l, const struct colset *s)
{
	if (lineage_spend(l, s->n) && !colset_union(l->a, &l->s->stored, s))
		l->oom = true;
}

void lineage_free(struct lineage *l, const PgQuery__Node *n)
{
	const PgQuery__AConst *c = n && n->node_case == PG_QUERY__NODE__NODE_A_CONST ? n->a_const : NULL;
	struct statement *s = l->s;
	bool text = c && c->val_case == PG_QUERY__A__CONST__VAL_SVAL;

	if (l->body || l->fallback) /* of another text */
		return;
	/* in HAVING they say how large a group is */
	if (!c || c->isnull || (!text && c->val_case != PG_QUERY__A__CONST__VAL_IVAL) || lineage_stopped(l) ||
		l->ungrouped || s->nconstants == FREE_CONSTANTS_MAX)
		return;
	if (!s->constants)
		s->constants = lineage_alloc(l, FREE_CONSTANTS_MAX, sizeof(*s->constants));
	if (s->constants)
		s->constants[s->nconstants++] = (struct free_constant){
			c->location, text ? c->sval->sval : NULL, text ? 0 : c->ival->ival};
}

void outputs_add(struct lineage *l, struct outputs *o, const char *name, struct taint t)
{
	if (lineage_stopped(l))
		return;
	if (o->n == LINEAGE_OUTPUTS_MAX) {
		lineage_fail(l, "54011", -1, "target lists can have at most %d entries", LINEAGE_OUTPUTS_MAX);
		return;
	}
	if (o->n == o->cap) {
		unsigned cap = o->cap ? o->cap * 2 : 8;
		struct label *v = lineage_alloc(l, cap, sizeof(*v));

		if (!v || !lineage_spend(l, cap))
			return;
		if (o->n)
			memcpy(v, o->v, o->n * sizeof(*v));
		o->v = v;
		o->cap = cap;
	}
	o->v[o->n++] = (struct label){name, t, {0}};
}

static void finish_uses(struct lineage *l)
{
	const struct use_groups *all = &l->groups;
	unsigned n = 0;

	for (unsigned i = 0; i < all->n; i++)
		n += all->v[i].columns.n;
	l->s->uses = arena_array(l->a, n, sizeof(*l->s->uses));
	if (!l->s->uses) {
		l->oom = true;
		return;
	}
	for (unsigned i = 0; i < all->n; i++)
		for (unsigned j = 0; j < all->v[i].columns.n; j++)
			l->s->uses[l->s->nuses++] = (struct use){
				all->v[i].columns.v[j], all->v[i].where, all->v[i].asked, all->v[i].target};
}

/* What varchar(n), numeric(p, s) … of a copy hold: as declared, where all that it may be a copy of agree. */
static int32_t typmod_of(struct lineage *l, const struct taint *t)
{
	int32_t typmod = -1;

	for (unsigned i = 0; t->direct && i < t->from.n && lineage_spend(l, 1); i++) {
		const struct relation *r = catalog_relation_by_oid(l->names->catalog, t->from.v[i].relid);
		const struct column *c = r ? relation_column_by_attnum(r, t->from.v[i].attnum) : NULL;

		if (!c || c->type_oid != t->type || (i && c->typmod != typmod))
			return -1;
		typmod = c->typmod;
	}
	return typmod;
}

static bool is_json(uint32_t type)
{
	return type && (type == type_builtin("json") || type == type_builtin("jsonb"));
}

void lineage_finish(struct lineage *l, const struct outputs *o, bool rows)
{
	struct statement *s = l->s;

	s->nuses = s->nrelations = s->noutputs = 0;
	finish_uses(l);
	s->relations = arena_array(l->a, l->rels.n, sizeof(*s->relations));
	s->outputs = arena_array(l->a, o ? o->n : 0, sizeof(*s->outputs));
	if (l->oom || !s->relations || !s->outputs) {
		l->oom = true;
		return;
	}
	for (unsigned i = 0; i < l->rels.n; i++)
		s->relations[s->nrelations++] = l->rels.v[i].relid;
	for (unsigned i = 0; o && i < o->n; i++) {
		const struct label *c = &o->v[i];

		s->outputs[s->noutputs++] = (struct output){.name = c->name,
			.from = c->t.from,
			.direct = c->t.direct,
			.type = c->t.type,
			.typmod = typmod_of(l, &c->t),
			.own = c->own,
			.places = is_json(c->t.type) ? c->t.places : NULL};
	}
	s->rows = rows;
}

const char *node_string(const PgQuery__Node *n)
{
	return n && n->node_case == PG_QUERY__NODE__NODE_STRING && n->string ? n->string->sval : "";
}
