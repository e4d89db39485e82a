/* SPDX-License-Identifier: MIT */
/* cipher: AES-256-GCM over the body of one record (NIST SP 800-38D), under a key of its own for each run of
 * the daemon: HKDF-SHA-256 (RFC 5869) of the operator's key and a salt that stands in the segment, so that no
 * nonce is used twice. Knows no file. */
#ifndef PGVEIL_RECORD_CIPHER_H
#define PGVEIL_RECORD_CIPHER_H

#include "base/buf.h"
#include "base/err.h"

#define CIPHER_KEY   32
#define CIPHER_SALT  16
#define CIPHER_NONCE 12
#define CIPHER_TAG   16
#define CIPHER_MORE  (CIPHER_NONCE + CIPHER_TAG) /* what a body grows by */

struct cipher; /* one thread's */

/* -EIO: OpenSSL cannot; -ENOMEM. */
MUSTCHECK int cipher_new(struct cipher **out, const uint8_t key[static CIPHER_KEY],
	const uint8_t salt[static CIPHER_SALT], struct err *e);
void cipher_free(struct cipher *c); /* NULL is fine; wipes the key */

/* out: in.n + CIPHER_MORE bytes. No two records of one run may have the same counter. about: what goes with
 * it in the clear, and may not be another then. */
MUSTCHECK int cipher_seal(
	struct cipher *c, uint64_t counter, struct span about, struct span in, uint8_t *out, struct err *e);
/* out: in.n - CIPHER_MORE bytes. -EBADMSG: it is another key's, or was altered; nothing of out may be used.
 */
MUSTCHECK int cipher_open(struct cipher *c, struct span about, struct span in, uint8_t *out, struct err *e);

#endif
