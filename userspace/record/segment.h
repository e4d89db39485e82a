/* SPDX-License-Identifier: MIT */
/* segment: one file of the recording: entries one behind the other, the first of which says what comes
 * before. Its name is the number of that entry, so that names sort as the chain goes. */
#ifndef PGVEIL_RECORD_SEGMENT_H
#define PGVEIL_RECORD_SEGMENT_H

#include "base/err.h"
#include "record/cipher.h"
#include "record/entry.h"

#define SEGMENT_SUFFIX ".pgveil"
#define SEGMENT_NAME   (16 + sizeof(SEGMENT_SUFFIX)) /* with its NUL */
#define SEGMENT_NODE   64
#define SEGMENT_FORMAT 1

/* The body of its first entry, which is neither packed nor enciphered:
 *   format 4, previous 32, torn 8, salt 16, node (the rest, at most SEGMENT_NODE bytes) */
struct segment {
	uint8_t previous[ENTRY_HASH]; /* of the entry before; all zero: there is none */
	uint64_t torn;                /* bytes at the end of the file before that are no whole entry */
	uint8_t salt[CIPHER_SALT];    /* of this run's key */
	struct span node;             /* whose recording it is; borrowed */
};
#define SEGMENT_BODY_MAX (4 + ENTRY_HASH + 8 + CIPHER_SALT + SEGMENT_NODE)

size_t segment_put(const struct segment *s, uint8_t body[static SEGMENT_BODY_MAX]); /* its length */
MUSTCHECK enum wire segment_get(struct segment *s, struct span body);
void segment_name(uint64_t number, char name[static SEGMENT_NAME]);
/* Reads it: by its name, or as a store has it, with the file's SHA-256 in its name behind the number
 * (NUMBER-HASH.pgveil). A descriptor, or a negative errno. */
MUSTCHECK int segment_open(int dir_fd, uint64_t number);

/* The numbers of the segments of a directory, ascending; the caller frees *out. */
MUSTCHECK int segment_list(int dir_fd, uint64_t **out, size_t *n, struct err *e);

#endif
