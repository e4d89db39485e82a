/* SPDX-License-Identifier: MIT */
/* confine: whether a file that is named by somebody else is one that he may name. */
#ifndef PGVEIL_POLICY_CONFINE_H
#define PGVEIL_POLICY_CONFINE_H

#include "base/err.h"

/* -EACCES: it is not below one of dirs, as it is written or where its links lead to now; -ENOENT and the like
 * where it cannot be looked at. */
MUSTCHECK int confine_check(const char *path, const char *const *dirs, unsigned n, struct err *e);

#endif
