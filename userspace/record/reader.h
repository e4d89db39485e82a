/* SPDX-License-Identifier: MIT */
/* reader: a recording from its first record to its last, each proved to stand where it was written. There is
 * no way to read one that is not looked at so: replay and verify are the same walk. */
#ifndef PGVEIL_RECORD_READER_H
#define PGVEIL_RECORD_READER_H

#include "base/err.h"
#include "record/cipher.h"
#include "record/entry.h"
#include "record/seal.h"

/* What is wrong with a recording. X(name, word, what it means) */
#define READER_FAULTS(X)                                                                                     \
	X(NONE, "none", "nothing is wrong")                                                                  \
	X(ALTERED, "altered", "is not what was written, or not behind what it was behind")                   \
	X(ORDER, "order", "records are missing before it, or in another order")                              \
	X(SEGMENT, "segment", "its file does not go on where the one before ends")                           \
	X(CUT, "cut", "the file before it was cut off")                                                      \
	X(SEAL, "seal", "the signature is wrong")                                                            \
	X(SIGNER, "signer", "the signature is somebody else's")                                              \
	X(KEY, "key", "cannot be deciphered with that key")                                                  \
	X(BODY, "body", "is no record inside")                                                               \
	X(RUN, "run", "a run is missing, or not the one that a later run saw")                               \
	X(HEAD, "head", "the chain was longer than it is")
#define X(name, word, text) FAULT_##name,
enum reader_fault { READER_FAULTS(X) READER_FAULT_MAX };
#undef X
const char *reader_fault_name(enum reader_fault f);
const char *reader_fault_text(enum reader_fault f);

struct reader;

struct reader_config {
	const char *dir;
	const uint8_t *key;    /* CIPHER_KEY bytes; NULL: bodies that are enciphered are not opened */
	const uint8_t *signer; /* SEAL_PUBLIC bytes; NULL: whoever made the first seal */
	bool bodies;           /* false: they are hashed and not opened */
	uint32_t kinds;        /* bit k: bodies of this enum record_kind; 0: of all */
	uint64_t session;      /* bodies of this one only; 0: of all */
	uint64_t from; /* record: begins with the file that it stands in; what is before was looked at before
			*/
};

struct read_record {
	struct entry entry;
	struct span body; /* until the next call; empty where it was not opened */
	bool opened;
	const uint8_t *hash; /* ENTRY_HASH bytes, of the chain behind it */
};

/* What is known at the end, or where it stopped. */
struct reader_report {
	enum reader_fault fault;
	uint64_t number;  /* of the first record that is not right; where there is none: of the next */
	uint64_t segment; /* the file that it stands in, or should */
	uint64_t first;   /* record: what was before it was removed, as retention does, if it is not 0 */
	uint64_t oldest;  /* record that the first file begins with, wherever it was begun */
	uint64_t records, segments, seals;
	uint64_t sealed; /* records before the last seal; behind it nothing is signed */
	uint64_t torn; /* bytes at the end that are no whole record: of a writer that was killed, or writes */
	uint8_t hash[ENTRY_HASH];
	uint8_t signer[SEAL_PUBLIC];
};

MUSTCHECK int reader_open(struct reader **out, const struct reader_config *cfg, struct err *e);
void reader_close(struct reader *r); /* NULL is fine */
/* 1: *out is the next; 0: there is none; -EBADMSG: a fault, see the report; else it cannot be read. */
MUSTCHECK int reader_next(struct reader *r, struct read_record *out, struct err *e);
/* Behind a 0: what was written since comes next, and its bodies are opened wherever reading began. */
MUSTCHECK int reader_follow(struct reader *r, struct err *e);
const struct reader_report *reader_report(const struct reader *r);

#endif
