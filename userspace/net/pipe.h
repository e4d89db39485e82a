/* SPDX-License-Identifier: MIT */
/* pipe: bytes between two sockets that stay in the kernel. A worker has a bounded pool of them; what a pipe
 * holds is bounded too. Never looks at a byte. */
#ifndef PGVEIL_NET_PIPE_H
#define PGVEIL_NET_PIPE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include "base/attr.h"

#define PIPE_BYTES ((size_t)256 << 10) /* that one holds at most */
#define PIPES_MAX  64                  /* of a worker at a time: 16 MiB */
#define PIPES_IDLE 8                   /* that it keeps for the next */

struct pipe { /* all zero: none */
	bool open;
	int fd[2];
	size_t held; /* bytes that are in it */
};

struct pipes { /* of one thread; all zero: empty */
	struct pipe idle[PIPES_IDLE];
	unsigned nidle, used;
};

/* false: there is none to be had now. */
MUSTCHECK bool pipe_take(struct pipes *ps, struct pipe *p);
void pipe_give(struct pipes *ps, struct pipe *p); /* what it holds is lost; one that is not open is fine */
void pipes_fini(struct pipes *ps);

/* From a socket, at most n and only into an empty one: > 0, 0 at the end, -EAGAIN, another negative errno. */
ssize_t pipe_fill(struct pipe *p, int fd, size_t n);
/* Into a socket, at most what is held: > 0, -EAGAIN, another negative errno. */
ssize_t pipe_pour(struct pipe *p, int fd);

#endif
