/* SPDX-License-Identifier: MIT */
/* The first bytes choose how the rows are written and how they are cut into messages, the rest is the data.
 * Whatever it is: in one piece and in many it must be read as the same rows, cells lie in their rows, and a
 * row whose cells are all written anew is read again as the same values. */
#include <stdlib.h>
#include <string.h>

#include "pgwire/copy.h"

#define ROW_MAX ((size_t)512)
#define MUST(x)                                                                                              \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen { /* what was read, as one text */
	struct put rows, again;
	bool bad, done;
};

static void cell_seen(struct put *w, struct span v)
{
	put_u8(w, v.p ? 'v' : 'n');
	put_be32(w, (uint32_t)v.n);
	put_span(w, v);
}

/* Cells in their order, with nothing but delimiters between them. */
static void check_row(const struct copy_style *s, const struct copy_row *row)
{
	size_t at = s->format == COPY_BINARY ? 2 : 0;

	for (unsigned i = 0; i < s->ncols; i++) {
		MUST(row->cells[i].at == at);
		at += row->cells[i].n + (s->format != COPY_BINARY);
	}
	MUST(at == row->whole.n || (s->ncols == 0 && row->whole.n <= 2));
}

static void row_seen(struct seen *o, const struct copy_style *s, const struct copy_row *row)
{
	struct arena a = {0};

	put_u8(&o->rows, (uint8_t)row->kind);
	if (!row->cells) {
		put_span(&o->again, row->whole);
		return;
	}
	check_row(s, row);
	if (s->format == COPY_BINARY)
		put_be16(&o->again, s->ncols);
	for (unsigned i = 0; i < s->ncols; i++) {
		struct span v;

		if (copy_cell_value(s, row, i, &a, &v) != WIRE_OK) {
			o->bad = true; /* the caller ends it here */
			break;
		}
		cell_seen(&o->rows, v);
		if (i && s->format != COPY_BINARY)
			put_u8(&o->again, (uint8_t)s->delimiter);
		copy_put_cell(&o->again, s, v, row->cells[i].n & 1);
	}
	if (s->format != COPY_BINARY)
		put_u8(&o->again, '\n');
	arena_fini(&a);
}

static struct seen read_all(const struct copy_style *s, struct span in, size_t piece)
{
	struct copy_reader *r = copy_reader_new(s, ROW_MAX);
	struct seen o = {0};
	struct copy_row row;

	MUST(r);
	put_start(&o.rows, 'd');
	put_start(&o.again, 'd');
	for (size_t at = 0; !o.bad && at < in.n; at += piece) {
		size_t n = in.n - at < piece ? in.n - at : piece;
		uint8_t *exact = malloc(n);
		enum wire w;

		MUST(exact);
		memcpy(exact, in.p + at, n);
		MUST(copy_reader_feed(r, span_of(exact, n)) == WIRE_OK);
		while (!o.bad && (w = copy_reader_next(r, &row)) == WIRE_OK) {
			MUST(row.whole.n <= ROW_MAX);
			row_seen(&o, s, &row);
		}
		o.bad = o.bad || w == WIRE_BAD;
		free(exact);
	}
	o.done = !o.bad && copy_reader_done(r);
	put_finish(&o.rows);
	put_finish(&o.again);
	MUST(!put_failed(&o.rows) && !put_failed(&o.again));
	copy_reader_free(r);
	return o;
}

static void seen_fini(struct seen *o)
{
	put_fini(&o->rows);
	put_fini(&o->again);
}

static struct span body(const struct put *w)
{
	struct span all = put_bytes(w);

	return span_of(all.p + 5, all.n - 5);
}

/* A NULL that values can look like, and values that long, are not read again as they were. */
static bool comes_back(const struct copy_style *s, const struct seen *o)
{
	bool clear = s->format != COPY_TEXT || span_is(s->null, "\\N");

	return clear && o->done && body(&o->again).n <= ROW_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const nulls[] = {"\\N", "", "NULL", "\\x"};
	struct copy_style s;
	struct copy_reader *r;
	struct seen whole, parts, again;
	struct span in;

	if (size < 6)
		return 0;
	s = (struct copy_style){.format = (enum copy_format)(data[0] % 3),
		.header = data[0] & 8,
		.ncols = data[0] >> 4 & 7,
		.delimiter = (char)data[1],
		.quote = (char)data[2],
		.escape = (char)data[3],
		.null = span_of(nulls[data[4] % 4], strlen(nulls[data[4] % 4]))};
	if (s.format == COPY_BINARY)
		s.header = false;
	r = copy_reader_new(&s, ROW_MAX);
	copy_reader_free(r);
	if (!r || memchr(s.null.p, s.delimiter, s.null.n) || memchr(s.null.p, s.quote, s.null.n))
		return 0; /* the server refuses these too */
	in = span_of(data + 6, size - 6);
	whole = read_all(&s, in, in.n + 1);
	parts = read_all(&s, in, data[5] % 7 + 1u);
	MUST(whole.bad == parts.bad && whole.done == parts.done);
	MUST(span_eq(put_bytes(&whole.rows), put_bytes(&parts.rows)));
	if (comes_back(&s, &whole)) {
		again = read_all(&s, body(&whole.again), data[5] % 7 + 1u);
		MUST(again.done && span_eq(put_bytes(&again.rows), put_bytes(&whole.rows)));
		seen_fini(&again);
	}
	seen_fini(&whole);
	seen_fini(&parts);
	return 0;
}
