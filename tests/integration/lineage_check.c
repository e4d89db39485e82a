/* SPDX-License-Identifier: MIT */
/* lineage_check CONNINFO TABLE [PATH…]: the golden table of lineage against a real PostgreSQL that holds
 * clinic.sql. The catalogue is read as the connected role reads it; each statement is prepared and described,
 * and then
 *   - the columns must be as many and named as the analysis says,
 *   - where the server knows the origin of a column, the analysis must have it among the sources,
 *   - an error about a name must be the one that the server gives, with its position,
 *   - a statement that the server refuses while the analysis has no problem with it is only counted.
 * Prints one line for each difference; exits 1 when there was one. */
#include <libpq-fe.h>
#include "sql_golden.h"

struct check {
	PGconn *db;
	struct catalog *catalog;
	unsigned statements, columns, origins, errors, server_only, ours_only, wrong;
};

static void complain(struct check *c, const char *statement, const char *what, const char *a, const char *b)
{
	c->wrong++;
	printf("%s\n    %s: %s | %s\n", statement, what, a, b);
}

static int feed(PGconn *db, struct catalog_builder *b, unsigned i)
{
	PGresult *r = PQexec(db, catalog_query(i));
	struct span cells[16];
	struct err e = {0};

	if (PQresultStatus(r) != PGRES_TUPLES_OK) {
		fprintf(stderr, "catalogue query %u: %s", i, PQerrorMessage(db));
		return -1;
	}
	for (int row = 0; row < PQntuples(r); row++) {
		for (int k = 0; k < PQnfields(r) && k < 16; k++)
			cells[k] = PQgetisnull(r, row, k)
					   ? (struct span){NULL, 0}
					   : span_of(PQgetvalue(r, row, k), (size_t)PQgetlength(r, row, k));
		if (catalog_builder_row(b, i, cells, (unsigned)PQnfields(r), &e) < 0) {
			fprintf(stderr, "catalogue query %u row %d: %s\n", i, row, e.msg);
			return -1;
		}
	}
	fprintf(stderr, "catalogue query %u: %d rows\n", i, PQntuples(r));
	PQclear(r);
	return 0;
}

static int load(struct check *c)
{
	struct catalog_builder *b;
	struct err e = {0};
	PGresult *r;

	if (catalog_builder_new(&b, &e) < 0)
		return -1;
	PQclear(PQexec(c->db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
	PQclear(PQexec(c->db, "SET LOCAL search_path = pg_catalog"));
	for (unsigned i = 0; i < catalog_query_count(); i++)
		if (feed(c->db, b, i) < 0)
			return -1;
	r = PQexec(c->db, catalog_fingerprint_query());
	if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) != 1) {
		fprintf(stderr, "fingerprint: %s", PQerrorMessage(c->db));
		return -1;
	}
	PQclear(r);
	PQclear(PQexec(c->db, "COMMIT"));
	if (catalog_builder_finish(b, &c->catalog, &e) < 0) {
		fprintf(stderr, "catalogue: %s\n", e.msg);
		return -1;
	}
	return 0;
}

static void compare_column(struct check *c, const char *text, PGresult *r, int i, const struct output *o)
{
	struct colref origin = {PQftable(r, i), (int16_t)PQftablecol(r, i)};

	c->columns++;
	if (*o->name && strcmp(o->name, PQfname(r, i)) != 0)
		complain(c, text, "label", o->name, PQfname(r, i));
	if (!origin.relid || !origin.attnum)
		return;
	c->origins++;
	if (origin.attnum > 0 && !colset_has(&o->from, origin)) {
		char is[64];

		snprintf(is, sizeof(is), "%u.%d", origin.relid, origin.attnum);
		complain(c, text, "origin is not a source", o->name, is);
	}
}

static void compare_error(struct check *c, const char *text, const struct statement *s, PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE),
		   *at = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION);
	const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	char ours[600], theirs[600];

	if (!strcmp(s->sqlstate, "0A000") || !strcmp(s->sqlstate, "42501"))
		return;
	c->errors++;
	snprintf(ours, sizeof(ours), "%s@%d %s", s->sqlstate, s->position, s->problem);
	snprintf(theirs, sizeof(theirs), "%s@%s %s", state ? state : "", at ? at : "0",
		message ? message : "");
	if (strcmp(ours, theirs) != 0)
		printf("%s\n    note: another error: %s | %s\n", text, ours, theirs);
}

static void compare(struct check *c, const char *text, const struct statement *s)
{
	PGresult *r = PQprepare(c->db, "", text, 0, NULL);

	c->statements++;
	if (PQresultStatus(r) != PGRES_COMMAND_OK) {
		if (s->problem)
			compare_error(c, text, s, r);
		else {
			c->server_only++;
			printf("%s\n    note: only the server refuses: %s", text, PQresultErrorMessage(r));
		}
		PQclear(r);
		return;
	}
	PQclear(r);
	if (s->problem) {
		c->ours_only++;
		return;
	}
	r = PQdescribePrepared(c->db, "");
	if (s->rows && (unsigned)PQnfields(r) != s->noutputs && s->kind != STATEMENT_FETCH) {
		char ours[16], theirs[16];

		snprintf(ours, sizeof(ours), "%u", s->noutputs);
		snprintf(theirs, sizeof(theirs), "%d", PQnfields(r));
		complain(c, text, "number of columns", ours, theirs);
	} else if (!s->rows && PQnfields(r) && s->kind != STATEMENT_EXECUTE) {
		complain(c, text, "rows", "no", "yes");
	} else {
		for (unsigned i = 0; i < s->noutputs && s->rows; i++)
			compare_column(c, text, r, (int)i, &s->outputs[i]);
	}
	PQclear(r);
}

static void judge(struct check *c, const char *text)
{
	static const char *const path[] = {"clinic", "public"};
	struct name_scope scope = {c->catalog, path, 2};
	struct arena a = {0};
	struct analysis out;
	struct err e;
	int position;

	if (analyze(&scope, span_of(text, strlen(text)), &a, &out, &position, &e) == 0 && out.n == 1) {
		PQclear(PQexec(c->db, "BEGIN"));
		compare(c, text, &out.statements[0]);
		PQclear(PQexec(c->db, "ROLLBACK"));
	}
	arena_fini(&a);
}

int main(int argc, char **argv)
{
	struct check c = {.db = PQconnectdb(argc > 1 ? argv[1] : "")};
	FILE *f = argc > 2 ? fopen(argv[2], "r") : NULL;
	char *line = NULL, *text = calloc(1, 1 << 17);
	size_t cap = 0;

	if (PQstatus(c.db) != CONNECTION_OK || !f || !text) {
		fprintf(stderr, "%s", f ? PQerrorMessage(c.db) : "no table\n");
		return 2;
	}
	if (load(&c) < 0)
		return 2;
	PQclear(PQexec(c.db, "SET search_path = clinic, public"));
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
	if (*text) {
		text[strlen(text) - 1] = '\0';
		judge(&c, text);
	}
	printf("%u statements, %u columns, %u origins, %u errors compared, %u only the server refuses, %u "
	       "only the analysis "
	       "refuses, %u wrong\n",
		c.statements, c.columns, c.origins, c.errors, c.server_only, c.ours_only, c.wrong);
	free(line);
	free(text);
	fclose(f);
	catalog_unref(c.catalog);
	PQfinish(c.db);
	return c.wrong ? 1 : 0;
}
