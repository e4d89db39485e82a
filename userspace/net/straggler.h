/* SPDX-License-Identifier: MIT */
/* straggler: the server's end of a connection whose session is over, kept until the server has closed it.
 * What was sent may yet run there, also where nobody waits for the answer: until it cannot any more, what the
 * session holds (session/pass.c) is not given back. The server is asked to cancel, and sees that nothing more
 * comes. */
#ifndef PGVEIL_NET_STRAGGLER_H
#define PGVEIL_NET_STRAGGLER_H

#include "net/crew.h"
#include "net/leg.h"

struct straggler { /* zeroed, and in place until done was called */
	struct straggler *next, **link;
	struct worker *worker;
	struct leg *leg;
	struct session *session;
	struct listener *listener;
	const struct sockaddr *to;
	struct cancel *cancel;
	struct alarm *alarm;
	void (*done)(void *arg); /* the leg is closed */
	void *arg;
};

/* leg is shut for writing and not watched; all that is given outlives the straggler. */
void straggler_start(struct worker *w, struct straggler *l);
void straggler_end_all(struct worker *w); /* the worker stops: whatever the servers do */

#endif
