/* SPDX-License-Identifier: MIT */
/* reception: a small HTTPS server for people: one request a connection, all of it bounded in bytes and in
 * time, and so many connections of one address, begun no faster than so, that it shuts nobody else out. Never
 * knows what is asked for. */
#ifndef PGVEIL_CTL_RECEPTION_H
#define PGVEIL_CTL_RECEPTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

struct event_base;
struct tls_context;
struct reception;

struct reception_request { /* all borrowed, for the time of the call */
	bool get;          /* else POST */
	const char *path, *query;
	const char *bearer; /* of Authorization; NULL: none */
	const char *body;
	size_t body_len;
	int fd;             /* of the peer */
	const uint8_t *key; /* who he is, for PACE_KEY bytes (ctl/pace.h) */
};

struct reception_answer {
	int code;
	json_t *body; /* taken; NULL: no memory */
};

struct reception_config {
	struct event_base *base;
	int fd;                  /* that listens; is closed with it */
	struct tls_context *tls; /* of a server (net/tls.h) */
	unsigned places, each;   /* connections in all, and of one peer */
	bool paced;              /* … and no more than some a second begin */
	void (*serve)(void *arg, const struct reception_request *r, struct reception_answer *out);
	void *arg;
};

/* A failure leaves fd to the caller. */
MUSTCHECK int reception_open(struct reception **out, const struct reception_config *cfg, struct err *e);
void reception_close(struct reception *r); /* NULL is fine */

#endif
