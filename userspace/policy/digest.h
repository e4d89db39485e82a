/* SPDX-License-Identifier: MIT */
/* digest: a number for what policy documents say, so that two of them can be compared across daemons. */
#ifndef PGVEIL_POLICY_DIGEST_H
#define PGVEIL_POLICY_DIGEST_H

#include <stdint.h>
#include "base/attr.h"
#include "policy/node.h"

#define DIGEST_LEN 32

/* The documents of one more file. -ENOMEM. */
MUSTCHECK int digest_add(uint8_t digest[static DIGEST_LEN], const struct node *documents);

#endif
