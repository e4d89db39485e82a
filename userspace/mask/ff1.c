/* SPDX-License-Identifier: MIT */
/* Names and steps are those of SP 800-38G, algorithm 7. Its numbers have up to 4096 bits here; they are kept
 * as digits, and are bytes only where AES takes and gives them. */
#include "mask/ff1.h"

#include <string.h>

#define ROUNDS     10
#define HALF_MAX   ((FF1_DIGITS_MAX + 1) / 2)
#define BYTES_MAX  ((size_t)HALF_MAX * 2) /* of radix^v, which is b */
#define STREAM_MAX (BYTES_MAX + 4 + AES_BLOCK_LEN)
#define LIMBS_MAX  (STREAM_MAX / 4)

/* As many digits at a time as a word holds. */
struct radix {
	unsigned base, digits;
	uint32_t power; /* base^digits */
};

/* Words of a number, the lowest first. */
struct number {
	uint32_t v[LIMBS_MAX];
	size_t n;
};

struct cbc_mac {
	const struct aes_key *k;
	uint8_t state[AES_BLOCK_LEN];
	size_t filled;
};

static struct radix radix_of(unsigned base)
{
	struct radix r = {base, 1, base};

	while ((uint64_t)r.power * base <= UINT32_MAX) {
		r.power *= base;
		r.digits++;
	}
	return r;
}

static void multiply_add(struct number *x, uint32_t by, uint32_t add)
{
	uint64_t carry = add;

	for (size_t i = 0; i < x->n; i++) {
		carry += (uint64_t)x->v[i] * by;
		x->v[i] = (uint32_t)carry;
		carry >>= 32;
	}
	if (carry)
		x->v[x->n++] = (uint32_t)carry;
}

/* The remainder. */
static uint32_t divide(struct number *x, uint32_t by)
{
	uint64_t rest = 0;

	for (size_t i = x->n; i-- > 0;) {
		rest = rest << 32 | x->v[i];
		x->v[i] = (uint32_t)(rest / by);
		rest %= by;
	}
	while (x->n && !x->v[x->n - 1])
		x->n--;
	return (uint32_t)rest;
}

/* NUM_radix. */
static void number_of(const struct radix *r, const uint16_t *digits, size_t n, struct number *out)
{
	size_t i = 0;

	out->n = 0;
	while (i < n) {
		uint32_t chunk = 0, power = 1;

		do {
			chunk = chunk * r->base + digits[i++];
			power *= r->base;
		} while ((n - i) % r->digits);
		multiply_add(out, power, chunk);
	}
}

/* The last n bytes, big-endian. */
static void number_bytes(const struct number *x, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[n - 1 - i] = i / 4 < x->n ? (uint8_t)(x->v[i / 4] >> i % 4 * 8) : 0;
}

static void bytes_number(const uint8_t *bytes, size_t n, struct number *out)
{
	out->n = n / 4; /* d is a multiple of four */
	for (size_t i = 0; i < out->n; i++) {
		const uint8_t *p = bytes + n - 4 * (i + 1);

		out->v[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
	}
	while (out->n && !out->v[out->n - 1])
		out->n--;
}

/* b = ceil(ceil(v * log2(radix)) / 8): the bytes of the largest number of v digits. */
static size_t bytes_of(const struct radix *r, size_t v)
{
	uint16_t most[HALF_MAX];
	struct number x;

	for (size_t i = 0; i < v; i++)
		most[i] = (uint16_t)(r->base - 1);
	number_of(r, most, v, &x);
	return x.n * 4 - (size_t)__builtin_clz(x.v[x.n - 1]) / 8;
}

/* a = (a + y) mod radix^m, where a is of m digits. */
static void add_digits(const struct radix *r, uint16_t *a, size_t m, struct number *y)
{
	uint32_t chunk = 0, carry = 0;
	size_t done = 0;

	while (m-- > 0) {
		if (done++ % r->digits == 0)
			chunk = divide(y, r->power);
		carry += a[m] + chunk % r->base;
		chunk /= r->base;
		a[m] = (uint16_t)(carry % r->base);
		carry /= r->base;
	}
}

static void mac_feed(struct cbc_mac *c, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		c->state[c->filled++] ^= p ? p[i] : 0;
		if (c->filled == AES_BLOCK_LEN) {
			aes_encrypt(c->k, c->state);
			c->filled = 0;
		}
	}
}

/* P and what of Q is the same in each round: the tweak and its padding. */
static struct cbc_mac mac_start(
	const struct aes_key *k, unsigned radix, struct span tweak, size_t n, size_t b)
{
	const uint8_t p[AES_BLOCK_LEN] = {1, 2, 1, (uint8_t)(radix >> 16), (uint8_t)(radix >> 8),
		(uint8_t)radix, ROUNDS, (uint8_t)(n / 2), (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		(uint8_t)(n >> 8), (uint8_t)n, (uint8_t)(tweak.n >> 24), (uint8_t)(tweak.n >> 16),
		(uint8_t)(tweak.n >> 8), (uint8_t)tweak.n};
	struct cbc_mac c = {.k = k};

	mac_feed(&c, p, sizeof(p));
	mac_feed(&c, tweak.p, tweak.n);
	mac_feed(&c, NULL, (AES_BLOCK_LEN - (tweak.n + b + 1) % AES_BLOCK_LEN) % AES_BLOCK_LEN);
	return c;
}

/* y, of d bytes. */
static void stream(struct cbc_mac c, uint8_t i, const struct number *half, size_t b, struct number *y)
{
	uint8_t bytes[STREAM_MAX];
	size_t d = (b + 3) / 4 * 4 + 4, done;

	number_bytes(half, bytes, b);
	mac_feed(&c, &i, 1);
	mac_feed(&c, bytes, b);
	memcpy(bytes, c.state, AES_BLOCK_LEN);
	for (done = AES_BLOCK_LEN; done < d; done += AES_BLOCK_LEN) {
		uint8_t *block = memcpy(bytes + done, c.state, AES_BLOCK_LEN);
		size_t j = done / AES_BLOCK_LEN;

		block[AES_BLOCK_LEN - 1] ^= (uint8_t)j;
		aes_encrypt(c.k, block);
	}
	bytes_number(bytes, d, y);
}

bool ff1_fits(unsigned radix, size_t n)
{
	uint64_t domain = 1;

	if (radix < 2 || radix > FF1_RADIX_MAX || n < 2 || n > FF1_DIGITS_MAX)
		return false;
	for (; n && domain < FF1_DOMAIN_MIN; n--)
		domain *= radix;
	return domain >= FF1_DOMAIN_MIN;
}

bool ff1_encrypt(const struct aes_key *k, unsigned radix, struct span tweak, uint16_t *digits, size_t n)
{
	size_t u = n / 2, v = n - u, b;
	uint16_t halves[2][HALF_MAX], *left = halves[0], *right = halves[1], *was;
	struct radix r = radix_of(radix < 2 ? 2 : radix);
	struct number x, y;
	struct cbc_mac c;

	if (!ff1_fits(radix, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (digits[i] >= radix)
			return false;
	b = bytes_of(&r, v);
	c = mac_start(k, radix, tweak, n, b);
	memcpy(left, digits, u * sizeof(*digits));
	memcpy(right, digits + u, v * sizeof(*digits));
	for (uint8_t i = 0; i < ROUNDS; i++) {
		number_of(&r, right, i % 2 ? u : v, &x);
		stream(c, i, &x, b, &y);
		add_digits(&r, left, i % 2 ? v : u, &y);
		was = left;
		left = right;
		right = was;
	}
	memcpy(digits, left, u * sizeof(*digits));
	memcpy(digits + u, right, v * sizeof(*digits));
	return true;
}
