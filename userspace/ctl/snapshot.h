/* SPDX-License-Identifier: MIT */
/* snapshot: one look at a database's catalogue through a pgclient, in one transaction. Keeps nothing. */
#ifndef PGVEIL_CTL_SNAPSHOT_H
#define PGVEIL_CTL_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include "base/err.h"

struct catalog;
struct pgclient;

#define FINGERPRINT_MAX 512

/* What a new connection is told before anything else. */
MUSTCHECK int snapshot_prepare(struct pgclient *c, struct err *e);
struct snapshot_roles { /* that sessions log in as themselves; n may be 0 */
	const uint32_t *oids;
	unsigned n;
};
/* The database's fingerprint now. */
MUSTCHECK int snapshot_fingerprint(
	struct pgclient *c, const struct snapshot_roles *roles, char out[FINGERPRINT_MAX], struct err *e);
/* The whole catalogue with the fingerprint it belongs to. *as_of_ms: a time before it was looked at. Gives a
 * reference. */
MUSTCHECK int snapshot_load(struct pgclient *c, const struct snapshot_roles *roles, struct catalog **out,
	char fingerprint[FINGERPRINT_MAX], uint64_t *as_of_ms, struct err *e);

/* What an operator wants to know of a server before he trusts it to us; no value of a table. */
struct server_facts {
	char version[32], encoding[32];
	char search_path[256]; /* as a session begins with it */
	char role[64];
	bool superuser, bypasses_rls;
	char logins[1024]; /* other roles that may log in, "a,b,c"; cut where they are many */
};
/* After snapshot_prepare. */
MUSTCHECK int snapshot_facts(struct pgclient *c, struct server_facts *out, struct err *e);

#endif
