/* SPDX-License-Identifier: MIT */
/* tenure: whether another daemon has sessions of the same databases. Its gates (sql/gate.h) and budgets are
 * others than ours, and what only one may grant must not be granted by both. */
#ifndef PGVEIL_POLICY_TENURE_H
#define PGVEIL_POLICY_TENURE_H

#include <stdatomic.h>

enum tenure {
	TENURE_OVER = 0, /* another one has taken over: nothing is granted here any more */
	TENURE_SHARED,   /* both have sessions, or will: who redefines nothing yet waits */
	TENURE_SOLE,
};

#endif
