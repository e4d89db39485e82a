/* SPDX-License-Identifier: MIT */
/* unix_address: the name of a unix socket: a path, or an abstract name. As a sockaddr_un whose path ends in a
 * zero and whose abstract name (its first byte is zero) ends at the next one; names that cannot be written so
 * are left empty, and equal nothing. In text an abstract name begins with @. */
#ifndef PGVEIL_BASE_UNIX_ADDRESS_H
#define PGVEIL_BASE_UNIX_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "base/err.h"

/* A path of 108 bytes has no room for its zero in struct sockaddr_un: as the kernel, we have that room. */
#define UNIX_PATH_CAP 112 /* of a text */

/* From the n bytes that somebody connected to. A path that begins at the root and has no ".." is written in
 * the one way that means the same: without "." and empty components. Any other stays as it is. */
void unix_address_dialled(struct sockaddr_storage *out, const char *bytes, size_t n);
/* The socket of a PostgreSQL server of that port in a directory, or in an abstract one ("@name"): as libpq's
 * host and port. NULL, or what is wrong. */
const char *unix_address_of_server(struct sockaddr_storage *out, const char *directory, unsigned port);

/* Whether both have the same name. An empty one is no name. */
bool unix_address_same(const struct sockaddr *a, const struct sockaddr *b);
void unix_address_text(const struct sockaddr *a, char out[UNIX_PATH_CAP]);
/* Whether who listens at the other end of fd, a connected unix socket, has that uid. */
MUSTCHECK int unix_address_check_peer(int fd, uint32_t uid, struct err *e);
/* For connect(2) and bind(2), of AF_INET and AF_INET6 too. */
socklen_t address_length(const struct sockaddr *a);

#endif
