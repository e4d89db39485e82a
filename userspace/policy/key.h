/* SPDX-License-Identifier: MIT */
/* key: the secret of a keyed mask, from a file. Never says what is in it. */
#ifndef PGVEIL_POLICY_KEY_H
#define PGVEIL_POLICY_KEY_H

#include "base/err.h"
#include "mask/mask.h"

/* The key is SHA-256 of the file's content without its final newline, whatever the content is (hexadecimal,
 * base64, raw). It must have 32 bytes and be closed to "others"; the message names only the file. */
MUSTCHECK int key_read(uint8_t key[static HMAC_KEY_LEN], const char *path, struct err *e);

#endif
