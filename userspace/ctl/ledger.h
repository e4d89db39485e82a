/* SPDX-License-Identifier: MIT */
/* ledger: the file in the state directory that says which cgroups were enrolled, so that the next daemon
 * knows what the pinned maps hold. Replaced as a whole, never written in place. */
#ifndef PGVEIL_CTL_LEDGER_H
#define PGVEIL_CTL_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

/* Whose word it is. X(name, word) */
#define ENROLLED_BY(X)                                                                                       \
	X(POLICY, "policy") /* names its cgroup or unit */                                                   \
	X(ADMIN, "admin")                                                                                    \
	X(POD, "pod") /* it is a pod's, and that is to be enrolled (ctl/pods.h) */
#define X(name, word) ENROLLED_BY_##name,
enum enrolled_by { ENROLLED_BY(X) };
#undef X
const char *enrolled_by_name(enum enrolled_by by);

struct ledger_entry {
	const char *cgroup; /* path below the cgroup mount */
	uint64_t id;
	const char *netns; /* path given by the administrator; NULL: that of a process in it */
	enum enrolled_by by;
	bool made; /* by `pgveil run`: removed when it is empty */
};

struct ledger; /* what is written, entry by entry */

MUSTCHECK int ledger_begin(struct ledger **out, struct err *e);
void ledger_add(struct ledger *l, const struct ledger_entry *entry);
/* Replaces dir/enrolled.json; frees l in every case. */
MUSTCHECK int ledger_commit(struct ledger *l, const char *dir, struct err *e);
/* Calls fn for every entry of dir/enrolled.json; no file is no entries. */
MUSTCHECK int ledger_read(
	const char *dir, void (*fn)(void *arg, const struct ledger_entry *entry), void *arg, struct err *e);

#endif
