/* SPDX-License-Identifier: MIT */
/* cancel: one CancelRequest to a server, over a connection of its own. Nobody learns what became of it: the
 * protocol gives no answer. */
#ifndef PGVEIL_NET_CANCEL_H
#define PGVEIL_NET_CANCEL_H

#include "net/crew.h"
#include "net/listener.h"

/* Ends by itself, with the server's closing or after a few seconds; *busy is true until then. The caller
 * clears busy with cancel_forget when it goes first. */
void cancel_send(struct worker *w, struct listener *from, const struct database *d, const struct sockaddr *to,
	uint32_t pid, struct span key, struct cancel **busy);
void cancel_forget(struct cancel *c); /* NULL is fine */
void cancel_free_all(struct worker *w);

#endif
