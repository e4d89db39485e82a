/* SPDX-License-Identifier: MIT */
#include "sql/lineage.h"

#include <string.h>

/* The one column of that name; -1 with a problem set. */
static int common(struct lineage *l, const struct item *it, const char *name, const char *side)
{
	int found = -1;

	if (it->open)
		lineage_odd(l, -1, "a join with a function whose columns are not known");
	if (!lineage_spend(l, item_ncols(it) / 16 + 1))
		return -1;
	for (unsigned i = 0; i < item_ncols(it); i++) {
		if (strcmp(item_name(it, i), name) != 0)
			continue;
		if (found >= 0) {
			lineage_fail(l, "42702", -1,
				"common column name \"%s\" appears more than once in %s table", name, side);
			return -1;
		}
		found = (int)i;
	}
	if (found < 0)
		lineage_fail_retry(l, "42703", -1,
			"column \"%s\" specified in USING clause does not exist in %s table", name, side);
	return found;
}

static bool has(const struct item *it, const char *name)
{
	for (unsigned i = 0; i < item_ncols(it); i++)
		if (!strcmp(item_name(it, i), name))
			return true;
	return false;
}

/* The names that the two sides are joined by. */
static unsigned common_names(struct lineage *l, const PgQuery__JoinExpr *j, const struct item *left,
	const struct item *right, const char ***out)
{
	unsigned n = 0, max = j->is_natural ? item_ncols(left) : (unsigned)j->n_using_clause;
	const char **v = lineage_alloc(l, max, sizeof(*v));

	*out = v;
	if (!v)
		return 0;
	if (!j->is_natural) {
		for (; n < max; n++)
			v[n] = node_string(j->using_clause[n]);
		return n;
	}
	if (left->open || right->open)
		lineage_odd(l, -1, "a NATURAL JOIN with a function whose columns are not known");
	if (!lineage_spend(l, (unsigned long)max * item_ncols(right) / 16))
		return 0;
	for (unsigned i = 0; i < max; i++)
		if (has(right, item_name(left, i)))
			v[n++] = item_name(left, i);
	return n;
}

/* One merged column: equal on both sides where it comes from both, so it shows either. */
static struct taint merged(struct lineage *l, struct taint a, struct taint b)
{
	struct taint out = a;
	bool same = a.direct && b.direct && a.type && a.type == b.type;

	taint_mix(l, &out, &b);
	out.direct = same;
	out.type = a.type == b.type ? a.type : 0;
	out.foreign = a.foreign ? a.foreign : b.foreign;
	lineage_use(l, &a, "JOIN USING");
	lineage_use(l, &b, "JOIN USING");
	return out;
}

static void rest(struct lineage *l, struct item *out, const struct item *side, const char **names, unsigned n)
{
	for (unsigned i = 0; i < item_ncols(side) && !lineage_stopped(l); i++) {
		const char *name = item_name(side, i);
		bool gone = false;

		for (unsigned k = 0; k < n && !gone; k++)
			gone = !strcmp(names[k], name);
		if (!gone)
			out->cols[out->ncols++] = (struct label){name, item_taint(l, side, i)};
	}
}

static struct item *join_columns(struct lineage *l, const PgQuery__JoinExpr *j, const struct item *left,
	const struct item *right, unsigned *nmerged)
{
	unsigned long total = item_ncols(left) + item_ncols(right);
	struct item *out = lineage_alloc(l, 1, sizeof(*out));
	const char **names;
	unsigned n;

	if (left->nstarless || right->nstarless)
		lineage_odd(l, -1, "a join of what SEARCH and CYCLE add columns to");
	if (!out || !lineage_spend(l, total))
		return NULL;
	n = common_names(l, j, left, right, &names);
	if (lineage_stopped(l) || !lineage_spend(l, total * n / 16))
		return NULL;
	out->alias = "";
	out->open = left->open || right->open;
	out->cols = lineage_alloc(l, total, sizeof(*out->cols));
	if (n)
		(void)operator_named(l, "=", -1);
	for (unsigned i = 0; i < n && !lineage_stopped(l); i++) {
		int a = common(l, left, names[i], "left"), b = common(l, right, names[i], "right");

		if (a < 0 || b < 0)
			return NULL;
		out->cols[out->ncols++] = (struct label){names[i],
			merged(l, item_taint(l, left, (unsigned)a), item_taint(l, right, (unsigned)b))};
	}
	if (lineage_stopped(l))
		return NULL;
	*nmerged = n;
	rest(l, out, left, names, n);
	rest(l, out, right, names, n);
	return lineage_stopped(l) ? NULL : out;
}

/* ON sees the joined tables and the outer queries, not its siblings in FROM. */
static void join_on(
	struct lineage *l, struct scope *sc, const PgQuery__Node *quals, const struct namespace_ *ns)
{
	struct namespace_ before = sc->ns;
	bool lateral = sc->lateral;

	sc->ns = *ns;
	sc->lateral = false;
	predicate(l, sc, quals, "JOIN ON");
	sc->ns = before;
	sc->lateral = lateral;
}

/* JOIN … USING (…) AS x: a name for the merged columns alone. */
static void using_alias(struct lineage *l, const PgQuery__JoinExpr *j, const struct item *joined,
	unsigned nmerged, struct namespace_ *ns)
{
	struct item *it = lineage_alloc(l, 1, sizeof(*it));

	if (!it)
		return;
	it->alias = j->join_using_alias->aliasname;
	it->cols = joined->cols;
	it->ncols = nmerged;
	namespace_add(l, ns, (struct visible){it, true, false, false});
}

static bool known_type(PgQuery__JoinType t)
{
	return t == PG_QUERY__JOIN_TYPE__JOIN_INNER || t == PG_QUERY__JOIN_TYPE__JOIN_LEFT ||
	       t == PG_QUERY__JOIN_TYPE__JOIN_FULL || t == PG_QUERY__JOIN_TYPE__JOIN_RIGHT;
}

struct item *from_join(struct lineage *l, struct scope *sc, const PgQuery__JoinExpr *j, struct namespace_ *ns)
{
	unsigned before = sc->ns.n, nmerged = 0;
	struct namespace_ both = {0};
	struct item *left, *right, *joined;

	lineage_seen(l, j);
	if (!known_type(j->jointype))
		lineage_odd(l, -1, "this kind of join");
	left = from_item(l, sc, j->larg, &both);
	/* the right side may refer to the left one, laterally */
	for (unsigned i = 0; i < both.n; i++) {
		struct visible v = both.v[i];

		v.lateral = true;
		namespace_add(l, &sc->ns, v);
	}
	right = from_item(l, sc, j->rarg, &both);
	sc->ns.n = before;
	if (!left || !right || lineage_stopped(l))
		return NULL;
	joined = join_columns(l, j, left, right, &nmerged);
	if (!joined)
		return NULL;
	if (j->quals)
		join_on(l, sc, j->quals, &both);
	if (j->alias) {
		item_alias(l, joined, j->alias);
	} else {
		for (unsigned i = 0; i < both.n; i++) {
			both.v[i].as_cols = false;
			namespace_add(l, ns, both.v[i]);
		}
	}
	if (j->join_using_alias && !j->alias) /* an alias of the join hides this one too */
		using_alias(l, j, joined, nmerged, ns);
	namespace_add(l, ns, (struct visible){joined, j->alias != NULL, true, false});
	return joined;
}
