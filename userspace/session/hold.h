/* SPDX-License-Identifier: MIT */
/* hold: what a session keeps of approvals: the message that waits for one, what runs by one, and what its
 * settings are worth. For the files of this folder only (session/hold.c). */
#ifndef PGVEIL_SESSION_HOLD_H
#define PGVEIL_SESSION_HOLD_H

#include "session/desk.h"
#include "session/names.h"

#define HOLD_RUNS_MAX     16   /* that one transaction has under way */
#define HOLD_SETTINGS_MAX 64   /* that a session sets */
#define HOLD_REASON_MAX   500  /* bytes */
#define HOLD_LOOK_MS      5000 /* whether what it was bound to has moved meanwhile */
#define HOLD_RUN_LOOK_MS  1000

struct hold_run { /* something that was sent, by an approval that may be taken back */
	uint64_t ticket;
	bool bound;              /* a portal: until its transaction is over; else a Query */
	uint8_t under[BOND_LEN]; /* bound: bond_under() then */
	bool cancelled;
};

struct hold_setting { /* keyed digests of a name and of what it was set to */
	uint8_t name[16], value[16];
};

struct hold {
	uint64_t ticket;   /* of the message that waits, or is about to be sent; 0: none */
	uint64_t id;       /* of its approval */
	uint64_t left_id;  /* of one that is refused just now; 0: none is */
	uint64_t asked_ns; /* when it began to wait */
	uint64_t fresh_ms; /* granted: when that was seen; definitions must be as of then */
	struct bond bond;
	bool cancelled;     /* the client wants it no more */
	struct lifts lifts; /* granted: of what is about to be sent */
	struct hold_run run[HOLD_RUNS_MAX];
	unsigned nruns;
	struct hold_setting setting[HOLD_SETTINGS_MAX]; /* in the order of their names */
	unsigned nsettings;
	bool doubtful; /* what the settings are is not known any more */
	char reason[HOLD_REASON_MAX + 1];
};

struct session;

struct hold *hold_of(struct session *s); /* NULL: no memory */

#endif
