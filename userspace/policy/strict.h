/* SPDX-License-Identifier: MIT */
/* strict: which of two masks shows less. */
#ifndef PGVEIL_POLICY_STRICT_H
#define PGVEIL_POLICY_STRICT_H

#include "mask/mask.h"

/* Below 0: a is stricter and is used where both apply; 0: they are the same mask. A total order, so that the
 * order of rules and files never decides. */
int strict_compare(const struct mask *a, const struct mask *b);

#endif
