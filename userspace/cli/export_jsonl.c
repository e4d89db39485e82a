/* SPDX-License-Identifier: MIT */
/* Lines of JSON: a line for each thing that happened, with when ("at", and "t": seconds since it began). */
#include "cli/export.h"

#include <stdlib.h>
#include "cli/cell.h"
#include "cli/sessions.h"
#include "cli/story.h"
#include "record/body.h"

struct jsonl {
	FILE *f;
	const char *id;
	struct story *story;
	struct arena mem;
	uint64_t began_us;
};

/* Takes o. */
static void line(struct jsonl *x, uint64_t us, const char *type, json_t *o)
{
	json_t *whole = json_object();
	char at[40];

	json_object_set_new(whole, "type", json_string(type));
	json_object_set_new(whole, "session", json_string(x->id));
	json_object_set_new(whole, "at", json_string(sessions_time(at, us, true)));
	json_object_set_new(whole, "t", json_real(us > x->began_us ? (double)(us - x->began_us) / 1e6 : 0));
	if (o)
		json_object_update_missing(whole, o);
	json_decref(o);
	json_dumpf(whole, x->f, JSON_COMPACT | JSON_REAL_PRECISION(12));
	fputc('\n', x->f);
	json_decref(whole);
}

static void on_begin(void *arg, uint64_t us, struct span body)
{
	struct jsonl *x = arg;

	x->began_us = us;
	line(x, us, "begin", sessions_json_body(body));
}

static void on_asked(void *arg, uint64_t us, const struct question *q)
{
	json_t *o = sessions_json_body(q->body);

	json_object_set_new(o, "text", q->text.n ? sessions_json_text(q->text) : json_null());
	line(arg, us, "statement", o);
}

static json_t *cells_of(struct jsonl *x, const struct reply *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->n; i++) {
		struct span text = cell_text(&x->mem, &r->columns[i], r->cells[i]);

		json_array_append_new(list, text.p ? sessions_json_text(text) : json_null());
		arena_reset(&x->mem);
	}
	return list;
}

static json_t *columns_of(struct jsonl *x, const struct reply *r)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < r->n; i++) {
		json_array_append_new(
			list, json_pack("{s:o, s:s, s:s}", "name", sessions_json_text(r->columns[i].name),
				      "type", cell_type(&x->mem, &r->columns[i]), "format",
				      r->columns[i].format == 1 ? "binary" : "text"));
		arena_reset(&x->mem);
	}
	return list;
}

/* By the names that the protocol's documentation gives them. */
static json_t *fields_of(const struct msg_fields *m)
{
	static const struct {
		unsigned char code;
		const char *name;
	} names[] = {{'S', "severity"}, {'C', "sqlstate"}, {'M', "message"}, {'D', "detail"}, {'H', "hint"},
		{'P', "position"}, {'W', "where"}, {'s', "schema"}, {'t', "table"}, {'c', "column"},
		{'n', "constraint"}};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (m->field[names[i].code].p)
			json_object_set_new(o, names[i].name, sessions_json_text(m->field[names[i].code]));
	return o;
}

static json_t *two(const char *a, struct span va, const char *b, struct span vb)
{
	json_t *o = json_object();

	json_object_set_new(o, a, va.p ? sessions_json_text(va) : json_null());
	if (b)
		json_object_set_new(o, b, sessions_json_text(vb));
	return o;
}

/* Data in binary have no text. */
static json_t *copy_of(struct jsonl *x, struct span data)
{
	json_t *text = json_stringn((const char *)data.p, data.n);
	struct reply_column binary = {.format = 1};

	if (!text)
		text = sessions_json_text(cell_text(&x->mem, &binary, data));
	arena_reset(&x->mem);
	return json_pack("{s:o}", "data", text);
}

static void on_reply(void *arg, uint64_t us, const struct reply *r)
{
	const struct span none = {0};
	char status[2] = {r->status, '\0'};

	switch (r->kind) {
	case REPLY_LOST:
		line(arg, us, "unreadable", json_pack("{s:I}", "bytes", (json_int_t)r->bytes));
		return;
	case REPLY_COLUMNS:
		line(arg, us, "columns", json_pack("{s:o}", "columns", columns_of(arg, r)));
		return;
	case REPLY_ROW: line(arg, us, "row", json_pack("{s:o}", "values", cells_of(arg, r))); return;
	case REPLY_TAG: line(arg, us, "complete", two("tag", r->text, NULL, none)); return;
	case REPLY_EMPTY: line(arg, us, "empty", NULL); return;
	case REPLY_SUSPENDED: line(arg, us, "suspended", NULL); return;
	case REPLY_ERROR: line(arg, us, "error", fields_of(&r->fields)); return;
	case REPLY_NOTICE: line(arg, us, "notice", fields_of(&r->fields)); return;
	case REPLY_NOTIFICATION:
		line(arg, us, "notification", two("channel", r->text, "payload", r->more));
		return;
	case REPLY_PARAMETER: line(arg, us, "parameter", two("name", r->text, "value", r->more)); return;
	case REPLY_COPY_OUT:
		line(arg, us, "copy_out", json_pack("{s:s}", "format", r->format ? "binary" : "text"));
		return;
	case REPLY_COPY_IN:
		line(arg, us, "copy_in", json_pack("{s:s}", "format", r->format ? "binary" : "text"));
		return;
	case REPLY_COPY_DATA: line(arg, us, "copy_data", copy_of(arg, r->text)); return;
	case REPLY_COPY_DONE: line(arg, us, "copy_done", NULL); return;
	case REPLY_FUNCTION: line(arg, us, "function_result", two("value", r->text, NULL, none)); return;
	case REPLY_READY: line(arg, us, "ready", json_pack("{s:s}", "status", status)); return;
	case REPLY_OTHER: return;
	}
}

static void on_done(void *arg, uint64_t us, struct span body)
{
	line(arg, us, "done", sessions_json_body(body));
}

static void on_event(void *arg, uint64_t us, struct span body)
{
	line(arg, us, "event", sessions_json_body(body));
}

static void on_end(void *arg, uint64_t us, struct span body)
{
	line(arg, us, "end", sessions_json_body(body));
}

static const struct teller teller = {on_begin, on_asked, on_reply, on_done, on_event, on_end};

static void *start(FILE *f, const char *id)
{
	struct jsonl *x = calloc(1, sizeof(*x));

	if (!x)
		return NULL;
	x->f = f;
	x->id = id;
	x->story = story_new(&teller, x);
	if (x->story)
		return x;
	free(x);
	return NULL;
}

static bool take(void *arg, const struct read_record *rec)
{
	struct jsonl *x = arg;

	return story_take(x->story, rec);
}

static void finish(void *arg, bool whole)
{
	struct jsonl *x = arg;

	story_finish(x->story);
	if (!whole)
		fputs("{\"type\":\"broken\"}\n", x->f);
	story_free(x->story);
	arena_fini(&x->mem);
	free(x);
}

const struct export_format export_jsonl = {"jsonl", start, take, finish};
