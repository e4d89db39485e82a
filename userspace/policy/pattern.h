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

struct pattern_name { /* "schema.relation" or "schema.function"; or a schema alone: not named */
	struct pattern_part schema, name;
	bool named;
};
/* As pattern_parse. */
MUSTCHECK int pattern_parse_name(
	struct pattern_name *out, const char *text, bool named, struct arena *a, const char **why);
/* NULL for what is not known, which matches. System schemas only match where they are spelled out. */
bool pattern_names(const struct pattern_name *p, const char *schema, const char *name, bool system);
bool pattern_any(const struct pattern_part *p); /* it matches whatever there is */
bool pattern_name_covers(const struct pattern_name *a, const struct pattern_name *b);

#endif
