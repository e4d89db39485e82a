/* SPDX-License-Identifier: MIT */
/* snapshot: one look at a database's catalogue through a pgclient, in one transaction. Keeps nothing. */
#ifndef PGVEIL_CTL_SNAPSHOT_H
#define PGVEIL_CTL_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct catalog;
struct pgclient;

#define FINGERPRINT_MAX 512

/* What a new connection is told before anything else. */
MUSTCHECK int snapshot_prepare(struct pgclient *c, struct err *e);
/* The database's fingerprint now. */
MUSTCHECK int snapshot_fingerprint(struct pgclient *c, char out[FINGERPRINT_MAX], struct err *e);
/* The whole catalogue with the fingerprint it belongs to. *as_of_ms: a time before it was looked at. Gives a
 * reference. */
MUSTCHECK int snapshot_load(struct pgclient *c, struct catalog **out, char fingerprint[FINGERPRINT_MAX],
	uint64_t *as_of_ms, struct err *e);

#endif
