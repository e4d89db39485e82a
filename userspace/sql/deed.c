/* SPDX-License-Identifier: MIT */
/* What a statement does is gathered from its whole tree, whatever was understood of it otherwise. Too much is
 * no mistake here: a deed that does not happen may refuse a statement, one that is missed lets it through. */
#include "sql/deed.h"

#include "base/attr.h"
#include "sql/lineage.h"

#include <string.h>
#include <strings.h>

static bool same(const struct deed *a, const struct deed *b)
{
	if (a->relation != b->relation || a->function != b->function || a->whole != b->whole ||
		a->unknown != b->unknown || a->derived != b->derived || a->escapes != b->escapes ||
		a->keyed != b->keyed)
		return false;
	if (!a->setting != !b->setting || (a->setting && strcasecmp(a->setting, b->setting) != 0))
		return false;
	if (!a->schema != !b->schema || !a->name != !b->name)
		return false;
	return (!a->schema || !strcmp(a->schema, b->schema)) && (!a->name || !strcmp(a->name, b->name));
}

bool deed_add(struct lineage *l, struct deed d)
{
	struct statement *s = l->s;
	struct deed *v;

	s->effects |= d.effects;
	for (unsigned i = 0; i < s->ndeeds; i++) {
		if (!same(&s->deeds[i], &d))
			continue;
		if ((s->deeds[i].effects | d.effects) == s->deeds[i].effects)
			return false;
		s->deeds[i].effects |= d.effects;
		return true;
	}
	if (s->ndeeds == DEEDS_MAX) {
		s->deeds[DEEDS_MAX - 1] = (struct deed){.effects = DOES_ALL, .unknown = true, .whole = true};
		s->effects = DOES_ALL;
		return false;
	}
	if (s->ndeeds == l->deeds_cap) {
		unsigned cap = l->deeds_cap ? l->deeds_cap * 2 : 8;

		v = arena_array(l->a, cap, sizeof(*v));
		if (!v) {
			l->oom = true;
			return false;
		}
		if (s->ndeeds)
			memcpy(v, s->deeds, s->ndeeds * sizeof(*v));
		s->deeds = v;
		l->deeds_cap = cap;
	}
	s->deeds[s->ndeeds++] = d;
	return true;
}

void deed_unknown(struct lineage *l, uint64_t effects, const char *schema, const char *name)
{
	(void)deed_add(l, (struct deed){.effects = effects,
				  .schema = schema,
				  .name = name,
				  .function = name != NULL,
				  .whole = true,
				  .unknown = true});
}

/* ---- what runs beside it ---- */
/* What is known of a trigger is its function. */
static void triggers_of(struct lineage *l, const struct relation *r)
{
	for (unsigned i = 0; i < r->ntriggered; i++) {
		const struct function *f = r->triggered[i];

		if (!f)
			deed_unknown(l, DOES_ALL, NULL, NULL);
		else if (lineage_trusts(l, f))
			(void)deed_add(l, (struct deed){.effects = DOES_CODE,
						  .schema = f->schema,
						  .name = f->name,
						  .function = true});
		else
			deed_unknown(l, DOES_ALL, f->schema, f->name);
	}
	if (!r->ntriggered)
		deed_unknown(l, DOES_ALL, NULL, NULL);
}

/* What the owner of a relation hung on it. Constraints, indexes and the like run when rows are looked at
 * again, too. */
static void code_of(struct lineage *l, const struct relation *r, uint64_t effects)
{
	if (r->triggers && (effects & DOES_WRITE))
		triggers_of(l, r);
	if ((r->rules && (effects & DOES_WRITE)) ||
		(r->owned_code && (effects & (DOES_WRITE | DOES_MAINTAIN | DOES_DDL))))
		deed_unknown(l, DOES_ALL, NULL, NULL);
}

/* ---- what goes with it ---- */
enum by { BY_NAME, BY_ANOTHER, BY_KEY };
static void spread(struct lineage *l, const struct relation *r, uint64_t effects, bool whole, enum by by);

static void cascade(struct lineage *l, const struct relation *r, uint64_t effects, bool exact)
{
	for (unsigned i = 0; i < r->nreferences; i++) {
		const struct reference *ref = &r->references[i];
		const struct relation *to = catalog_relation_by_oid(l->names->catalog, ref->relid);
		bool changed = !exact;
		uint64_t does = 0;

		for (unsigned k = 0; !changed && k < ref->to.n; k++)
			changed = colset_has(&l->s->assigned, ref->to.v[k]);
		if (effects & DOES_DELETE)
			does |= ref->on_delete == 'c'                  ? DOES_DELETE
				: strchr("nd", ref->on_delete) != NULL ? DOES_UPDATE
								       : 0;
		if ((effects & DOES_UPDATE) && changed && strchr("cnd", ref->on_update))
			does |= DOES_UPDATE;
		if (!does)
			continue;
		if (to)
			spread(l, to, does, false, BY_KEY);
		else
			deed_unknown(l, does, NULL, NULL);
	}
}

/* What its definition does by what it calls, or the policies of its rows do. */
static void defined(struct lineage *l, const struct relation *r, enum by by)
{
	for (unsigned i = 0; i < r->ndeeds; i++) {
		struct deed d = r->deeds[i];

		d.derived = by != BY_NAME;
		d.keyed = d.keyed || by == BY_KEY;
		if (d.relation)
			spread(l, d.relation, d.effects, d.whole, d.keyed ? BY_KEY : by);
		else
			(void)deed_add(l, d);
	}
}

/* What the server keeps of other relations and of the machine, and shows by these. */
static void shown(struct lineage *l, const struct relation *r)
{
	static const char *const files[] = {"pg_hba_file_rules", "pg_ident_file_mappings",
		"pg_file_settings"},
				 *const values[] = {"pg_stats", "pg_stats_ext", "pg_stats_ext_exprs",
					 "pg_statistic", "pg_statistic_ext_data"};
	struct deed d = {.relation = r, .derived = true};

	for (unsigned i = 0; i < ARRAY_LEN(files); i++)
		if (!strcmp(r->name, files[i]))
			d.effects = DOES_FILE;
	if (!strcmp(r->name, "pg_largeobject"))
		d.effects = DOES_LARGE_OBJECT;
	if (d.effects) {
		(void)deed_add(l, d);
		return;
	}
	d.effects = DOES_READ;
	d.unknown = true;
	for (unsigned i = 0; i < ARRAY_LEN(values); i++)
		if (!strcmp(r->name, values[i]))
			(void)deed_add(l, d);
}

static void spread(struct lineage *l, const struct relation *r, uint64_t effects, bool whole, enum by by)
{
	const struct statement *s = l->s;
	struct deed d = {.effects = effects,
		.relation = r,
		.whole = whole,
		.derived = by != BY_NAME,
		.keyed = by == BY_KEY};
	enum by below = by == BY_KEY ? BY_KEY : BY_ANOTHER;
	const struct catalog *c = l->names->catalog;

	if (r->kind == 'f')
		d.effects |= DOES_NETWORK;
	if (!deed_add(l, d) || l->need) /* of a definition: what goes with it is not known yet */
		return;
	code_of(l, r, effects);
	if (r->kind != 'm' && (effects & (DOES_READ | DOES_WRITE)))
		defined(l, r, below);
	if (r->system && !strcmp(r->schema, "pg_catalog") && (effects & DOES_READ))
		shown(l, r);
	if (effects & DOES_WRITE)
		cascade(l, r, effects,
			s->kind == STATEMENT_UPDATE && !s->problem && !s->unfollowed && !l->body);
	for (unsigned i = 0; i < r->nchildren; i++) {
		const struct relation *to = catalog_relation_by_oid(c, r->children[i]);

		if (to)
			spread(l, to, effects, whole, below);
		else
			deed_unknown(l, effects, NULL, NULL);
	}
	/* what is written through a view, and what a view reads */
	for (unsigned i = 0; strchr("vm", r->kind) && i < r->nbelow; i++) {
		const struct relation *to = catalog_relation_by_oid(c, r->below[i]);
		uint64_t does = r->kind == 'v' ? effects : effects & DOES_READ;

		if (to && does)
			spread(l, to, (does & ~DOES_DDL) | DOES_READ, whole, below);
		else if (does)
			deed_unknown(l, does | DOES_READ, NULL, NULL);
	}
}

void deed_relation(struct lineage *l, const struct relation *r, uint64_t effects, bool whole)
{
	spread(l, r, effects, whole, BY_NAME);
}

void deed_refresh(struct lineage *l, const struct relation *r)
{
	deed_relation(l, r, DOES_READ, false);
	defined(l, r, BY_ANOTHER);
}

void deed_escapes(struct lineage *l, const char *schema, const char *name)
{
	const struct relation *r = name ? scope_relation(l->names, schema, name) : NULL;

	if (name && !r)
		return;
	(void)deed_add(l, (struct deed){.effects = DOES_TO_RELATIONS & ~DOES_DDL,
				  .relation = r,
				  .schema = r ? NULL : scope_schema(l->names, schema),
				  .whole = true,
				  .derived = true,
				  .escapes = true});
}

void deed_named(struct lineage *l, const char *schema, const char *name, uint64_t effects, bool whole)
{
	const struct relation *r = scope_relation(l->names, schema, name);

	if (r) {
		deed_relation(l, r, effects, whole);
		return;
	}
	(void)deed_add(l, (struct deed){.effects = effects,
				  .schema = *schema ? scope_schema(l->names, schema) : NULL,
				  .name = name,
				  .whole = whole});
}

/* ---- what was found to be opaque ---- */
static void opaque(struct lineage *l, const struct opaque *o)
{
	static const char system[] = "pg_catalog.";
	const char *name = o->name;
	uint64_t does;

	if (o->function) {
		deed_unknown(l, DOES_ALL, o->function->schema, o->function->name);
		return;
	}
	if (!strncmp(name, "what ", 5)) /* of a statement that was looked at by its kind */
		return;
	if (strncmp(name, system, sizeof(system) - 1) != 0) {
		deed_unknown(l, DOES_ALL, NULL, NULL);
		return;
	}
	name += sizeof(system) - 1;
	/* of which setting, the call itself said */
	for (unsigned i = 0; !strcmp(name, "set_config") && i < l->s->ndeeds; i++)
		if (l->s->deeds[i].function && l->s->deeds[i].name && !strcmp(l->s->deeds[i].name, name))
			return;
	does = deed_of_builtin(name);
	if (does == DOES_ALL || !does)
		deed_unknown(l, DOES_ALL, "pg_catalog", name);
	else
		(void)deed_add(
			l, (struct deed){
				   .effects = does, .schema = "pg_catalog", .name = name, .function = true});
}

void deeds_finish(struct lineage *l)
{
	const struct statement *s = l->s;

	for (unsigned i = 0; i < s->nopaque; i++)
		opaque(l, &s->opaque[i]);
	/* operators, casts and types of users' own are not looked for in what is not understood */
	if (s->unfollowed && catalog_has_code(l->names->catalog))
		deed_unknown(l, DOES_ALL, NULL, NULL);
	if (s->watched)
		deed_unknown(l, DOES_ALL, NULL, NULL);
	for (unsigned i = 0; i < s->ndeeds; i++)
		l->plain_effects &= ~s->deeds[i].effects;
	if (l->plain_effects)
		(void)deed_add(l, (struct deed){.effects = l->plain_effects});
}

/* What is done by the statement within, where that runs: plans alone are made of what only is explained. */
void deeds_of_inner(struct lineage *l, const struct statement *in, bool runs)
{
	for (unsigned i = 0; i < in->ndeeds; i++) {
		struct deed d = in->deeds[i];

		if (!runs && !d.function && !d.unknown)
			d.effects = (d.effects & DOES_READ) ? DOES_READ : 0;
		if (l->s->kind == STATEMENT_COPY_OUT && d.relation && (d.effects & DOES_READ))
			d.effects |= DOES_COPY_OUT;
		if (d.effects)
			(void)deed_add(l, d);
	}
}
