/* SPDX-License-Identifier: MIT */
/* show: SHOW pgveil.masks, pgveil.help and pgveil.limits, as queries that the server answers in their place.
 * Tells of columns only what the caller finds in the catalogue and in the hints of refusals. */
#ifndef PGVEIL_POLICY_SHOW_H
#define PGVEIL_POLICY_SHOW_H

#include "policy/binding.h"

#define SHOW_MASKS_COLUMNS     8
#define SHOW_HELP_COLUMNS      2
#define SHOW_APPROVALS         "pgveil.approvals"
#define SHOW_APPROVALS_COLUMNS 4 /* its query gives no rows: who knows them puts another in its place */
/* What is spent moves with every row: rows of values stand between these two when it is sent, each behind a
 * comma. */
#define SHOW_LIMITS         "pgveil.limits"
#define SHOW_LIMITS_COLUMNS 7
#define SHOW_LIMITS_BEGIN                                                                                    \
	"SELECT * FROM (VALUES (NULL::pg_catalog.text, NULL::pg_catalog.text, NULL::pg_catalog.int8,"        \
	" NULL::pg_catalog.int8, NULL::pg_catalog.int8, NULL::pg_catalog.text, NULL::pg_catalog.text)"
#define SHOW_LIMITS_END                                                                                      \
	") AS l(scope, measure, \"limit\", spent, period_s, subject, rule) WHERE l.scope IS NOT NULL"

/* The query that stands for SHOW setting, and how many columns it gives. NULL: no setting of ours, or no
 * memory (*ncolumns is not 0 then). Lives in a. */
const char *show_query(const struct binding *b, const char *setting, struct arena *a, unsigned *ncolumns);

#endif
