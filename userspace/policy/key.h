/* SPDX-License-Identifier: MIT */
/* key: the secret of a keyed mask, from a file. Never says what is in it. */
#ifndef PGVEIL_POLICY_KEY_H
#define PGVEIL_POLICY_KEY_H

#include "base/err.h"
#include "mask/mask.h"

#define KEY_ID_MAX 32

/* A file is one key, which is SHA-256 of its content without its final newline, whatever the content is
 * (hexadecimal, base64, raw); or a list of keys, a line "ID: KEY" each, of which the first is in use unless
 * another one is asked for by its id (NULL: the first). KEY then stands for the content of a file of its own.
 * A key must have 32 bytes, and the file be closed to "others"; the message names only the file. */
MUSTCHECK int key_read(uint8_t key[static HMAC_KEY_LEN], const char *path, const char *id, struct err *e);
bool key_id_valid(const char *id);

#endif
