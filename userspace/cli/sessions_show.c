/* SPDX-License-Identifier: MIT */
#include "cli/sessions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "cli/chronicle.h"
#include "cli/plain.h"
#include "record/body.h"

/* What is known of one session, as JSON: its beginning, its statements with what became of each, its end. */
struct report {
	json_t *all, *statements, *events, *by_number,
		*prepared; /* prepared: the text of each, by its name */
	json_t *bound;     /* the last; borrowed */
	uint64_t began_us;
};

static void add_time(json_t *o, const char *name, uint64_t us)
{
	char at[40];

	json_object_set_new(o, name, json_string(sessions_time(at, us, true)));
}

static void take_done(struct report *rep, json_t *body, uint64_t us)
{
	char key[32];
	json_t *statement;

	snprintf(key, sizeof(key), "%" JSON_INTEGER_FORMAT,
		json_integer_value(json_object_get(body, "statement")));
	statement = json_object_get(rep->by_number, key);
	if (!statement) {
		json_decref(body);
		return;
	}
	add_time(body, "at", us);
	json_object_del(body, "statement");
	json_object_set_new(statement, "done", body);
}

/* The rest of a long text belongs to what it goes on with. */
static void take_more(json_t *statement, json_t *body)
{
	const char *before = json_string_value(json_object_get(statement, "text"));
	const char *more = json_string_value(json_object_get(body, "text"));

	if (before && more)
		json_object_set_new(statement, "text", json_sprintf("%s%s", before, more));
	json_decref(body);
}

static void take_statement(struct report *rep, json_t *body, uint64_t us)
{
	const char *message = json_string_value(json_object_get(body, "message"));
	char key[32];
	json_t *before;

	snprintf(key, sizeof(key), "%" JSON_INTEGER_FORMAT,
		json_integer_value(json_object_get(body, "statement")));
	before = json_object_get(rep->by_number, key);
	if (before && message && strcmp(message, "more") == 0) {
		take_more(before, body);
		return;
	}
	add_time(body, "at", us);
	json_object_set_new(body, "at_us", json_integer((json_int_t)(us - rep->began_us)));
	json_object_set(rep->by_number, key, body);
	json_array_append_new(rep->statements, body);
}

static void take(struct report *rep, const struct read_record *rec)
{
	json_t *body = rec->entry.kind == RECORD_RESULT ? NULL : sessions_json_body(rec->body);
	uint64_t us = rec->entry.time_us;

	switch (rec->entry.kind) {
	case RECORD_BEGIN:
		rep->began_us = us;
		add_time(body, "began", us);
		json_object_set_new(rep->all, "session", body);
		return;
	case RECORD_STATEMENT: take_statement(rep, body, us); return;
	case RECORD_DONE: take_done(rep, body, us); return;
	case RECORD_EVENT:
		add_time(body, "at", us);
		json_array_append_new(rep->events, body);
		return;
	case RECORD_END:
		add_time(body, "at", us);
		json_object_set_new(rep->all, "end", body);
		return;
	default: json_decref(body);
	}
}

/* ---- as text ---- */

static const char *text(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void put_text(struct plain *t, const char *s)
{
	plain_terminal(t, span_of(s, strlen(s)), false);
}

/* "  relations  a, b" */
static void put_list(struct plain *t, const char *head, const json_t *list)
{
	json_t *x;
	size_t i;

	if (!json_array_size(list))
		return;
	plain_printf(t, "       %-10s ", head);
	json_array_foreach((json_t *)list, i, x)
	{
		if (i)
			plain_puts(t, ", ");
		put_text(t, json_string_value(x));
	}
	plain_puts(t, "\n");
}

static void put_line(struct plain *t, const char *head, const char *s)
{
	if (!*s)
		return;
	plain_printf(t, "       %-10s ", head);
	put_text(t, s);
	plain_puts(t, "\n");
}

/* What an Execute carries out stands in the Parse and the Bind before it; these two have no line of their own
 * where they were allowed. false: it is one of these. */
static bool resolve(struct report *rep, json_t *s)
{
	const char *message = text(s, "message"), *name = text(s, "prepared");
	json_t *sql, *parameters;

	if (strcmp(text(s, "verdict"), "deny") == 0)
		return true;
	if (strcmp(message, "parse") == 0)
		json_object_set(rep->prepared, name, json_object_get(s, "text"));
	if (strcmp(message, "bind") == 0)
		rep->bound = s;
	if (strcmp(message, "parse") == 0 || strcmp(message, "bind") == 0)
		return false;
	if (strcmp(message, "execute") != 0 || !rep->bound)
		return true;
	sql = json_object_get(rep->prepared, text(rep->bound, "prepared"));
	parameters = json_object_get(rep->bound, "parameter");
	if (sql && !json_object_get(s, "text"))
		json_object_set(s, "text", sql);
	if (parameters && !json_object_get(s, "parameter"))
		json_object_set(s, "parameter", parameters);
	return true;
}

static void put_statement(struct plain *t, const json_t *s)
{
	const json_t *done = json_object_get(s, "done");
	const char *sql = text(s, "text");
	struct plain lines = {0};
	char span[24];

	plain_printf(t, "%5" JSON_INTEGER_FORMAT "  +%-8s ", number(s, "statement"),
		sessions_span(span, (uint64_t)number(s, "at_us")));
	put_text(t, *text(s, "verdict") ? text(s, "verdict") : "-");
	if (done) {
		plain_printf(t,
			"  %" JSON_INTEGER_FORMAT " rows  %" JSON_INTEGER_FORMAT
			" masked  %" JSON_INTEGER_FORMAT " bytes  %s",
			number(done, "rows"), number(done, "masked_cells"), number(done, "bytes"),
			sessions_span(span, (uint64_t)number(done, "took_us")));
		if (*text(done, "sqlstate")) {
			plain_puts(t, "  error ");
			put_text(t, text(done, "sqlstate"));
		}
	} else if (strcmp(text(s, "verdict"), "deny") != 0) {
		plain_puts(t, "  its end is not recorded");
	}
	plain_puts(t, "\n");
	plain_terminal(&lines, span_of(sql, strlen(sql)), true);
	for (const char *p = lines.p; p && *p;) {
		size_t n = strcspn(p, "\n");

		plain_puts(t, "       ");
		plain_put(t, p, n);
		plain_puts(t, "\n");
		p += n + (p[n] == '\n');
	}
	plain_fini(&lines);
	put_list(t, "parameters", json_object_get(s, "parameter"));
	put_list(t, "relations", json_object_get(s, "relation"));
	put_list(t, "masked", json_object_get(s, "column"));
	put_list(t, "effects", json_object_get(s, "effect"));
	put_list(t, "rules", json_object_get(s, "rule"));
	put_line(t, "approval", text(s, "approval"));
	put_line(t, "why", text(s, "why"));
	if (*text(s, "sqlstate")) {
		plain_puts(t, "       refused    ");
		put_text(t, text(s, "sqlstate"));
		plain_puts(t, ": ");
		put_text(t, text(s, "reason"));
		plain_puts(t, "\n");
	}
}

static void put_head(struct plain *t, const struct report *rep, const char *id)
{
	const json_t *b = json_object_get(rep->all, "session"), *end = json_object_get(rep->all, "end");

	plain_printf(t, "session %s\n", id);
	if (!b) {
		plain_puts(t, "  its beginning is not kept\n");
	} else {
		plain_puts(t, "  who        ");
		put_text(t, *text(b, "cgroup") ? text(b, "cgroup") : "?");
		if (*text(b, "unit")) {
			plain_puts(t, " (");
			put_text(t, text(b, "unit"));
			plain_puts(t, ")");
		}
		if (*text(b, "pod")) {
			plain_puts(t, ", pod ");
			put_text(t, text(b, "namespace"));
			plain_puts(t, "/");
			put_text(t, text(b, "pod"));
			plain_puts(t, " of ");
			put_text(t, text(b, "service_account"));
		}
		plain_printf(t, ", uid %" JSON_INTEGER_FORMAT ", process %" JSON_INTEGER_FORMAT " ",
			number(b, "uid"), number(b, "tgid"));
		put_text(t, text(b, "comm"));
		plain_puts(t, "\n  database   ");
		put_text(t, text(b, "dbname"));
		plain_puts(t, " at ");
		put_text(t, text(b, "address"));
		plain_puts(t, " (");
		put_text(t, text(b, "database"));
		plain_puts(t, "), as ");
		put_text(t, text(b, "role"));
		plain_puts(t, "\n  says       user ");
		put_text(t, text(b, "claimed_user"));
		plain_puts(t, ", application ");
		put_text(t, text(b, "application_name"));
		plain_printf(t, "\n  began      %s, recorded with level ", text(b, "began"));
		put_text(t, text(b, "level"));
		plain_puts(t, "\n");
	}
	if (end) {
		plain_printf(t, "  ended      %s: ", text(end, "at"));
		put_text(t, text(end, "closed"));
		plain_puts(t, "\n");
	} else {
		plain_puts(t, "  its end is not recorded\n");
	}
}

static void print(struct report *rep, const char *id)
{
	struct plain t = {0};
	json_t *x;
	size_t i;

	put_head(&t, rep, id);
	json_array_foreach(rep->events, i, x)
	{
		plain_printf(&t, "  event      %s ", text(x, "at"));
		put_text(&t, text(x, "event"));
		plain_puts(&t, " ");
		put_text(&t, text(x, "event_text"));
		plain_puts(&t, "\n");
	}
	json_array_foreach(rep->statements, i, x)
	{
		if (resolve(rep, x))
			put_statement(&t, x);
	}
	fwrite(t.p, 1, t.n, stdout);
	plain_fini(&t);
}

int sessions_show(struct sessions *s)
{
	struct report rep = {.all = json_object(),
		.statements = json_array(),
		.events = json_array(),
		.by_number = json_object(),
		.prepared = json_object()};
	struct chronicle *c = NULL;
	struct indexed_session is;
	struct read_record rec;
	struct err e = {0};
	int r = sessions_find(s, &is, &e);

	if (!r)
		r = chronicle_open(&c, s, &is, &e);
	json_object_set_new(rep.all, "id", json_string(s->id));
	json_object_set(rep.all, "statements", rep.statements);
	json_object_set(rep.all, "events", rep.events);
	if (!r) {
		while ((r = chronicle_next(c, &rec, &e)) == 1)
			take(&rep, &rec);
		/* What comes before it is shown. */
		if (!s->settings->json) {
			print(&rep, s->id);
		} else {
			json_dumpf(rep.all, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
			putchar('\n');
		}
	}
	fflush(stdout);
	chronicle_close(c);
	json_decref(rep.by_number);
	json_decref(rep.prepared);
	json_decref(rep.statements);
	json_decref(rep.events);
	json_decref(rep.all);
	return r ? sessions_fail(&e) : 0;
}
