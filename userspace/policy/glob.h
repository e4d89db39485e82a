/* SPDX-License-Identifier: MIT */
/* glob: shell-like patterns over names: `*` `?` `[a-z]` `[!x]` and `\` before a character that means itself.
 * Matches in time bounded by pattern times text, never allocates. */
#ifndef PGVEIL_POLICY_GLOB_H
#define PGVEIL_POLICY_GLOB_H

#include <stdbool.h>
#include "base/attr.h"

/* What a pattern is matched against. */
enum glob_over {
	GLOB_PATH, /* `*`, `?` and `[…]` do not match '/'; `**` matches anything */
	GLOB_NAME, /* '/' is a character like any other */
	GLOB_FOLD, /* as GLOB_NAME, and ASCII letters match without regard to case */
};

/* NULL: well formed; else what is wrong with it. */
const char *glob_problem(const char *pattern);
/* Whether the pattern holds no wildcard: then it matches one text (or its spellings, GLOB_FOLD). */
bool glob_literal(const char *pattern);
/* A pattern that is not well formed matches nothing. */
bool glob_match(enum glob_over over, const char *pattern, const char *text);

#endif
