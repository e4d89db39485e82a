/* SPDX-License-Identifier: MIT */
/* tls: the only door to OpenSSL's SSL: the client side of an upstream connection, and the server side of what
 * ctl answers to. Never decides whether TLS is used. */
#ifndef PGVEIL_NET_TLS_H
#define PGVEIL_NET_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include "base/err.h"

struct tls_context; /* one per (ca, certificate, mode); reloads its files when they change */
struct tls;         /* one connection, over an fd that the caller owns */

struct tls_config {
	bool verify_full;    /* else: encrypted; the chain is verified only where ca_file is given */
	const char *ca_file; /* NULL: the system's store */
	const char *cert_file, *key_file; /* NULL: no client certificate */
	bool server;                      /* its certificate then; of its clients none is asked */
};

MUSTCHECK int tls_context_new(struct tls_context **out, const struct tls_config *cfg, struct err *e);
void tls_context_free(struct tls_context *c);

/* host: what the certificate must name (a host name, or an address in text), and SNI for names. The server
 * has already answered 'S' to SSLRequest, and not one byte more may have been read. */
MUSTCHECK int tls_new(struct tls **out, struct tls_context *c, int fd, const char *host, struct err *e);
/* The other side, of a context for a server. */
MUSTCHECK int tls_accept(struct tls **out, struct tls_context *c, int fd, struct err *e);
void tls_free(struct tls *t);

/* All: > 0 bytes or done; 0 end of stream; -EAGAIN with *events (POLLIN/POLLOUT) to wait for; another
 * negative errno. */
MUSTCHECK int tls_handshake(struct tls *t, short *events, struct err *e);
MUSTCHECK ssize_t tls_read(struct tls *t, void *p, size_t n, short *events, struct err *e);
MUSTCHECK ssize_t tls_write(struct tls *t, const struct iovec *iov, int n, short *events, struct err *e);
void tls_shut(struct tls *t);          /* says that nothing more will be written; reading goes on */
bool tls_pending(const struct tls *t); /* decrypted bytes wait that poll does not show */

#endif
