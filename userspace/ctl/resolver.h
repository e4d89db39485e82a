/* SPDX-License-Identifier: MIT */
/* resolver: the addresses that the policy's host names have or ever had since the daemon began. Addresses are
 * only added: a connection to one that left the name must still be known for what it is. */
#ifndef PGVEIL_CTL_RESOLVER_H
#define PGVEIL_CTL_RESOLVER_H

#include <stdbool.h>
#include <sys/socket.h>
#include "base/err.h"
#include "policy/policy.h"

struct resolver;

MUSTCHECK int resolver_start(struct resolver **out, struct err *e);
void resolver_stop(struct resolver *r); /* NULL is fine */
/* The names of p are asked for at once and then again and again. -ENOMEM. */
MUSTCHECK int resolver_set_policy(struct resolver *r, const struct policy *p, struct err *e);
/* Waits until every name was asked for once, or timeout_ms passed. */
void resolver_wait(struct resolver *r, unsigned timeout_ms);
/* Whether entry i of p's databases covers an address; COVERS_UNKNOWN as long as its name was not asked for,
 * or cannot be, and no address that it had is this one. From any thread. */
enum coverage resolver_covers(
	struct resolver *r, const struct policy *p, unsigned i, const struct sockaddr *address);

#endif
