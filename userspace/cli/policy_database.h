/* SPDX-License-Identifier: MIT */
/* policy_database: what a database holds that lets masked values be seen otherwise than through the engine's
 * masks, or that a policy names and it does not hold. Asked by psql. */
#ifndef PGVEIL_CLI_POLICY_DATABASE_H
#define PGVEIL_CLI_POLICY_DATABASE_H

#include <jansson.h>
#include "base/err.h"
#include "policy/policy.h"

/* Appends a {"object", "columns", "message", "hint"} for each to findings. conninfo is libpq's. */
MUSTCHECK int policy_database_check(
	const struct policy *p, const char *conninfo, json_t *findings, struct err *e);

#endif
