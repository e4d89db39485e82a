/* SPDX-License-Identifier: MIT */
/* server: HTTPS for an API server that asks (admission/judge.h): one request a connection, all of them
 * bounded in number, bytes and time. Whoever reaches it may ask: what it says is no secret, and what it does
 * not say is a no. */
#ifndef PGVEIL_ADMISSION_SERVER_H
#define PGVEIL_ADMISSION_SERVER_H

#include <jansson.h>
#include "base/err.h"

struct event_base;
struct server;

struct server_page { /* a path that is asked by POST */
	const char *path;
	/* The answer to a document; NULL: it cannot be answered. */
	json_t *(*answer)(void *arg, const json_t *asked);
	void *arg;
};

struct server_config {                    /* outlives it */
	const char *listen;               /* ADDR:PORT */
	const char *cert_file, *key_file; /* read anew when they are others */
	const struct server_page *pages;
	unsigned npages;
};

MUSTCHECK int server_open(
	struct server **out, struct event_base *base, const struct server_config *cfg, struct err *e);
void server_close(struct server *s); /* NULL is fine */

#endif
