/* SPDX-License-Identifier: MIT */
/* offline: one caller's view of one database, from policy files and a schema's DDL: what the daemon would
 * have after login. Never connects anywhere. */
#ifndef PGVEIL_CLI_OFFLINE_H
#define PGVEIL_CLI_OFFLINE_H

#include "policy/plan.h"

struct offline_options {
	const char **policies;
	unsigned npolicies;
	const char *schema; /* file of DDL */
	struct caller who;
	const char *address, *database; /* NULL: the first entry that the caller may use, a name it allows */
	const char **path;              /* search_path */
	unsigned npath;
};

struct offline {
	struct policy *policy;
	struct catalog *catalog;
	struct binding *binding;
	struct grant grant;
	const char *database; /* name that was logged in to */
	const struct offline_options *options;
	struct arena mem;
};

/* Fills who: cgroup, the unit that it implies unless unit is given, uid (NULL: nobody's). -EINVAL. */
MUSTCHECK int offline_caller(
	struct caller *who, const char *cgroup, const char *unit, const char *uid, struct err *e);
/* -EACCES: the policy refuses the caller (e has the client's message); other failures are mistakes in files:
 * policy mistakes in *c, the schema's in *e. offline_close is due in every case. */
MUSTCHECK int offline_open(
	struct offline *o, const struct offline_options *options, struct complaints *c, struct err *e);
void offline_close(struct offline *o);

/* What happens to text. *analysis gives the names of outputs where it understood the text (n may be 0). Both
 * live in a. A caller without rules is not judged: out->n is 0. */
MUSTCHECK int offline_judge(const struct offline *o, struct span text, struct arena *a, struct judged *out,
	struct analysis *analysis, struct err *e);

/* "null", "redact", "email, keeps the domain", … in a; "out of memory" where a is full. */
const char *offline_mask_text(const struct mask *m, struct arena *a);
/* What else its rules let: "equality, 100 in 3600 s; count, avg of 5"; "" for the default. */
const char *offline_permit_text(const struct permit *p, struct arena *a);
/* "pass", "null" or "mask:email": what a column gets, as expectations write it. */
const char *offline_action_text(const struct column_plan *c, struct arena *a);
/* A whole file of at most max bytes, freed by the caller. */
MUSTCHECK int offline_read_file(const char *file, size_t max, uint8_t **text, size_t *n, struct err *e);

#endif
