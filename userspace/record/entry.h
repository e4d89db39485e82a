/* SPDX-License-Identifier: MIT */
/* entry: one record as it stands in a segment of the recording, and the chain that holds it in its place.
 *
 *   length  kind  flags  0 0  raw  number  session  time_us  check   body … length bytes   hash
 *   4       1     1      2    4    8       8        8        4                             32
 *
 * check is the CRC-32 of what stands before it: it tells an entry whose end was never written from one whose
 * length was altered. hash = SHA-256(hash of the entry before || header || SHA-256(body)), so that what an
 * entry holds can be hashed before its place is known, and a chain can be followed without the key. Numbers
 * are big endian. Does no I/O. */
#ifndef PGVEIL_RECORD_ENTRY_H
#define PGVEIL_RECORD_ENTRY_H

#include "base/buf.h"

#define ENTRY_HASH     32
#define ENTRY_HEAD     40
#define ENTRY_BODY_MAX ((size_t)4 << 20) /* what is longer is more than one record */
/* What packing and sealing may add. */
#define ENTRY_STORED_MAX (ENTRY_BODY_MAX + 4096)

/* The first two and RUN are about the recording itself; what the body of the others holds is not looked at
 * here. X(name, number, word) */
#define RECORD_KINDS(X)                                                                                      \
	X(SEGMENT, 1, "segment")     /* begins a file: what comes before it */                               \
	X(SEAL, 2, "seal")           /* a signature over the chain so far */                                 \
	X(BEGIN, 3, "begin")         /* a session */                                                         \
	X(STATEMENT, 4, "statement") /* before the server gets it */                                         \
	X(RESULT, 5, "result")       /* bytes, before the client gets them */                                \
	X(DONE, 6, "done")           /* a statement */                                                       \
	X(EVENT, 7, "event")                                                                                 \
	X(END, 8, "end") /* of a session */                                                                  \
	X(RUN, 9, "run") /* first of a run: the runs before it; never enciphered */
#define X(name, number, word) RECORD_##name = (number),
enum record_kind { RECORD_KINDS(X) };
#undef X
/* NULL: there is no such kind. */
const char *record_kind_name(unsigned kind);

#define ENTRY_ZSTD 0x01u /* the body is packed */
#define ENTRY_AES  0x02u /* and enciphered: nonce, ciphertext, tag */

struct entry {
	uint32_t length; /* of the body as it is stored */
	uint8_t kind;    /* enum record_kind */
	uint8_t flags;
	uint32_t raw;    /* of the body as it was given */
	uint64_t number; /* in the chain, from 0 */
	uint64_t session;
	uint64_t time_us; /* since 1970, UTC */
};

/* What of it is known before its place is, and its length: kind, flags, raw, session, time_us. */
#define ENTRY_ABOUT 22
void entry_about(const struct entry *f, uint8_t about[static ENTRY_ABOUT]);
void entry_put(const struct entry *f, uint8_t head[static ENTRY_HEAD]);
/* WIRE_BAD: no entry of ours begins like that. */
MUSTCHECK enum wire entry_get(struct entry *f, const uint8_t head[static ENTRY_HEAD]);
void entry_digest(struct span body, uint8_t digest[static ENTRY_HASH]);
/* In place: chain is the hash before, then this one's. */
void entry_chain(uint8_t chain[static ENTRY_HASH], const uint8_t head[static ENTRY_HEAD],
	const uint8_t digest[static ENTRY_HASH]);

#endif
