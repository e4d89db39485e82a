/* SPDX-License-Identifier: MIT */
#include "mask/keyed.h"

#include "test.h"

static struct mask keyed(const char *domain)
{
	struct mask m = {0};

	strcpy(m.domain, domain);
	mask_key_init(&m, (const uint8_t *)"0123456789abcdef0123456789abcdef");
	return m;
}

/* Each number below n comes out once. */
static void one_to_one(const struct mask *m, uint8_t class, unsigned n)
{
	uint8_t *seen = calloc(n, 1);

	assert_non_null(seen);
	for (unsigned x = 0; x < n; x++) {
		uint64_t y = keyed_permute(&m->aes, class, n, x);

		assert_true(y < n);
		assert_false(seen[y]);
		seen[y] = 1;
	}
	free(seen);
}

static void permutation(void **state)
{
	struct mask m = keyed("a");

	(void)state;
	for (unsigned n = 1; n < 130; n++)
		one_to_one(&m, 0, n);
	one_to_one(&m, 0, 9999);
	one_to_one(&m, 1, 32768);
	for (uint64_t x = 0; x < 100; x++)
		assert_true(keyed_permute(&m.aes, 0, UINT64_C(1) << 63, x) < UINT64_C(1) << 63);
}

/* By key domain, class and range: of a thousand numbers few go where they go in another permutation. */
static void apart(void **state)
{
	struct mask a = keyed("a"), b = keyed("b");
	unsigned domain = 0, class = 0, range = 0, still = 0;

	(void)state;
	for (uint64_t x = 0; x < 1000; x++) {
		uint64_t y = keyed_permute(&a.aes, 0, 100000, x);

		domain += y == keyed_permute(&b.aes, 0, 100000, x);
		class += y == keyed_permute(&a.aes, 1, 100000, x);
		range += y == keyed_permute(&a.aes, 0, 100001, x);
		still += y == x;
	}
	assert_true(domain < 3 && class < 3 && range < 3 && still < 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permutation),
		cmocka_unit_test(apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
