/* SPDX-License-Identifier: MIT */
#include "mask/aes.h"

/* For the reason that stands in hmac.c: a key is used by many threads at once, for each cell some twenty
 * times, and EVP would want a context of its own each time, which it allocates. */
#define OPENSSL_API_COMPAT 0x10101000L
#include <openssl/aes.h>

_Static_assert(sizeof(AES_KEY) == sizeof(struct aes_key), "60 words of schedule, and the number of rounds");
_Static_assert(_Alignof(AES_KEY) == _Alignof(struct aes_key), "words");

void aes_key_init(struct aes_key *k, const uint8_t key[static AES_KEY_LEN])
{
	AES_set_encrypt_key(key, AES_KEY_LEN * 8, (AES_KEY *)k);
}

void aes_encrypt(const struct aes_key *k, uint8_t block[static AES_BLOCK_LEN])
{
	AES_encrypt(block, block, (const AES_KEY *)k);
}

bool aes_key_ready(const struct aes_key *k)
{
	return ((const AES_KEY *)k)->rounds != 0;
}
