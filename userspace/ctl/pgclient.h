/* SPDX-License-Identifier: MIT */
/* pgclient: a small blocking PostgreSQL client for the engine's own connections: simple queries, text
 * results, and a time limit on everything. */
#ifndef PGVEIL_CTL_PGCLIENT_H
#define PGVEIL_CTL_PGCLIENT_H

#include <sys/socket.h>
#include "base/buf.h"
#include "base/err.h"

struct pgclient;
struct tls_context;

struct pgclient_config { /* only read during pgclient_open */
	const char *user, *database, *application;
	const char *password;    /* NULL: none */
	bool allow_cleartext;    /* as login_config's */
	struct tls_context *tls; /* NULL: plaintext */
	const char *host;        /* what the certificate must name */
};

/* Connects a non-blocking socket. deadline_ms everywhere: of clock_ms. */
MUSTCHECK int pgclient_dial(int fd, const struct sockaddr *to, uint64_t deadline_ms, struct err *e);
/* TLS and login over a connected, non-blocking fd, which stays the caller's. */
MUSTCHECK int pgclient_open(struct pgclient **out, int fd, const struct pgclient_config *cfg,
	uint64_t deadline_ms, struct err *e);
void pgclient_close(struct pgclient *c); /* says goodbye if that needs no waiting; NULL is fine */
/* A row's cells borrow from the client's buffer; NULL cells have .p == NULL. */
typedef int (*pgclient_row)(void *arg, const struct span *cells, unsigned n, struct err *e);
/* Runs sql (simple protocol, perhaps several statements) and hands every row to row, which may be NULL. After
 * a failure that is not the server's ErrorResponse the connection is of no more use. */
MUSTCHECK int pgclient_query(struct pgclient *c, const char *sql, uint64_t deadline_ms, pgclient_row row,
	void *arg, struct err *e);

#endif
