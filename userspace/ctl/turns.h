/* SPDX-License-Identifier: MIT */
/* turns: so many a second in all, and of them so few for each who asks that one who asks without end leaves
 * some to others. Never touches a clock. */
#ifndef PGVEIL_CTL_TURNS_H
#define PGVEIL_CTL_TURNS_H

#include <stdbool.h>
#include <stdint.h>

#define TURNS_A_SECOND 20u
#define TURNS_FOR_EACH 3u

struct turns { /* all zero: none was taken */
	uint64_t since_ms;
	unsigned n, nwho;
	struct {
		uint64_t id;
		unsigned n;
	} who[TURNS_A_SECOND];
};

/* Whether there is one for who now; then it is taken. */
bool turns_take(struct turns *t, uint64_t who, uint64_t now_ms);

#endif
