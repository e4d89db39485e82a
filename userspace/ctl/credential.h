/* SPDX-License-Identifier: MIT */
/* credential: the secret of a database entry, from its file. Read anew for every login, so that a changed
 * file counts from then on and nothing is kept in memory. */
#ifndef PGVEIL_CTL_CREDENTIAL_H
#define PGVEIL_CTL_CREDENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"

struct database;
struct policy;

/* NUL-ended into out, the newline at its end taken off. *has stays false where d has no password file. The
 * caller wipes out. The message never holds any of it. */
MUSTCHECK int credential_password(const struct database *d, char *out, size_t cap, bool *has, struct err *e);
/* Logs which of p's secret files others than their owner may read, and p's other warnings. */
void credential_warn(const struct policy *p);

#endif
