/* SPDX-License-Identifier: MIT */
/* splitter: cuts a stream of JSON objects, as the body of a watch is, into its objects, in whatever pieces it
 * comes. Of JSON it knows braces and strings only: whether an object is one says who parses it. */
#ifndef PGVEIL_KUBE_SPLITTER_H
#define PGVEIL_KUBE_SPLITTER_H

#include <stdbool.h>
#include "base/buf.h"

struct splitter {
	char *bytes;
	size_t held, cap, max; /* max: bytes that one object may have */
	size_t begin, scanned; /* where the object under way begins, and what was looked at */
	unsigned depth;
	bool in_string, escaped, bad;
};

void splitter_init(struct splitter *s, size_t max);
void splitter_fini(struct splitter *s); /* empty afterwards, for another stream */
/* Copies. What splitter_next gave is not valid any more. -EMSGSIZE: the object under way is too long;
 * -ENOMEM.
 */
MUSTCHECK int splitter_put(struct splitter *s, const void *bytes, size_t n);
/* WIRE_OK: the next object. WIRE_MORE: it is not all there. WIRE_BAD: something else than an object stands
 * there, and nothing behind it can be told. */
MUSTCHECK enum wire splitter_next(struct splitter *s, struct span *object);
/* Whether the stream may end here: no object is under way. */
bool splitter_between(const struct splitter *s);

#endif
