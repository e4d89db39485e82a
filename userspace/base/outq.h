/* SPDX-License-Identifier: MIT */
/* outq: bytes on their way out, as a list of spans for writev. Untouched bytes are borrowed from the block
 * they came in; only what was written anew lives in the queue's own memory. Never does I/O. */
#ifndef PGVEIL_BASE_OUTQ_H
#define PGVEIL_BASE_OUTQ_H

#include <sys/uio.h>
#include "base/buf.h"

/* All zero is an empty queue. A failed append (no memory) sticks: the owner checks outq_failed once a step
 * and closes; nothing partial may be sent after it. */
struct outq_chunk;

#define OUTQ_FEW 4

struct outq {
	struct span *v;            /* NULL: few */
	struct span few[OUTQ_FEW]; /* most messages need no more */
	size_t n, cap;             /* spans in use from head on; allocated in v */
	size_t head;               /* first span not wholly written */
	size_t head_off;           /* bytes of it already written */
	size_t bytes;              /* still to be written */
	bool failed;
	struct outq_chunk *chunk; /* memory of outq_room, newest first */
};

void outq_fini(struct outq *q);
void outq_borrow(struct outq *q, struct span s); /* s stays valid until the queue is empty */
void outq_copy(struct outq *q, struct span s);
/* n bytes of the queue's memory, appended, for the caller to fill before the next call; NULL after a failure.
 */
uint8_t *outq_room(struct outq *q, size_t n);
void outq_take(struct outq *q, uint8_t *out); /* all bytes, to where there is room; it is empty then */
size_t outq_iov(const struct outq *q, struct iovec *iov, size_t max); /* how many were filled */
void outq_wrote(struct outq *q, size_t n); /* an empty queue gives its memory back */

static inline bool outq_empty(const struct outq *q)
{
	return q->bytes == 0;
}
static inline bool outq_failed(const struct outq *q)
{
	return q->failed;
}

#endif
