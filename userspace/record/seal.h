/* SPDX-License-Identifier: MIT */
/* seal: a signature over the chain so far (Ed25519, RFC 8032). Who has the public key and a seal knows that
 * nothing before it was changed since by anybody without the private key. */
#ifndef PGVEIL_RECORD_SEAL_H
#define PGVEIL_RECORD_SEAL_H

#include "base/err.h"
#include "record/entry.h"

#define SEAL_PRIVATE   32
#define SEAL_PUBLIC    32
#define SEAL_SIGNATURE 64
#define SEAL_BODY      (SEAL_PUBLIC + SEAL_SIGNATURE) /* of a record of kind SEAL */

struct seal_key; /* one thread's */

/* A new private key, from the system's randomness. */
MUSTCHECK int seal_generate(uint8_t out[static SEAL_PRIVATE], struct err *e);
MUSTCHECK int seal_key_new(
	struct seal_key **out, const uint8_t private_key[static SEAL_PRIVATE], struct err *e);
void seal_key_free(struct seal_key *k);
const uint8_t *seal_key_public(const struct seal_key *k); /* SEAL_PUBLIC bytes */

/* The body of the seal that stands as record number behind chain. */
MUSTCHECK int seal_put(const struct seal_key *k, uint64_t number, uint64_t time_us,
	const uint8_t chain[static ENTRY_HASH], uint8_t body[static SEAL_BODY], struct err *e);
/* Whether it is: by which key, it says itself. -EBADMSG: it is not; -EIO: OpenSSL cannot. */
MUSTCHECK int seal_check(uint64_t number, uint64_t time_us, const uint8_t chain[static ENTRY_HASH],
	struct span body, const uint8_t **by, struct err *e);

#endif
