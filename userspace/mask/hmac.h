/* SPDX-License-Identifier: MIT */
/* hmac: HMAC-SHA-256 (RFC 2104) over a message in parts. Never allocates and cannot fail. */
#ifndef PGVEIL_MASK_HMAC_H
#define PGVEIL_MASK_HMAC_H

#include "base/buf.h"

#define HMAC_KEY_LEN 32
#define HMAC_LEN     32

/* The parts are taken as if they stood one behind the other. */
void hmac_sha256(const uint8_t key[HMAC_KEY_LEN], const struct span *parts, size_t n, uint8_t mac[HMAC_LEN]);

#endif
