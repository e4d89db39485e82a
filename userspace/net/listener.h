/* SPDX-License-Identifier: MIT */
/* listener: the engine's door in one network namespace: accepts, asks the kernel who it is, hands over to a
 * worker. Whoever the kernel did not send is closed. */
#ifndef PGVEIL_NET_LISTENER_H
#define PGVEIL_NET_LISTENER_H

#include "net/crew.h"
#include "net/netns.h"

/* Counted by its uses, which keep it open, and by each connection that came through it: those dial from the
 * same namespace, so its fd stays for them when nobody listens any more. */
struct listener {
	struct listener *next;
	struct workers *all;
	struct netns ns;
	unsigned refs, uses; /* under listeners_lock; uses: workers_listen minus workers_unlisten, one
				reference in all */
	struct worker *worker;
	/* The worker's own. */
	bool paused; /* nobody is accepted for now */
	struct watch *watch4, *watch6, *watch_unix;
	struct alarm *resume; /* accepts again after running out of fds */
};

/* A reference to the listener of a namespace, also a closed one that sessions still hold; NULL: none. */
struct listener *listener_find(struct workers *ws, uint64_t netns_cookie);
struct listener *listener_ref(struct listener *l);
void listener_unref(struct listener *l);        /* NULL is fine */
void listeners_close(struct workers *ws);       /* all of them */
unsigned listeners_backlog(struct workers *ws); /* TCP connections that wait to be accepted */

/* Somebody who was let in, on the way to the worker that will serve it. */
struct visitor {
	int fd;
	struct listener *listener; /* a reference */
	struct caller who;
	struct flow_key flow;
	uint64_t socket_cookie;
	bool over_unix; /* its record is in unix_flows, by the cookie; flow is all zero */
};

/* A visitor that was let in and goes again: nothing of it stays with the kernel. */
void visitor_over(struct workers *ws, const struct visitor *v);

/* Closes so that the peer sees a reset, and not the end of a conversation that never began. */
void close_hard(int fd);

#endif
