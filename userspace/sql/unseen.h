/* SPDX-License-Identifier: MIT */
/* unseen: a statement's text in which entries of SELECT lists stand, but are not evaluated: the server gives
 * NULL of the same type. CASE WHEN false THEN x END is taken out when the server plans it, before anything of
 * it is computed. Nobody need believe this text: it is judged as any other, and sent only if it may pass. */
#ifndef PGVEIL_SQL_UNSEEN_H
#define PGVEIL_SQL_UNSEEN_H

#include "base/arena.h"
#include "base/buf.h"
#include "sql/analyze.h"

/* v: some of a statement's targets. NULL: out of memory, or where they end is not known. */
const char *unseen_text(struct arena *a, struct span text, const struct target *v, unsigned n);

#endif
