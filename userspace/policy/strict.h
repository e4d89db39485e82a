/* SPDX-License-Identifier: MIT */
/* strict: which of two masks shows less. */
#ifndef PGVEIL_POLICY_STRICT_H
#define PGVEIL_POLICY_STRICT_H

#include "mask/mask.h"

/* Below 0: a is stricter and is used where both apply; 0: they are the same mask. A total order, so that the
 * order of rules and files never decides. */
int strict_compare(const struct mask *a, const struct mask *b);
/* Whether a hides all that b hides. Not so where b looks for what a does not look for, though a be the
 * stricter kind: characters that partial keeps may be of a card number; nor of
 * two regex that are not the same. */
bool strict_covers(const struct mask *a, const struct mask *b);
/* Of two that do not cover each other, one that covers both. It borrows what they own, and what
 * is new lives in mem. false: no memory. */
MUSTCHECK bool strict_meet(struct mask *out, const struct mask *a, const struct mask *b, struct arena *mem);

#endif
