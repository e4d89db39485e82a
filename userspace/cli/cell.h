/* SPDX-License-Identifier: MIT */
/* cell: a value as it was sent, as text: a binary one by its type, or in hexadecimal. */
#ifndef PGVEIL_CLI_CELL_H
#define PGVEIL_CLI_CELL_H

#include "base/arena.h"
#include "cli/reply.h"

/* Borrows from the cell or lives in a; .p == NULL: NULL. Not made harmless: plain.h does that. */
struct span cell_text(struct arena *a, const struct reply_column *c, struct span cell);
/* "int4"; "oid 600" for what has no name here; "" for 0. In a. */
const char *cell_type(struct arena *a, const struct reply_column *c);

#endif
