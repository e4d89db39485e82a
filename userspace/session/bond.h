/* SPDX-License-Identifier: MIT */
/* bond: what one statement is, with all that its meaning hangs on, so that what a person approved and what is
 * about to run can be compared. Never decides anything. */
#ifndef PGVEIL_SESSION_BOND_H
#define PGVEIL_SESSION_BOND_H

#include "pgwire/message.h"
#include "pgwire/put.h"
#include "session/desk.h"
#include "session/pipeline.h"

struct session;
struct hmac_key;

#define HELD_TEXT_MAX      ((size_t)65536) /* of a statement, and of its parameters, that a person is to read */
#define HELD_RELATIONS_MAX 512

/* One message that makes the server run something. Borrowed. */
struct held {
	struct span text;                /* that is sent */
	const struct plan *const *plans; /* of it, and of what it runs by name */
	unsigned nplans;
	struct span named;           /* the text of what it runs by name; empty: nothing */
	struct span types;           /* that Parse gave its parameters; 4 bytes each */
	const struct msg_bind *bind; /* NULL: it has no parameters */
	const struct plan *asks;     /* the plan that a person must approve of */
	const struct demand *demand; /* why, where the plan itself does not say so; else NULL */
};

/* The relations that h reads, writes or may reach by inheritance and foreign keys; in s->scratch. -ENOSPC,
 * -ENOMEM. */
struct reached {
	const struct relation **v;
	unsigned n;
};
MUSTCHECK int bond_relations(struct session *s, const struct held *h, struct reached *out);
/* -ENOSPC: it reaches more relations than can be followed; -ENOMEM. */
MUSTCHECK int bond_of(struct session *s, const struct held *h, const struct reached *r, struct bond *out);

/* What a portal or cursor that was approved of still hangs on while it runs: the role, the path, and that
 * nothing was set since. All zero: no memory, and nothing is like it. */
void bond_under(struct session *s, uint8_t out[static BOND_LEN]);
bool bond_still_under(struct session *s, const uint8_t then[static BOND_LEN]);

#endif
