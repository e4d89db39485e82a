/* SPDX-License-Identifier: MIT */
/* roll: which nodes have said something in the status of which policy objects, and which of them have been
 * looked for in vain. Asks nobody itself; whoever uses it has a lock. */
#ifndef PGVEIL_KUBE_ROLL_H
#define PGVEIL_KUBE_ROLL_H

#include <jansson.h>
#include <stdbool.h>
#include "base/attr.h"

#define ROLL_NODES 5120u /* as many as a status may have, and some; the others are not looked for */
#define ROLL_NAME  254u

struct roll;

struct roll *roll_new(void);    /* NULL: no memory */
void roll_free(struct roll *r); /* NULL is fine */

/* What an object has below status.nodes; NULL: nothing. false: no memory, it has nothing then. */
bool roll_put(struct roll *r, const char *object, const json_t *nodes);
void roll_drop(struct roll *r, const char *object);
void roll_begin(struct roll *r);  /* all objects are put now, … */
void roll_listed(struct roll *r); /* … and what was not is gone */

/* Whom to look for now, but not own: those that were not found last time, and by turns at most fresh others.
 * Up to n. */
unsigned roll_pick(struct roll *r, const char *own, unsigned fresh, char (*out)[ROLL_NAME], unsigned n);
/* Whether there is such a node; true: it was not found twice running. */
bool roll_found(struct roll *r, const char *node, bool found);
/* The name of the first object after this one (NULL: of all) that the node has said something of; NULL: no
 * more. Borrowed until the next put, drop or listed. */
const char *roll_next(const struct roll *r, const char *node, const char *after);

/* Whether a node can have this name: what is in a status is no more than what somebody wrote. */
bool roll_is_name(const char *node);

#endif
