/* SPDX-License-Identifier: MIT */
#include "cli/reply.h"

#include <stdlib.h>
#include <string.h>
#include "pgwire/frame.h"

#define ASKED_MAX    1024 /* messages that are under way */
#define PREPARED_MAX 512  /* statements whose columns are remembered */

struct asked {     /* what a reply may be about */
	char kind; /* P, B, E, Q; 0: another */
	bool has_formats;
	struct span name, formats; /* name is ours, with formats behind it */
};

struct described { /* what a prepared statement gives */
	struct span name;
	struct reply_column *columns;
	unsigned n;
};

struct reply_reader {
	uint8_t *buf;
	size_t at, filled, cap;
	bool begun; /* a message was read */
	bool lost, told;
	struct asked *asked; /* a ring */
	size_t first, nasked;
	struct described *prepared; /* a ring: the oldest is overwritten */
	size_t next_prepared;
	struct span parsed;           /* the name that was parsed last; ours */
	bool parameters;              /* a statement is being described */
	bool failed;                  /* an error came since the last ReadyForQuery */
	bool is_query;                /* a description is of rows that follow, and of nothing else */
	struct reply_column *columns; /* of rows that come; names are ours */
	unsigned ncolumns;
	bool known;
	struct span cells[MESSAGE_COLUMNS_MAX];
	struct reply_column counted[MESSAGE_COLUMNS_MAX]; /* of a row that nothing describes */
};

static struct span copy_of(struct span s, struct span more)
{
	uint8_t *p = malloc(s.n + more.n + 1);

	if (!p)
		return (struct span){0};
	if (s.n)
		memcpy(p, s.p, s.n);
	if (more.n)
		memcpy(p + s.n, more.p, more.n);
	return span_of(p, s.n);
}

static void drop(struct span *s)
{
	free((void *)s->p);
	*s = (struct span){0};
}

static void columns_free(struct reply_column *c, unsigned n)
{
	for (unsigned i = 0; c && i < n; i++)
		free((void *)c[i].name.p);
	free(c);
}

static struct reply_column *columns_copy(const struct reply_column *c, unsigned n)
{
	struct reply_column *out = calloc(n + 1, sizeof(*out));

	for (unsigned i = 0; out && i < n; i++) {
		out[i] = c[i];
		out[i].name = copy_of(c[i].name, (struct span){0});
	}
	return out;
}

static void described_free(struct described *d)
{
	drop(&d->name);
	columns_free(d->columns, d->n);
	*d = (struct described){.n = 0};
}

struct reply_reader *reply_reader_new(void)
{
	struct reply_reader *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->asked = calloc(ASKED_MAX, sizeof(*r->asked));
	r->prepared = calloc(PREPARED_MAX, sizeof(*r->prepared));
	if (!r->asked || !r->prepared) {
		reply_reader_free(r);
		return NULL;
	}
	return r;
}

static void ask_pop(struct reply_reader *r)
{
	drop(&r->asked[r->first].name);
	r->first = (r->first + 1) % ASKED_MAX;
	r->nasked--;
}

void reply_reader_free(struct reply_reader *r)
{
	if (!r)
		return;
	while (r->nasked)
		ask_pop(r);
	for (size_t i = 0; r->prepared && i < PREPARED_MAX; i++)
		described_free(&r->prepared[i]);
	columns_free(r->columns, r->ncolumns);
	drop(&r->parsed);
	free(r->asked);
	free(r->prepared);
	free(r->buf);
	free(r);
}

void reply_reader_asked(struct reply_reader *r, struct span message, struct span name, struct span formats)
{
	struct asked a = {.has_formats = formats.p != NULL};

	a.kind = span_is(message, "parse")     ? 'P'
		 : span_is(message, "bind")    ? 'B'
		 : span_is(message, "execute") ? 'E'
		 : span_is(message, "query")   ? 'Q'
					       : 0;
	if (!a.kind)
		return;
	a.name = copy_of(name, formats);
	if (!a.name.p)
		return;
	a.formats = span_of(a.name.p + name.n, formats.n);
	/* The oldest is one that no reply came to. */
	if (r->nasked == ASKED_MAX)
		ask_pop(r);
	r->asked[(r->first + r->nasked++) % ASKED_MAX] = a;
}

bool reply_reader_feed(struct reply_reader *r, struct span bytes)
{
	size_t have = r->filled - r->at, cap = r->cap ? r->cap : 65536;
	uint8_t *more;

	if (r->lost || !bytes.n)
		return true;
	if (r->at) {
		memmove(r->buf, r->buf + r->at, have);
		r->at = 0;
		r->filled = have;
	}
	while (cap - have < bytes.n)
		cap *= 2;
	if (cap != r->cap) {
		more = realloc(r->buf, cap);
		if (!more)
			return false;
		r->buf = more;
		r->cap = cap;
	}
	memcpy(r->buf + have, bytes.p, bytes.n);
	r->filled += bytes.n;
	return true;
}

size_t reply_reader_left(const struct reply_reader *r)
{
	return r->filled - r->at;
}

/* ---- which columns rows have ---- */

static bool set_columns(struct reply_reader *r, const struct reply_column *c, unsigned n)
{
	struct reply_column *mine = columns_copy(c, n);

	columns_free(r->columns, r->ncolumns);
	r->columns = mine;
	r->ncolumns = mine ? n : 0;
	r->known = mine != NULL;
	return mine != NULL;
}

static struct described *prepared_of(struct reply_reader *r, struct span name)
{
	for (size_t i = 0; i < PREPARED_MAX; i++)
		if (r->prepared[i].columns && span_eq(r->prepared[i].name, name))
			return &r->prepared[i];
	return NULL;
}

static void remember(struct reply_reader *r, const struct reply_column *c, unsigned n)
{
	struct described *d = prepared_of(r, r->parsed);

	if (!d) {
		d = &r->prepared[r->next_prepared];
		r->next_prepared = (r->next_prepared + 1) % PREPARED_MAX;
	}
	described_free(d);
	d->name = copy_of(r->parsed, (struct span){0});
	d->columns = columns_copy(c, n);
	d->n = d->columns ? n : 0;
}

/* As Bind's rule has it: none given is text, one is all, else one each. */
static int format_of(const struct asked *a, unsigned i)
{
	size_t n = a->formats.n / 2, k = n == 1 ? 0 : i;

	if (!a->has_formats)
		return -1;
	return !n ? 0 : k < n ? a->formats.p[2 * k + 1] & 1 : -1;
}

/* The first that is of this kind, and nothing before it: that had no reply of its own. NULL: there is none.
 */
static const struct asked *answer(struct reply_reader *r, char kind)
{
	for (size_t i = 0; i < r->nasked; i++) {
		if (r->asked[(r->first + i) % ASKED_MAX].kind != kind)
			continue;
		for (; i; i--)
			ask_pop(r);
		return &r->asked[r->first];
	}
	return NULL;
}

static void on_parsed(struct reply_reader *r)
{
	const struct asked *a = answer(r, 'P');
	struct described *d;

	drop(&r->parsed);
	if (!a)
		return;
	r->parsed = copy_of(a->name, (struct span){0});
	d = prepared_of(r, r->parsed);
	if (d)
		described_free(d);
	ask_pop(r);
}

static void on_bound(struct reply_reader *r)
{
	const struct asked *a = answer(r, 'B');
	struct described *d = a ? prepared_of(r, a->name) : NULL;

	r->known = false;
	r->is_query = false;
	if (d && set_columns(r, d->columns, d->n))
		for (unsigned i = 0; i < r->ncolumns; i++)
			r->columns[i].format = format_of(a, i);
	if (a)
		ask_pop(r);
}

static void on_executed(struct reply_reader *r)
{
	/* A simple query has as many of these as it has statements. */
	if (r->nasked && r->asked[r->first].kind != 'Q' && answer(r, 'E'))
		ask_pop(r);
}

static void on_ready(struct reply_reader *r)
{
	/* What stood behind an error was passed over, and gets no reply. */
	while (r->nasked && r->failed)
		ask_pop(r);
	if (r->nasked && r->asked[r->first].kind == 'Q')
		ask_pop(r);
	r->failed = false;
	r->known = r->known && !r->is_query;
}

/* ---- messages ---- */

static bool columns_of(struct reply_reader *r, struct span body, struct reply *out)
{
	struct msg_column col;
	struct cur c;
	uint16_t n;

	if (msg_row_description(body, &c, &n) != WIRE_OK)
		return false;
	for (unsigned i = 0; i < n; i++) {
		if (msg_column_next(&c, &col) != WIRE_OK)
			return false;
		r->counted[i] = (struct reply_column){col.name, col.type_oid, col.typmod, col.format};
	}
	if (cur_end(&c) != WIRE_OK)
		return false;
	if (r->parameters) {
		remember(r, r->counted, n);
		out->kind = REPLY_OTHER;
	} else {
		r->is_query = true;
		if (!set_columns(r, r->counted, n))
			return false;
		out->kind = REPLY_COLUMNS;
		out->columns = r->columns;
		out->n = n;
	}
	r->parameters = false;
	return true;
}

static bool row_of(struct reply_reader *r, struct span body, struct reply *out)
{
	struct cur c;
	uint16_t n;

	if (msg_data_row(body, &c, &n) != WIRE_OK)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (msg_cell_next(&c, &r->cells[i]) != WIRE_OK)
			return false;
	if (cur_end(&c) != WIRE_OK)
		return false;
	out->kind = REPLY_ROW;
	out->cells = r->cells;
	out->n = n;
	out->unknown = !r->known || r->ncolumns != n;
	out->columns = out->unknown ? r->counted : r->columns;
	for (unsigned i = 0; out->unknown && i < n; i++)
		r->counted[i] = (struct reply_column){.typmod = -1, .format = -1};
	return true;
}

static bool copy_of_response(struct span body, enum reply_kind kind, struct reply *out)
{
	struct msg_copy_response m;

	if (msg_copy_response(body, &m) != WIRE_OK)
		return false;
	out->kind = kind;
	out->format = m.format;
	out->n = m.ncols;
	return true;
}

static bool texts(struct reply *out, enum reply_kind kind, struct span text, struct span more)
{
	out->kind = kind;
	out->text = text;
	out->more = more;
	return true;
}

static bool is_nothing(struct span body, enum reply_kind kind, struct reply *out)
{
	out->kind = kind;
	return msg_empty(body) == WIRE_OK;
}

/* false: it is no such message. */
static bool take(struct reply_reader *r, uint8_t type, struct span body, struct reply *out)
{
	struct msg_notification notification;
	struct msg_parameter_status parameter;
	uint16_t n;
	struct span oids;

	out->kind = REPLY_OTHER;
	switch ((enum backend_type)type) {
	case BE_ROW_DESCRIPTION: return columns_of(r, body, out);
	case BE_DATA_ROW: return row_of(r, body, out);
	case BE_COMMAND_COMPLETE:
		on_executed(r);
		out->kind = REPLY_TAG;
		return msg_command_complete(body, &out->text) == WIRE_OK;
	case BE_EMPTY_QUERY_RESPONSE: on_executed(r); return is_nothing(body, REPLY_EMPTY, out);
	case BE_PORTAL_SUSPENDED: on_executed(r); return is_nothing(body, REPLY_SUSPENDED, out);
	case BE_ERROR_RESPONSE:
		r->failed = true;
		out->kind = REPLY_ERROR;
		return msg_fields(body, &out->fields) == WIRE_OK;
	case BE_NOTICE_RESPONSE: out->kind = REPLY_NOTICE; return msg_fields(body, &out->fields) == WIRE_OK;
	case BE_NOTIFICATION_RESPONSE:
		return msg_notification(body, &notification) == WIRE_OK &&
		       texts(out, REPLY_NOTIFICATION, notification.channel, notification.payload);
	case BE_PARAMETER_STATUS:
		return msg_parameter_status(body, &parameter) == WIRE_OK &&
		       texts(out, REPLY_PARAMETER, parameter.name, parameter.value);
	case BE_COPY_OUT_RESPONSE:
	case BE_COPY_BOTH_RESPONSE: return copy_of_response(body, REPLY_COPY_OUT, out);
	case BE_COPY_IN_RESPONSE: return copy_of_response(body, REPLY_COPY_IN, out);
	case BE_COPY_DATA: return texts(out, REPLY_COPY_DATA, body, (struct span){0});
	case BE_COPY_DONE: return is_nothing(body, REPLY_COPY_DONE, out);
	case BE_FUNCTION_CALL_RESPONSE:
		out->kind = REPLY_FUNCTION;
		return msg_function_result(body, &out->text) == WIRE_OK;
	case BE_READY_FOR_QUERY:
		on_ready(r);
		out->kind = REPLY_READY;
		return msg_ready(body, &out->status) == WIRE_OK;
	case BE_PARSE_COMPLETE: on_parsed(r); return true;
	case BE_BIND_COMPLETE: on_bound(r); return true;
	case BE_PARAMETER_DESCRIPTION:
		r->parameters = true;
		return msg_parameter_description(body, &n, &oids) == WIRE_OK;
	case BE_NO_DATA: r->parameters = false; return true;
	case BE_AUTHENTICATION:
	case BE_BACKEND_KEY_DATA:
	case BE_CLOSE_COMPLETE:
	case BE_NEGOTIATE_PROTOCOL_VERSION: return true;
	}
	return false;
}

static enum wire lose(struct reply_reader *r, struct reply *out)
{
	*out = (struct reply){.kind = REPLY_LOST, .bytes = reply_reader_left(r)};
	r->lost = true;
	r->at = r->filled = 0;
	return WIRE_OK;
}

enum wire reply_reader_next(struct reply_reader *r, struct reply *out)
{
	struct span in, body;
	struct frame f;
	uint8_t type;

	if (r->lost || r->at == r->filled)
		return WIRE_MORE;
	in = span_of(r->buf + r->at, r->filled - r->at);
	/* The answer to a request for encryption is a single letter, and no length begins as a letter does.
	 */
	if (!r->begun && (in.p[0] == 'S' || in.p[0] == 'N' || in.p[0] == 'G')) {
		if (in.n < 2)
			return WIRE_MORE;
		if (in.p[1] >= 0x40) {
			r->at++;
			return reply_reader_next(r, out);
		}
	}
	switch (frame_peek(in, PEER_BACKEND, &f)) {
	case WIRE_MORE: return WIRE_MORE;
	case WIRE_BAD: return lose(r, out);
	case WIRE_OK: break;
	}
	if (!frame_whole(&f))
		return WIRE_MORE;
	type = f.type;
	body = f.body;
	*out = (struct reply){.type = type, .bytes = f.total};
	if (!take(r, type, body, out))
		return lose(r, out);
	r->at += f.total;
	r->begun = true;
	return WIRE_OK;
}
