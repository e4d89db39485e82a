/* SPDX-License-Identifier: MIT */
/* account: how much memory the prepared statements of all sessions of one cgroup hold in one worker, so that
 * many sessions together cannot take what one may not. Used by one thread. */
#ifndef PGVEIL_SESSION_ACCOUNT_H
#define PGVEIL_SESSION_ACCOUNT_H

#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

#define ACCOUNT_BYTES_MAX ((size_t)256 << 20)

struct account {
	struct account *next;
	uint64_t cgroup_id;
	unsigned refs;
	size_t bytes;
};

struct accounts { /* of one worker; all zero is empty */
	struct account *first;
};

/* The cgroup's account, made by its first use; a reference. NULL: no memory. */
MUSTCHECK struct account *account_open(struct accounts *as, uint64_t cgroup_id);
/* NULL is fine. What the caller added to bytes it has taken away again. */
void account_close(struct accounts *as, struct account *a);

#endif
