/* SPDX-License-Identifier: MIT */
/* splitter: cuts a stream of JSON objects, as the body of a watch is, into its objects, in whatever pieces it
 * comes. Follows RFC 8259's grammar from character to character (but for what is inside of strings, numbers
 * and words), so that the first thing that cannot be right is told when it comes, and not when as much as an
 * object may have has been waited for. */
#ifndef PGVEIL_KUBE_SPLITTER_H
#define PGVEIL_KUBE_SPLITTER_H

#include <stdbool.h>
#include "base/buf.h"

#define SPLITTER_DEPTH_MAX 256u

/* What may come next. */
enum splitter_state {
	SPLITTER_VALUE = 0,
	SPLITTER_FIRST_VALUE,
	SPLITTER_KEY,
	SPLITTER_FIRST_KEY,
	SPLITTER_COLON,
	SPLITTER_AFTER
};

struct splitter {
	char *bytes;
	size_t held, cap, max; /* max: bytes that one object may have */
	size_t begin, scanned; /* where the object under way begins, and what was looked at */
	unsigned depth;
	uint8_t is_array[SPLITTER_DEPTH_MAX / 8]; /* a bit for each level */
	enum splitter_state state;
	bool in_string, is_key, escaped, in_word, bad;
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
