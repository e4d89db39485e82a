/* SPDX-License-Identifier: MIT */
/* Row filters. A relation with a filter is read where the statement's own text names it, and there the
 * server gets a query of the rows that may be seen (sql/wrap.h). What would reach it by any other way, or
 * would tell of other rows by whether it succeeds, is refused. */
#include "policy/judge.h"

#include <errno.h>
#include <string.h>

#include "sql/parse.h"
#include "sql/wrap.h"

#define SCRATCH_MAX ((size_t)64 << 20)

static const struct row_filter *filter_of(const struct judge *j, uint32_t relid)
{
	return row_filter_of(binding_rows(j->b), relid);
}

static const char *name_of(struct judge *j, uint32_t relid)
{
	const struct relation *r = catalog_relation_by_oid(binding_catalog(j->b), relid);
	const char *s = r ? arena_printf(j->a, "%s.%s", r->schema, r->name) : "a relation";

	return s ? s : JUDGE_NO_MEMORY;
}

static bool refuse(struct judge *j, struct plan *p, const struct row_filter *f, const char *what)
{
	const char *hint = arena_printf(j->a,
		"The row filter of policy rule %s applies: the rows that meet it can be read where a "
		"statement names the relation itself. Ask the owner of that policy if you need more.",
		f->where);

	judge_deny(j, p, "42501",
		arena_printf(
			j->a, "only some rows of %s may be seen here, and %s", name_of(j, f->relid), what),
		hint ? hint : JUDGE_NO_MEMORY);
	return false;
}

/* The first filter of what it, or what is within it, has to do with; NULL: none. */
static const struct row_filter *touched(const struct judge *j, const struct statement *st)
{
	const struct row_filter *f = NULL;

	for (; st && !f; st = st->inner)
		for (unsigned i = 0; i < st->nrelations && !f; i++)
			f = filter_of(j, st->relations[i]);
	return f;
}

/* Of what is read by name, whether its rows can be had. */
static bool check_mention(
	struct judge *j, const struct statement *st, const struct mention *m, struct plan *p)
{
	const struct row_filter *f = filter_of(j, m->relid);
	bool keeps = st->kind == STATEMENT_DEFINE && !(st->copies && st->makes_kind == 'r');

	if (!f || (f->parent && m->only))
		return true;
	if (f->problem)
		return refuse(j, p, f, f->problem);
	if (m->sample)
		return refuse(j, p, f, "a sample would be of all of them");
	if (st->locks_rows)
		return refuse(j, p, f, "FOR UPDATE and the like would lock others");
	if (keeps || st->kind == STATEMENT_OTHER || st->apart)
		return refuse(j, p, f, "what is defined over it would read all of them");
	return true;
}

/* Whether deleting all rows of the relations deletes some of f's. */
static bool goes_with(const struct judge *j, const struct statement *st, uint32_t relid)
{
	const struct catalog *c = binding_catalog(j->b);
	struct colset reached = {0};
	bool all = true;

	for (unsigned i = 0; i < st->nrelations; i++)
		all = all && colset_add(j->a, &reached, (struct colref){st->relations[i], 0, 0, 0});
	for (unsigned i = 0; all && i < reached.n; i++) {
		const struct relation *r = catalog_relation_by_oid(c, reached.v[i].relid);
		unsigned before = reached.n;

		for (unsigned k = 0; r && k < r->nreferences; k++)
			all = all &&
			      colset_add(j->a, &reached, (struct colref){r->references[k].relid, 0, 0, 0});
		if (reached.n != before)
			i = 0; /* the set is sorted: what was added may stand before */
	}
	return !all || colset_has(&reached, (struct colref){relid, 0, 0, 0});
}

static bool check_truncate(struct judge *j, const struct statement *st, struct plan *p)
{
	const struct row_filters *all = binding_rows(j->b);

	for (unsigned i = 0; statement_is(st, "TRUNCATE TABLE") && i < all->n; i++)
		if (goes_with(j, st, all->v[i].relid))
			return refuse(j, p, &all->v[i], "TRUNCATE would take others away");
	return true;
}

/* VACUUM VERBOSE and ANALYZE VERBOSE say how many rows there are. */
static bool check_survey(struct judge *j, const struct statement *st, struct plan *p)
{
	return !st->surveys || st->nrelations ||
	       refuse(j, p, &binding_rows(j->b)->v[0], "this counts all of them");
}

/* What the server counted of a relation, by its oid. */
static bool counts(const struct deed *d)
{
	static const char begins[] = "pg_stat_get_";
	static const char *const others[] = {
		"backend_", "db_numbackends", "db_xact_", "function_", "last_", "snapshot_"};
	const char *name = d->function && d->name ? d->name : "";

	if (strncmp(name, begins, strlen(begins)) != 0)
		return false;
	for (unsigned i = 0; i < ARRAY_LEN(others); i++)
		if (!strncmp(name + strlen(begins), others[i], strlen(others[i])))
			return false;
	return true;
}

static bool check_counters(struct judge *j, const struct statement *st, struct plan *p)
{
	for (unsigned i = 0; i < st->ndeeds; i++)
		if (counts(&st->deeds[i]) || st->ndeeds >= DEEDS_MAX)
			return refuse(j, p, &binding_rows(j->b)->v[0],
				"this tells what the server counted of all of them");
	return true;
}

static bool check_set(struct judge *j, const struct colset *s, struct plan *p, const char *what)
{
	for (unsigned i = 0; i < s->n; i++) {
		const struct row_filter *f = filter_of(j, s->v[i].relid);

		if (f)
			return refuse(j, p, f, what);
	}
	return true;
}

bool judge_rows(struct judge *j, const struct statement *st, struct plan *p)
{
	const struct row_filter *f = st->kind == STATEMENT_EXPLAIN ? touched(j, st->inner) : NULL;

	if (!binding_rows(j->b)->n)
		return true;
	if (f)
		return refuse(j, p, f, "EXPLAIN tells how many others there are");
	if (!check_truncate(j, st, p) || !check_survey(j, st, p) || !check_counters(j, st, p))
		return false;
	for (unsigned i = 0; i < st->nmentions; i++)
		if (!check_mention(j, st, &st->mentions[i], p))
			return false;
	return (st->kind == STATEMENT_LOCK || check_set(j, &st->elsewhere, p,
						      "this reaches it by way of a view, a function, a "
						      "foreign key or a definition")) &&
	       check_set(j, &st->changed, p, "this would change or find others") &&
	       check_set(j, &st->placed, p, "where they are stored (ctid, tableoid …) is not shown") &&
	       check_set(j, &st->tested, p, "whether this succeeds would tell of others") &&
	       check_set(j, &st->paid, p, "whether this succeeds would tell of others");
}

/* ---- the text that is sent ---- */
struct places {
	struct wrap_place *v;
	struct schema_ref *refs;
	unsigned n, nrefs;
};

static bool wrapped_here(const struct judge *j, const struct mention *m)
{
	const struct row_filter *f = filter_of(j, m->relid);

	return f && !f->parent;
}

static unsigned count(const struct judge *j, const struct statement *st)
{
	unsigned n = 0;

	for (; st; st = st->inner)
		for (unsigned i = 0; i < st->nmentions; i++)
			n += wrapped_here(j, &st->mentions[i]);
	return n;
}

/* What COPY gives of a relation. */
static bool copied_columns(struct judge *j, struct wrap_place *p)
{
	const char **v = arena_array(j->a, p->r->ncols ? p->r->ncols : 1, sizeof(*v));

	for (unsigned i = 0; v && i < p->r->ncols; i++)
		if (!p->r->cols[i].generated)
			v[p->ncolumns++] = p->r->cols[i].name;
	p->columns = v;
	return v != NULL;
}

static bool gather(struct judge *j, const struct statement *st, struct places *out)
{
	const struct catalog *c = binding_catalog(j->b);
	bool ok = true;

	for (; ok && st; st = st->inner) {
		for (unsigned i = 0; ok && i < st->nmentions; i++) {
			const struct mention *m = &st->mentions[i];
			struct wrap_place *p = &out->v[out->n];

			if (!wrapped_here(j, m))
				continue;
			*p = (struct wrap_place){.at = m,
				.r = catalog_relation_by_oid(c, m->relid),
				.condition = filter_of(j, m->relid)->condition};
			ok = p->r && (!m->copied || copied_columns(j, p));
			out->n += ok;
		}
		for (unsigned i = 0; ok && i < st->nschema_refs; i++)
			if (filter_of(j, st->schema_refs[i].relid))
				out->refs[out->nrefs++] = st->schema_refs[i];
	}
	return ok;
}

static bool same_columns(const struct colset *x, const struct colset *y)
{
	for (unsigned side = 0; side < 2; side++) {
		const struct colset *a = side ? y : x, *b = side ? x : y;

		for (unsigned i = 0; i < a->n; i++) {
			unsigned k = 0;

			while (k < b->n &&
				(b->v[k].relid != a->v[i].relid || b->v[k].attnum != a->v[i].attnum))
				k++;
			if (k == b->n)
				return false;
		}
	}
	return true;
}

/* As far as the analysis knows the statement that is sent shows, reads and does what the client's does. */
static bool same_statement(const struct judge *j, const struct statement *x, const struct statement *y)
{
	bool copy;

	if (!x || !y)
		return x == y;
	/* COPY of a relation becomes one of a query */
	copy = x->kind == STATEMENT_COPY_OUT && !x->inner && y->inner;
	if (x->kind != y->kind || y->problem || x->rows != y->rows || x->writes != y->writes ||
		x->noutputs != y->noutputs || count(j, x) != count(j, y))
		return false;
	if (!copy &&
		(x->effects != y->effects || x->nrelations != y->nrelations || x->code != y->code ||
			x->nopaque != y->nopaque || !colset_equal(&x->elsewhere, &y->elsewhere) ||
			!colset_equal(&x->changed, &y->changed) ||
			!colset_equal(&x->inserted, &y->inserted) || !colset_equal(&x->placed, &y->placed)))
		return false;
	for (unsigned i = 0; !copy && i < x->nrelations; i++)
		if (x->relations[i] != y->relations[i])
			return false;
	for (unsigned i = 0; i < x->noutputs; i++)
		if (strcmp(x->outputs[i].name, y->outputs[i].name) != 0 ||
			!same_columns(&x->outputs[i].from, &y->outputs[i].from))
			return false;
	return copy || same_statement(j, x->inner, y->inner);
}

static bool sent_is_same(struct judge *j, const struct name_scope *names, const struct analysis *an,
	const char *text, struct arena *scratch)
{
	struct analysis sent = {0};
	struct err e = {0};
	int position;

	if (analyze(names, span_of(text, strlen(text)), scratch, &sent, &position, &e) || sent.n != an->n)
		return false;
	for (unsigned i = 0; i < an->n; i++)
		if (!same_statement(j, &an->statements[i], &sent.statements[i]))
			return false;
	return true;
}

static int deny_form(struct judge *j, struct judged *out, const struct row_filter *f, const char *why)
{
	(void)refuse(j, out->plans[0], f, why);
	return 0;
}

int judge_wrap(struct judge *j, const struct name_scope *names, const struct analysis *an, struct judged *out,
	struct err *e)
{
	struct arena scratch = {.limit = SCRATCH_MAX};
	struct wrapped *w = NULL;
	struct places places = {0};
	const char *why = NULL;
	unsigned n = 0, nrefs = 0;
	int r = 0;

	for (unsigned i = 0; i < an->n; i++)
		n += count(j, &an->statements[i]);
	if (!n)
		return 0;
	for (unsigned i = 0; i < an->n; i++)
		for (const struct statement *st = &an->statements[i]; st; st = st->inner)
			nrefs += st->nschema_refs;
	places.v = arena_array(&scratch, n, sizeof(*places.v));
	places.refs = arena_array(&scratch, nrefs ? nrefs : 1, sizeof(*places.refs));
	w = arena_zalloc(j->a, sizeof(*w));
	for (unsigned i = 0; places.v && places.refs && w && i < an->n; i++)
		if (!gather(j, &an->statements[i], &places))
			w = NULL;
	r = places.v && places.refs && w
		    ? wrap_text(w, j->text, places.v, places.n, places.refs, places.nrefs,
			      catalog_server(binding_catalog(j->b)), j->a, &scratch, &why)
		    : -ENOMEM;
	if (!r && !sent_is_same(j, names, an, w->text, &scratch)) {
		why = "this is of a form that cannot be filtered";
		r = -EINVAL;
	}
	if (r == -EINVAL)
		r = deny_form(j, out, filter_of(j, places.v[0].at->relid), why);
	else if (!r)
		out->wrapped = w;
	arena_fini(&scratch);
	return r ? err_sql(e, -ENOMEM, "53200", "%s", JUDGE_NO_MEMORY) : 0;
}
