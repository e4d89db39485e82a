/* SPDX-License-Identifier: MIT */
/* libpq by hand: binary results, named statements, pipeline mode, portals by FETCH, COPY in both directions,
 * cancel. Prints what tests/README.md ("Clients") asks of every client. */
#include <jansson.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVERYTHING "SELECT * FROM clinic.patient ORDER BY id"
#define SOME       "SELECT id, name, ssn, email FROM clinic.patient ORDER BY id"
#define ONE        "SELECT id, name, ssn, visits FROM clinic.patient WHERE id = "
#define SLOW       "SELECT count(*) FROM clinic.note a, clinic.note b, clinic.note c, clinic.note d"
#define REFUSED    "SELECT id FROM clinic.patient WHERE ssn = '61728300001'"

static PGconn *conn;

static void put(json_t *line)
{
	char *s = json_dumps(line, JSON_COMPACT);

	puts(s);
	fflush(stdout);
	free(s);
	json_decref(line);
}

static json_t *cell(const PGresult *r, int row, int col)
{
	const char *v = PQgetvalue(r, row, col);
	int n = PQgetlength(r, row, col);
	Oid type = PQftype(r, col);
	json_t *out;
	char *hex;

	if (PQgetisnull(r, row, col))
		return json_null();
	/* Of the text family the binary form is the text. */
	if (PQfformat(r, col) == 0 || type == 19 || type == 25 || type == 1042 || type == 1043)
		return json_stringn(v, (size_t)n);
	hex = malloc((size_t)n * 2 + 3);
	memcpy(hex, "\\x", 3);
	for (int i = 0; i < n; i++)
		sprintf(hex + 2 + i * 2, "%02x", (unsigned char)v[i]);
	out = json_string(hex);
	free(hex);
	return out;
}

static void show_error(const char *step, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *where = PQresultErrorField(r, PG_DIAG_STATEMENT_POSITION);

	put(json_pack("{s:s, s:{s:s?, s:s, s:s?}}", "step", step, "error", "sqlstate", state, "message",
		text ? text : PQresultErrorMessage(r), "position", where));
}

static void show(const char *step, PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);
	json_t *columns = json_array(), *rows = json_array();

	if (status == PGRES_FATAL_ERROR) {
		show_error(step, r);
	} else {
		for (int i = 0; i < PQnfields(r); i++)
			json_array_append_new(
				columns, json_pack("[s, i, i, i]", PQfname(r, i), (int)PQftype(r, i),
						 PQfmod(r, i), PQfformat(r, i)));
		for (int i = 0; i < PQntuples(r); i++) {
			json_t *row = json_array();
			for (int j = 0; j < PQnfields(r); j++)
				json_array_append_new(row, cell(r, i, j));
			json_array_append_new(rows, row);
		}
		put(json_pack("{s:s, s:s, s:s, s:O, s:O}", "step", step, "status", PQresStatus(status), "tag",
			PQcmdStatus(r), "columns", columns, "rows", rows));
	}
	json_decref(columns);
	json_decref(rows);
	PQclear(r);
}

static void ask(const char *step, const char *sql)
{
	show(step, PQexec(conn, sql));
}

/* One int parameter, sent as binary. */
static const char *number(int i, char wire[4])
{
	wire[0] = wire[1] = wire[2] = 0;
	wire[3] = (char)i;
	return wire;
}

static void way_text(void)
{
	ask("all", EVERYTHING);
	ask("several", "SELECT 1; " SOME);
	show("extended", PQexecParams(conn, EVERYTHING, 0, NULL, NULL, NULL, NULL, 0));
}

static void way_binary(void)
{
	char wire[4];
	const char *values[1] = {number(3, wire)};
	int lengths[1] = {4}, formats[1] = {1};
	Oid types[1] = {23};

	show("all", PQexecParams(conn, EVERYTHING, 0, NULL, NULL, NULL, NULL, 1));
	show("parameter", PQexecParams(conn, ONE "$1", 1, types, values, lengths, formats, 1));
}

static void way_prepared(void)
{
	show("prepare", PQprepare(conn, "one", ONE "$1", 0, NULL));
	show("describe", PQdescribePrepared(conn, "one"));
	for (int i = 1; i <= 8; i++) {
		char step[32], text[4];
		const char *values[1] = {text};

		snprintf(text, sizeof(text), "%d", i);
		snprintf(step, sizeof(step), "execute %d", i);
		show(step, PQexecPrepared(conn, "one", 1, values, NULL, NULL, i % 2));
	}
	show("prepare all", PQprepare(conn, "all", EVERYTHING, 0, NULL));
	show("text", PQexecPrepared(conn, "all", 0, NULL, NULL, NULL, 0));
	show("binary", PQexecPrepared(conn, "all", 0, NULL, NULL, NULL, 1));
	show("twice", PQprepare(conn, "one", "SELECT 1", 0, NULL));
	show("unknown", PQexecPrepared(conn, "nothing", 0, NULL, NULL, NULL, 0));
	ask("deallocate", "DEALLOCATE one");
	show("gone", PQexecPrepared(conn, "one", 0, NULL, NULL, NULL, 0));
}

/* Everything that the pipeline has, until its last Sync of syncs is answered. */
static void drain(int syncs)
{
	char step[32];

	for (int n = 0; syncs > 0;) {
		PGresult *r = PQgetResult(conn);
		if (!r)
			continue;
		if (PQresultStatus(r) == PGRES_PIPELINE_SYNC)
			syncs--;
		snprintf(step, sizeof(step), "result %d", n++);
		show(step, r);
	}
}

static void way_pipeline(void)
{
	char wire[8][4];
	int lengths[1] = {4}, formats[1] = {1};

	PQenterPipelineMode(conn);
	PQsendPrepare(conn, "one", ONE "$1::int", 0, NULL);
	for (int i = 1; i <= 6; i++) {
		const char *values[1] = {number(i, wire[i])};
		PQsendQueryPrepared(conn, "one", 1, values, lengths, formats, i % 2);
		if (i % 2 == 0)
			PQpipelineSync(conn);
	}
	PQsendQueryParams(conn, EVERYTHING, 0, NULL, NULL, NULL, NULL, 1);
	PQsendFlushRequest(conn);
	PQsendQueryParams(conn, SOME, 0, NULL, NULL, NULL, NULL, 0);
	PQsendQueryParams(conn, "SELECT 1 / 0", 0, NULL, NULL, NULL, NULL, 0);
	PQsendQueryParams(conn, SOME, 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	PQsendQueryParams(conn, SOME, 0, NULL, NULL, NULL, NULL, 0);
	PQsendDescribePrepared(conn, "one");
	PQpipelineSync(conn);
	drain(5);
	PQexitPipelineMode(conn);
	ask("after", ONE "8");
}

static void way_cursor(void)
{
	ask("begin", "BEGIN");
	ask("declare", "DECLARE portal CURSOR FOR " EVERYTHING);
	ask("two", "FETCH 2 FROM portal");
	show("extended", PQexecParams(conn, "FETCH 3 FROM portal", 0, NULL, NULL, NULL, NULL, 0));
	show("describe", PQdescribePortal(conn, "portal"));
	ask("rest", "FETCH ALL FROM portal");
	ask("close", "CLOSE portal");
	ask("declare binary", "DECLARE portal BINARY CURSOR FOR " EVERYTHING);
	ask("binary", "FETCH ALL FROM portal");
	ask("commit", "COMMIT");
	PQsendQuery(conn, SOME);
	PQsetSingleRowMode(conn);
	for (PGresult *r; (r = PQgetResult(conn));)
		show("row", r);
}

static void copy_out(const char *step, const char *sql)
{
	PGresult *r = PQexec(conn, sql);
	int fields = PQnfields(r), binary = PQbinaryTuples(r), n;
	char *data;

	if (PQresultStatus(r) != PGRES_COPY_OUT) {
		show(step, r);
		return;
	}
	PQclear(r);
	while ((n = PQgetCopyData(conn, &data, 0)) > 0) {
		char *hex = calloc((size_t)n * 2 + 1, 1);
		for (int i = 0; i < n; i++)
			sprintf(hex + i * 2, "%02x", (unsigned char)data[i]);
		put(json_pack("{s:s, s:[i, i, s]}", "step", step, "value", fields, binary, hex));
		free(hex);
		PQfreemem(data);
	}
	while ((r = PQgetResult(conn)))
		show(step, r);
}

static void copy_in(const char *step, const char *sql, const char *data, const char *fail)
{
	PGresult *r = PQexec(conn, sql);

	if (PQresultStatus(r) != PGRES_COPY_IN) {
		show(step, r);
		return;
	}
	PQclear(r);
	PQputCopyData(conn, data, (int)strlen(data));
	PQputCopyEnd(conn, fail);
	while ((r = PQgetResult(conn)))
		show(step, r);
}

static void way_copy(void)
{
	ask("begin", "BEGIN");
	copy_out("text", "COPY clinic.journal TO STDOUT");
	copy_out("csv", "COPY clinic.journal TO STDOUT WITH (FORMAT csv, HEADER)");
	copy_out("binary", "COPY clinic.journal TO STDOUT WITH (FORMAT binary)");
	copy_out("query", "COPY (SELECT line FROM clinic.journal ORDER BY id) TO STDOUT");
	copy_in("in", "COPY clinic.journal (id, line, amount) FROM STDIN", "101\tone\t1\n102\ttwo\t2\n",
		NULL);
	ask("copied", "SELECT * FROM clinic.journal WHERE id > 100 ORDER BY id");
	copy_in("given up", "COPY clinic.journal FROM STDIN", "103\tthree\t3\n", "changed my mind");
	ask("rollback", "ROLLBACK");
	copy_in("bad line", "COPY clinic.journal FROM STDIN", "not a number\tx\t1\n", NULL);
	ask("after", "SELECT count(*) FROM clinic.journal WHERE id > 100");
}

/* A request that comes before the statement runs does nothing: asked again where no answer comes. Not sooner,
 * as one too many would cancel the pipeline's next statement. */
static void cancel_until_idle(void)
{
	struct pollfd answer = {.fd = PQsocket(conn), .events = POLLIN};
	PGcancel *c = PQgetCancel(conn);
	char why[256];

	do {
		if (!PQcancel(c, why, sizeof(why)))
			put(json_pack("{s:s, s:s}", "step", "cancel failed", "value", why));
		poll(&answer, 1, 2000);
		PQconsumeInput(conn);
	} while (PQisBusy(conn));
	PQfreeCancel(c);
}

static void way_cancel(void)
{
	PQsendQuery(conn, SLOW);
	cancel_until_idle();
	for (PGresult *r; (r = PQgetResult(conn));)
		show("simple", r);
	ask("after simple", SOME);
	PQenterPipelineMode(conn);
	PQsendQueryParams(conn, SLOW, 0, NULL, NULL, NULL, NULL, 1);
	PQsendQueryParams(conn, SOME, 0, NULL, NULL, NULL, NULL, 1);
	PQpipelineSync(conn);
	PQsendQueryParams(conn, SOME, 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	cancel_until_idle();
	drain(2);
	PQexitPipelineMode(conn);
	ask("after pipeline", SOME);
}

static void way_error(void)
{
	ask("begin", "BEGIN");
	ask("before", ONE "1");
	ask("division", "SELECT 1 / 0");
	ask("aborted", "SELECT 1");
	show("aborted parse", PQprepare(conn, "", "SELECT 1", 0, NULL));
	ask("rollback", "ROLLBACK");
	ask("syntax", "SELEC 1");
	show("type", PQexecParams(conn, "SELECT 'x'::int", 0, NULL, NULL, NULL, NULL, 0));
	ask("after", ONE "2");
}

static void way_refused(void)
{
	ask("refused", REFUSED);
	show("refused prepare", PQprepare(conn, "r", REFUSED, 0, NULL));
	ask("after", ONE "1");
	ask("begin", "BEGIN");
	ask("refused in a transaction", REFUSED);
	ask("aborted", "SELECT 1 AS one");
	ask("rollback", "ROLLBACK");
	PQenterPipelineMode(conn);
	PQsendQueryParams(conn, SOME, 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	PQsendQueryParams(
		conn, "SELECT id FROM clinic.patient WHERE email = ''", 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	PQsendQueryParams(conn, SOME, 0, NULL, NULL, NULL, NULL, 0);
	PQpipelineSync(conn);
	for (int i = 0; i < 3; i++) {
		PGresult *r;
		while ((r = PQgetResult(conn)))
			show(i == 1 ? "refused in a pipeline" : "beside", r);
		show("sync", PQgetResult(conn));
	}
	PQexitPipelineMode(conn);
	ask("rolled back", ONE "2");
}

static void way_catalog(void)
{
	static const char *const settings[] = {"server_version", "server_encoding", "client_encoding",
		"is_superuser", "session_authorization", "DateStyle", "IntervalStyle", "TimeZone",
		"integer_datetimes", "standard_conforming_strings", "in_hot_standby",
		"default_transaction_read_only", "application_name"};

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		put(json_pack(
			"{s:s, s:s?}", "step", settings[i], "value", PQparameterStatus(conn, settings[i])));
	ask("types", "SELECT oid, typname, typlen FROM pg_type WHERE typnamespace = 'clinic'::regnamespace "
		     "ORDER BY typname");
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
	{"text", way_text},
	{"binary", way_binary},
	{"prepared", way_prepared},
	{"pipeline", way_pipeline},
	{"cursor", way_cursor},
	{"copy", way_copy},
	{"cancel", way_cancel},
	{"error", way_error},
	{"refused", way_refused},
	{"catalog", way_catalog},
};

int main(int argc, char **argv)
{
	conn = PQconnectdb("");
	if (PQstatus(conn) != CONNECTION_OK) {
		fputs(PQerrorMessage(conn), stderr);
		return 1;
	}
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		if (argc == 2 && !strcmp(argv[1], ways[i].name)) {
			ways[i].run();
			PQfinish(conn);
			return 0;
		}
	}
	fprintf(stderr, "usage: libpq WAY\n");
	return 2;
}
