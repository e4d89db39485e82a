/* SPDX-License-Identifier: MIT */
/* One HTML page that holds everything: no resource is fetched, and by its own policy none could be. What was
 * recorded stands in it as text of elements only, never in an attribute, a script or a style. */
#include "cli/export.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cell.h"
#include "cli/export_page.h"
#include "cli/plain.h"
#include "cli/sessions.h"
#include "cli/story.h"
#include "record/body.h"

#define CELL_MAX   100000 /* bytes of a cell, or of a message of COPY data, that are shown */
#define MARKS_MAX  20000  /* statements of the timeline */
#define LINE_WIDTH 1000

struct mark { /* of the timeline */
	uint64_t from_us, to_us, number;
	bool refused;
};

struct page {
	FILE *f;
	const char *id;
	struct story *story;
	struct plain out;
	struct arena mem;
	uint64_t began_us, last_us;
	struct mark *marks;
	size_t nmarks;
	uint64_t rows; /* of the table that is open */
	unsigned columns;
	bool headed, section, table, copying, copy_text;
};

static void put(struct page *x, const char *html)
{
	plain_puts(&x->out, html);
}

static void text(struct page *x, struct span s)
{
	struct span shown = s.n > CELL_MAX ? span_of(s.p, CELL_MAX) : s;

	plain_html(&x->out, shown);
	if (shown.n < s.n)
		plain_printf(&x->out, "<i>… of %zu bytes</i>", s.n);
}

static void flush(struct page *x)
{
	fwrite(x->out.p, 1, x->out.n, x->f);
	x->out.n = 0;
}

static void close_table(struct page *x)
{
	if (x->table)
		plain_printf(&x->out, "</tbody></table></div><p class=count>%llu row%s</p>\n",
			(unsigned long long)x->rows, x->rows == 1 ? "" : "s");
	x->table = false;
	if (x->copying)
		put(x, "</pre>\n");
	x->copying = false;
}

static void close_section(struct page *x)
{
	close_table(x);
	if (x->section)
		put(x, "</section>\n");
	x->section = false;
}

/* "+1.234s": a time of the session. */
static void put_time(struct page *x, uint64_t us)
{
	char span[24];

	plain_printf(
		&x->out, "<time>+%s</time>", sessions_span(span, us > x->began_us ? us - x->began_us : 0));
}

/* A policy that lets run what is named by its hash, and nothing else. */
static void put_hash(struct page *x, const char *what, const char *of)
{
	unsigned char hash[EVP_MAX_MD_SIZE], text64[64];
	unsigned n = 0;

	if (EVP_Digest(of, strlen(of), hash, &n, EVP_sha256(), NULL) == 1 && n == 32) {
		EVP_EncodeBlock(text64, hash, 32);
		plain_printf(&x->out, "%s 'sha256-%s'; ", what, (const char *)text64);
	}
}

static void put_head(struct page *x, uint64_t us)
{
	x->headed = true;
	x->began_us = x->last_us = us;
	put(x, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
	       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; ");
	put_hash(x, "style-src", export_page_style);
	put_hash(x, "script-src", export_page_script);
	put(x, "base-uri 'none'; form-action 'none'\">\n"
	       "<meta name=\"referrer\" content=\"no-referrer\">\n"
	       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
	plain_printf(&x->out, "<title>pgveil session %s</title>\n<style>", x->id);
	put(x, export_page_style);
	put(x, "</style>\n</head>\n<body>\n");
}

static void put_pair(struct page *x, const char *name, struct span v)
{
	if (!v.n)
		return;
	plain_printf(&x->out, "<dt>%s</dt><dd>", name);
	text(x, v);
	put(x, "</dd>");
}

static void put_number(struct page *x, const char *name, uint64_t v)
{
	plain_printf(&x->out, "<dt>%s</dt><dd>%llu</dd>", name, (unsigned long long)v);
}

static void put_list(struct page *x, const char *name, struct span body, enum body_field f)
{
	struct body_item it;
	bool any = false;

	while (body_next(&body, &it) == WIRE_OK) {
		if (it.field != (unsigned)f)
			continue;
		if (any)
			put(x, ", ");
		else
			plain_printf(&x->out, "<dt>%s</dt><dd>", name);
		any = true;
		text(x, it.v);
	}
	if (any)
		put(x, "</dd>");
}

/* ---- what is told ---- */

static void on_begin(void *arg, uint64_t us, struct span body)
{
	struct page *x = arg;
	char at[40];

	x->began_us = us;
	plain_printf(&x->out, "<header>\n<h1>Session %s</h1>\n<dl>", x->id);
	put_pair(x, "cgroup", body_bytes(body, BODY_CGROUP));
	put_pair(x, "unit", body_bytes(body, BODY_UNIT));
	put_pair(x, "command", body_bytes(body, BODY_COMM));
	put_number(x, "uid", body_number(body, BODY_UID));
	put_number(x, "process", body_number(body, BODY_TGID));
	put_pair(x, "database", body_bytes(body, BODY_DBNAME));
	put_pair(x, "server", body_bytes(body, BODY_ADDRESS));
	put_pair(x, "policy's entry", body_bytes(body, BODY_DATABASE));
	put_pair(x, "role", body_bytes(body, BODY_ROLE));
	put_pair(x, "says it is", body_bytes(body, BODY_CLAIMED_USER));
	put_pair(x, "application", body_bytes(body, BODY_APPLICATION));
	put_list(x, "policies", body, BODY_POLICY);
	put_pair(x, "level", body_bytes(body, BODY_LEVEL));
	plain_printf(&x->out, "<dt>began</dt><dd>%s</dd></dl>\n</header>\n", sessions_time(at, us, true));
	put(x, "<nav hidden><input type=\"search\" id=\"find\" placeholder=\"find in statements and rows\"> "
	       "<label><input type=\"checkbox\" id=\"refused\"> only what was not allowed</label> "
	       "<output id=\"found\"></output></nav>\n<main>\n");
}

static void mark(struct page *x, uint64_t us, const struct question *q)
{
	struct mark *more;

	if (x->nmarks == MARKS_MAX)
		return;
	if (x->nmarks % 256 == 0) {
		more = reallocarray(x->marks, x->nmarks + 256, sizeof(*more));
		if (!more)
			return;
		x->marks = more;
	}
	x->marks[x->nmarks++] = (struct mark){
		.from_us = us, .to_us = us, .number = q->number, .refused = !span_is(q->verdict, "allow")};
}

static void on_asked(void *arg, uint64_t us, const struct question *q)
{
	struct page *x = arg;
	bool refused = !span_is(q->verdict, "allow");

	if (!q->runs)
		return;
	close_section(x);
	flush(x);
	mark(x, us, q);
	plain_printf(&x->out, "<section id=\"s%llu\"%s>\n<h2>%llu ", (unsigned long long)q->number,
		refused ? " class=\"refused\"" : "", (unsigned long long)q->number);
	put_time(x, us);
	put(x, " <b>");
	text(x, q->verdict);
	put(x, "</b></h2>\n<pre class=\"sql\">");
	if (q->text.n)
		text(x, q->text);
	else
		put(x, "<i>its text is not recorded</i>");
	put(x, "</pre>\n<dl>");
	put_list(x, "parameters", q->bound, BODY_PARAMETER);
	put_list(x, "relations", q->body, BODY_RELATION);
	put_list(x, "masked", q->body, BODY_COLUMN);
	put_list(x, "effects", q->body, BODY_EFFECT);
	put_list(x, "rules", q->body, BODY_RULE);
	put_pair(x, "approval", body_bytes(q->body, BODY_APPROVAL));
	put_pair(x, "why", body_bytes(q->body, BODY_WHY));
	put_pair(x, "refused", body_bytes(q->body, BODY_SQLSTATE));
	put_pair(x, "reason", body_bytes(q->body, BODY_MESSAGE_TEXT));
	put(x, "</dl>\n");
	x->section = true;
}

static void open_table(struct page *x, const struct reply *r)
{
	close_table(x);
	put(x, "<div class=\"scroll\"><table><thead><tr>");
	for (unsigned i = 0; i < r->n; i++) {
		put(x, "<th>");
		text(x, r->columns[i].name);
		if (r->columns[i].type)
			plain_printf(&x->out, " <small>%s</small>", cell_type(&x->mem, &r->columns[i]));
		put(x, "</th>");
	}
	put(x, "</tr></thead><tbody>\n");
	arena_reset(&x->mem);
	x->table = true;
	x->columns = r->n;
	x->rows = 0;
}

static void put_row(struct page *x, const struct reply *r)
{
	if (!x->table || x->columns != r->n)
		open_table(x, r);
	x->rows++;
	put(x, "<tr>");
	for (unsigned i = 0; i < r->n; i++) {
		struct span cell = cell_text(&x->mem, &r->columns[i], r->cells[i]);

		put(x, cell.p ? "<td>" : "<td class=\"null\">NULL");
		text(x, cell);
		put(x, "</td>");
		arena_reset(&x->mem);
	}
	put(x, "</tr>\n");
	if (x->out.n > (1 << 20))
		flush(x);
}

static void put_message(struct page *x, const struct msg_fields *m, const char *class)
{
	static const struct {
		unsigned char code;
		const char *name;
	} more[] = {{'D', "detail"}, {'H', "hint"}, {'q', "query"}, {'W', "context"}};

	plain_printf(&x->out, "<p class=\"%s\"><b>", class);
	text(x, m->field['V'].p ? m->field['V'] : m->field['S']);
	put(x, " ");
	text(x, m->field['C']);
	put(x, "</b> ");
	text(x, m->field['M']);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		if (!m->field[more[i].code].p)
			continue;
		plain_printf(&x->out, "<br><small>%s</small> ", more[i].name);
		text(x, m->field[more[i].code]);
	}
	put(x, "</p>\n");
}

static void put_note(struct page *x, const char *head, struct span v)
{
	close_table(x);
	plain_printf(&x->out, "<p class=\"note\">%s", head);
	text(x, v);
	put(x, "</p>\n");
}

static void put_copy(struct page *x, struct span data)
{
	struct reply_column binary = {.format = 1};

	if (!x->copying)
		put(x, "<pre class=\"copy\">");
	x->copying = true;
	if (x->copy_text) {
		text(x, data);
		return;
	}
	text(x, cell_text(&x->mem, &binary, data.n > CELL_MAX / 2 ? span_of(data.p, CELL_MAX / 2) : data));
	put(x, "\n");
	arena_reset(&x->mem);
}

static void on_reply(void *arg, uint64_t us, const struct reply *r)
{
	struct page *x = arg;

	x->last_us = us;
	switch (r->kind) {
	case REPLY_COLUMNS: open_table(x, r); return;
	case REPLY_ROW: put_row(x, r); return;
	case REPLY_TAG:
		/* What a count of rows says already. */
		if (x->table && r->text.n > 7 && memcmp(r->text.p, "SELECT ", 7) == 0)
			close_table(x);
		else
			put_note(x, "", r->text);
		return;
	case REPLY_ERROR:
		close_table(x);
		put_message(x, &r->fields, "error");
		return;
	case REPLY_NOTICE:
		close_table(x);
		put_message(x, &r->fields, "notice");
		return;
	case REPLY_COPY_OUT: x->copy_text = r->format == 0; return;
	case REPLY_COPY_DATA: put_copy(x, r->text); return;
	case REPLY_LOST:
		put_note(x,
			"What comes here is no message of the protocol: it, and all that follows, is not "
			"shown.",
			(struct span){0});
		return;
	case REPLY_EMPTY: put_note(x, "an empty statement", (struct span){0}); return;
	case REPLY_SUSPENDED: put_note(x, "there are more rows", (struct span){0}); return;
	case REPLY_COPY_IN: put_note(x, "the client sends rows (COPY FROM STDIN)", (struct span){0}); return;
	case REPLY_NOTIFICATION:
		put_note(x, "notification on ", r->text);
		put_note(x, "", r->more);
		return;
	case REPLY_FUNCTION: put_note(x, "the function gave ", r->text); return;
	case REPLY_PARAMETER:
	case REPLY_COPY_DONE:
	case REPLY_READY:
	case REPLY_OTHER: return;
	}
}

static void on_done(void *arg, uint64_t us, struct span body)
{
	struct page *x = arg;
	uint64_t n = body_number(body, BODY_STATEMENT);
	char span[24];

	x->last_us = us;
	for (size_t i = x->nmarks; i-- > 0;) {
		if (x->marks[i].number != n)
			continue;
		x->marks[i].to_us = us;
		close_table(x);
		plain_printf(&x->out, "<p class=\"done\">%llu rows, %llu cells masked, %llu bytes, %s</p>\n",
			(unsigned long long)body_number(body, BODY_ROWS),
			(unsigned long long)body_number(body, BODY_MASKED),
			(unsigned long long)body_number(body, BODY_BYTES),
			sessions_span(span, body_number(body, BODY_TOOK_US)));
		break;
	}
}

static void on_event(void *arg, uint64_t us, struct span body)
{
	struct page *x = arg;

	close_section(x);
	x->last_us = us;
	put(x, "<p class=\"event\">");
	put_time(x, us);
	put(x, " ");
	text(x, body_bytes(body, BODY_EVENT));
	put(x, " ");
	text(x, body_bytes(body, BODY_EVENT_TEXT));
	put(x, "</p>\n");
}

static void on_end(void *arg, uint64_t us, struct span body)
{
	struct page *x = arg;

	close_section(x);
	x->last_us = us;
	put(x, "<p class=\"event\">");
	put_time(x, us);
	put(x, " ended: ");
	text(x, body_bytes(body, BODY_CLOSED));
	put(x, "</p>\n");
}

static const struct teller teller = {on_begin, on_asked, on_reply, on_done, on_event, on_end};

/* It stands behind what it is about, and is shown before it. */
static void put_timeline(struct page *x)
{
	uint64_t all = x->last_us > x->began_us ? x->last_us - x->began_us : 1;
	char span[24];

	plain_printf(&x->out,
		"<figure><svg viewBox=\"0 0 %d 40\" preserveAspectRatio=\"none\" role=\"img\" "
		"aria-label=\"timeline\">\n",
		LINE_WIDTH);
	for (size_t i = 0; i < x->nmarks; i++) {
		const struct mark *m = &x->marks[i];
		double from = m->from_us > x->began_us ? (double)(m->from_us - x->began_us) / (double)all : 0;
		double width = m->to_us > m->from_us ? (double)(m->to_us - m->from_us) / (double)all : 0;

		plain_printf(&x->out,
			"<a href=\"#s%llu\"><rect class=\"%s\" x=\"%.2f\" y=\"4\" width=\"%.2f\" "
			"height=\"32\"><title>%llu</title></rect></a>\n",
			(unsigned long long)m->number, m->refused ? "bad" : "good", from * (LINE_WIDTH - 3),
			width * LINE_WIDTH < 2 ? 2 : width * LINE_WIDTH, (unsigned long long)m->number);
	}
	plain_printf(&x->out, "</svg><figcaption>%zu statements in %s</figcaption></figure>\n", x->nmarks,
		sessions_span(span, all));
}

static void *start(FILE *f, const char *id)
{
	struct page *x = calloc(1, sizeof(*x));

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
	struct page *x = arg;

	if (!x->headed)
		put_head(x, rec->entry.time_us);
	return story_take(x->story, rec) && !x->out.failed;
}

static void finish(void *arg, bool whole)
{
	struct page *x = arg;

	if (!x->headed)
		put_head(x, 0);
	story_finish(x->story);
	close_section(x);
	if (!whole)
		put(x, "<p class=\"error\">What comes behind this is not what was written: it is not "
		       "shown.</p>\n");
	put(x, "</main>\n");
	put_timeline(x);
	put(x, "<script>");
	put(x, export_page_script);
	put(x, "</script>\n</body>\n</html>\n");
	flush(x);
	story_free(x->story);
	plain_fini(&x->out);
	arena_fini(&x->mem);
	free(x->marks);
	free(x);
}

const struct export_format export_html = {"html", start, take, finish};
