/* SPDX-License-Identifier: MIT */
/* lineage_interfere CONNINFO TABLE [fast]: does a column that the analysis does not name really not matter?
 * Each statement runs twice in transactions that are rolled back, and the two differ only in the values of
 * one column. Where a result column's values differ, the column must be among its sources or the uses; where
 * the number of rows or the outcome differs, among the uses. Both runs rewrite the column in every row, so
 * that the rows lie in the same order. */
#include <libpq-fe.h>
#include "sql_golden.h"

static const char *const path[] = {"clinic", "public"};

struct variation {
	const char *table, *column, *value;
};

static const struct variation variations[] = {
	{"patients", "ssn", "md5(id::text)"},
	{"patients", "ssn", "NULL"},
	{"patients", "ssn", "(id * 3)::text"},
	{"patients", "name", "repeat('z', id)"},
	{"patients", "email", "'e' || id"},
	{"patients", "born", "date '1950-01-01' + id * 1000"},
	{"patients", "born", "NULL"},
	{"patients", "sex", "'x'"},
	{"patients", "home", "row('q', 'r', id::text)"},
	{"patients", "tags", "array['q', 'r', id::text]"},
	{"patients", "tags", "'{}'"},
	{"patients", "notes", "'{\"a\": \"z\", \"b\": [5], \"k\": \"v\"}'"},
	{"patients", "notes", "'[1, 2]'"},
	{"patients", "weight", "id * 3.5"},
	{"patients", "weight", "0"},
	{"patients", "nick", "'n' || id"},
	{"doctors", "name", "md5(name)"},
	{"doctors", "name", "NULL"},
	{"doctors", "ward_id", "4 - id"},
	{"wards", "name", "'w' || id"},
	{"wards", "floor", "0"},
	{"visits", "cost", "id * 1.5"},
	{"visits", "cost", "0"},
	{"visits", "reason", "md5(reason)"},
	{"visits", "at", "at - interval '400 days'"},
	{"ONLY staff", "salary", "salary * 2"},
	{"nurses", "salary", "0"},
	{"nurses", "name", "'n'"},
	{"readings_2024", "secret", "'s' || value"},
	{"readings_2025", "value", "0"},
};

struct check {
	PGconn *db;
	struct catalog *catalog;
	bool fast; /* only columns of the relations that the analysis says are read */
	unsigned long runs, differ, wrong;
};

static struct catalog *read_catalog(PGconn *db)
{
	struct catalog_builder *b;
	struct catalog *c = NULL;
	struct err e = {0};

	if (catalog_builder_new(&b, &e) < 0)
		return NULL;
	PQclear(PQexec(
		db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL search_path = pg_catalog"));
	for (unsigned i = 0; i < catalog_query_count(); i++) {
		PGresult *r = PQexec(db, catalog_query(i));

		for (int row = 0; row < PQntuples(r); row++) {
			struct span cells[16];

			for (int k = 0; k < PQnfields(r) && k < 16; k++)
				cells[k] = PQgetisnull(r, row, k) ? (struct span){NULL, 0}
								  : span_of(PQgetvalue(r, row, k),
									    (size_t)PQgetlength(r, row, k));
			if (catalog_builder_row(b, i, cells, (unsigned)PQnfields(r), &e) < 0)
				fprintf(stderr, "%s\n", e.msg);
		}
		PQclear(r);
	}
	PQclear(PQexec(db, "COMMIT"));
	if (catalog_builder_finish(b, &c, &e) < 0)
		fprintf(stderr, "%s\n", e.msg);
	return c;
}

static PGresult *run(struct check *c, const char *text, const struct variation *v, bool vary)
{
	char update[512];
	PGresult *r;

	PQclear(PQexec(c->db, "BEGIN; SET LOCAL statement_timeout = 2000"));
	snprintf(update, sizeof(update), "UPDATE %s SET %s = %s", v->table, v->column,
		vary ? v->value : v->column);
	r = PQexec(c->db, update);
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		fprintf(stderr, "%s: %s", update, PQerrorMessage(c->db));
	PQclear(r);
	r = PQexec(c->db, text);
	PQclear(PQexec(c->db, "ROLLBACK"));
	return r;
}

/* An order-free sum of one column's values. */
static uint64_t digest(const PGresult *r, int column)
{
	uint64_t sum = 0;

	for (int i = 0; i < PQntuples(r); i++) {
		uint64_t h = PQgetisnull(r, i, column) ? 7 : 1469598103934665603ull;

		for (const char *p = PQgetvalue(r, i, column); *p; p++)
			h = (h ^ (uint8_t)*p) * 1099511628211ull;
		sum += h * (h | 1);
	}
	return sum;
}

static struct colref column_of(const struct check *c, const struct variation *v)
{
	const char *table = strncmp(v->table, "ONLY ", 5) ? v->table : v->table + 5;
	const struct relation *r = catalog_relation(c->catalog, "clinic", table);

	return (struct colref){r->oid, relation_column(r, v->column)->attnum};
}

static bool used(const struct statement *s, struct colref c)
{
	for (unsigned i = 0; i < s->nuses; i++)
		if (s->uses[i].column.relid == c.relid && s->uses[i].column.attnum == c.attnum)
			return true;
	return colset_has(&s->stored, c);
}

static void complain(struct check *c, const char *text, const struct variation *v, const char *what)
{
	c->wrong++;
	printf("%s\n    %s.%s = %s: %s\n", text, v->table, v->column, v->value, what);
}

/* What differs without an excuse; NULL: nothing. */
static const char *difference(
	struct check *c, const char *text, const struct statement *s, const struct variation *v)
{
	PGresult *a = run(c, text, v, false), *b = run(c, text, v, true);
	struct colref column = column_of(c, v);
	const char *state_a = PQresultErrorField(a, PG_DIAG_SQLSTATE),
		   *state_b = PQresultErrorField(b, PG_DIAG_SQLSTATE);
	bool same = !strcmp(state_a ? state_a : "", state_b ? state_b : "") && PQntuples(a) == PQntuples(b) &&
		    !strcmp(PQcmdStatus(a), PQcmdStatus(b));

	const char *what = NULL;

	c->runs++;
	if (used(s, column)) {
		c->differ += !same;
	} else if (!same) {
		what = "another outcome or number of rows, and no use";
	} else {
		for (int i = 0; i < PQnfields(a) && (unsigned)i < s->noutputs; i++) {
			if (digest(a, i) == digest(b, i))
				continue;
			c->differ++;
			if (!colset_has(&s->outputs[i].from, column))
				what = "another value, and no source";
		}
	}
	PQclear(a);
	PQclear(b);
	return what;
}

static bool reads(const struct statement *s, struct colref column)
{
	for (unsigned i = 0; i < s->nrelations; i++)
		if (s->relations[i] == column.relid)
			return true;
	return false;
}

/* Rows without an order may come in another one for reasons of the server's own; what is real comes back. */
static void compare(struct check *c, const char *text, const struct statement *s, const struct variation *v)
{
	const char *what = NULL;

	if (c->fast && !reads(s, column_of(c, v)))
		return;
	for (unsigned attempt = 0; attempt < 4; attempt++) {
		what = difference(c, text, s, v);
		if (!what)
			return;
	}
	complain(c, text, v, what);
}

static void judge(struct check *c, const char *text)
{
	struct name_scope scope = {c->catalog, path, 2};
	struct arena a = {0};
	struct analysis out;
	struct err e;
	int position;

	if (strstr(text, "random()") || strstr(text, "now()") || strstr(text, "clock_") ||
		strstr(text, "uuid") || strstr(text, "TABLESAMPLE") || strstr(text, "LOCALTIME") ||
		strstr(text, "ctid") || strstr(text, "xmin"))
		return; /* differs by itself */
	if (analyze(&scope, span_of(text, strlen(text)), &a, &out, &position, &e) == 0 && out.n == 1) {
		const struct statement *s = &out.statements[0];
		bool plain = s->kind == STATEMENT_SELECT || s->kind == STATEMENT_INSERT ||
			     s->kind == STATEMENT_UPDATE || s->kind == STATEMENT_DELETE;

		for (unsigned i = 0; plain && !s->problem && !s->nopaque && i < ARRAY_LEN(variations); i++)
			compare(c, text, s, &variations[i]);
	}
	arena_fini(&a);
}

int main(int argc, char **argv)
{
	struct check c = {.db = PQconnectdb(argc > 1 ? argv[1] : ""), .fast = argc > 3};
	FILE *f = argc > 2 ? fopen(argv[2], "r") : NULL;
	char *line = NULL, *text = calloc(1, 1 << 17);
	size_t cap = 0;

	if (PQstatus(c.db) != CONNECTION_OK || !f || !text)
		return 2;
	c.catalog = read_catalog(c.db);
	if (!c.catalog)
		return 2;
	PQclear(PQexec(c.db, "SET search_path = clinic, public; SET client_min_messages = error"));
	while (getline(&line, &cap, f) >= 0) {
		bool more = !strncmp(line, "| ", 2);

		if (!strncmp(line, "  ", 2))
			continue;
		if (!more && *text) {
			text[strlen(text) - 1] = '\0';
			judge(&c, text);
			*text = '\0';
		}
		if (line[0] != '#' && line[0] != '\n')
			strncat(text, line + (more ? 2 : 0), (1 << 17) - strlen(text) - 1);
	}
	printf("%lu pairs of runs, %lu differences that the analysis names, %lu that it does not\n", c.runs,
		c.differ, c.wrong);
	free(line);
	free(text);
	fclose(f);
	catalog_unref(c.catalog);
	PQfinish(c.db);
	return c.wrong || !c.differ ? 1 : 0;
}
