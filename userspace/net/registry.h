/* SPDX-License-Identifier: MIT */
/* registry: all living connections over all workers: how many, of whom, and which cancel key is whose. Under
 * a mutex; used when a connection comes, goes, or cancels. Never on the data path. */
#ifndef PGVEIL_NET_REGISTRY_H
#define PGVEIL_NET_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "policy/caller.h"

struct registry;
struct worker;
struct conn;

/* Part of a connection, which outlives its registration. */
struct registration {
	struct registration *next;
	struct conn *conn;
	struct worker *owner;
	const struct caller *who;
	uint32_t pid; /* towards the client; 0: not registered */
	uint8_t secret[4];
};

MUSTCHECK int registry_new(struct registry **out, unsigned max, unsigned max_per_cgroup, struct err *e);
void registry_free(struct registry *r);

/* Counts a connection in: -EMFILE too many in all, -EUSERS too many of that cgroup, -ENOMEM. */
MUSTCHECK int registry_admit(struct registry *r, uint64_t cgroup_id);
void registry_leave(struct registry *r, uint64_t cgroup_id);
unsigned registry_count(struct registry *r);

/* Gives conn a random key that no other has; conn, owner and who are set by the caller. */
MUSTCHECK int registry_add(struct registry *r, struct registration *reg, struct err *e);
/* Puts the server's pid in the place of the random one; the secret stays. Servers may share a pid. -EEXIST:
 * and even the secret, then nothing changed. */
MUSTCHECK int registry_set_pid(struct registry *r, struct registration *reg, uint32_t pid);
void registry_remove(struct registry *r, struct registration *reg);
/* The worker of the connection with that key, if it is of the same identity as who; else NULL. *key finds the
 * connection on the worker's thread. */
struct worker *registry_owner(
	struct registry *r, uint32_t pid, struct span secret, const struct caller *who, uint64_t *key);
/* On owner's thread: the connection with that key, if it still lives there. */
struct conn *registry_conn(struct registry *r, uint64_t key, const struct worker *owner);

#endif
