/* SPDX-License-Identifier: MIT */
/* cancel: one CancelRequest to a server, over a connection of its own. Nobody learns what became of it: the
 * protocol gives no answer. */
#ifndef PGVEIL_NET_CANCEL_H
#define PGVEIL_NET_CANCEL_H

#include "net/crew.h"
#include "net/listener.h"

/* Ends by itself, with the server's closing, which is when it has been carried out, or after a few seconds:
 * then over is called, unless the caller goes first, with cancel_forget. NULL: it could not even begin. */
MUSTCHECK struct cancel *cancel_send(struct worker *w, struct listener *from, const struct database *d,
	const struct sockaddr *to, uint32_t pid, struct span key, void (*over)(void *arg), void *arg);
/* Whoever has that key, if it is of the same identity as who, is asked to cancel; with ask_others perhaps a
 * session of the daemon before this one. From any thread. */
void cancel_by_key(
	struct workers *ws, uint32_t pid, struct span secret, const struct caller *who, bool ask_others);
void cancel_forget(struct cancel *c); /* NULL is fine */
void cancel_free_all(struct worker *w);

#endif
