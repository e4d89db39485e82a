/* SPDX-License-Identifier: MIT */
/* clock: the time that catalogues and sessions are compared by. */
#ifndef PGVEIL_CTL_CLOCK_H
#define PGVEIL_CTL_CLOCK_H

#include <pthread.h>
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

/* A condition that is waited for by this clock. */
static inline void clock_cond_init(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

/* Until it is signalled, or it is until_ms; 0, or ETIMEDOUT. */
static inline int clock_wait(pthread_cond_t *c, pthread_mutex_t *m, uint64_t until_ms)
{
	const struct timespec ts = {(time_t)(until_ms / 1000), (long)(until_ms % 1000) * 1000000};

	return pthread_cond_timedwait(c, m, &ts);
}

#endif
