/* SPDX-License-Identifier: MIT */
/* aes: AES-256, one block, with the key schedule computed once. What FF1 and tokens are made with; it is no
 * mode of operation and encrypts nothing by itself. Never allocates and cannot fail. */
#ifndef PGVEIL_MASK_AES_H
#define PGVEIL_MASK_AES_H

#include <stdbool.h>
#include <stdint.h>

#define AES_KEY_LEN   32
#define AES_BLOCK_LEN 16

/* As secret as the key. */
struct aes_key {
	uint32_t schedule[61];
};

/* Whether a key was made: an all-zero struct is none, and encrypts nothing. */
bool aes_key_ready(const struct aes_key *k);
void aes_key_init(struct aes_key *k, const uint8_t key[static AES_KEY_LEN]);
void aes_encrypt(const struct aes_key *k, uint8_t block[static AES_BLOCK_LEN]); /* in place; k is ready */

#endif
