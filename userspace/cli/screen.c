/* SPDX-License-Identifier: MIT */
#include "cli/screen.h"

#include <stdlib.h>
#include <string.h>
#include "cli/cell.h"
#include "cli/grid.h"
#include "cli/sessions.h"
#include "record/body.h"

#define DIM    "\033[2m"
#define BOLD   "\033[1m"
#define RED    "\033[31m"
#define YELLOW "\033[33m"
#define PLAIN  "\033[0m"

#define COPY_SHOWN 65536 /* bytes of one message of COPY data */

struct screen {
	struct story *story;
	struct plain *out;
	struct grid grid;
	char id[48], dbname[65];
	bool color;
	char status;    /* of the transaction */
	bool copy_text; /* data that come are text */
};

static void color(struct screen *s, const char *code)
{
	if (s->color)
		plain_puts(s->out, code);
}

static void put(struct screen *s, struct span text, bool lines)
{
	plain_terminal(s->out, text, lines);
}

/* "-- rule a, b" */
static void put_list(struct screen *s, const char *head, struct span body, enum body_field f)
{
	struct body_item it;
	bool any = false;

	while (body_next(&body, &it) == WIRE_OK) {
		if (it.field != (unsigned)f)
			continue;
		plain_puts(s->out, any ? ", " : head);
		put(s, it.v, false);
		any = true;
	}
}

static void close_grid(struct screen *s)
{
	grid_end(&s->grid, s->out, s->color);
}

/* ---- what is told ---- */

static void on_begin(void *arg, uint64_t us, struct span body)
{
	struct screen *s = arg;
	struct span unit = body_bytes(body, BODY_UNIT), db = body_bytes(body, BODY_DBNAME);
	struct plain name = {0};
	char at[40];

	plain_terminal(&name, db, false);
	snprintf(s->dbname, sizeof(s->dbname), "%.64s", name.p ? name.p : "");
	plain_fini(&name);
	color(s, BOLD);
	plain_printf(s->out, "-- session %s: ", s->id);
	put(s, unit.n ? unit : body_bytes(body, BODY_CGROUP), false);
	plain_printf(s->out, ", uid %llu, process %llu ", (unsigned long long)body_number(body, BODY_UID),
		(unsigned long long)body_number(body, BODY_TGID));
	put(s, body_bytes(body, BODY_COMM), false);
	plain_puts(s->out, "\n-- ");
	put(s, db, false);
	plain_puts(s->out, " at ");
	put(s, body_bytes(body, BODY_ADDRESS), false);
	plain_puts(s->out, " as ");
	put(s, body_bytes(body, BODY_ROLE), false);
	plain_printf(s->out, ", %s\n", sessions_time(at, us, true));
	color(s, PLAIN);
	if (body_bytes(body, BODY_LEVEL).n && !span_is(body_bytes(body, BODY_LEVEL), "full")) {
		color(s, YELLOW);
		plain_puts(s->out, "-- level ");
		put(s, body_bytes(body, BODY_LEVEL), false);
		plain_puts(s->out, ": results were not recorded\n");
		color(s, PLAIN);
	}
}

/* The text behind a prompt; its further lines are set in. */
static void put_question(struct screen *s, struct span text)
{
	const char *status = s->status == 'T' ? "*" : s->status == 'E' ? "!" : "";
	char prompt[80], more[80];

	snprintf(prompt, sizeof(prompt), "%s=%s> ", s->dbname, status);
	snprintf(more, sizeof(more), "%s-%s> ", s->dbname, status);
	while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == ' '))
		text.n--;
	for (bool first = true; first || text.n; first = false) {
		const uint8_t *nl = text.n ? memchr(text.p, '\n', text.n) : NULL;
		size_t len = nl ? (size_t)(nl - text.p) : text.n;

		color(s, DIM);
		plain_puts(s->out, first ? prompt : more);
		color(s, PLAIN);
		color(s, BOLD);
		put(s, span_of(text.p, len), true);
		color(s, PLAIN);
		plain_puts(s->out, "\n");
		text = span_of(text.p + len + (nl != NULL), text.n - len - (nl != NULL));
	}
}

static void on_asked(void *arg, uint64_t us, const struct question *q)
{
	struct screen *s = arg;

	(void)us;
	if (!q->runs)
		return;
	close_grid(s);
	plain_puts(s->out, "\n");
	if (q->text.n) {
		put_question(s, q->text);
	} else {
		color(s, DIM);
		plain_puts(s->out, "-- ");
		put(s, q->message, false);
		plain_puts(s->out, " (its text is not recorded)\n");
		color(s, PLAIN);
	}
	if (body_bytes(q->bound, BODY_PARAMETER).p) {
		color(s, DIM);
		put_list(s, "-- with ", q->bound, BODY_PARAMETER);
		plain_puts(s->out, "\n");
		color(s, PLAIN);
	}
	if (span_is(q->verdict, "allow"))
		return;
	color(s, YELLOW);
	plain_puts(s->out, "-- ");
	put(s, q->verdict, false);
	put_list(s, ", by ", q->body, BODY_RULE);
	if (body_bytes(q->body, BODY_MESSAGE_TEXT).n) {
		plain_puts(s->out, ": ");
		put(s, body_bytes(q->body, BODY_MESSAGE_TEXT), false);
	}
	plain_puts(s->out, "\n");
	color(s, PLAIN);
}

static void put_field(struct screen *s, const char *head, struct span v)
{
	if (!v.p)
		return;
	plain_puts(s->out, head);
	put(s, v, true);
	plain_puts(s->out, "\n");
}

static void put_message(struct screen *s, const struct msg_fields *m, bool error)
{
	color(s, error ? RED : YELLOW);
	put(s, m->field['V'].p ? m->field['V'] : m->field['S'], false);
	plain_puts(s->out, ":  ");
	put(s, m->field['C'], false);
	plain_puts(s->out, ": ");
	put(s, m->field['M'], true);
	plain_puts(s->out, "\n");
	put_field(s, "DETAIL:  ", m->field['D']);
	put_field(s, "HINT:  ", m->field['H']);
	put_field(s, "QUERY:  ", m->field['q']);
	put_field(s, "CONTEXT:  ", m->field['W']);
	color(s, PLAIN);
}

static void put_copy(struct screen *s, const struct reply *r)
{
	struct span shown = r->text.n > COPY_SHOWN ? span_of(r->text.p, COPY_SHOWN) : r->text;

	if (!s->copy_text) {
		struct arena a = {0};
		struct reply_column binary = {.format = 1};

		shown.n = shown.n > 64 ? 64 : shown.n;
		put(s, cell_text(&a, &binary, shown), false);
		arena_fini(&a);
	} else {
		put(s, shown, true);
	}
	if (shown.n < r->text.n)
		plain_printf(s->out, "… (%zu bytes)", r->text.n);
	if (!s->copy_text || shown.n < r->text.n || !shown.n || shown.p[shown.n - 1] != '\n')
		plain_puts(s->out, "\n");
}

static void put_other(struct screen *s, const struct reply *r)
{
	color(s, DIM);
	switch (r->kind) {
	case REPLY_LOST:
		plain_printf(s->out,
			"-- what comes here is no message of the protocol (%llu bytes and all that follow): "
			"not shown\n",
			(unsigned long long)r->bytes);
		break;
	case REPLY_EMPTY: plain_puts(s->out, "-- an empty statement\n"); break;
	case REPLY_SUSPENDED: plain_puts(s->out, "-- there are more rows\n"); break;
	case REPLY_COPY_IN: plain_puts(s->out, "-- the client sends rows (COPY FROM STDIN)\n"); break;
	case REPLY_NOTIFICATION:
		plain_puts(s->out, "-- notification on ");
		put(s, r->text, false);
		plain_puts(s->out, ": ");
		put(s, r->more, false);
		plain_puts(s->out, "\n");
		break;
	case REPLY_FUNCTION:
		plain_puts(s->out, "-- the function gave ");
		put(s, r->text.p ? r->text : SPAN_LIT("NULL"), false);
		plain_puts(s->out, "\n");
		break;
	case REPLY_COLUMNS:
	case REPLY_ROW:
	case REPLY_TAG:
	case REPLY_ERROR:
	case REPLY_NOTICE:
	case REPLY_PARAMETER:
	case REPLY_COPY_OUT:
	case REPLY_COPY_DATA:
	case REPLY_COPY_DONE:
	case REPLY_READY:
	case REPLY_OTHER: break;
	}
	color(s, PLAIN);
}

static void on_reply(void *arg, uint64_t us, const struct reply *r)
{
	struct screen *s = arg;
	bool rows = s->grid.open;

	(void)us;
	switch (r->kind) {
	case REPLY_COLUMNS:
		close_grid(s);
		grid_begin(&s->grid, r->columns, r->n);
		return;
	case REPLY_ROW: grid_row(&s->grid, r, s->out, s->color); return;
	case REPLY_TAG:
		close_grid(s);
		/* What a count of rows says already. */
		if (rows && r->text.n > 7 && memcmp(r->text.p, "SELECT ", 7) == 0)
			return;
		put(s, r->text, false);
		plain_puts(s->out, "\n");
		return;
	case REPLY_ERROR:
	case REPLY_NOTICE:
		if (r->kind == REPLY_ERROR)
			close_grid(s);
		put_message(s, &r->fields, r->kind == REPLY_ERROR);
		return;
	case REPLY_COPY_OUT: s->copy_text = r->format == 0; return;
	case REPLY_COPY_DATA: put_copy(s, r); return;
	case REPLY_READY: s->status = r->status; return;
	case REPLY_PARAMETER:
	case REPLY_COPY_DONE:
	case REPLY_OTHER: return;
	case REPLY_LOST:
	case REPLY_EMPTY:
	case REPLY_SUSPENDED:
	case REPLY_COPY_IN:
	case REPLY_NOTIFICATION:
	case REPLY_FUNCTION: put_other(s, r); return;
	}
}

static void on_done(void *arg, uint64_t us, struct span body)
{
	struct screen *s = arg;
	unsigned long long masked = body_number(body, BODY_MASKED), rows = body_number(body, BODY_ROWS);
	char span[24];

	(void)us;
	/* Of a message that only prepared something there is nothing to say. */
	if (!rows && !body_number(body, BODY_BYTES) && !body_bytes(body, BODY_TAG).p)
		return;
	close_grid(s);
	color(s, DIM);
	plain_printf(s->out, "-- %llu bytes in %s", (unsigned long long)body_number(body, BODY_BYTES),
		sessions_span(span, body_number(body, BODY_TOOK_US)));
	if (masked)
		plain_printf(s->out, ", %llu cell%s masked", masked, masked == 1 ? "" : "s");
	plain_puts(s->out, "\n");
	color(s, PLAIN);
}

static void on_event(void *arg, uint64_t us, struct span body)
{
	struct screen *s = arg;

	(void)us;
	color(s, YELLOW);
	plain_puts(s->out, "-- event ");
	put(s, body_bytes(body, BODY_EVENT), false);
	plain_puts(s->out, ": ");
	put(s, body_bytes(body, BODY_EVENT_TEXT), false);
	plain_puts(s->out, "\n");
	color(s, PLAIN);
}

static void on_end(void *arg, uint64_t us, struct span body)
{
	struct screen *s = arg;
	char at[40];

	close_grid(s);
	color(s, BOLD);
	plain_printf(s->out, "\n-- ended %s: ", sessions_time(at, us, true));
	put(s, body_bytes(body, BODY_CLOSED), false);
	plain_puts(s->out, "\n");
	color(s, PLAIN);
}

static const struct teller teller = {on_begin, on_asked, on_reply, on_done, on_event, on_end};

struct screen *screen_new(const char *id, bool with_color)
{
	struct screen *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	snprintf(s->id, sizeof(s->id), "%s", id);
	s->color = with_color;
	s->story = story_new(&teller, s);
	if (s->story)
		return s;
	free(s);
	return NULL;
}

void screen_free(struct screen *s)
{
	if (!s)
		return;
	grid_fini(&s->grid);
	story_free(s->story);
	free(s);
}

bool screen_take(struct screen *s, const struct read_record *rec, struct plain *out)
{
	s->out = out;
	return story_take(s->story, rec) && !out->failed;
}

bool screen_finish(struct screen *s, struct plain *out)
{
	s->out = out;
	story_finish(s->story);
	close_grid(s);
	return !out->failed;
}
