/* SPDX-License-Identifier: MIT */
/* parcel: one message between two daemons, of which one takes the other's place: a small JSON object, and
 * descriptors that come with it. Nothing is ever cut off: what does not fit is an error. */
#ifndef PGVEIL_CTL_PARCEL_H
#define PGVEIL_CTL_PARCEL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"

#define PARCEL_BYTES    4096
#define PARCEL_FDS      8
#define PARCEL_BULK_MAX ((size_t)64 << 20)

struct parcel {
	json_t *says; /* {"is": what it is, …} */
	int fd[PARCEL_FDS];
	unsigned n;
};

/* On a connected SOCK_SEQPACKET; waits for room at most until the socket's timeout. Borrows fds, takes says.
 * -EMSGSIZE, -ENOMEM, or what sendmsg says. */
MUSTCHECK int parcel_send(int sock, json_t *says, const int *fds, unsigned n, struct err *e);
/* Waits until deadline_ms (CLOCK_MONOTONIC): -ETIMEDOUT; -ECONNRESET at the end; -EBADMSG: truncated, or not
 * such an object. */
MUSTCHECK int parcel_receive(int sock, uint64_t deadline_ms, struct parcel *out, struct err *e);
/* Closes what was not taken (set to -1). */
void parcel_fini(struct parcel *p);
bool parcel_is(const struct parcel *p, const char *what);

/* More than fits in one, as a file in memory: its descriptor, or a negative errno. */
MUSTCHECK int bulk_write(const json_t *doc, struct err *e);
MUSTCHECK int bulk_read(int fd, json_t **doc, struct err *e);

#endif
