/* SPDX-License-Identifier: MIT */
/* hmac: HMAC-SHA-256 (RFC 2104) over a message in parts, with what depends on the key alone computed once.
 * Never allocates and cannot fail. */
#ifndef PGVEIL_MASK_HMAC_H
#define PGVEIL_MASK_HMAC_H

#include "base/buf.h"

#define HMAC_KEY_LEN 32
#define HMAC_LEN     32

/* SHA-256 after the key's inner and its outer block. As secret as the key. */
struct hmac_key {
	uint32_t inner[8], outer[8];
};

void hmac_key_init(struct hmac_key *k, const uint8_t key[static HMAC_KEY_LEN]);
/* The parts are taken as if they stood one behind the other. */
void hmac_sha256(const struct hmac_key *k, const struct span *parts, size_t n, uint8_t mac[static HMAC_LEN]);

#endif
