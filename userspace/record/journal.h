/* SPDX-License-Identifier: MIT */
/* journal: writes the recording: one chain of segments in a directory that nobody else writes. Threads put
 * records, each with a quill of its own, and commit them before what they speak of may happen; what could not
 * be written is not in the chain, and whoever committed is told. Reads no clock. */
#ifndef PGVEIL_RECORD_JOURNAL_H
#define PGVEIL_RECORD_JOURNAL_H

#include "base/err.h"
#include "record/cipher.h"
#include "record/entry.h"
#include "record/seal.h"

struct journal;
struct quill; /* one thread's */

struct journal_config {
	const char *dir;      /* exists; strings are copied */
	const char *node;     /* whose recording it is */
	uint64_t segment_max; /* bytes after which the next file begins */
	const uint8_t *seal;  /* SEAL_PRIVATE bytes */
	const uint8_t *key;   /* CIPHER_KEY bytes; NULL: what is recorded is not enciphered */
};

struct record {
	enum record_kind kind; /* not SEGMENT, not SEAL */
	uint64_t session;
	uint64_t time_us;
	const struct span *parts; /* of the body, in this order */
	size_t n;
};

/* What was put, and is not written yet. */
struct ticket {
	uint64_t epoch, number;
};

/* What was found of an earlier run. */
struct journal_found {
	uint64_t torn; /* bytes at the end that were no whole entry: they stay, and are not counted */
	bool altered;  /* and not by being cut off: somebody changed them */
};

/* -EBUSY: somebody writes there; whatever the files say. The first segment is on disk when it returns. */
MUSTCHECK int journal_open(struct journal **out, const struct journal_config *cfg, uint64_t now_us,
	struct journal_found *found, struct err *e);
/* Seals what is there, and closes. NULL is fine. */
void journal_close(struct journal *j, uint64_t now_us);

MUSTCHECK int quill_new(struct quill **out, struct journal *j, struct err *e);
void quill_free(struct quill *q); /* NULL is fine; before its journal */

/* -EMSGSIZE: more than ENTRY_BODY_MAX; whatever writing failed with. */
MUSTCHECK int journal_put(struct quill *q, const struct record *r, struct ticket *t, struct err *e);
/* 0: it is with the kernel. Else it is lost, as is all that was put and not committed. */
MUSTCHECK int journal_commit(struct journal *j, struct ticket t, struct err *e);
/* 0: all that was committed before is on disk. */
MUSTCHECK int journal_sync(struct journal *j, struct err *e);
/* A seal behind all that is committed, and on disk. */
MUSTCHECK int journal_seal(struct journal *j, uint64_t now_us, struct err *e);

/* What is committed ends here, sealed and on disk, and goes on in the next file. */
MUSTCHECK int journal_turn(struct journal *j, uint64_t now_us, struct err *e);

struct journal_head {
	uint64_t records; /* in the chain, with those of the recording itself */
	uint8_t hash[ENTRY_HASH];
	uint64_t bytes;                  /* written by this run */
	uint64_t lost;                   /* records that could not be written */
	uint64_t pending, pending_bytes; /* put, and not written yet */
	uint64_t unsynced;               /* written, and not known to be on disk */
};
/* Of what is committed. */
void journal_head(struct journal *j, struct journal_head *out);

#endif
