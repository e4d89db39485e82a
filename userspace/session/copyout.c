/* SPDX-License-Identifier: MIT */
#include "session/copyout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pgwire/message.h"

#define BINARY_HEAD 19 /* signature, flags, length of the extension, of which there is none */

static struct copy_style style_of(const struct copy_options *o, unsigned ncolumns)
{
	return (struct copy_style){.format = o->binary ? COPY_BINARY
					     : o->csv  ? COPY_CSV
						       : COPY_TEXT,
		.delimiter = o->delimiter,
		.quote = o->quote,
		.escape = o->escape,
		.null = span_of(o->null, strlen(o->null)),
		.header = o->header,
		.ncols = (uint16_t)ncolumns};
}

static int check_response(const struct plan *p, struct span response, struct err *e)
{
	struct msg_copy_response m;
	struct cur formats;
	uint8_t want = p->copy->binary;

	if (msg_copy_response(response, &m) != WIRE_OK || m.format != want)
		return err_sql(
			e, -EPROTO, "08P01", "the data of a COPY is not in the format that was asked for");
	if (m.ncols != p->ncolumns)
		return err_sql(e, -EPROTO, "42501",
			"the COPY has %u columns where the statement was understood to have %u", m.ncols,
			p->ncolumns);
	formats = cur_of(m.formats);
	for (unsigned i = 0; i < m.ncols; i++)
		if (cur_be16(&formats) != want)
			return err_sql(e, -EPROTO, "08P01", "a column of a COPY has a format of its own");
	return 0;
}

/* A COPY does not describe its rows: their types are what the analysis says they are. */
static struct rowplan *rows_of(
	const struct plan *p, const struct value_style *style, struct binding *b, struct err *e)
{
	struct shape *sh = calloc(1, sizeof(*sh) + p->ncolumns * sizeof(sh->col[0]));
	struct rowplan *rp;

	if (!sh) {
		err_sql(e, -ENOMEM, "53200", "out of memory");
		return NULL;
	}
	sh->n = p->ncolumns;
	for (unsigned i = 0; i < sh->n; i++)
		sh->col[i] = (struct shape_column){.type_oid = p->columns[i].type,
			.typmod = p->columns[i].typmod,
			.format = p->copy->binary};
	rp = rowplan_new(p, sh, NULL, 0, style, b, e);
	free(sh);
	return rp;
}

struct copyout *copyout_new(const struct plan *p, const struct plan *also, struct judgement *newer,
	struct span response, const struct value_style *style, struct binding *b, size_t row_max,
	size_t cell_max, struct err *e)
{
	struct copyout *c = NULL;

	if (!p || p->kind != STATEMENT_COPY_OUT || p->verdict == DENY || !p->copy) {
		err_sql(e, -EPROTO, "42501", "a COPY arrived that nothing asked for");
		return NULL;
	}
	if (check_response(p, response, e))
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c) {
		err_sql(e, -ENOMEM, "53200", "out of memory");
		return NULL;
	}
	c->plan = p;
	c->style = style_of(p->copy, p->ncolumns);
	c->rows = rows_of(p, style, b, e);
	if (!c->rows || (also && rowplan_restrict(c->rows, also, newer, e)))
		goto fail;
	c->rows->cell_max = cell_max;
	if (c->rows->pass)
		return c;
	c->reader = copy_reader_new(&c->style, row_max);
	if (c->reader)
		return c;
	err_sql(e, -ENOMEM, "53200", "no memory for masking a COPY, or no way to do it");
fail:
	copyout_free(c);
	return NULL;
}

void copyout_free(struct copyout *c)
{
	if (!c)
		return;
	copy_reader_free(c->reader);
	put_fini(&c->out);
	rowplan_free(c->rows);
	free(c);
}

static bool put_masked(
	const struct copyout *c, const struct copy_row *row, unsigned i, struct put *w, struct arena *scratch)
{
	unsigned entity = rowplan_entity(c->rows, i);
	struct span cell = {0}, whose = {0};

	if (c->rows->col[i].action == ACTION_MASK) {
		if (copy_cell_value(&c->style, row, i, scratch, &cell) != WIRE_OK)
			return false;
		if (cell.p && entity &&
			copy_cell_value(&c->style, row, entity - 1, scratch, &whose) != WIRE_OK)
			return false;
		if (cell.p || c->rows->col[i].blind)
			cell = entity ? rowplan_shift(c->rows, i, cell, whose, scratch)
				      : rowplan_cell(c->rows, i, cell, scratch);
	}
	copy_put_cell(w, &c->style, cell, c->plan->columns[i].quoted);
	return true;
}

static bool put_row(const struct copyout *c, const struct copy_row *row, struct put *w, struct arena *scratch)
{
	size_t clean = 0; /* where the run of clean bytes began */

	for (unsigned i = 0; row->kind == COPY_ROW && i < c->rows->n; i++) {
		const struct copy_cell *cell = &row->cells[i];

		if (c->rows->col[i].action == ACTION_PASS)
			continue;
		put_span(w, span_of(row->whole.p + clean, cell->at - clean));
		if (!put_masked(c, row, i, w, scratch))
			return false;
		clean = cell->at + cell->n;
	}
	put_span(w, span_of(row->whole.p + clean, row->whole.n - clean));
	return true;
}

enum wire copyout_data(struct copyout *c, struct span body, struct arena *scratch, uint64_t *masked)
{
	struct copy_row row;
	bool any = false;
	enum wire got;

	if (c->made) /* it was not sent yet */
		return WIRE_OK;
	if (copy_reader_feed(c->reader, body) != WIRE_OK)
		return WIRE_BAD;
	put_start(&c->out, BE_COPY_DATA);
	while ((got = copy_reader_next(c->reader, &row)) == WIRE_OK) {
		any = true;
		arena_reset(scratch);
		if (!put_row(c, &row, &c->out, scratch)) {
			got = WIRE_BAD;
			break;
		}
		*masked += row.kind == COPY_ROW ? c->rows->hidden : 0;
		rowplan_masked(c->rows, row.kind == COPY_ROW);
		c->out_rows += row.kind == COPY_ROW;
	}
	if (any)
		put_finish(&c->out);
	if (put_failed(&c->out))
		got = WIRE_BAD;
	if (got == WIRE_BAD || !any)
		put_reset(&c->out);
	c->made = got != WIRE_BAD;
	return got == WIRE_BAD ? WIRE_BAD : WIRE_OK;
}

void copyout_sent(struct copyout *c)
{
	put_reset(&c->out);
	c->out_rows = 0;
	c->made = false;
}

uint64_t copyout_rows(const struct copyout *c, const struct frame *f)
{
	size_t n = f->total - FRAME_HEADER, head = c->nmessages ? 0 : BINARY_HEAD;

	if (c->style.format != COPY_BINARY)
		return !(c->style.header && !c->nmessages);
	return !(n == head + 2 && f->body.n == n && f->body.p[head] == 0xff && f->body.p[head + 1] == 0xff);
}

bool copyout_done(const struct copyout *c)
{
	return !c->reader || copy_reader_done(c->reader);
}
