/* SPDX-License-Identifier: MIT */
/* plan_text: what EXPLAIN says of how long values are, taken out of its text. Knows no plan, only words: the
 * numbers behind them become 0, wherever they stand. */
#ifndef PGVEIL_MASK_PLAN_TEXT_H
#define PGVEIL_MASK_PLAN_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

/* Of any of EXPLAIN's formats, which stays what it is. Lives in a; .p == NULL: no memory. */
struct span plan_text_blank(struct span text, struct arena *a);

#endif
