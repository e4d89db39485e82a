/* SPDX-License-Identifier: MIT */
/* flood: what of many events is told at once: of each kind, and of each whom it is about, a few in a while.
 * The others are counted, and told of together when the while is over, so that whoever can make events at
 * will neither drowns nor hides anything. Bounded; never touches a clock. */
#ifndef PGVEIL_CTL_FLOOD_H
#define PGVEIL_CTL_FLOOD_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

#define FLOOD_AT_ONCE 10
#define FLOOD_WHO     256 /* bytes; what is longer is cut */

struct flood;

struct flooded {
	char event[64], who[FLOOD_WHO]; /* who "": several, or nobody is named */
	uint64_t events;                /* that were not told */
};

MUSTCHECK int flood_new(struct flood **out, uint64_t while_ms, struct err *e);
void flood_free(struct flood *f); /* NULL is fine */
/* Whether it is to be told now; else it was counted. */
bool flood_admits(struct flood *f, const char *event, const char *who, uint64_t now_ms);
/* So many of a kind were not even logged. */
void flood_count(struct flood *f, const char *event, uint64_t events, uint64_t now_ms);
/* The next of which a while is over, and that had more; false: there is none. */
bool flood_over(struct flood *f, uint64_t now_ms, struct flooded *out);
/* When there may be one; UINT64_MAX: never, as it is. */
uint64_t flood_next_ms(const struct flood *f);

#endif
