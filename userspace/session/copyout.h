/* SPDX-License-Identifier: MIT */
/* copyout: one COPY TO STDOUT on its way to the client, each cell masked as the same column of a SELECT would
 * be. Never decides; what the plan does not give does not pass. */
#ifndef PGVEIL_SESSION_COPYOUT_H
#define PGVEIL_SESSION_COPYOUT_H

#include "pgwire/copy.h"
#include "session/rewrite.h"

struct copyout {
	struct rowplan *rows;       /* owned */
	struct copy_reader *reader; /* NULL while rows->pass */
	struct copy_style style;    /* null borrows from the plan */
	const struct plan *plan;
	struct put out;     /* what a CopyData became, until it is sent */
	uint64_t out_rows;  /* rows in that */
	bool made;          /* it is there, though it may be empty */
	uint64_t nmessages; /* that passed */
};

/* response: the body of CopyOutResponse, whose format and number of columns must be the plan's. p outlives
 * it. also: a plan of newer; both may be NULL. NULL with e filled: it cannot be masked as planned, or no
 * memory. */
MUSTCHECK struct copyout *copyout_new(const struct plan *p, const struct plan *also, struct judgement *newer,
	struct span response, const struct value_style *style, struct binding *b, size_t row_max,
	size_t cell_max, struct err *e);
void copyout_free(struct copyout *c); /* NULL is fine */
/* Makes of the body of one CopyData what is to go out, as one CopyData or none where a row is not all there
 * yet; it stays in out until copyout_sent. Not for one that passes. WIRE_BAD: malformed, or no memory. */
MUSTCHECK enum wire copyout_data(
	struct copyout *c, struct span body, struct arena *scratch, uint64_t *masked);
void copyout_sent(struct copyout *c);
/* One that passes: how many rows are in it. The server sends each in a message of its own, and what is none
 * (a header, the end of a binary one) as well, or in that of a row. Small ones must be there whole. */
uint64_t copyout_rows(const struct copyout *c, const struct frame *f);
bool copyout_done(const struct copyout *c); /* whether CopyDone may come now */

#endif
