/* SPDX-License-Identifier: MIT */
/* request: the head of an HTTP request that somebody makes of us, out of a buffer that stays as it is. What
 * two readers could read in two ways is refused. Never reads, waits or answers itself. */
#ifndef PGVEIL_WEB_REQUEST_H
#define PGVEIL_WEB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"
#include "base/buf.h"

#define REQUEST_PATH  256u
#define REQUEST_QUERY 256u

struct request {
	int refusal;             /* WIRE_BAD: the status to answer with */
	size_t len;              /* of the head, with the empty line */
	bool get;                /* else POST */
	char path[REQUEST_PATH]; /* as it was sent: nothing in it is decoded */
	char query[REQUEST_QUERY];
	bool sized;         /* it says how long its body is */
	size_t body_len;    /* which comes behind the head */
	bool authorized;    /* it has an Authorization … */
	struct span bearer; /* … and this is its token, of the buffer; empty: it is of another kind */
};

/* Of the first n bytes. WIRE_MORE: its end is not among them, and may come within max bytes. */
MUSTCHECK enum wire request_read(struct request *r, const void *p, size_t n, size_t max);

#endif
