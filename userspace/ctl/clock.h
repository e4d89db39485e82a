/* SPDX-License-Identifier: MIT */
/* clock: the time that catalogues and sessions are compared by. */
#ifndef PGVEIL_CTL_CLOCK_H
#define PGVEIL_CTL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ms(void) /* CLOCK_MONOTONIC, as the workers' */
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static inline uint64_t clock_ns(void) /* the same, for how long something takes */
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

#endif
