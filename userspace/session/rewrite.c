/* SPDX-License-Identifier: MIT */
#include "session/rewrite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pgwire/put.h"
#include "pgwire/sqlstate.h"
#include "policy/form.h"
#include "policy/masked.h"
#include "policy/strict.h"

/* A row up to this size is written anew in one piece; beyond it large cells are borrowed, not copied. */
#define COPY_MAX   ((size_t)16384)
#define BORROW_MIN ((size_t)4096)
#define ROW_HEAD   ((size_t)7) /* type, length, number of cells */
#define COUNT_AT   1024        /* rows */

static void put_be16_at(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put_be32_at(uint8_t *p, uint32_t v)
{
	put_be16_at(p, (uint16_t)(v >> 16));
	put_be16_at(p + 2, (uint16_t)v);
}

/* The stricter of two; NULL where there is none: each hides what the other shows, or one is no mask for the
 * type. */
static const struct mask *stricter_mask(const struct mask *a, const struct mask *b, enum value_type type)
{
	if (a != b && (!mask_has_form(a->kind, type) || !mask_has_form(b->kind, type)))
		return NULL;
	return strict_covers(a, b) ? a : strict_covers(b, a) ? b : NULL;
}

static void stricter(struct rowplan_column *rc, enum action action, const struct mask *mask, bool derived,
	const struct rule *rule)
{
	bool counted = rc->masked;

	rc->blind = rc->blind || derived;
	if (action == ACTION_MASK && (!mask || mask->kind == MASK_NULL))
		action = ACTION_NULL;
	if (action == ACTION_MASK && rc->action == ACTION_MASK) {
		mask = stricter_mask(rc->mask, mask, rc->shape.type);
		if (!mask)
			action = ACTION_NULL;
	} else if (action >= rc->action) {
		return;
	}
	/* Under the rule that hides more, and of two that do so together under the first. */
	if (rule && (!counted || action < rc->action || rc->mask != mask))
		rc->masked = rule->masked;
	rc->action = action;
	rc->mask = action == ACTION_MASK ? mask : NULL;
}

static void planned(struct rowplan_column *rc, const struct column_plan *cp)
{
	stricter(rc, cp->action, cp->mask, cp->derived && !cp->parts, cp->rule);
}

static bool is_child(const struct relation *r, uint32_t relid)
{
	for (unsigned i = 0; i < r->nchildren; i++)
		if (r->children[i] == relid)
			return true;
	return false;
}

/* Whether a value of col is an unchanged value of the columns below it: a view that copies, or the children
 * of a table. */
static bool copies(const struct relation *r, const struct column *col)
{
	if (col->direct)
		return true;
	for (unsigned i = 0; i < col->from.n; i++)
		if (!is_child(r, col->from.v[i].relid))
			return false;
	return true;
}

static void origin_column(const struct binding *b, const struct relation *r, const struct column *col,
	struct rowplan_column *rc)
{
	const struct masking *m = binding_column(b, (struct colref){r->oid, col->attnum});
	const struct masking *below = binding_set(b, &col->from);

	rc->action = ACTION_PASS;
	if (m)
		stricter(rc, ACTION_MASK, m->direct, false, m->rule);
	if (below && copies(r, col) && !binding_mixed(b, &col->from))
		stricter(rc, ACTION_MASK, below->direct, false, below->rule);
	else if (below)
		stricter(rc, ACTION_MASK, below->derived, true, below->rule);
}

/* What RowDescription's origin alone would give. */
static void origin(const struct binding *b, const struct shape_column *sc, struct rowplan_column *rc)
{
	const struct relation *r;
	const struct column *col;

	rc->action = ACTION_PASS;
	if (!sc->table_oid)
		return;
	rc->action = ACTION_NULL;
	r = catalog_relation_by_oid(binding_catalog(b), sc->table_oid);
	if (!r)
		return;
	if (sc->attnum <= 0) {
		/* The whole row, or a system column: nothing of either is a single masked column. */
		for (unsigned i = 0; sc->attnum == 0 && i < r->ncols; i++)
			if (binding_column(b, (struct colref){r->oid, r->cols[i].attnum}) ||
				binding_set(b, &r->cols[i].from))
				return;
		rc->action = ACTION_PASS;
		return;
	}
	col = relation_column_by_attnum(r, sc->attnum);
	if (col)
		origin_column(b, r, col, rc);
}

static int format_of(const uint16_t *formats, unsigned nformats, unsigned col)
{
	if (nformats == 0)
		return 0;
	return nformats == 1 ? formats[0] : formats[col];
}

static void count_hidden(struct rowplan *rp)
{
	rp->hidden = 0;
	for (unsigned i = 0; i < rp->n; i++)
		rp->hidden += rp->col[i].action != ACTION_PASS;
	rp->pass = rp->hidden == 0;
}

/* What a type that is made of others consists of; asked only where such a column is masked. */
static void form(struct rowplan *rp, struct rowplan_column *rc)
{
	struct value_shape made;

	if (rc->action != ACTION_MASK || rc->shape.type != VALUE_OTHER || rc->shape.desc)
		return;
	made = form_of(
		binding_catalog(rp->binding), rc->type_oid, rc->shape.typmod, rc->shape.format, &rp->mem);
	rc->shape.type = made.type;
	rc->shape.typmod = made.typmod;
	rc->shape.desc = made.desc;
}

/* Lineage alone knows which column says whose a date is; where origin brought another mask nobody does. */
static unsigned entity_in(const struct rowplan_column *rc, const struct column_plan *cp)
{
	bool shifts = rc->action == ACTION_MASK && rc->mask->kind == MASK_SHIFT;

	return shifts && cp->mask && strict_compare(rc->mask, cp->mask) == 0 ? cp->entity : 0;
}

struct rowplan *rowplan_new(const struct plan *p, const struct shape *s, const uint16_t *formats,
	unsigned nformats, const struct value_style *style, struct binding *b, struct err *e)
{
	struct rowplan *rp;

	if (!p->open && p->ncolumns != s->n) {
		err_sql(e, -EPROTO, "42501",
			"the result has %u columns where the statement was understood to have %u", s->n,
			p->ncolumns);
		return NULL;
	}
	if (formats && nformats > 1 && nformats != s->n) {
		err_sql(e, -EPROTO, "08P01", "bind message has %u result formats but query has %u columns",
			nformats, s->n);
		return NULL;
	}
	rp = calloc(1, sizeof(*rp) + s->n * sizeof(rp->col[0]));
	if (!rp) {
		err_sql(e, -ENOMEM, "53200", "out of memory");
		return NULL;
	}
	rp->binding = binding_ref(b);
	rp->n = s->n;
	for (unsigned i = 0; i < s->n; i++) {
		struct rowplan_column *rc = &rp->col[i];

		rc->type_oid = s->col[i].type_oid;
		rc->shape.type = value_type_of(s->col[i].type_oid);
		rc->shape.typmod = s->col[i].typmod;
		rc->shape.format = (formats ? format_of(formats, nformats, i) : s->col[i].format) == 1
					   ? VALUE_BINARY_FORMAT
					   : VALUE_TEXT_FORMAT;
		rc->shape.style = style;
		origin(b, &s->col[i], rc);
		if (!p->open) {
			planned(rc, &p->columns[i]);
			rc->entity = entity_in(rc, &p->columns[i]);
		}
		form(rp, rc);
	}
	count_hidden(rp);
	return rp;
}

static void count_masked(struct rowplan *rp)
{
	for (unsigned i = 0; rp->rows && i < rp->n; i++)
		if (rp->col[i].action != ACTION_PASS)
			masked_add(rp->col[i].masked ? rp->col[i].masked : masked_of(NULL), rp->rows);
	rp->rows = 0;
}

int rowplan_restrict(struct rowplan *rp, const struct plan *p, struct judgement *j, struct err *e)
{
	struct judgement **keep = !rp->newer[0] ? &rp->newer[0] : &rp->newer[1];

	if ((!p->open && p->ncolumns != rp->n) || *keep)
		return err_sql(e, -EPROTO, "42501", "the result's columns changed while it was read");
	*keep = judgement_ref(j);
	count_masked(rp);
	for (unsigned i = 0; i < rp->n && !p->open; i++) {
		planned(&rp->col[i], &p->columns[i]);
		if (rp->col[i].entity != entity_in(&rp->col[i], &p->columns[i]))
			rp->col[i].entity = 0;
		form(rp, &rp->col[i]);
	}
	count_hidden(rp);
	return 0;
}

/* All workers count in the same place: not for each row. */
void rowplan_masked(struct rowplan *rp, uint64_t rows)
{
	rp->rows += rows;
	if (rp->rows >= COUNT_AT)
		count_masked(rp);
}

void rowplan_free(struct rowplan *rp)
{
	if (!rp)
		return;
	count_masked(rp);
	arena_fini(&rp->mem);
	judgement_unref(rp->newer[0]);
	judgement_unref(rp->newer[1]);
	binding_unref(rp->binding);
	free(rp);
}

unsigned rowplan_entity(const struct rowplan *rp, unsigned col)
{
	const struct rowplan_column *rc = &rp->col[col];

	return rc->action == ACTION_MASK && !rc->blind && rc->entity <= rp->n ? rc->entity : 0;
}

struct span rowplan_shift(
	const struct rowplan *rp, unsigned col, struct span cell, struct span entity, struct arena *scratch)
{
	const struct rowplan_column *rc = &rp->col[col];

	if (cell.n > rp->cell_max || entity.n > rp->cell_max)
		return (struct span){0};
	return mask_shift(rc->mask, &rc->shape, cell, &rp->col[rc->entity - 1].shape, entity, scratch);
}

struct span rowplan_cell(const struct rowplan *rp, unsigned col, struct span cell, struct arena *scratch)
{
	const struct rowplan_column *rc = &rp->col[col];

	return rc->blind || cell.n > rp->cell_max ? mask_blind(rc->mask, &rc->shape, scratch)
						  : mask_apply(rc->mask, &rc->shape, cell, scratch);
}

/* A masked cell of a row that begins at row. */
static struct span mask_cell(
	const struct rowplan *rp, unsigned col, struct span cell, struct cur row, struct arena *scratch)
{
	unsigned at = rowplan_entity(rp, col);
	struct span entity;

	if (!at)
		return rowplan_cell(rp, col, cell, scratch);
	for (unsigned i = 0; i < at; i++)
		if (msg_cell_next(&row, &entity) != WIRE_OK)
			return (struct span){0};
	return rowplan_shift(rp, col, cell, entity, scratch);
}

static uint8_t *write_part(uint8_t *w, const struct row_part *p)
{
	if (p->masked) {
		put_be32_at(w, p->bytes.p ? (uint32_t)p->bytes.n : NULL_LENGTH);
		w += 4;
	}
	return p->bytes.n ? mempcpy(w, p->bytes.p, p->bytes.n) : w;
}

static uint8_t *write_head(uint8_t *w, unsigned ncells, size_t total)
{
	*w = BE_DATA_ROW;
	put_be32_at(w + 1, (uint32_t)(total - 1));
	put_be16_at(w + 5, (uint16_t)ncells);
	return w + ROW_HEAD;
}

static void write_small(struct outq *out, const struct row_cut *c)
{
	uint8_t *w = outq_room(out, c->total);

	if (!w)
		return;
	w = write_head(w, c->ncells, c->total);
	for (unsigned i = 0; i < c->n; i++)
		w = write_part(w, &c->v[i]);
}

static void write_large(struct outq *out, const struct row_cut *c)
{
	const struct row_part *v = c->v;
	uint8_t *w = outq_room(out, ROW_HEAD);

	if (!w)
		return;
	write_head(w, c->ncells, c->total);
	for (unsigned i = 0; i < c->n; i++) {
		if (!v[i].masked && v[i].bytes.n >= BORROW_MIN) {
			outq_borrow(out, v[i].bytes);
			continue;
		}
		w = outq_room(out, (v[i].masked ? 4 : 0) + v[i].bytes.n);
		if (!w)
			return;
		write_part(w, &v[i]);
	}
}

/* The parts of a row. false: malformed, or no memory for the masked cells. */
static bool cut_row(const struct rowplan *rp, struct cur *c, struct row_part *v, unsigned *n, size_t *total,
	struct arena *scratch)
{
	const uint8_t *clean = c->p; /* where the run of clean cells began */
	const struct cur row = *c;
	struct span cell;

	*n = 0;
	*total = ROW_HEAD;
	for (unsigned i = 0; i < rp->n; i++) {
		const struct rowplan_column *rc = &rp->col[i];
		const uint8_t *at = c->p;
		struct row_part masked = {.masked = true};

		if (msg_cell_next(c, &cell) != WIRE_OK)
			return false;
		switch (rc->action) {
		case ACTION_PASS: continue;
		case ACTION_MASK:
			if (cell.p || rc->blind)
				masked.bytes = mask_cell(rp, i, cell, row, scratch);
			break;
		case ACTION_NULL: break;
		}
		if (at > clean)
			v[(*n)++] = (struct row_part){span_of(clean, (size_t)(at - clean)), false};
		*total += (size_t)(at - clean) + 4 + masked.bytes.n;
		v[(*n)++] = masked;
		clean = c->p;
	}
	if (c->p > clean)
		v[(*n)++] = (struct row_part){span_of(clean, (size_t)(c->p - clean)), false};
	*total += (size_t)(c->p - clean);
	return true;
}

enum wire row_cut(const struct rowplan *rp, const struct frame *f, struct row_cut *out, struct arena *scratch)
{
	struct cur c;
	uint16_t ncells;

	arena_reset(scratch);
	if (msg_data_row(f->body, &c, &ncells) != WIRE_OK || ncells != rp->n)
		return WIRE_BAD;
	out->ncells = ncells;
	out->v = arena_alloc(scratch, (rp->hidden * 2 + 1) * sizeof(*out->v));
	if (!out->v || !cut_row(rp, &c, out->v, &out->n, &out->total, scratch) || cur_end(&c) != WIRE_OK ||
		out->total > FRAME_MAX)
		return WIRE_BAD;
	return WIRE_OK;
}

void row_put(const struct row_cut *c, struct outq *out)
{
	if (c->total <= COPY_MAX)
		write_small(out, c);
	else
		write_large(out, c);
}

static void put_fields(struct put *w, const struct msg_fields *in, const char *which)
{
	for (const char *k = which; *k; k++) {
		if (!in->field[(unsigned char)*k].p)
			continue;
		put_u8(w, (uint8_t)*k);
		put_cstr_span(w, in->field[(unsigned char)*k]);
	}
}

/* "Error and Notice Message Fields". What a function of the database's own raises takes every field from
 * expressions, but for these: */
static const char harmless[] = "SVPFLR";
/* The server itself puts values into D (the row that fails, the key that is there), W and q; what it puts
 * into M depends on the class. A hint is of the analysis only (42). */
static const char names_of_constraint[] = "stcdn", names_of_text[] = "stcdnH";

enum wire rewrite_message(const struct frame *f, bool names, struct outq *out)
{
	struct msg_fields in;
	struct span code;
	struct put w = {0};
	bool constraint, text;

	if (msg_fields(f->body, &in) != WIRE_OK)
		return WIRE_BAD;
	/* an SQLSTATE of nobody's is one that code made up */
	code = sqlstate_known(in.field['C']) ? in.field['C'] : SPAN_LIT("P0001");
	constraint = names && memcmp(code.p, "23", 2) == 0;
	text = names && memcmp(code.p, "42", 2) == 0;
	put_start(&w, (char)f->type);
	put_fields(&w, &in, harmless);
	put_fields(&w, &in, text ? names_of_text : constraint ? names_of_constraint : "");
	put_u8(&w, 'C');
	put_cstr_span(&w, code);
	put_u8(&w, 'M');
	if ((constraint || text) && in.field['M'].p)
		put_cstr_span(&w, in.field['M']);
	else
		put_cstr(&w, sqlstate_message(code, in.field['M']));
	put_u8(&w, 0);
	put_finish(&w);
	if (put_failed(&w)) {
		put_fini(&w);
		return WIRE_BAD;
	}
	outq_copy(out, put_bytes(&w));
	put_fini(&w);
	return WIRE_OK;
}
