/* SPDX-License-Identifier: MIT */
/* feed: keeps the catalogues of the databases that sessions use: one thread and one connection of the
 * engine's own for each (database entry, address, database name), for as long as somebody uses it. */
#ifndef PGVEIL_CTL_FEED_H
#define PGVEIL_CTL_FEED_H

#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

struct feeds;
struct caller;
struct server_facts;
struct database;
struct slot;
struct workers;

MUSTCHECK int feeds_new(struct feeds **out, uint64_t max_age_ms, struct err *e);
/* Before the first feeds_attach: whom to poke, and through whose network namespaces to dial. */
void feeds_set_workers(struct feeds *fs, struct workers *ws);
/* Threads end; slots stay valid until feeds_free. */
void feeds_stop(struct feeds *fs);
void feeds_free(struct feeds *fs); /* NULL is fine */

/* From any thread; never blocks for long. NULL: too many catalogues, or no memory. */
struct slot *feeds_attach(struct feeds *fs, const struct database *d, const struct caller *who,
	const char *dbname, struct err *e);
void feeds_detach(struct feeds *fs, struct slot *slot);

struct feed_view { /* borrowed, for the time of the call */
	const char *database, *address, *dbname;
	unsigned sessions;
	bool running, loaded;
	uint64_t age_ms;                  /* since when the catalogue is not known to be true */
	const struct server_facts *facts; /* version[0] is 0 before the first login */
	const char *failure;              /* the last one's reason; "" */
};
/* What was done for one database entry since the start; its name lasts as long as the feeds. */
struct feed_source {
	const char *database;
	uint64_t loads, failures;
};
void feeds_sources(struct feeds *fs, void (*fn)(void *arg, const struct feed_source *s), void *arg);
void feeds_each(struct feeds *fs, void (*fn)(void *arg, const struct feed_view *v), void *arg);

#endif
