/* SPDX-License-Identifier: MIT */
/* heir: a temporary relation of one session that holds copies of masked columns, and inherits their masks
 * (copies: taint). It is known by its name, for as long as there may be one of that name: the oid that it
 * gets is not known when the statement that makes it is sent. */
#ifndef PGVEIL_POLICY_HEIR_H
#define PGVEIL_POLICY_HEIR_H

#include "base/err.h"
#include "sql/catalog.h"

#define HEIRS_MAX 64 /* of one session */

struct heir_column {
	const char *name;
	struct colset from; /* the columns of others that it is a copy of; none of them an heir's */
};

struct heir {
	const char *name; /* in the session's temporary schema */
	struct heir_column *columns;
	unsigned ncolumns; /* 0: a view, which is followed */
};

struct heirs; /* of one session; NULL: none */

/* Copies heir; makes *h where there is none. -ENOMEM, -ENOSPC. */
MUSTCHECK int heirs_add(struct heirs **h, const struct heir *heir);
void heirs_free(struct heirs *h); /* NULL is fine */
unsigned heirs_count(const struct heirs *h);
const struct heir *heirs_at(const struct heirs *h, unsigned i);
/* Those that c, which knows all that the session has, does not know any more. temp NULL: it is not known
 * where they are. true: there were some. */
bool heirs_forget(struct heirs *h, const struct catalog *c, const char *temp);

#endif
