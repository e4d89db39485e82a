/* SPDX-License-Identifier: MIT */
/* {"spent": [{"identity": "…", "column": [relid, attnum], "piece_ms": 1, "newest": 2, "spent": [33 numbers]},
 * …], "bound": [{"server": "…", "dbname": "…", "columns": [["pattern", relid, attnum], …]}, …], "doors":
 * [{"cgroup_id": 1, "netns": [cookie, …]}, …]} */
#include "ctl/estate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "ctl/enrol.h"
#include "policy/budget.h"
#include "policy/recall.h"

/* A list that is filled by a callback. */
struct list {
	json_t *v;
	bool failed;
};

static void append(struct list *l, json_t *entry)
{
	if (!entry || json_array_append_new(l->v, entry))
		l->failed = true;
}

static void on_spent(void *arg, const struct budget_saved *x)
{
	json_t *spent = json_array();

	for (unsigned i = 0; i < BUDGET_PIECES; i++)
		json_array_append_new(spent, json_integer(x->spent[i]));
	append(arg, json_pack("{s:s, s:[I,i], s:I, s:I, s:o}", "identity", x->identity, "column",
			    (json_int_t)x->column.relid, x->column.attnum, "piece_ms",
			    (json_int_t)x->piece_ms, "newest", (json_int_t)x->newest, "spent", spent));
}

static void on_bound(
	void *arg, const char *server, const char *dbname, const char *pattern, const struct colref *column)
{
	struct list *l = arg;
	size_t n = json_array_size(l->v);
	json_t *place = n ? json_array_get(l->v, n - 1) : NULL;

	/* Those of one place come one after another. */
	if (!place || strcmp(json_string_value(json_object_get(place, "server")), server) != 0 ||
		strcmp(json_string_value(json_object_get(place, "dbname")), dbname) != 0) {
		place = json_pack("{s:s, s:s, s:[]}", "server", server, "dbname", dbname, "columns");
		append(l, place);
	}
	if (!l->failed && json_array_append_new(json_object_get(place, "columns"),
				  json_pack("[s,I,i]", pattern, (json_int_t)column->relid, column->attnum)))
		l->failed = true;
}

static void add_doors(struct list *l, uint64_t id, const uint64_t *cookies, unsigned n)
{
	json_t *netns = json_array();

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(netns, json_integer((json_int_t)cookies[i]));
	append(l, json_pack("{s:I, s:o}", "cgroup_id", (json_int_t)id, "netns", netns));
}

static void on_enrolled(void *arg, const struct enrol_view *v)
{
	if (v->nnetns)
		add_doors(arg, v->id, v->netns_cookies, v->nnetns);
}

json_t *estate_give(struct budget *b, struct recall *r, struct enrol *en)
{
	struct list spent = {json_array(), false}, bound = {json_array(), false},
		    doors = {json_array(), false};
	const uint64_t *cookies;
	unsigned n = enrol_uid_doors(en, &cookies);
	json_t *doc;

	budget_give(b, on_spent, &spent);
	recall_each(r, on_bound, &bound);
	enrol_each(en, on_enrolled, &doors);
	if (n)
		add_doors(&doors, 0, cookies, n);
	doc = json_pack("{s:o, s:o, s:o}", "spent", spent.v, "bound", bound.v, "doors", doors.v);
	if (spent.failed || bound.failed || doors.failed) {
		json_decref(doc);
		return NULL;
	}
	return doc;
}

static bool column_of(const json_t *relid, const json_t *attnum, struct colref *out)
{
	json_int_t oid = json_integer_value(relid), n = json_integer_value(attnum);

	*out = (struct colref){.relid = (uint32_t)oid, .attnum = (int16_t)n};
	return oid > 0 && oid <= UINT32_MAX && n >= INT16_MIN && n <= INT16_MAX;
}

static bool natural(const json_t *j, uint64_t max, uint64_t *out)
{
	*out = (uint64_t)json_integer_value(j);
	return json_is_integer(j) && json_integer_value(j) >= 0 && *out <= max;
}

static bool spent_of(const json_t *j, struct budget_saved *out)
{
	const json_t *column = json_object_get(j, "column"), *spent = json_object_get(j, "spent");
	uint64_t n;

	*out = (struct budget_saved){.identity = json_string_value(json_object_get(j, "identity"))};
	if (!out->identity || json_array_size(spent) != BUDGET_PIECES ||
		!column_of(json_array_get(column, 0), json_array_get(column, 1), &out->column) ||
		!natural(json_object_get(j, "piece_ms"), INT64_MAX, &out->piece_ms) ||
		!natural(json_object_get(j, "newest"), INT64_MAX, &out->newest))
		return false;
	for (unsigned i = 0; i < BUDGET_PIECES; i++) {
		if (!natural(json_array_get(spent, i), UINT32_MAX, &n))
			return false;
		out->spent[i] = (uint32_t)n;
	}
	return true;
}

static int take_bound(const json_t *j, struct recall *r, struct err *e)
{
	const char *server = json_string_value(json_object_get(j, "server"));
	const char *dbname = json_string_value(json_object_get(j, "dbname"));
	const json_t *columns = json_object_get(j, "columns"), *c;
	size_t i, n = json_array_size(columns);
	struct bound_column *v = calloc(n ? n : 1, sizeof(*v));
	struct place *p = NULL;
	int rc = v ? 0 : err_set(e, -ENOMEM, "out of memory");

	json_array_foreach(v ? columns : NULL, i, c)
	{
		v[i].pattern = json_string_value(json_array_get(c, 0));
		if (!v[i].pattern || !column_of(json_array_get(c, 1), json_array_get(c, 2), &v[i].column))
			rc = -EBADMSG;
	}
	if (rc == -EBADMSG || (!rc && (!server || !dbname)))
		rc = err_set(e, -EBADMSG, "what rules once bound is not understood");
	if (!rc)
		rc = recall_place(r, server, dbname, &p, e);
	if (!rc) {
		place_hold(p);
		rc = place_keep(p, NULL, v, n, e);
		place_release(p);
	}
	free(v);
	return rc;
}

int estate_take(const json_t *doc, struct budget *b, struct recall *r, struct err *e)
{
	const json_t *j;
	size_t i;
	int rc = 0;

	json_array_foreach(json_object_get(doc, "spent"), i, j)
	{
		struct budget_saved v;

		rc = spent_of(j, &v) ? budget_restore(b, &v) : -EBADMSG;
		if (rc)
			return err_set(e, rc, "what was spent is not understood, or there is no room for it");
	}
	json_array_foreach(json_object_get(doc, "bound"), i, j)
	{
		rc = take_bound(j, r, e);
		if (rc)
			return rc;
	}
	return json_is_array(json_object_get(doc, "spent")) && json_is_array(json_object_get(doc, "bound"))
		       ? 0
		       : err_set(e, -EBADMSG, "what was handed over is not complete");
}

int estate_doors(const json_t *doc,
	int (*fn)(void *arg, uint64_t cgroup_id, uint64_t netns_cookie, struct err *e), void *arg,
	struct err *e)
{
	const json_t *doors = json_object_get(doc, "doors"), *j, *cookie;
	size_t i, k;
	int r = json_is_array(doors) ? 0 : -EBADMSG;

	json_array_foreach(doors, i, j)
	{
		uint64_t id, ns;

		if (!natural(json_object_get(j, "cgroup_id"), INT64_MAX, &id))
			r = -EBADMSG;
		json_array_foreach(r ? NULL : json_object_get(j, "netns"), k, cookie)
		{
			if (!natural(cookie, INT64_MAX, &ns))
				r = -EBADMSG;
			else
				r = fn(arg, id, ns, e);
			if (r)
				return r == -EBADMSG ? err_set(e, r, "an enrolment is not understood") : r;
		}
	}
	return r ? err_set(e, r, "what was handed over is not complete") : 0;
}
