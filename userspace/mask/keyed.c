/* SPDX-License-Identifier: MIT */
#include "mask/keyed.h"

#include <string.h>

/* FF1 has ten for a million values and more; a smallint has 32768, and few values give away more of each
 * round. */
#define ROUNDS 16

void mask_key_init(struct mask *m, const uint8_t key[static HMAC_KEY_LEN])
{
	uint8_t mac[HMAC_LEN];

	_Static_assert(HMAC_LEN == AES_KEY_LEN, "an AES-256 key");
	hmac_key_init(&m->key, key);
	keyed_mac(m, "aes", span_of("", 0), mac);
	aes_key_init(&m->aes, mac);
	mem_wipe(mac, sizeof(mac));
}

void keyed_mac(const struct mask *m, const char *use, struct span what, uint8_t mac[static HMAC_LEN])
{
	hmac_sha256(&m->key,
		(struct span[]){
			span_of(m->domain, strnlen(m->domain, sizeof(m->domain))),
			SPAN_LIT("\0"),
			span_of(use, strlen(use)),
			SPAN_LIT("\0"),
			what,
		},
		5, mac);
}

uint64_t keyed_be64(const uint8_t p[static 8])
{
	struct cur c = cur_of(span_of(p, 8));

	return cur_be64(&c);
}

static void put_be64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static uint64_t ones(unsigned bits)
{
	return (UINT64_C(1) << bits) - 1;
}

/* What a half is changed by; of one block, all of whose bytes have their place. */
static uint64_t round_of(const struct aes_key *k, uint8_t class, unsigned i, uint64_t n, uint64_t half)
{
	uint8_t block[AES_BLOCK_LEN];

	put_be64(block, n);
	put_be64(block + 8, half); /* of at most 32 bits */
	block[8] = class;
	block[9] = (uint8_t)i;
	aes_encrypt(k, block);
	return keyed_be64(block);
}

/* A Feistel network of the fewest bits that hold n, walked on from what is not below n: at most every second
 * number is so, and the walk comes back to where it began at the latest. */
uint64_t keyed_permute(const struct aes_key *k, uint8_t class, uint64_t n, uint64_t x)
{
	unsigned bits = 64 - (unsigned)__builtin_clzll(n - 1 ? n - 1 : 1), low = (bits + 1) / 2, i;
	uint64_t left, right;

	do {
		left = x >> low;
		right = x & ones(low);
		for (i = 0; i < ROUNDS; i += 2) {
			left ^= round_of(k, class, i, n, right) & ones(bits - low);
			right ^= round_of(k, class, i + 1, n, left) & ones(low);
		}
		x = left << low | right;
	} while (x >= n);
	return x;
}
