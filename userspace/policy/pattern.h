/* SPDX-License-Identifier: MIT */
/* pattern: "schema.relation.column" of a mask rule: each part a glob without regard to case, or a "quoted"
 * name that is taken as it is. Unquoted parts ignore case because a name that was created quoted would
 * otherwise escape its rule. */
#ifndef PGVEIL_POLICY_PATTERN_H
#define PGVEIL_POLICY_PATTERN_H

#include <stdbool.h>
#include "base/arena.h"

struct pattern_part {
	const char *text; /* without quotes */
	bool quoted;
};

struct pattern {
	struct pattern_part schema, relation, column;
	const char *canonical; /* equal for patterns that are spelled alike but for case */
};

/* -EINVAL: *why says what is wrong (a clause without a subject: "has two parts; …"). Lives in a. */
MUSTCHECK int pattern_parse(struct pattern *out, const char *text, struct arena *a, const char **why);
/* A relation of a system schema only matches where the pattern spells the schema out. */
bool pattern_has_relation(const struct pattern *p, const char *schema, const char *relation, bool system);
bool pattern_has_column(const struct pattern *p, const char *column);
/* Whether a certainly matches whatever b matches. */
bool pattern_covers(const struct pattern *a, const struct pattern *b);

#endif
