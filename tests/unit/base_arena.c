/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <stdalign.h>

#include "base/arena.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

static void zero_is_valid(void **state)
{
	struct arena a = {0};

	(void)state;
	arena_reset(&a);
	arena_fini(&a);
	assert_non_null(arena_alloc(&a, 0));
	assert_non_null(arena_alloc(&a, 1));
	arena_fini(&a);
	assert_int_equal(a.held, 0);
	assert_null(a.head);
}

static void aligned_and_apart(void **state)
{
	struct arena a = {0};
	uint8_t *p[200];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		p[i] = arena_alloc(&a, i);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % alignof(max_align_t), 0);
		memset(p[i], (int)i, i);
	}
	for (size_t i = 0; i < ARRAY_LEN(p); i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_equal(p[i][k], i);
	}
	arena_fini(&a);
}

static void zeroed(void **state)
{
	static const uint8_t zero[3000];
	struct arena a = {0};
	uint8_t *p;

	(void)state;
	for (int round = 0; round < 3; round++) {
		p = arena_alloc(&a, sizeof(zero));
		assert_non_null(p);
		memset(p, 0xff, sizeof(zero));
		arena_reset(&a);
		p = arena_zalloc(&a, sizeof(zero));
		assert_memory_equal(p, zero, sizeof(zero));
		arena_reset(&a);
		p = arena_array(&a, 30, 100);
		assert_memory_equal(p, zero, sizeof(zero));
	}
	arena_fini(&a);
}

static void overflow(void **state)
{
	struct arena a = {0};

	(void)state;
	assert_null(arena_array(&a, SIZE_MAX / 2, 4));
	assert_null(arena_array(&a, SIZE_MAX, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 8));
	assert_int_equal(a.held, 0);
	arena_fini(&a);
}

static void limited(void **state)
{
	struct arena a;
	size_t n = 0;

	(void)state;
	arena_init(&a, 64 * 1024);
	while (arena_alloc(&a, 1000))
		n++;
	assert_in_range(n, 40, 65);
	assert_true(a.held <= 64 * 1024);
	assert_null(arena_alloc(&a, 64 * 1024));
	/* The limit is on what is held, not on what was ever asked for. */
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 1000));
	assert_non_null(arena_alloc(&a, 32 * 1024));
	arena_fini(&a);
	arena_init(&a, 100);
	assert_null(arena_alloc(&a, 1));
	arena_fini(&a);
}

static void reset_gives_back(void **state)
{
	struct arena a = {0};

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_non_null(arena_alloc(&a, 1000));
	assert_true(a.held >= 100 * 1000);
	arena_reset(&a);
	assert_true(a.held <= 8192);
	assert_non_null(a.head);
	/* One large block is not kept either. */
	arena_fini(&a);
	assert_non_null(arena_alloc(&a, 1 << 20));
	arena_reset(&a);
	assert_int_equal(a.held, 0);
	arena_fini(&a);
}

static void text(void **state)
{
	struct arena a = {0};
	char *long_text;

	(void)state;
	assert_string_equal(arena_strdup(&a, "text"), "text");
	assert_string_equal(arena_strdup(&a, ""), "");
	assert_string_equal(arena_strndup(&a, "text", 2), "te");
	assert_string_equal(arena_printf(&a, "%s-%d", "a", 7), "a-7");
	long_text = arena_printf(&a, "%10000d", 1);
	assert_int_equal(strlen(long_text), 10000);
	assert_int_equal(long_text[9999], '1');
	arena_fini(&a);
}

#ifdef __SANITIZE_ADDRESS__
static void given_back_is_poisoned(void **state)
{
	struct arena a = {0};
	char *p = arena_alloc(&a, 10);

	(void)state;
	assert_false(__asan_address_is_poisoned(p));
	assert_false(__asan_address_is_poisoned(p + 9));
	assert_true(__asan_address_is_poisoned(p + 10));
	arena_reset(&a);
	assert_true(__asan_address_is_poisoned(p));
	arena_fini(&a);
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_is_valid),
		cmocka_unit_test(aligned_and_apart),
		cmocka_unit_test(zeroed),
		cmocka_unit_test(overflow),
		cmocka_unit_test(limited),
		cmocka_unit_test(reset_gives_back),
		cmocka_unit_test(text),
#ifdef __SANITIZE_ADDRESS__
		cmocka_unit_test(given_back_is_poisoned),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
