/* SPDX-License-Identifier: MIT */
/* work: what the parts of one cell share while it is masked: the steps that regular expressions may still
 * take, and what a document's keys say of the value. */
#ifndef PGVEIL_MASK_WORK_H
#define PGVEIL_MASK_WORK_H

#include <stdint.h>

#include "base/buf.h"
#include "mask/detectors.h"

/* Steps of a cell: some tenths of a second at the most. */
#define WORK_STEPS UINT32_C(100000000)

/* What is known of a text from outside of it. */
struct hint {
	struct detectors words; /* whom the words of its keys speak for */
	struct span keys;       /* in normal form, with blanks between */
};

struct work {
	uint32_t steps;          /* left */
	const struct hint *hint; /* NULL: the cell is all there is */
};

#endif
