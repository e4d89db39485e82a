/* SPDX-License-Identifier: MIT */
/* mistake: what is wrong with one file, collected while it is read and told all at once, in the file's order.
 */
#ifndef PGVEIL_POLICY_MISTAKE_H
#define PGVEIL_POLICY_MISTAKE_H

#include <stdbool.h>
#include "base/arena.h"
#include "policy/policy.h"

struct mistake {
	unsigned line, column;
	const char *text;
};

/* Lives in its arena. More than MISTAKES_MAX are counted, not kept. */
#define MISTAKES_MAX 500
struct mistakes {
	struct arena *mem;
	struct mistake *v;
	unsigned n, cap, total;
	bool no_memory; /* one could not be kept */
};

/* text is made printable: no control characters, whole UTF-8. */
void mistake_add(struct mistakes *m, unsigned line, unsigned column, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Appends them to c as "file:line:column: text", sorted. false: out of memory. */
MUSTCHECK bool mistakes_tell(struct mistakes *m, const char *file, struct complaints *c);

MUSTCHECK bool complaints_add(struct complaints *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
