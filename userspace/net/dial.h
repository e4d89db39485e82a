/* SPDX-License-Identifier: MIT */
/* dial: from an application's network namespace to a database server, up to and including TLS, without
 * blocking the loop. Never logs in. */
#ifndef PGVEIL_NET_DIAL_H
#define PGVEIL_NET_DIAL_H

#include <sys/socket.h>
#include "net/loop.h"
#include "net/netns.h"
#include "net/tls.h"
#include "session/session.h"

struct dial;
struct tls_pool;

/* The TLS contexts of all database entries seen so far, shared by the workers. */
MUSTCHECK int tls_pool_new(struct tls_pool **out, struct err *e);
void tls_pool_free(struct tls_pool *p);

struct dial_config { /* everything in it outlives the dial */
	struct netns_thread *thread;
	const struct netns *from;
	struct tls_pool *tls;
	uint64_t timeout_ms;
};

/* to is a sockaddr_storage. done is called once, from the loop: with a connected fd (and its TLS, where the
 * entry asks for it), both the callee's from then on; or with fd -1 and the reason. d is only read during the
 * call. */
MUSTCHECK int dial_start(struct dial **out, struct loop *loop, const struct dial_config *cfg,
	const struct database *d, const struct sockaddr *to,
	void (*done)(void *arg, int fd, struct tls *tls, const struct err *why), void *arg, struct err *e);
void dial_cancel(struct dial *d); /* done is not called; NULL is fine */

#endif
