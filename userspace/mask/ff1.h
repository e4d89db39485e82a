/* SPDX-License-Identifier: MIT */
/* ff1: FF1 of NIST SP 800-38G with AES-256: a permutation of the strings of n digits of a radix, another one
 * for each tweak. Encrypts only: who may undo it has the key, and no need of this program. */
#ifndef PGVEIL_MASK_FF1_H
#define PGVEIL_MASK_FF1_H

#include <stddef.h>

#include "base/buf.h"
#include "mask/aes.h"

#define FF1_RADIX_MAX  65536
#define FF1_DIGITS_MAX 512
/* SP 800-38G Rev. 1 wants that many strings at least. */
#define FF1_DOMAIN_MIN 1000000

/* Whether n digits may be encrypted: neither too few nor too many. */
bool ff1_fits(unsigned radix, size_t n);
/* In place. false, and the digits are as they were: ff1_fits is false, or a digit is not below radix. */
MUSTCHECK bool ff1_encrypt(
	const struct aes_key *k, unsigned radix, struct span tweak, uint16_t *digits, size_t n);

#endif
