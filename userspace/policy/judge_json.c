/* SPDX-License-Identifier: MIT */
/* JSON that a statement makes of columns: row_to_json(p) keeps what is not masked, and has what is where it
 * stands as its rule wants it. What no place is known for is redacted. */
#include "mask/jsonpath.h"
#include "policy/judge.h"

static const struct mask to_null; /* MASK_NULL */

_Static_assert(JSON_PLACES_MAX <= JSONPATH_PATHS_MAX, "each place is a path");

/* NULL: not masked. A text is one in JSON too. Anything else becomes null, since null is left as it is there:
 * NULLIF(ssn, '…') would tell by it. */
static const struct mask *mask_at(struct judge *j, const struct json_place *p)
{
	const struct masking *m = binding_set(j->b, &p->from);

	if (!m)
		return NULL;
	if (!p->text || binding_mixed(j->b, &p->from) || !m->direct ||
		!detectors_none(&m->direct->detectors) || m->direct->kind == MASK_DETECT ||
		m->direct->kind == MASK_JSONPATH || m->direct->kind == MASK_SHIFT)
		return &to_null;
	return m->direct;
}

/* Whether each masked column of the output is in one of its places. */
static bool all_placed(struct judge *j, const struct output *o)
{
	for (unsigned i = 0; i < o->from.n; i++) {
		bool found = !binding_column(j->b, o->from.v[i]);

		for (unsigned k = 0; k < o->places->n && !found; k++)
			found = colset_has(&o->places->v[k].from, o->from.v[i]);
		if (!found)
			return false;
	}
	return true;
}

/* Whether any place has texts of definitions, which are looked through as a whole. */
static bool any_written(struct judge *j, const struct output *o)
{
	for (unsigned i = 0; i < o->places->n; i++)
		if (judge_written(j->b, &(struct output){.from = o->places->v[i].from}))
			return true;
	return false;
}

static bool add(struct jsonpath *paths, const char *path, const struct mask *mask)
{
	struct mask borrowed = mask ? *mask : to_null;
	struct err e = {0};

	return jsonpath_add(paths, path, mask ? &borrowed : NULL, &e) == 0;
}

/* From the strictest mask to what is shown, as jsonpath_add wants it. */
static bool add_all(struct judge *j, struct jsonpath *paths, const struct json_places *places)
{
	const struct mask *masks[JSON_PLACES_MAX];
	bool ok = true;

	for (unsigned i = 0; i < places->n; i++)
		masks[i] = mask_at(j, &places->v[i]);
	for (unsigned kind = 0; kind <= MASK_LAST; kind++)
		for (unsigned i = 0; i < places->n && ok; i++)
			if (masks[i] && masks[i]->kind == kind)
				ok = add(paths, places->v[i].path, masks[i]);
	for (unsigned i = 0; i < places->n && ok; i++)
		if (!masks[i])
			ok = add(paths, places->v[i].path, NULL);
	return ok;
}

const struct mask *judge_json(struct judge *j, const struct output *o)
{
	struct mask *m;

	if (!o->places || !all_placed(j, o) || any_written(j, o))
		return NULL;
	m = arena_zalloc(j->a, sizeof(*m));
	if (!m || jsonpath_new(&m->paths, false, j->a) || !add_all(j, m->paths, o->places))
		return NULL;
	m->kind = MASK_JSONPATH;
	return m;
}
