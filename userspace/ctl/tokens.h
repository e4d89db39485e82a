/* SPDX-License-Identifier: MIT */
/* tokens: who may speak to the API, by a secret that only its owner has. The file holds of each its name and
 * the SHA-256 of the secret, which is random and 256 bits long, so that nothing can be made of it:
 *
 *   # name: sha256 [uid=NUMBER] [until=YYYY-MM-DD]
 *   ann-slack: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 uid=1001 until=2027-01-31
 *
 * It is read again when it changes, and lets nobody in while it cannot be read or is not like that. */
#ifndef PGVEIL_CTL_TOKENS_H
#define PGVEIL_CTL_TOKENS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"

#define TOKENS_MAX     256
#define TOKEN_NAME_MAX 64

struct token {
	char name[TOKEN_NAME_MAX + 1];
	uint8_t hash[32];
	uid_t uid;     /* whose it is; -1: it is not said */
	int64_t until; /* seconds of the epoch; INT64_MAX: for ever */
};

struct tokens;

/* A file that is not right is an error here, and later on a word in the log. */
MUSTCHECK int tokens_open(struct tokens **out, const char *path, struct err *e);
/* Whose the secret is, as of the file as it is now; valid until the next call. NULL: nobody's. Takes as long
 * whatever it is. */
const struct token *tokens_find(struct tokens *t, const char *secret, int64_t now);
void tokens_close(struct tokens *t); /* NULL is fine */

#endif
