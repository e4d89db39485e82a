/* SPDX-License-Identifier: MIT */
/* Runs tests/golden/ff1.txt, and FF1 against another implementation of it, which decrypts too. */
#include "mask/ff1.h"

#include "test.h"

#define TABLE "tests/golden/ff1.txt"

static size_t unhex(uint8_t *out, const char *hex)
{
	size_t n = 0;
	unsigned b;

	if (!strcmp(hex, "-"))
		return 0;
	for (; *hex; hex += 2) {
		assert_int_equal(sscanf(hex, "%2x", &b), 1);
		out[n++] = (uint8_t)b;
	}
	return n;
}

static size_t digits_of(uint16_t *out, unsigned radix, const char *text)
{
	static const char chars[] = "0123456789abcdefghijklmnopqrstuvwxyz~";
	uint8_t bytes[FF1_DIGITS_MAX * 2];
	size_t n = strlen(text);

	if (!strcmp(text, "-"))
		return 0;
	if (radix <= 36) {
		for (size_t i = 0; i < n; i++)
			out[i] = (uint16_t)(strchr(chars, text[i]) - chars);
		return n;
	}
	n = unhex(bytes, text) / 2;
	for (size_t i = 0; i < n; i++)
		out[i] = (uint16_t)(bytes[i * 2] << 8 | bytes[i * 2 + 1]);
	return n;
}

static bool line_holds(const char *line)
{
	static char digits[FF1_DIGITS_MAX * 4 + 1], expected[FF1_DIGITS_MAX * 4 + 1];
	uint16_t was[FF1_DIGITS_MAX], is[FF1_DIGITS_MAX], out[FF1_DIGITS_MAX];
	char key[65], tweak[65];
	uint8_t bytes[32];
	struct aes_key k;
	struct guarded g;
	unsigned radix;
	size_t n;
	bool done;

	assert_int_equal(sscanf(line, "%u | %64s | %64s | %s | %s", &radix, key, tweak, digits, expected), 5);
	assert_int_equal(unhex(bytes, key), AES_KEY_LEN);
	aes_key_init(&k, bytes);
	n = digits_of(was, radix, digits);
	memcpy(is, was, sizeof(is));
	g = guard_copy(bytes, unhex(bytes, tweak));
	done = ff1_encrypt(&k, radix, span_of(g.p, g.n), is, n);
	guard_free(&g);
	if (!strcmp(expected, "refused"))
		return !done && memcmp(is, was, n * sizeof(*is)) == 0;
	return done && digits_of(out, radix, expected) == n && memcmp(is, out, n * sizeof(*is)) == 0;
}

static void table(void **state)
{
	const char *path = getenv("FF1_TABLE"); /* all that Wycheproof has, say */
	unsigned number = 0, lines = 0, wrong = 0;
	FILE *f = fopen(path ? path : TABLE, "r");
	char *line = NULL, *l;
	size_t cap = 0;

	(void)state;
	assert_non_null(f);
	while ((l = golden_line(f, &line, &cap, &number))) {
		lines++;
		if (!line_holds(l)) {
			wrong++;
			fprintf(stderr, "%s:%u does not hold\n", TABLE, number);
		}
	}
	free(line);
	fclose(f);
	assert_true(lines > 500);
	assert_int_equal(wrong, 0);
}

static uint64_t power(unsigned base, size_t n)
{
	uint64_t p = 1;

	while (n-- > 0)
		if (__builtin_mul_overflow(p, base, &p))
			return UINT64_MAX;
	return p;
}

/* Bytes of the largest number below p. */
static size_t bytes_below(uint64_t p)
{
	size_t n = 0;

	for (p--; p; p >>= 8)
		n++;
	return n;
}

/* The same in numbers that fit a word, written down from the standard alone, in both directions. */
static uint64_t round_of(const struct aes_key *k, unsigned radix, struct span tweak, size_t n, uint8_t i,
	uint64_t half, uint64_t modulus)
{
	size_t u = n / 2, v = n - u;
	size_t b = bytes_below(power(radix, v)), d = 4 * ((b + 3) / 4) + 4;
	uint8_t m[16 * 8] = {1, 2, 1, 0, (uint8_t)(radix >> 8), (uint8_t)radix, 10, (uint8_t)u, 0, 0, 0,
		(uint8_t)n, 0, 0, 0, (uint8_t)tweak.n};
	size_t len = 16 + (tweak.n + 1 + b + 15) / 16 * 16;
	uint8_t mac[16] = {0};
	unsigned __int128 y = 0;

	if (tweak.n)
		memcpy(m + 16, tweak.p, tweak.n);
	m[len - b - 1] = i;
	for (size_t j = 0; j < b; j++)
		m[len - 1 - j] = (uint8_t)(half >> 8 * j);
	for (size_t block = 0; block < len; block += 16) {
		for (size_t j = 0; j < 16; j++)
			mac[j] ^= m[block + j];
		aes_encrypt(k, mac);
	}
	assert_true(d <= 16);
	for (size_t j = 0; j < d; j++)
		y = y << 8 | mac[j];
	return (uint64_t)(y % modulus);
}

static uint64_t value_of(const uint16_t *digits, size_t n, unsigned radix)
{
	uint64_t x = 0;

	for (size_t i = 0; i < n; i++)
		x = x * radix + digits[i];
	return x;
}

static void digits_back(uint16_t *digits, size_t n, unsigned radix, uint64_t x)
{
	for (; n-- > 0; x /= radix)
		digits[n] = (uint16_t)(x % radix);
}

static void decrypt(const struct aes_key *k, unsigned radix, struct span tweak, uint16_t *digits, size_t n)
{
	size_t u = n / 2, v = n - u;
	uint64_t all_u = power(radix, u), all_v = power(radix, v), a, b, c;

	a = value_of(digits, u, radix);
	b = value_of(digits + u, v, radix);
	for (int i = 9; i >= 0; i--) {
		uint64_t all = i % 2 ? all_v : all_u;

		c = b;
		b = a;
		a = (uint64_t)(((unsigned __int128)c + all -
				       round_of(k, radix, tweak, n, (uint8_t)i, b, all)) %
			       all);
	}
	digits_back(digits, u, radix, a);
	digits_back(digits + u, v, radix, b);
}

static void back_again(void **state)
{
	static const unsigned radices[] = {2, 3, 7, 10, 16, 26, 36, 62, 94, 255, 256, 1000, 65535};
	uint16_t was[64], is[64];
	uint8_t tweak[40];
	struct aes_key k;
	unsigned tried = 0;

	(void)state;
	srand(1);
	aes_key_init(&k, (const uint8_t *)"0123456789abcdef0123456789abcdef");
	for (size_t r = 0; r < ARRAY_LEN(radices); r++)
		for (size_t n = 2; n <= 64 && power(radices[r], (n + 1) / 2) < INT64_MAX; n++) {
			size_t ntweak = (size_t)rand() % sizeof(tweak);
			bool fits = power(radices[r], n) >= 1000000;

			assert_int_equal(ff1_fits(radices[r], n), fits);
			for (size_t i = 0; i < ntweak; i++)
				tweak[i] = (uint8_t)rand();
			for (size_t i = 0; i < n; i++)
				was[i] = (uint16_t)((unsigned)rand() % radices[r]);
			memcpy(is, was, sizeof(is));
			assert_int_equal(ff1_encrypt(&k, radices[r], span_of(tweak, ntweak), is, n), fits);
			if (!fits)
				continue;
			assert_memory_not_equal(is, was, n * sizeof(*is));
			decrypt(&k, radices[r], span_of(tweak, ntweak), is, n);
			assert_memory_equal(is, was, n * sizeof(*is));
			tried++;
		}
	assert_true(tried > 100);
}

static void bounds(void **state)
{
	static uint16_t digits[FF1_DIGITS_MAX + 1];
	struct aes_key k;

	(void)state;
	aes_key_init(&k, (const uint8_t *)"0123456789abcdef0123456789abcdef");
	assert_false(ff1_fits(0, 10) || ff1_fits(1, 100) || ff1_fits(65537, 10) || ff1_fits(10, 0));
	assert_false(ff1_fits(65536, 1) || ff1_fits(999, 2) || ff1_fits(10, 5) || ff1_fits(2, 19));
	assert_true(ff1_fits(1000, 2) && ff1_fits(10, 6) && ff1_fits(2, 20) && ff1_fits(65536, 2));
	assert_false(ff1_fits(10, FF1_DIGITS_MAX + 1));
	assert_false(ff1_encrypt(&k, 10, (struct span){0}, digits, FF1_DIGITS_MAX + 1));
	assert_true(ff1_encrypt(&k, FF1_RADIX_MAX, (struct span){0}, digits, FF1_DIGITS_MAX));
	memset(digits, 0xff, sizeof(digits));
	assert_true(ff1_encrypt(&k, FF1_RADIX_MAX, (struct span){0}, digits, FF1_DIGITS_MAX));
	assert_false(ff1_encrypt(&k, 0, (struct span){0}, digits, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(back_again),
		cmocka_unit_test(bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
