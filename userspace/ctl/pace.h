/* SPDX-License-Identifier: MIT */
/* pace: how often somebody may do something: so many at once, and then one each so many milliseconds.
 * Bounded: of too many who are watched, whoever has least against him is forgotten. */
#ifndef PGVEIL_CTL_PACE_H
#define PGVEIL_CTL_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_PEERS 256
#define PACE_KEY   17

struct pace_peer {
	uint8_t key[PACE_KEY];
	uint64_t free_ms; /* when he has nothing against him any more; 0: the place is free */
};

struct pace {
	unsigned burst;
	uint64_t each_ms;
	struct pace_peer peer[PACE_PEERS];
};

/* Whether he may now; it changes nothing. */
bool pace_may(const struct pace *p, const uint8_t key[PACE_KEY], uint64_t now_ms);
/* He does. */
void pace_count(struct pace *p, const uint8_t key[PACE_KEY], uint64_t now_ms);

#endif
