/* SPDX-License-Identifier: MIT */
/* Addresses and keys of digital money: base58check (Bitcoin and its kin, a double SHA-256), bech32 and
 * bech32m (BIP 173, BIP 350), and 0x with 40 hexadecimal digits. */
#include "mask/finder.h"

#include <openssl/sha.h>

#define BASE58_MIN  26
#define BASE58_MAX  52
#define BASE58_SIZE 38 /* a private key: version, 32 bytes, compressed, 4 of the check */
#define BECH32_MAX  90

/* 1, 3: Bitcoin; L, M: Litecoin; D: Dogecoin; 5, K, L: private keys. */
static bool is_base58check(const uint8_t *c, size_t n)
{
	static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
	uint8_t bytes[BASE58_SIZE + 1] = {0}, hash[SHA256_DIGEST_LENGTH];
	size_t size = n >= 51 ? (c[0] == '5' ? 37 : 38) : 25;

	if (!is_one_of(c[0], "13LMD5K"))
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *digit = strchr(alphabet, c[i]);
		unsigned carry = digit ? (unsigned)(digit - alphabet) : 0;

		if (!digit)
			return false;
		for (size_t k = size; k-- > 0;) {
			carry += bytes[k] * 58u;
			bytes[k] = (uint8_t)carry;
			carry >>= 8;
		}
		if (carry)
			return false;
	}
	SHA256(bytes, size - 4, hash);
	SHA256(hash, sizeof(hash), hash);
	return memcmp(hash, bytes + size - 4, 4) == 0;
}

static uint32_t polymod(uint32_t check, unsigned value)
{
	static const uint32_t generator[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
	uint32_t top = check >> 25;

	check = (check & 0x1ffffff) << 5 ^ value;
	for (unsigned i = 0; i < 5; i++)
		if (top >> i & 1)
			check ^= generator[i];
	return check;
}

static bool is_bech32(const uint8_t *c, size_t n)
{
	static const char alphabet[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
	static const char *const prefixes[] = {"bc1", "tb1", "ltc1", "bcrt1"};
	uint32_t check = 1;
	size_t prefix = 0;

	for (size_t i = 0; i < ARRAY_LEN(prefixes) && !prefix; i++)
		if (n > strlen(prefixes[i]) &&
			strncasecmp((const char *)c, prefixes[i], strlen(prefixes[i])) == 0)
			prefix = strlen(prefixes[i]) - 1;
	if (!prefix || n < prefix + 8)
		return false;
	for (size_t i = 0; i < prefix; i++)
		check = polymod(check, (c[i] | 0x20u) >> 5);
	check = polymod(check, 0);
	for (size_t i = 0; i < prefix; i++)
		check = polymod(check, (c[i] | 0x20u) & 31);
	for (size_t i = prefix + 1; i < n; i++) {
		const char *digit = strchr(alphabet, is_letter(c[i]) ? c[i] | 0x20 : c[i]);

		if (!digit)
			return false;
		check = polymod(check, (unsigned)(digit - alphabet));
	}
	return check == 1 || check == 0x2bc830a3;
}

static bool is_ethereum(const uint8_t *c, size_t n)
{
	if (n != 42 || c[0] != '0' || (c[1] | 0x20) != 'x')
		return false;
	for (size_t i = 2; i < n; i++)
		if (!is_hex(c[i]))
			return false;
	return true;
}

void find_crypto(struct finder *f)
{
	if (f->number)
		return;
	for (size_t i = 0; i < f->n;) {
		size_t end = i, n;

		while (end < f->n && is_alnum(f->b[end]))
			end++;
		n = end - i;
		if (n >= BASE58_MIN && n <= BECH32_MAX &&
			((n <= BASE58_MAX && is_base58check(f->b + i, n)) || is_bech32(f->b + i, n) ||
				is_ethereum(f->b + i, n)))
			finder_add(f, DETECT_CRYPTO, i, end);
		i = end + 1;
	}
}
