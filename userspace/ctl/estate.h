/* SPDX-License-Identifier: MIT */
/* estate: what a daemon knows that is nowhere but in its memory, as a JSON document for the one that takes
 * its place: what was spent of budgets, what rules once bound, and which namespaces each enrolment was seen
 * in. */
#ifndef PGVEIL_CTL_ESTATE_H
#define PGVEIL_CTL_ESTATE_H

#include <jansson.h>
#include <stdint.h>
#include "base/err.h"

struct budget;
struct enrol;
struct recall;

/* Of budget nothing is granted any more from here on (budget_take_back). A reference, or NULL: no memory. */
json_t *estate_give(struct budget *b, struct recall *r, struct enrol *en);
MUSTCHECK int estate_take(const json_t *doc, struct budget *b, struct recall *r, struct err *e);
/* fn for each namespace in which an enrolment (id of the cgroup; 0: the enrolled uids) was seen. */
MUSTCHECK int estate_doors(const json_t *doc,
	int (*fn)(void *arg, uint64_t cgroup_id, uint64_t netns_cookie, struct err *e), void *arg,
	struct err *e);

#endif
