/* SPDX-License-Identifier: MIT */
/* dealings: what recorded statements did, by the effects and relations that are on record, and the least that
 * rules must allow for it. What was done to which of several relations is not on record: that is taken from
 * the statement's words, and where these do not say, it was done to all of them. */
#ifndef PGVEIL_CLI_DEALINGS_H
#define PGVEIL_CLI_DEALINGS_H

#include "base/err.h"
#include "policy/guard.h"
#include "sql/shape.h"

#define DEALINGS_NONE UINT32_MAX

struct dealings;

/* What one message did. */
struct dealing {
	uint64_t effects;
	const struct span *relations; /* schema.relation */
	unsigned n;
	bool asked; /* by an approval */
};

MUSTCHECK int dealings_new(struct dealings **out, unsigned most, struct err *e);
void dealings_free(struct dealings *d); /* NULL is fine */

/* A number for it and the statements that the message has; DEALINGS_NONE: there is no room. */
uint32_t dealings_add(
	struct dealings *d, const struct dealing *x, const struct shape *statements, unsigned n);
void dealings_ran(struct dealings *d, uint32_t number);

/* The rules that let all through that ran, as lines of YAML below `rules:`; in a. NULL: no memory. *n: how
 * many. */
const char *dealings_rules(const struct dealings *d, struct arena *a, unsigned *n);
/* What guards say of it, as far as it is on record. */
enum verdict dealings_judge(const struct dealings *d, uint32_t number, const struct guard *const *guards,
	unsigned nguards, struct guard_answer *why);
/* Nobody knows what it does: no rule that allows something lets it through. */
bool dealings_anything(const struct dealings *d, uint32_t number);

#endif
