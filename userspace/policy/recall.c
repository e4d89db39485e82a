/* SPDX-License-Identifier: MIT */
#include "policy/recall.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MAX 65536

struct place {
	struct place *next;
	char *server, *dbname;
	pthread_mutex_t lock;
	/* Under it: sorted, each once; the patterns are strings of their own. */
	struct bound_column *v;
	size_t n;
	uint64_t newest; /* catalogue */
};

struct recall {
	pthread_mutex_t lock; /* over the list */
	struct place *places;
	unsigned n;
};

int recall_new(struct recall **out, struct err *e)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	pthread_mutex_init(&(*out)->lock, NULL);
	return 0;
}

static void drop(struct bound_column *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)v[i].pattern);
	free(v);
}

static void place_free(struct place *p)
{
	drop(p->v, p->n);
	free(p->server);
	free(p->dbname);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

void recall_free(struct recall *r)
{
	if (!r)
		return;
	while (r->places) {
		struct place *p = r->places;

		r->places = p->next;
		place_free(p);
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static struct place *place_new(const char *server, const char *dbname)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	pthread_mutex_init(&p->lock, NULL);
	p->server = strdup(server);
	p->dbname = strdup(dbname);
	if (p->server && p->dbname)
		return p;
	place_free(p);
	return NULL;
}

static int place_add(
	struct recall *r, const char *server, const char *dbname, struct place **out, struct err *e)
{
	struct place *p;

	if (r->n == PLACES_MAX)
		return err_sql(
			e, -ENOSPC, "53000", "too many databases were used through the masking engine");
	p = place_new(server, dbname);
	if (!p)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	p->next = r->places;
	r->places = p;
	r->n++;
	*out = p;
	return 0;
}

int recall_place(struct recall *r, const char *server, const char *dbname, struct place **out, struct err *e)
{
	struct place *p;
	int rc = 0;

	pthread_mutex_lock(&r->lock);
	for (p = r->places; p; p = p->next)
		if (strcmp(p->server, server) == 0 && strcmp(p->dbname, dbname) == 0)
			break;
	if (!p)
		rc = place_add(r, server, dbname, &p, e);
	pthread_mutex_unlock(&r->lock);
	*out = p;
	return rc;
}

void place_hold(struct place *p)
{
	pthread_mutex_lock(&p->lock);
}

void place_release(struct place *p)
{
	pthread_mutex_unlock(&p->lock);
}

const struct bound_column *place_bound(const struct place *p, size_t *n)
{
	*n = p->n;
	return p->v;
}

static int compare(const void *x, const void *y)
{
	const struct bound_column *a = x, *b = y;

	if (a->column.relid != b->column.relid)
		return a->column.relid < b->column.relid ? -1 : 1;
	if (a->column.attnum != b->column.attnum)
		return a->column.attnum < b->column.attnum ? -1 : 1;
	return strcmp(a->pattern, b->pattern);
}

static bool exists(const struct catalog *c, struct colref column)
{
	const struct relation *r = catalog_relation_by_oid(c, column.relid);

	return r && (!column.attnum || relation_column_by_attnum(r, column.attnum));
}

/* all[0..n): sorted, with copies of their own of what is kept; *out_n of them. */
static struct bound_column *copy_once(
	const struct bound_column *all, size_t n, const struct catalog *c, bool prune, size_t *out_n)
{
	struct bound_column *v = calloc(n ? n : 1, sizeof(*v));

	*out_n = 0;
	for (size_t i = 0; v && i < n; i++) {
		if ((i && compare(&all[i - 1], &all[i]) == 0) || (prune && !exists(c, all[i].column)))
			continue;
		v[*out_n].column = all[i].column;
		v[*out_n].pattern = strdup(all[i].pattern);
		if (!v[(*out_n)++].pattern) {
			drop(v, *out_n);
			return NULL;
		}
	}
	return v;
}

int place_keep(
	struct place *p, const struct catalog *c, const struct bound_column *v, size_t n, struct err *e)
{
	struct bound_column *all = calloc(p->n + n ? p->n + n : 1, sizeof(*all)), *kept = NULL;
	bool newest = c && catalog_version(c) >= p->newest;
	size_t nkept = 0;

	if (all) {
		if (p->n)
			memcpy(all, p->v, p->n * sizeof(*all));
		if (n)
			memcpy(all + p->n, v, n * sizeof(*all));
		qsort(all, p->n + n, sizeof(*all), compare);
		kept = copy_once(all, p->n + n, c, newest, &nkept);
		free(all);
	}
	if (!kept)
		return err_sql(e, -ENOMEM, "53200", "out of memory");
	drop(p->v, p->n);
	p->v = kept;
	p->n = nkept;
	if (newest)
		p->newest = catalog_version(c);
	return 0;
}

void recall_each(struct recall *r,
	void (*fn)(void *arg, const char *server, const char *dbname, const char *pattern,
		const struct colref *column),
	void *arg)
{
	pthread_mutex_lock(&r->lock);
	for (struct place *p = r->places; p; p = p->next) {
		place_hold(p);
		for (size_t i = 0; i < p->n; i++)
			fn(arg, p->server, p->dbname, p->v[i].pattern, &p->v[i].column);
		place_release(p);
	}
	pthread_mutex_unlock(&r->lock);
}
