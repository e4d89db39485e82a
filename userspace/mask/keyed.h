/* SPDX-License-Identifier: MIT */
/* keyed: what the masks have in common that put something else in a value's place by a key: a MAC of the
 * value for each use, a value of the type out of a MAC, and a permutation of numbers. */
#ifndef PGVEIL_MASK_KEYED_H
#define PGVEIL_MASK_KEYED_H

#include "mask/mask.h"

/* Of what, for one use of m's key in m's domain; no use may be the beginning of another up to a NUL. */
void keyed_mac(const struct mask *m, const char *use, struct span what, uint8_t mac[static HMAC_LEN]);
uint64_t keyed_be64(const uint8_t p[static 8]);
/* A hash of the cell that is a value of its type, never the value itself. use stands before the class of the
 * type in the MAC's use. */
struct span keyed_hash(const struct mask *m, const char *use, const struct value_shape *s, struct span cell,
	struct arena *a);
/* A number below n for each one below n, and no number twice: x < n. class: numbers of one class are
 * permuted alike where n is the same. */
uint64_t keyed_permute(const struct aes_key *k, uint8_t class, uint64_t n, uint64_t x);

#endif
