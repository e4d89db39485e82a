/* SPDX-License-Identifier: MIT */
/* Text: cells between delimiters, a row ends at a newline. Newlines, backslashes and the delimiter inside a
 * value have a backslash before them (\n for the newline), so neither stands bare.
 *
 * CSV: a value with a delimiter, quote or newline in it stands in quotes, where quote and escape have an
 * escape before them; so do values that look like NULL.
 *
 * Binary: "PGCOPY\n\377\r\n\0", flags, length of an extension, that extension; then for each row an int16
 * count and for each cell an int32 length (-1: NULL) and so many bytes; then -1 as count. All in network
 * order. The server sends the beginning together with the first row. */
#include "pgwire/copy.h"

#include <stdlib.h>
#include <string.h>

#include "pgwire/message.h"

#define SIGNATURE     SPAN_LIT("PGCOPY\n\377\r\n\0")
#define SIGNATURE_LEN ((size_t)11)
#define BINARY_END    UINT16_MAX

struct copy_reader {
	struct copy_style style;
	size_t row_max;
	struct span in;      /* from the row under way on */
	uint8_t *held;       /* what in is in, where it is not the caller's */
	size_t nheld, cap;   /* of held */
	bool begun, over;    /* header or signature were read; the end was */
	size_t at;           /* in the row: looked at so far */
	size_t cell_at;      /* where the cell under way began */
	unsigned cell;       /* which it is */
	bool quoted, closed; /* CSV: it began with a quote; that was closed */
	struct copy_cell cells[];
};

static bool line_end(char c)
{
	return c == '\n' || c == '\r';
}

static bool plain(const struct copy_style *s)
{
	if (s->format == COPY_BINARY)
		return true;
	if (!s->delimiter || line_end(s->delimiter))
		return false;
	if (s->format == COPY_TEXT)
		return !strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", s->delimiter);
	return s->quote && s->escape && !line_end(s->quote) && !line_end(s->escape) &&
	       s->quote != s->delimiter && s->escape != s->delimiter;
}

/* What a backslash and this letter stand for; 0: the server writes no such thing. */
static char unescape(const struct copy_style *s, char c)
{
	static const char letters[] = "bfnrtv\\", meant[] = "\b\f\n\r\t\v\\";
	const char *p = c ? strchr(letters, c) : NULL;

	return p ? meant[p - letters] : (char)(c == s->delimiter ? c : 0);
}

struct copy_reader *copy_reader_new(const struct copy_style *s, size_t row_max)
{
	struct copy_reader *r = plain(s) ? calloc(1, sizeof(*r) + s->ncols * sizeof(r->cells[0])) : NULL;

	if (!r)
		return NULL;
	r->style = *s;
	r->row_max = row_max;
	r->begun = s->format != COPY_BINARY && !s->header;
	return r;
}

void copy_reader_free(struct copy_reader *r)
{
	if (!r)
		return;
	if (r->held)
		mem_wipe(r->held, r->cap);
	free(r->held);
	free(r);
}

/* Puts bytes behind what is held. */
static bool hold(struct copy_reader *r, struct span bytes)
{
	size_t cap = r->cap ? r->cap : 1024;
	uint8_t *p;

	if (r->cap - r->nheld < bytes.n) {
		while (cap - r->nheld < bytes.n)
			cap *= 2;
		p = malloc(cap);
		if (!p)
			return false;
		if (r->nheld)
			memcpy(p, r->held, r->nheld);
		if (r->held)
			mem_wipe(r->held, r->cap);
		free(r->held);
		r->held = p;
		r->cap = cap;
	}
	if (bytes.n)
		memcpy(r->held + r->nheld, bytes.p, bytes.n);
	r->nheld += bytes.n;
	return true;
}

enum wire copy_reader_feed(struct copy_reader *r, struct span bytes)
{
	if (!r->nheld) {
		r->in = bytes;
		return WIRE_OK;
	}
	if (!hold(r, bytes))
		return WIRE_BAD;
	r->in = span_of(r->held, r->nheld);
	return WIRE_OK;
}

/* What is left is the beginning of a row. */
static enum wire keep(struct copy_reader *r)
{
	struct span rest = r->in;

	if (rest.n > r->row_max)
		return WIRE_BAD;
	if (r->nheld) {
		memmove(r->held, rest.p, rest.n);
		r->nheld = rest.n;
	} else if (rest.n && !hold(r, rest)) {
		return WIRE_BAD;
	}
	r->in = (struct span){0};
	return WIRE_MORE;
}

static enum wire end_cell(struct copy_reader *r)
{
	if (r->cell == r->style.ncols)
		return WIRE_BAD;
	r->cells[r->cell++] = (struct copy_cell){r->cell_at, r->at - r->cell_at, r->quoted};
	r->quoted = r->closed = false;
	return WIRE_OK;
}

/* ---- text and CSV: r->at runs up to the newline ---- */

/* A row of no columns is an empty line. */
static enum wire end_line(struct copy_reader *r)
{
	if ((r->style.ncols || r->at) && end_cell(r) != WIRE_OK)
		return WIRE_BAD;
	r->at++;
	return r->cell == r->style.ncols ? WIRE_OK : WIRE_BAD;
}

static enum wire next_cell(struct copy_reader *r)
{
	enum wire w = end_cell(r);

	r->cell_at = ++r->at;
	return w;
}

static enum wire text_line(struct copy_reader *r)
{
	while (r->at < r->in.n) {
		char c = (char)r->in.p[r->at];

		if (c == '\n')
			return end_line(r);
		if (c == r->style.delimiter) {
			if (next_cell(r) != WIRE_OK)
				return WIRE_BAD;
		} else if (c != '\\') {
			r->at++;
		} else if (r->at + 1 == r->in.n) {
			return WIRE_MORE;
		} else if (line_end((char)r->in.p[r->at + 1])) {
			return WIRE_BAD;
		} else {
			r->at += 2;
		}
	}
	return WIRE_MORE;
}

/* One byte or two inside quotes. */
static enum wire csv_quoted(struct copy_reader *r, char c)
{
	const struct copy_style *s = &r->style;
	char next;

	if (c != s->quote && c != s->escape) {
		r->at++;
		return WIRE_OK;
	}
	if (r->at + 1 == r->in.n)
		return WIRE_MORE;
	next = (char)r->in.p[r->at + 1];
	if (c == s->escape && (next == s->quote || next == s->escape)) {
		r->at += 2;
		return WIRE_OK;
	}
	if (c != s->quote)
		return WIRE_BAD;
	r->closed = true;
	r->at++;
	return WIRE_OK;
}

static enum wire csv_line(struct copy_reader *r)
{
	enum wire w = WIRE_OK;

	while (w == WIRE_OK && r->at < r->in.n) {
		char c = (char)r->in.p[r->at];

		if (r->quoted && !r->closed) {
			w = csv_quoted(r, c);
		} else if (c == '\n') {
			return end_line(r);
		} else if (c == r->style.delimiter) {
			w = next_cell(r);
		} else if (c == r->style.quote && r->at == r->cell_at) {
			r->quoted = true;
			r->at++;
		} else if (c == r->style.quote || c == '\r' || r->closed) {
			w = WIRE_BAD;
		} else {
			r->at++;
		}
	}
	return w == WIRE_OK ? WIRE_MORE : w;
}

/* ---- binary ---- */
static struct cur ahead(const struct copy_reader *r, size_t at)
{
	return cur_of(span_of(r->in.p + at, r->in.n - at));
}

static enum wire signature(struct copy_reader *r)
{
	const size_t fixed = SIGNATURE_LEN + 8;
	size_t there = r->in.n < SIGNATURE_LEN ? r->in.n : SIGNATURE_LEN;
	uint32_t flags, extension;
	struct cur c;

	if (there && memcmp(r->in.p, SIGNATURE.p, there) != 0)
		return WIRE_BAD;
	if (r->in.n < fixed)
		return WIRE_MORE;
	c = ahead(r, SIGNATURE_LEN);
	flags = cur_be32(&c);
	extension = cur_be32(&c);
	/* Flags that change how rows look are not known to be any, nor what an extension would mean. */
	if (flags != 0 || extension != 0)
		return WIRE_BAD;
	r->at = fixed;
	return WIRE_OK;
}

static enum wire binary_row(struct copy_reader *r, enum copy_kind *kind)
{
	struct cur c = ahead(r, 0);

	if (r->at == 0) {
		uint16_t n = cur_be16(&c);

		if (c.bad)
			return WIRE_MORE;
		r->at = 2;
		if (n == BINARY_END) {
			*kind = COPY_TRAILER;
			r->over = true;
			return WIRE_OK;
		}
		if (n != r->style.ncols)
			return WIRE_BAD;
	}
	while (r->cell < r->style.ncols) {
		uint32_t len;

		c = ahead(r, r->at);
		len = cur_be32(&c);
		if (c.bad)
			return WIRE_MORE;
		if (len == NULL_LENGTH)
			len = 0;
		if (len > r->row_max)
			return WIRE_BAD;
		(void)cur_take(&c, len);
		if (c.bad)
			return WIRE_MORE;
		r->cells[r->cell++] = (struct copy_cell){r->at, 4 + (size_t)len, false};
		r->at += 4 + (size_t)len;
	}
	return WIRE_OK;
}

/* ---- */
static enum wire one(struct copy_reader *r, enum copy_kind *kind)
{
	*kind = COPY_ROW;
	switch (r->style.format) {
	case COPY_TEXT:
	case COPY_CSV:
		if (!r->begun)
			*kind = COPY_HEADER;
		return r->style.format == COPY_CSV ? csv_line(r) : text_line(r);
	case COPY_BINARY:
		if (r->begun)
			return binary_row(r, kind);
		*kind = COPY_SIGNATURE;
		return signature(r);
	}
	return WIRE_BAD;
}

enum wire copy_reader_next(struct copy_reader *r, struct copy_row *row)
{
	enum wire w;

	if (r->over && r->in.n)
		return WIRE_BAD;
	if (r->in.n == 0)
		return keep(r);
	w = one(r, &row->kind);
	if (w == WIRE_MORE)
		return keep(r);
	if (w != WIRE_OK || r->at > r->row_max)
		return WIRE_BAD;
	row->whole = span_of(r->in.p, r->at);
	row->cells = row->kind == COPY_ROW || row->kind == COPY_HEADER ? r->cells : NULL;
	r->in = span_of(r->in.p + r->at, r->in.n - r->at);
	r->begun = true;
	r->at = r->cell_at = 0;
	r->cell = 0;
	return WIRE_OK;
}

bool copy_reader_done(const struct copy_reader *r)
{
	return r->nheld == 0 && r->in.n == 0 && (r->style.format != COPY_BINARY || r->over);
}

/* ---- cells ---- */
static enum wire text_value(const struct copy_style *s, struct span raw, struct arena *a, struct span *value)
{
	uint8_t *out;
	size_t n = 0;

	if (!raw.n || !memchr(raw.p, '\\', raw.n)) {
		*value = raw;
		return WIRE_OK;
	}
	out = arena_alloc(a, raw.n);
	for (size_t i = 0; out && i < raw.n; i++) {
		char c = (char)raw.p[i];

		if (c == '\\') {
			c = i + 1 < raw.n ? unescape(s, (char)raw.p[++i]) : '\0';
			if (!c)
				return WIRE_BAD;
		}
		out[n++] = (uint8_t)c;
	}
	*value = span_of(out, n);
	return out ? WIRE_OK : WIRE_BAD;
}

/* raw begins and ends with a quote, and has an escape before each escape and quote inside. */
static enum wire csv_value(const struct copy_style *s, struct span raw, struct arena *a, struct span *value)
{
	uint8_t *out = arena_alloc(a, raw.n);
	size_t n = 0;

	for (size_t i = 1; out && i + 1 < raw.n; i++) {
		char c = (char)raw.p[i];

		if (c == s->escape)
			i++;
		out[n++] = raw.p[i];
	}
	*value = span_of(out, n);
	return out ? WIRE_OK : WIRE_BAD;
}

enum wire copy_cell_value(const struct copy_style *s, const struct copy_row *row, unsigned cell,
	struct arena *a, struct span *value)
{
	const struct copy_cell *c = &row->cells[cell];
	struct span raw = span_of(row->whole.p + c->at, c->n);
	struct cur in = cur_of(raw);

	if (s->format == COPY_BINARY)
		return msg_cell_next(&in, value) == WIRE_OK ? cur_end(&in) : WIRE_BAD;
	*value = (struct span){0};
	if (!c->quoted && span_eq(raw, s->null))
		return WIRE_OK;
	if (s->format == COPY_TEXT)
		return text_value(s, raw, a, value);
	if (c->quoted)
		return csv_value(s, raw, a, value);
	*value = raw;
	return WIRE_OK;
}

static void put_text(struct put *w, const struct copy_style *s, struct span v)
{
	static const char plain[] = "\b\f\n\r\t\v\\", letters[] = "bfnrtv\\";
	size_t from = 0;

	for (size_t i = 0; i < v.n; i++) {
		char c = (char)v.p[i];
		const char *p = c ? strchr(plain, c) : NULL;

		if (!p && c != s->delimiter)
			continue;
		put_span(w, span_of(v.p + from, i - from));
		put_u8(w, '\\');
		put_u8(w, (uint8_t)(p ? letters[p - plain] : c));
		from = i + 1;
	}
	put_span(w, span_of(v.p + from, v.n - from));
}

static bool needs_quotes(const struct copy_style *s, struct span v)
{
	if (span_eq(v, s->null) || (s->ncols == 1 && span_is(v, "\\.")))
		return true;
	for (size_t i = 0; i < v.n; i++) {
		char c = (char)v.p[i];

		if (c == s->delimiter || c == s->quote || line_end(c))
			return true;
	}
	return false;
}

static void put_csv(struct put *w, const struct copy_style *s, struct span v, bool quoted)
{
	if (!quoted && !needs_quotes(s, v)) {
		put_span(w, v);
		return;
	}
	put_u8(w, (uint8_t)s->quote);
	for (size_t i = 0; i < v.n; i++) {
		if ((char)v.p[i] == s->quote || (char)v.p[i] == s->escape)
			put_u8(w, (uint8_t)s->escape);
		put_u8(w, v.p[i]);
	}
	put_u8(w, (uint8_t)s->quote);
}

void copy_put_cell(struct put *w, const struct copy_style *s, struct span value, bool quoted)
{
	switch (s->format) {
	case COPY_BINARY:
		put_be32(w, value.p ? (uint32_t)value.n : NULL_LENGTH);
		if (value.p)
			put_span(w, value);
		return;
	case COPY_TEXT:
		if (value.p)
			put_text(w, s, value);
		else
			put_span(w, s->null);
		return;
	case COPY_CSV:
		if (value.p)
			put_csv(w, s, value, quoted);
		else
			put_span(w, s->null);
		return;
	}
}
