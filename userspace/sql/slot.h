/* SPDX-License-Identifier: MIT */
/* slot: where the current catalogue of one (server, database) is found: sessions take it at each statement,
 * one feeder thread puts new ones in. Never blocks longer than a pointer swap, except slot_wait (the
 * feeder's). */
#ifndef PGVEIL_SQL_SLOT_H
#define PGVEIL_SQL_SLOT_H

#include "sql/catalog.h"
#include "sql/gate.h"

struct slot;

/* gate: shared with other slots of the database, gets a reference; NULL: one of its own. */
MUSTCHECK int slot_new(struct slot **out, struct gate *gate, struct err *e);
void slot_free(struct slot *s);
struct gate *slot_gate(struct slot *s); /* borrowed; never changes */
/* A reference to the current catalogue (the caller unrefs) and when it was known to be true (monotonic ms);
 * NULL where there is none yet. why, if given, gets the last failure of the feeder ("" where it did not
 * fail). */
struct catalog *slot_get(struct slot *s, uint64_t *as_of_ms, struct err *why);
/* The feeder: c is true as of then. The same catalogue again only renews it. Takes over the reference. */
void slot_put(struct slot *s, struct catalog *c, uint64_t as_of_ms);
void slot_fail(struct slot *s, const struct err *why, uint64_t now_ms); /* a refresh failed */
uint64_t slot_failed_ms(struct slot *s); /* of the last failure; 0 after a success */
/* A definition was changed through the engine at now_ms: what is there counts as stale (as_of 0), and so does
 * any later put that is older than now_ms. */
void slot_expire(struct slot *s, uint64_t now_ms);
/* A session: what is there is not enough, get one that is true as of at least min_ms. Wakes the feeder. */
void slot_ask(struct slot *s, uint64_t min_ms);
/* A session that logged in as a role of its own: the catalogues that come are to know the role, until as many
 * drops as adds. -ENOSPC: too many at once. Wakes the feeder where the role is new. */
MUSTCHECK int slot_role_add(struct slot *s, uint32_t role, struct err *e);
void slot_role_drop(struct slot *s, uint32_t role);
/* The feeder: the roles, at most SLOT_ROLES_MAX; *version is another one after each change. */
#define SLOT_ROLES_MAX 256
unsigned slot_roles(struct slot *s, uint32_t roles[SLOT_ROLES_MAX], uint64_t *version);
/* The feeder: sleeps until somebody asks for more than as_of_ms, or until timeout_ms passed, or slot_stop.
 * Returns false when stopped. */
bool slot_wait(struct slot *s, uint64_t timeout_ms);
void slot_stop(struct slot *s);

#endif
