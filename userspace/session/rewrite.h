/* SPDX-License-Identifier: MIT */
/* rewrite: rows, errors and notices on their way to the client, made fit by plan. Never decides; what the
 * plan does not give does not pass. */
#ifndef PGVEIL_SESSION_REWRITE_H
#define PGVEIL_SESSION_REWRITE_H

#include "base/outq.h"
#include "pgwire/frame.h"
#include "session/names.h"

/* What happens to each column of one result: the stricter of lineage (plan) and origin (RowDescription). */
struct rowplan {
	struct binding *binding;    /* a reference: its masks are used */
	struct judgement *newer[2]; /* references: likewise, of what restricted it */
	unsigned n;
	bool pass;        /* every column goes as it is */
	unsigned hidden;  /* how many do not */
	uint64_t rows;    /* that were masked by it, and are not counted as that yet */
	struct arena mem; /* how masked columns' types are made */
	size_t cell_max;  /* session_env.cell_max; until it is set every masked cell is redacted unread */
	struct rowplan_column {
		enum action action;
		const struct mask *mask;
		unsigned entity;       /* as column_plan's */
		struct masked *masked; /* where its cells are counted; NULL: under no rule */
		bool blind; /* the value is derived: its mask may not know how many elements it has */
		uint32_t type_oid;
		struct value_shape shape;
	} col[];
};

/* style: of the session; it outlives the rowplan and is looked at for each cell. formats: of Bind (nformats
 * as sent: 0, 1 or one each), or NULL: the shape's own. b is asked for each origin. NULL with e filled: the
 * counts disagree (lineage and server see different results) or no memory. */
MUSTCHECK struct rowplan *rowplan_new(const struct plan *p, const struct shape *s, const uint16_t *formats,
	unsigned nformats, const struct value_style *style, struct binding *b, struct err *e);
/* Lowers rp to what p, a plan of j, gives as well; -EPROTO where the counts disagree, or j is the third. */
MUSTCHECK int rowplan_restrict(struct rowplan *rp, const struct plan *p, struct judgement *j, struct err *e);
void rowplan_free(struct rowplan *rp); /* NULL is fine */

void rowplan_masked(struct rowplan *rp, uint64_t rows); /* so many rows more were masked by it */

/* What a cell of a column with ACTION_MASK becomes; not for a NULL. Lives in scratch. */
struct span rowplan_cell(const struct rowplan *rp, unsigned col, struct span cell, struct arena *scratch);
/* 1 + the column that says whose date a cell of col is; 0: none, and rowplan_cell is to be asked. */
unsigned rowplan_entity(const struct rowplan *rp, unsigned col);
/* Likewise such a date becomes, by the cell of that column; NULL where that is NULL. */
struct span rowplan_shift(
	const struct rowplan *rp, unsigned col, struct span cell, struct span entity, struct arena *scratch);
/* What a row is put together from: cells as they came, with their lengths, however many stand side by side;
 * or one that was masked, which gets its length anew. */
struct row_part {
	struct span bytes;
	bool masked;
};
struct row_cut { /* in scratch, and borrowed from the frame */
	struct row_part *v;
	unsigned n, ncells;
	size_t total; /* bytes of the message that it makes */
};
/* Masks the DataRow in f (whole). WIRE_BAD: malformed, or not as many cells as columns. scratch is reset. */
MUSTCHECK enum wire row_cut(
	const struct rowplan *rp, const struct frame *f, struct row_cut *out, struct arena *scratch);
/* Writes it; untouched large cells are borrowed from the frame. */
void row_put(const struct row_cut *c, struct outq *out);
/* An ErrorResponse or NoticeResponse without anything that a row, a parameter or a definition could have put
 * there: severity, SQLSTATE, position and source line stay, the message becomes the SQLSTATE's
 * standard text. names: a statement that only the server itself speaks of: where it does so of constraints or
 * of what the text says (classes 23 and 42), its words and the names of what they are about stay as well. */
MUSTCHECK enum wire rewrite_message(const struct frame *f, bool names, struct outq *out);

#endif
