/* SPDX-License-Identifier: MIT */
/* health: whether the daemon works, for those who restart it or send pods to its node. Alive: it guards, and
 * its workers come round. Ready: capture was seen to work, from inside. */
#ifndef PGVEIL_CTL_HEALTH_H
#define PGVEIL_CTL_HEALTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"

struct event_base;
struct report;
struct watchdog;

#define HEALTH_BEHIND_MS 10000 /* a worker that has not come round for so long is stuck */

/* One line for each thing that was looked at, "NAME: ok" or "NAME: what is wrong". True: all are ok. */
bool health_alive(const struct report *r, char *text, size_t cap);
bool health_ready(const struct report *r, char *text, size_t cap);
/* The same as health_ready, thing by thing; true: all are ok. */
bool health_each(const struct report *r, void (*fn)(void *arg, const char *name, bool ok), void *arg);

/* systemd's watchdog (sd_watchdog_enabled(3)): say("WATCHDOG=1") twice as often as the environment asks for,
 * for as long as the daemon is alive and the loop of base turns. succeeds: the environment is that of the
 * daemon before this one. *out is NULL where it asks for nothing; -ENOMEM. */
MUSTCHECK int watchdog_open(struct watchdog **out, struct event_base *base, const struct report *r,
	void (*say)(const char *text), bool succeeds);
void watchdog_close(struct watchdog *w); /* NULL is fine */

#endif
