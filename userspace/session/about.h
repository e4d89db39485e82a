/* SPDX-License-Identifier: MIT */
/* about: what the recording says of a judged text beside the text itself, as fields of record/body.h. Made
 * once for each judgement. */
#ifndef PGVEIL_SESSION_ABOUT_H
#define PGVEIL_SESSION_ABOUT_H

#include "policy/plan.h"

struct about {
	struct span fields; /* tags, effects, relations, masked columns, rules */
	bool intimate;      /* plan.intimate, of any of its statements */
};

/* In a. -ENOMEM. */
MUSTCHECK int about_make(
	struct about *out, const struct judged *js, const struct binding *b, struct arena *a);

#endif
