/* SPDX-License-Identifier: MIT */
/* events: the last lines of the log, kept in memory for `pgveil events`: bounded in number and in bytes, and
 * gone with the daemon. What may not be in the log is not here either. */
#ifndef PGVEIL_CTL_EVENTS_H
#define PGVEIL_CTL_EVENTS_H

#include <jansson.h>
#include <stdint.h>
#include "base/err.h"

struct events;

MUSTCHECK int events_new(struct events **out, struct err *e);
void events_free(struct events *ev); /* NULL is fine */
/* For log_set_tap; from any thread. */
void events_add(void *ev, const char *event, const char *line, size_t len);
/* Readable when something was added; events_seen makes it quiet again. */
int events_fd(const struct events *ev);
void events_seen(struct events *ev);
uint64_t events_last(struct events *ev); /* number of the last one; 0: none yet */
/* {"next": number to ask after the next time, "missed": how many after `after` are gone already, "events":
 * [...]}, each event with its number as "seq"; at most max of them. NULL without memory. */
json_t *events_after(struct events *ev, uint64_t after, unsigned max);

#endif
