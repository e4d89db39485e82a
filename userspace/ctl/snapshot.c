/* SPDX-License-Identifier: MIT */
#include "ctl/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "ctl/clock.h"
#include "ctl/pgclient.h"
#include "sql/catalog.h"

#define QUERY_MS 30000
#define TRIES    3

struct fingerprint {
	char *out;
	size_t len;
	unsigned rows;
};

static int take_fingerprint(void *arg, const struct span *cells, unsigned n, struct err *e)
{
	struct fingerprint *f = arg;
	size_t len = f->len;

	if (f->rows++)
		return err_set(e, -EPROTO, "the catalogue's fingerprint has several rows");
	for (unsigned i = 0; i < n; i++) {
		if (len + cells[i].n + 2 > FINGERPRINT_MAX)
			return err_set(e, -EPROTO, "the catalogue's fingerprint is too long");
		if (cells[i].n)
			memcpy(f->out + len, cells[i].p, cells[i].n);
		len += cells[i].n;
		f->out[len++] = '/';
	}
	f->out[len] = '\0';
	f->len = len;
	return 0;
}

static int ask_fingerprint(struct pgclient *c, const char *sql, struct fingerprint *f, struct err *e)
{
	int r;

	f->rows = 0;
	r = pgclient_query(c, sql, clock_ms() + QUERY_MS, take_fingerprint, f, e);
	if (!r && !f->rows)
		r = err_set(e, -EPROTO, "the catalogue's fingerprint has no row");
	return r;
}

int snapshot_fingerprint(
	struct pgclient *c, const struct snapshot_roles *roles, char out[FINGERPRINT_MAX], struct err *e)
{
	struct fingerprint f = {.out = out};
	int r = ask_fingerprint(c, catalog_fingerprint_query(), &f, e);
	struct arena a = {0};
	const char *sql;

	if (!r && roles->n) {
		sql = catalog_roles_fingerprint_query(&a, roles->oids, roles->n);
		r = sql ? ask_fingerprint(c, sql, &f, e) : err_set(e, -ENOMEM, "out of memory");
	}
	arena_fini(&a);
	return r;
}

static int simple(struct pgclient *c, const char *sql, struct err *e)
{
	return pgclient_query(c, sql, clock_ms() + QUERY_MS, NULL, NULL, e);
}

static void keep(char *out, size_t cap, struct span cell)
{
	snprintf(out, cap, "%.*s", (int)cell.n, cell.p ? (const char *)cell.p : "");
}

static int take_facts(void *arg, const struct span *cells, unsigned n, struct err *e)
{
	struct server_facts *f = arg;

	if (n != 7)
		return err_set(e, -EPROTO, "the server's facts have another shape");
	keep(f->version, sizeof(f->version), cells[0]);
	keep(f->encoding, sizeof(f->encoding), cells[1]);
	keep(f->search_path, sizeof(f->search_path), cells[2]);
	keep(f->role, sizeof(f->role), cells[3]);
	f->superuser = cells[4].n == 1 && cells[4].p[0] == 't';
	f->bypasses_rls = cells[5].n == 1 && cells[5].p[0] == 't';
	keep(f->logins, sizeof(f->logins), cells[6]);
	return 0;
}

int snapshot_facts(struct pgclient *c, struct server_facts *out, struct err *e)
{
	*out = (struct server_facts){.superuser = false};
	return pgclient_query(c,
		"SELECT current_setting('server_version'), current_setting('server_encoding'),"
		" (SELECT s.reset_val FROM pg_settings s WHERE s.name = 'search_path'),"
		" r.rolname, r.rolsuper, r.rolbypassrls,"
		" array_to_string(ARRAY(SELECT o.rolname FROM pg_roles o WHERE o.rolcanlogin AND o.rolname "
		"<> "
		"r.rolname ORDER BY 1 LIMIT 100), ',')"
		" FROM pg_roles r WHERE r.rolname = current_user",
		clock_ms() + QUERY_MS, take_facts, out, e);
}

/* What reads a catalogue is estimated to cost so much that the server would compile all of it, for seconds.
 */
int snapshot_prepare(struct pgclient *c, struct err *e)
{
	return simple(c,
		"SET search_path = pg_catalog; SET statement_timeout = '20s'; SET lock_timeout = '5s';"
		" SET default_transaction_read_only = on; SET standard_conforming_strings = on; SET jit = "
		"off",
		e);
}

struct feeding {
	struct catalog_builder *builder;
	unsigned query;
};

static int take_row(void *arg, const struct span *cells, unsigned n, struct err *e)
{
	const struct feeding *f = arg;

	return catalog_builder_row(f->builder, f->query, cells, n, e);
}

static int take_role(void *arg, const struct span *cells, unsigned n, struct err *e)
{
	return catalog_builder_role(arg, cells, n, e);
}

static int load_roles(
	struct pgclient *c, const struct snapshot_roles *roles, struct catalog_builder *b, struct err *e)
{
	struct arena a = {0};
	const char *sql = NULL;
	int r = catalog_builder_roles(b, roles->oids, roles->n, e);

	if (!r && roles->n) {
		sql = catalog_roles_query(&a, roles->oids, roles->n);
		r = sql ? pgclient_query(c, sql, clock_ms() + QUERY_MS, take_role, b, e)
			: err_set(e, -ENOMEM, "out of memory");
	}
	arena_fini(&a);
	return r;
}

static int load_once(struct pgclient *c, const struct snapshot_roles *roles, struct catalog **out,
	char fingerprint[FINGERPRINT_MAX], struct err *e)
{
	struct feeding f = {0};
	int r = simple(c, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", e);

	/* The first query fixes the snapshot: the fingerprint is that of the rows which follow. */
	if (!r)
		r = snapshot_fingerprint(c, roles, fingerprint, e);
	if (!r)
		r = catalog_builder_new(&f.builder, e);
	for (; !r && f.query < catalog_query_count(); f.query++)
		r = pgclient_query(c, catalog_query(f.query), clock_ms() + QUERY_MS, take_row, &f, e);
	if (!r)
		r = load_roles(c, roles, f.builder, e);
	if (!r)
		r = simple(c, "COMMIT", e);
	if (r) {
		catalog_builder_free(f.builder);
		return r;
	}
	return catalog_builder_finish(f.builder, out, e);
}

/* Definitions of views come from functions that look past the snapshot. Where the fingerprint is still the
 * same afterwards, nothing was there to be seen; where definitions change all the time (temporary tables),
 * the last look counts, and the next refresh takes another. */
int snapshot_load(struct pgclient *c, const struct snapshot_roles *roles, struct catalog **out,
	char fingerprint[FINGERPRINT_MAX], uint64_t *as_of_ms, struct err *e)
{
	char after[FINGERPRINT_MAX];
	struct catalog *catalog = NULL;
	int r = 0;

	for (int i = 0; i < TRIES; i++) {
		catalog_unref(catalog);
		catalog = NULL;
		*as_of_ms = clock_ms();
		r = load_once(c, roles, &catalog, fingerprint, e);
		if (!r)
			r = snapshot_fingerprint(c, roles, after, e);
		if (r || strcmp(fingerprint, after) == 0)
			break;
	}
	if (r) {
		catalog_unref(catalog);
		return r;
	}
	*out = catalog;
	return 0;
}
