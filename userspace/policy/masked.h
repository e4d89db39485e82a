/* SPDX-License-Identifier: MIT */
/* masked: how many cells each mask rule has hidden, by the place where it stands in the policy files, for as
 * long as the process runs: a policy that is loaded anew goes on where the one before it was. Holds no value;
 * used by all threads. */
#ifndef PGVEIL_POLICY_MASKED_H
#define PGVEIL_POLICY_MASKED_H

#include <stdatomic.h>
#include <stdint.h>

#define MASKED_MAX    4096 /* places; all that are more are counted as one */
#define MASKED_NONE   "none"
#define MASKED_OTHERS "others"

struct masked {
	_Atomic uint64_t cells;
};

/* The one of where; it lasts as long as the process. NULL: that of cells that no rule names (the system's own
 * columns that hold values, what is hidden because nobody knows what it is). */
struct masked *masked_of(const char *where);
static inline void masked_add(struct masked *m, uint64_t cells)
{
	atomic_fetch_add_explicit(&m->cells, cells, memory_order_relaxed);
}
void masked_each(void (*fn)(void *arg, const char *where, uint64_t cells), void *arg);

#endif
